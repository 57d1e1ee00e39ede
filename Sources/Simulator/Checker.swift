// Watches a simulated cluster and says what it broke.
//
// While it runs: a dot stands for one write only; nothing is stored outside its placement; a strict quorum read sees
// every strict quorum write that was acknowledged before it began. After healing: every acknowledged write can be read
// or was superseded by one that had seen it; replicas are the same.
//
// And real time: a write takes effect once, before its client hears of it. If write b of a key began after write a was
// acknowledged, a never supersedes b; and where both were acknowledged by majorities of the key's own replicas and b
// was to overwrite what is there, a is gone.

import Causality
import Gateway
import Node
import Ring
import Storage
import World

/// A write of a client, from its start to what became of it.
struct WriteRecord {
    let key: StoredKey
    /// Unique in the run; nil deletes.
    let value: [UInt8]?
    let context: CausalContext?
    let onlyIfAbsent: Bool
    let level: ConsistencyLevel
    let strict: Bool
    let startedAt: Instant
    var acknowledgedAt: Instant?
    var dot: Dot?
    /// Who vouched for it, for itself or by a hint.
    var holders: [Acknowledgement] = []
    /// Disks lost before it began: one that was lost since may have been lost with it, its answer still under way.
    var wipesBefore: [NodeID: Int] = [:]
}

struct Checker {
    private let ring: RingSnapshot
    private(set) var violations: [String] = []
    private(set) var writes: [WriteRecord] = []
    private var histories: [StoredKey: History] = [:]
    private var wipes: [NodeID: Int] = [:]
    private(set) var reads = 0

    /// What happened to one key.
    private struct History {
        /// Places in `writes`, as they began.
        var writes: [Int] = []
        /// Values are unique in a run, so each tells its write.
        var byValue: [[UInt8]: Int] = [:]
        var minted: [Dot: Minting] = [:]
    }

    /// A dot as it first came to a disk: that of the replica which minted it.
    private struct Minting {
        let payload: Payload
        /// Tells two deletions apart.
        let time: HybridTime
        /// All that this replica had heard of.
        let held: VersionVector
        let attempt: UInt64?
        /// Attempts of which it knew that others had taken their place.
        let voided: [UInt64]

        /// Whether both are forms of one write. Values are unique in a run; a deletion is told by its attempts.
        func isFormOf(_ other: Minting) -> Bool {
            guard payload == other.payload else { return false }
            return payload != .tombstone || other.attempt.map(voided.contains) ?? false
        }
    }

    init(ring: RingSnapshot) { self.ring = ring }

    mutating func violate(_ text: String) {
        // The first few tell the story; a broken run may have thousands.
        if violations.count < 20 { violations.append(text) }
    }

    // MARK: While it runs

    mutating func wiped(_ node: NodeID) { wipes[node, default: 0] += 1 }

    mutating func started(_ write: WriteRecord) -> Int {
        writes.append(write)
        let index = writes.count - 1
        writes[index].wipesBefore = wipes
        histories[write.key, default: History()].writes.append(index)
        if let value = write.value { histories[write.key]?.byValue[value] = index }
        return index
    }

    mutating func acknowledged(_ index: Int, _ object: StoredObject, _ account: Account, at time: Instant) {
        let write = writes[index]
        // The replica gave it a time after all that it held, so it is the newest of what came back.
        guard let own = object.newest, write.value.map({ own.payload == .value($0) }) ?? own.isTombstone else {
            return violate("\(describe(write)) was acknowledged with an object that does not have it as its newest")
        }
        writes[index].acknowledgedAt = time
        writes[index].dot = own.dot
        writes[index].holders = account.tally.acknowledgements
    }

    mutating func read(_ key: StoredKey, _ object: StoredObject?, strictQuorum: Bool, startedAt: Instant) {
        reads += 1
        guard strictQuorum else { return }
        for index in histories[key]?.writes ?? [] {
            guard writes[index].strict, writes[index].level == .quorum, let end = writes[index].acknowledgedAt,
                end < startedAt, let dot = writes[index].dot, object?.versions.covers(dot) != true,
                hasItsQuorum(writes[index])
            else { continue }
            violate("a strict quorum read of \(name(key)) begun at \(startedAt) missed \(describe(writes[index]))")
        }
        for sibling in object?.siblings ?? [] { checkNotOverwritten(sibling, of: key, asOf: startedAt, "is read") }
    }

    /// `sibling` stands in an answer or on the disks: then no later write that was to overwrite it, and was
    /// acknowledged by `time`, may have met it.
    private mutating func checkNotOverwritten(
        _ sibling: Sibling, of key: StoredKey, asOf time: Instant, _ what: String
    ) {
        guard let old = author(of: sibling.payload, key).map({ writes[$0] }), let end = old.acknowledgedAt,
            hasItsQuorum(old)
        else { return }
        let isLastWriteWins = ring.properties(ofBucket: key.bucket).conflict == .lastWriteWins
        // A second form of it may win by a clock that is ahead; that is what the bucket asked for.
        if isLastWriteWins, old.dot != sibling.dot { return }
        let later = histories[key]?.writes.first { index in
            guard end < writes[index].startedAt, let acknowledgedAt = writes[index].acknowledgedAt,
                acknowledgedAt < time
            else { return false }
            let overwrites = (writes[index].context == nil || isLastWriteWins) && !writes[index].onlyIfAbsent
            return overwrites && hasItsQuorum(writes[index])
        }
        if let later {
            violate("\(describe(old)) \(what) as \(sibling.dot) after \(describe(writes[later])) overwrote it")
        }
    }

    private func author(of payload: Payload, _ key: StoredKey) -> Int? {
        guard case .value(let bytes) = payload else { return nil }
        return histories[key]?.byValue[bytes]
    }

    /// A write has been put on a disk.
    mutating func stored(_ write: StoreWrite, over old: [UInt8]?, _ disk: Disk, by node: NodeID) {
        guard case .put(let storedKey, let bytes) = write else { return }
        switch disk {
        case .objects:
            guard let key = try? StoredKey(decoding: storedKey), let object = try? StoredObject(decoding: bytes) else {
                return violate("\(node) stored what cannot be decoded")
            }
            if !ring.route(bucket: key.bucket, token: key.token).primaries.contains(node) {
                violate("\(node) stored \(name(key)), of which it is no replica")
            }
            let held = old.flatMap { try? StoredObject(decoding: $0) }
            for sibling in object.siblings {
                note(sibling, of: object, over: sibling.dot.actor.node == node ? held : nil, key)
            }
        case .hints:
            guard let zero = storedKey.firstIndex(of: 0),
                let key = try? StoredKey(decoding: Array(storedKey[(zero + 1)...]))
            else { return violate("\(node) stored a hint that cannot be decoded") }
            if !ring.mayHold(node, bucket: key.bucket) {
                violate("\(node) keeps a hint for \(name(key)), outside the placement's residency rule")
            }
        }
    }

    private mutating func note(
        _ sibling: Sibling, of object: StoredObject, over held: StoredObject?, _ key: StoredKey
    ) {
        guard let first = histories[key]?.minted[sibling.dot] else {
            checkSupersedesNothingLater(sibling, object, held, key)
            histories[key, default: History()].minted[sibling.dot] =
                Minting(
                    payload: sibling.payload, time: sibling.time, held: object.versions, attempt: sibling.attempt,
                    voided: object.voided)
            return
        }
        if first.payload != sibling.payload || first.time != sibling.time {
            violate("dot \(sibling.dot) of \(name(key)) stands for two writes")
        }
    }

    /// A write that has just been minted: what it put aside must not have begun after it was acknowledged.
    private mutating func checkSupersedesNothingLater(
        _ sibling: Sibling, _ object: StoredObject, _ held: StoredObject?, _ key: StoredKey
    ) {
        guard let held, let own = author(of: sibling.payload, key), let end = writes[own].acknowledgedAt else { return }
        for gone in held.siblings where !object.siblings.contains(where: { $0.dot == gone.dot }) {
            guard let later = author(of: gone.payload, key), end < writes[later].startedAt else { continue }
            violate(
                "\(describe(writes[own])), as \(sibling.dot), superseded \(describe(writes[later])), which began "
                    + "after its answer")
        }
    }

    // MARK: After healing

    /// `replicas`: what each primary of a key holds. Call once for each key.
    mutating func finish(_ key: StoredKey, replicas: [(node: NodeID, bytes: [UInt8]?)]) {
        guard let first = replicas.first else { return }
        for other in replicas.dropFirst() where other.bytes != first.bytes {
            violate("replicas of \(name(key)) differ: \(first.node) and \(other.node)")
        }
        let object = first.bytes.flatMap { try? StoredObject(decoding: $0) } ?? StoredObject()
        for sibling in object.siblings {
            checkNotOverwritten(sibling, of: key, asOf: Instant(nanoseconds: .max), "stands")
        }
        let isLastWriteWins = ring.properties(ofBucket: key.bucket).conflict == .lastWriteWins
        let accounted = isLastWriteWins ? [] : accountedFor(of: key, in: object)
        for index in histories[key]?.writes ?? [] {
            guard let dot = writes[index].dot, isVouchedFor(writes[index]) else { continue }
            if isLastWriteWins ? !object.versions.covers(dot) : !accounted.contains(dot) {
                violate(
                    "\(describe(writes[index])), acknowledged, is neither there nor superseded: \(describe(object))")
            }
        }
    }

    /// Somebody who acknowledged it still has the disk it was on.
    private func isVouchedFor(_ write: WriteRecord) -> Bool { !intactHolders(of: write).isEmpty }

    /// Every majority of the replicas meets one that has it: what a quorum promises ends where a disk is lost, until
    /// repair has brought back what was on it.
    private func hasItsQuorum(_ write: WriteRecord) -> Bool {
        let replicas = ring.route(bucket: write.key.bucket, token: write.key.token).primaries.count
        return intactHolders(of: write).count { $0.hintFor == nil } >= Quorum.majority(of: replicas)
    }

    private func intactHolders(of write: WriteRecord) -> [Acknowledgement] {
        write.holders.filter { write.wipesBefore[$0.node] == wipes[$0.node] }
    }

    /// The dots that stand, and those that one which is accounted for was free to supersede: what a write may is its
    /// context, or, without one, all that the replica held which minted it. Attempts of one write are each other's (a
    /// gateway that asks a second replica to mint makes two dots of it, each with its own).
    private func accountedFor(of key: StoredKey, in object: StoredObject) -> Set<Dot> {
        guard let history = histories[key] else { return [] }
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

    private func name(_ key: StoredKey) -> String {
        String(decoding: key.bucket, as: UTF8.self) + "/" + String(decoding: key.partitionKey, as: UTF8.self)
    }

    private func describe(_ write: WriteRecord) -> String {
        let what = write.value.map { "value \(String(decoding: $0, as: UTF8.self))" } ?? "deletion"
        let dot = write.dot.map { " (\($0))" } ?? ""
        return "\(what)\(dot) of \(name(write.key))"
    }

    private func describe(_ object: StoredObject) -> String {
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
