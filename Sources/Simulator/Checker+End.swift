// What the checker asks when all is healed, and how it names things.

import Keys
import Causality
import DataTypes
import Gateway
import Ring
import World

extension Checker {
    // MARK: After healing

    /// `replicas`: what each primary of a key holds. Call once for each key.
    mutating func finish(_ key: StoredKey, replicas: [(node: NodeID, bytes: [UInt8]?)]) {
        guard let first = replicas.first else { return }
        for other in replicas.dropFirst() where !Checker.isSame(other.bytes, first.bytes) {
            violate("replicas of \(name(key)) differ: \(first.node) and \(other.node)")
        }
        let object = first.bytes.flatMap { try? StoredObject(decoding: $0) } ?? StoredObject()
        for sibling in object.siblings {
            checkNotOverwritten(sibling, of: key, asOf: Instant(nanoseconds: .max), "stands")
        }
        let isLastWriteWins = ring.properties(ofBucket: key.bucket).conflict == .lastWriteWins
        let accounted = isLastWriteWins ? [] : accountedFor(of: key, in: object)
        for index in histories[KeyBytes(key)]?.writes ?? [] {
            guard let dot = writes[index].dot, isVouchedFor(writes[index]) else { continue }
            if isLastWriteWins ? !object.versions.covers(dot) : !accounted.contains(dot) {
                violate(
                    "\(describe(writes[index])), acknowledged, is neither there nor superseded: \(describe(object))")
            }
        }
    }

    /// What two replicas hold of a key says the same. Some have given back the bytes of values whose time is over.
    static func isSame(_ a: [UInt8]?, _ b: [UInt8]?) -> Bool {
        if a == b { return true }
        guard let a, let b, var one = try? StoredObject(decoding: a), var other = try? StoredObject(decoding: b) else {
            return false
        }
        one.expire(at: WallTime(milliseconds: .max))
        other.expire(at: WallTime(milliseconds: .max))
        return one == other
    }

    /// Somebody who acknowledged it still has the disk it was on.
    func isVouchedFor(_ write: some Acknowledged) -> Bool { write.holders.contains { isIntact($0, of: write) } }

    /// Every majority of the replicas meets one that has it: what a quorum promises ends where a disk is lost, until
    /// repair has brought back what was on it.
    func hasItsQuorum(_ write: some Acknowledged) -> Bool {
        let replicas = ring.route(bucket: write.key.bucket, token: write.key.token).primaries.count
        let intact = write.holders.count { $0.hintFor == nil && isIntact($0, of: write) }
        return intact > replicas / 2
    }

    /// Whether what `holder` acknowledged must still be there: in a bucket that does not sync, until the power fails;
    /// and a hint has gone home, and may have been lost there.
    func isIntact(_ holder: Acknowledgement, of write: some Acknowledged) -> Bool {
        let isBuffered = ring.properties(ofBucket: write.key.bucket).durability == .buffered
        let nodes = [holder.node] + (holder.hintFor.map { [$0] } ?? [])
        return nodes.allSatisfy { node in
            write.lossesBefore.disks[node] == losses.disks[node]
                && (!isBuffered || write.lossesBefore.power[node] == losses.power[node])
        }
    }

    /// The dots that stand, and those that one which is accounted for was free to supersede: what a write may is its
    /// context, or, without one, all that the replica held which minted it. Attempts of one write are each other's (a
    /// gateway that asks a second replica to mint makes two dots of it, each with its own).
    private func accountedFor(of key: StoredKey, in object: StoredObject) -> Set<Dot> {
        guard let history = histories[KeyBytes(key)] else { return [] }
        var byDot: [Dot: Int] = [:]
        for index in history.writes { if let dot = writes[index].dot, byDot[dot] == nil { byDot[dot] = index } }
        // One that was acknowledged by hints alone came to no replica's disk.
        let known = Set(history.minted.keys).union(byDot.keys)
        var accounted = Set(object.siblings.map(\.dot))
        var waiting = Array(accounted)
        while let dot = waiting.popLast() {
            guard let minting = history.minted[dot] else { continue }
            let author = byDot[dot] ?? self.author(of: minting.payload, key)
            let context = author.flatMap { writes[$0].context }
            for other in known where !accounted.contains(other) {
                let isSameWrite = history.minted[other].map { minting.isFormOf($0) } ?? false
                let isSeen = context.map { covers($0, other, byDot) } ?? minting.held.covers(other)
                if isSameWrite || isSeen {
                    accounted.insert(other)
                    waiting.append(other)
                }
            }
        }
        return accounted
    }

    /// A context's dot stands for what its write had seen as well.
    private func covers(_ context: CausalContext, _ dot: Dot, _ byDot: [Dot: Int]) -> Bool {
        var context: CausalContext? = context
        while let seen = context {
            if seen.versions.covers(dot) || seen.dot == dot { return true }
            context = seen.dot.flatMap { own in byDot[own] }.flatMap { writes[$0].context }
        }
        return false
    }

    // MARK: Words

    func name(_ key: StoredKey) -> String {
        String(decoding: key.bucket, as: UTF8.self) + "/" + String(decoding: key.partitionKey, as: UTF8.self)
    }

    func describe(_ write: WriteRecord) -> String {
        let what = write.value.map { "value \(String(decoding: $0, as: UTF8.self))" } ?? "deletion"
        let dot = write.dot.map { " (\($0))" } ?? ""
        return "\(what)\(dot) of \(name(write.key))"
    }

    func describe(_ object: StoredObject) -> String {
        let siblings = object.siblings.map { sibling in
            if case .value(let bytes) = sibling.payload {
                "\(String(decoding: bytes, as: UTF8.self)) (\(sibling.dot))"
            } else {
                "deleted (\(sibling.dot))"
            }
        }
        return siblings.isEmpty ? "nothing" : siblings.joined(separator: ", ")
    }
}
