// Watches a simulated cluster and says what it broke.
//
// While it runs: an answer's account makes the level that was asked for, and whoever it names has the write on its
// disk; a dot stands for one write only; nothing is stored outside its placement; a strict read at a majority, and a
// list, sees every write that a majority acknowledged before it began; a list is in order, has no item twice, none
// outside its range and none whose time is over; a conditional write meets no value on the replica that judges it.
// After healing: every acknowledged write can be read or was superseded by one that had seen it; replicas are the same.
//
// And real time: a write takes effect once, before its client hears of it. If write b of a key began after write a was
// acknowledged, a never supersedes b; and where both were acknowledged by majorities of the key's own replicas and b
// was to overwrite what is there, a is gone. Typed keys are watched in Typed/Checker+Typed.swift.

import Causality
import DataTypes
import Gateway
import Keys
import Node
import Quorums
import Ring
import Storage
import Vnodes
import World

struct Checker {
    let ring: RingSnapshot
    private(set) var violations: [String] = []
    var writes: [WriteRecord] = []
    private(set) var histories: [KeyBytes: History] = [:]
    private(set) var losses = Losses()
    /// Some disk was full at some time.
    var disksWereFull = false
    /// Vectors have room for few lives of nodes.
    var vectorsAreShort = false
    /// Reads and lists that were answered.
    var reads = 0
    var typed = TypedHistory()

    /// What happened to one key.
    struct History {
        /// Places in `writes`, as they began.
        var writes: [Int] = []
        /// Values are unique in a run, so each tells its write.
        var byValue: [ArraySlice<UInt8>: Int] = [:]
        var minted: [Dot: Minting] = [:]
    }

    /// A dot as it first came to a disk: that of the replica which minted it.
    struct Minting {
        let payload: Payload
        /// Its bytes go when their time is over.
        let expires: Bool
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

        func isSameWrite(as sibling: Sibling) -> Bool {
            let hasExpired = expires && (payload == .tombstone || sibling.isTombstone)
            return time == sibling.time && (payload == sibling.payload || hasExpired)
        }
    }

    init(ring: RingSnapshot) { self.ring = ring }

    mutating func expect(_ keys: [TypedKey]) {
        typed.keys = keys
        typed.byKey = Array(repeating: [], count: keys.count)
    }

    var requests: Int { writes.count + reads + typed.records.count + typed.reads }
    var acknowledged: Int {
        writes.count { $0.acknowledgedAt != nil } + typed.records.count { $0.acknowledgedAt != nil }
    }

    mutating func violate(_ text: String) {
        // The first few tell the story; a broken run may have thousands.
        if violations.count < 20 { violations.append(text) }
    }

    // MARK: While it runs

    /// What was on a node's disk is gone, or some of it.
    mutating func lost(_ node: NodeID) { losses.disks[node, default: 0] += 1 }
    /// What a node had not synced may be.
    mutating func powerLost(_ node: NodeID) { losses.power[node, default: 0] += 1 }

    mutating func started(_ write: WriteRecord) -> Int {
        writes.append(write)
        let index = writes.count - 1
        writes[index].lossesBefore = losses
        histories[KeyBytes(write.key), default: History()].writes.append(index)
        if let value = write.value { histories[KeyBytes(write.key)]?.byValue[value[...]] = index }
        return index
    }

    /// `sibling` stands in an answer or on the disks: then no later write that was to overwrite it, and was
    /// acknowledged by `time`, may have met it.
    mutating func checkNotOverwritten(
        _ sibling: Sibling, of key: StoredKey, asOf time: Instant, _ what: String
    ) {
        guard let old = author(of: sibling.payload, key).map({ writes[$0] }), let end = old.acknowledgedAt,
            hasItsQuorum(old)
        else { return }
        let isLastWriteWins = ring.properties(ofBucket: key.bucket).conflict == .lastWriteWins
        // A second form of it may win by a clock that is ahead; that is what the bucket asked for.
        if isLastWriteWins, old.dot != sibling.dot { return }
        let later = histories[KeyBytes(key)]?.writes.first { index in
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

    func author(of payload: Payload, _ key: StoredKey) -> Int? {
        guard case .value(let bytes) = payload else { return nil }
        return histories[KeyBytes(key)]?.byValue[bytes]
    }

    /// A write has been put on a disk.
    mutating func stored(_ write: StoreWrite, over old: [UInt8]?, _ store: NodeStore, by actor: Actor) {
        let node = actor.node
        guard case .put(let storedKey, let bytes, _) = write else { return }
        switch store {
        case .objects:
            let parts = FoldedStore.parts(ofPut: storedKey, bytes)
            let decoded = parts.object.map { try? StoredObject(decoding: $0) } ?? StoredObject()
            guard let key = try? StoredKey(decoding: parts.key), let object = decoded else {
                return violate("\(node) stored what cannot be decoded")
            }
            if !ring.route(bucket: key.bucket, token: key.token).primaries.contains(node) {
                violate("\(node) stored \(name(key)), of which it is no replica")
            }
            for sibling in object.siblings {
                // Of this life: what an earlier one minted comes back from others.
                let isOwn = sibling.dot.actor == actor
                let held = isOwn ? old.flatMap { try? StoredObject(decoding: $0) } : nil
                if let held { checkCondition(sibling, over: held, key) }
                note(sibling, of: object, over: held, key)
            }
        case .hints:
            guard let zero = storedKey.firstIndex(of: 0),
                let key = try? StoredKey(decoding: Array(storedKey[(zero + 1)...]))
            else { return violate("\(node) stored a hint that cannot be decoded") }
            if !ring.mayHold(node, bucket: key.bucket) {
                violate("\(node) keeps a hint for \(name(key)), outside the placement's residency rule")
            }
        case .names: break  // for the names' own checks
        }
    }

    private mutating func note(
        _ sibling: Sibling, of object: StoredObject, over held: StoredObject?, _ key: StoredKey
    ) {
        guard let first = histories[KeyBytes(key)]?.minted[sibling.dot] else {
            checkSupersedesNothingLater(sibling, object, held, key)
            histories[KeyBytes(key), default: History()].minted[sibling.dot] =
                Minting(
                    payload: sibling.payload, expires: sibling.expiresAt != nil, time: sibling.time,
                    held: object.versions, attempt: sibling.attempt, voided: object.voided)
            return
        }
        if !first.isSameWrite(as: sibling) {
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

    /// A conditional write that is minted here must find no value but its own. Where the key was ever to be deleted, or
    /// to expire, the same batch may have brought that.
    private mutating func checkCondition(_ sibling: Sibling, over held: StoredObject, _ key: StoredKey) {
        guard !held.versions.covers(sibling.dot), let own = author(of: sibling.payload, key), writes[own].onlyIfAbsent,
            held.siblings.contains(where: { !$0.isTombstone && author(of: $0.payload, key) != own }),
            histories[KeyBytes(key)]?.writes.allSatisfy({ writes[$0].value != nil && !expires(writes[$0]) }) == true
        else { return }
        violate("\(describe(writes[own])), as \(sibling.dot), was to meet nothing, and met \(describe(held))")
    }
}
