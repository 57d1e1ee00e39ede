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
    private var minted: [KeyedDot: Minting] = [:]
    private var wipes: [NodeID: Int] = [:]
    private(set) var reads = 0

    private struct KeyedDot: Hashable {
        let key: [UInt8]
        let dot: Dot
    }

    /// A dot as it first came to a disk: that of the replica which minted it.
    private struct Minting {
        let payload: Payload
        /// Tells two deletions apart.
        let time: HybridTime
        /// All that this replica had heard of.
        let held: VersionVector
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
        writes[writes.count - 1].wipesBefore = wipes
        return writes.count - 1
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
        for write in writes where write.key == key && write.strict && write.level == .quorum {
            guard let end = write.acknowledgedAt, end < startedAt, let dot = write.dot, hasItsQuorum(write) else {
                continue
            }
            if object?.versions.covers(dot) != true {
                violate("a strict quorum read of \(name(key)) begun at \(startedAt) missed \(describe(write))")
            }
        }
        for sibling in object?.siblings ?? [] { checkNotOverwritten(sibling, of: key, asOf: startedAt, "is read") }
    }

    /// `sibling` stands in an answer or on the disks: then no later write that was to overwrite it, and was
    /// acknowledged by `time`, may have met it.
    private mutating func checkNotOverwritten(
        _ sibling: Sibling, of key: StoredKey, asOf time: Instant, _ what: String
    ) {
        guard case .value(let bytes) = sibling.payload,
            let old = writes.last(where: { $0.key == key && $0.value == bytes }), let end = old.acknowledgedAt,
            hasItsQuorum(old)
        else { return }
        let isLastWriteWins = ring.properties(ofBucket: key.bucket).conflict == .lastWriteWins
        // A second form of it may win by a clock that is ahead; that is what the bucket asked for.
        if isLastWriteWins, old.dot != sibling.dot { return }
        let later = writes.first { new in
            guard new.key == key, end < new.startedAt, let acknowledgedAt = new.acknowledgedAt, acknowledgedAt < time
            else { return false }
            return (new.context == nil || isLastWriteWins) && !new.onlyIfAbsent && hasItsQuorum(new)
        }
        if let later { violate("\(describe(old)) \(what) as \(sibling.dot) after \(describe(later)) overwrote it") }
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
        let keyed = KeyedDot(key: key.bytes, dot: sibling.dot)
        guard let first = minted[keyed] else {
            checkSupersedesNothingLater(sibling, object, held, key)
            minted[keyed] = Minting(payload: sibling.payload, time: sibling.time, held: object.versions)
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
        guard case .value(let bytes) = sibling.payload, let held,
            let own = writes.last(where: { $0.key == key && $0.value == bytes }), let end = own.acknowledgedAt
        else { return }
        for gone in held.siblings where !object.siblings.contains(where: { $0.dot == gone.dot }) {
            guard case .value(let value) = gone.payload,
                let later = writes.last(where: { $0.key == key && $0.value == value }), end < later.startedAt
            else { continue }
            violate("\(describe(own)), as \(sibling.dot), superseded \(describe(later)), which began after its answer")
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
        for write in writes where write.key == key && write.acknowledgedAt != nil && isVouchedFor(write) {
            if !isAlive(write, in: object) {
                violate("\(describe(write)), acknowledged, is neither there nor superseded: \(describe(object))")
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

    private func isAlive(_ write: WriteRecord, in object: StoredObject) -> Bool {
        guard let dot = write.dot else { return false }
        if ring.properties(ofBucket: write.key.bucket).conflict == .lastWriteWins {
            return object.versions.covers(dot)
        }
        var visited: Set<Dot> = []
        return isAccountedFor(dot, of: write.key, in: object, &visited)
    }

    /// It stands, or what was free to supersede it is accounted for; so is an attempt if another one of its write is.
    private func isAccountedFor(
        _ dot: Dot, of key: StoredKey, in object: StoredObject, _ visited: inout Set<Dot>
    ) -> Bool {
        guard visited.insert(dot).inserted else { return false }
        if object.siblings.contains(where: { $0.dot == dot }) { return true }
        let payload = minted[KeyedDot(key: key.bytes, dot: dot)]?.payload
        for (other, minting) in minted where other.key == key.bytes && other.dot != dot {
            let isSameWrite = minting.payload == payload && payload != .tombstone
            guard isSameWrite || hasSeen(dot, other.dot, minting, of: key) else { continue }
            if isAccountedFor(other.dot, of: key, in: object, &visited) { return true }
        }
        return false
    }

    /// Whether the write that was minted as `other` was free to supersede `dot`: what it may is its context, or,
    /// without one, all that the replica held which minted it. A gateway that asks a second replica to mint makes two
    /// dots of one write, each with its own.
    private func hasSeen(_ dot: Dot, _ other: Dot, _ minting: Minting, of key: StoredKey) -> Bool {
        let author = writes.first { write in
            write.key == key && (write.dot == other || write.value.map { minting.payload == .value($0) } ?? false)
        }
        if let context = author?.context { return covers(context, dot) }
        return minting.held.covers(dot)
    }

    /// A context's dot stands for what its write had seen as well.
    private func covers(_ context: CausalContext, _ dot: Dot) -> Bool {
        var context: CausalContext? = context
        while let seen = context {
            if seen.versions.covers(dot) || seen.dot == dot { return true }
            context = seen.dot.flatMap { own in writes.first { $0.dot == own }?.context }
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
