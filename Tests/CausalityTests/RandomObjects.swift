// Objects as replicas come to hold them: a few replicas of one key that write, read, merge and expire at random.
//
// The laws hold for what can come about, not for any bytes: a dot must stand for one write, and a later write of one
// replica must be later by its clock. So objects are grown by a history, not drawn field by field.

import Causality
import DataTypes
import World

/// One key, its replicas, and all that they ever held.
struct KeyHistory {
    struct Replica {
        let actor: Actor
        var object = StoredObject()
        var counter: UInt64 = 0
        var clock = HybridClock()
        var skewMs: Int64
    }

    let rule: ConflictRule
    private(set) var replicas: [Replica]
    private(set) var random: SeededRandom
    /// Every state that some replica was in, the empty one among them.
    private(set) var states: [StoredObject] = [StoredObject()]
    private(set) var wall: Int64 = 1_767_225_600_000

    init(seed: UInt64, rule: ConflictRule, replicas count: Int = 3) {
        var random = SeededRandom(seed: seed)
        self.rule = rule
        replicas = (0..<count).compactMap { index in
            NodeID("node-\(index)").map {
                Replica(
                    actor: Actor(node: $0, incarnation: UInt64.random(in: 1...2, using: &random)),
                    skewMs: Int64.random(in: -500...500, using: &random))
            }
        }
        self.random = random
    }

    mutating func wallTime(of replica: Int) -> WallTime {
        WallTime(milliseconds: UInt64(wall + replicas[replica].skewMs))
    }

    /// A write at `replica`, with the context of a state seen before.
    @discardableResult
    mutating func write(
        _ replica: Int, context: StoredObject?, attempt: UInt64? = nil, voiding: [UInt64] = []
    ) -> Sibling {
        replicas[replica].counter += UInt64.random(in: 1...3, using: &random)
        let now = wallTime(of: replica)
        let floor = max(replicas[replica].object.latestTime, context?.latestTime ?? HybridTime(bits: 0))
        let isDelete = random.chance(0.2)
        let value = (0..<Int.random(in: 0...4, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        let expires =
            random.chance(0.3)
            ? WallTime(milliseconds: now.milliseconds + UInt64.random(in: 0...300, using: &random)) : nil
        let sibling = Sibling(
            dot: Dot(actor: replicas[replica].actor, counter: replicas[replica].counter),
            payload: isDelete ? .tombstone : .value(value),
            contentType: isDelete || random.chance(0.5) ? "" : "text/plain",
            time: replicas[replica].clock.tick(now, after: floor), expiresAt: isDelete ? nil : expires,
            attempt: attempt)
        replicas[replica].object.write(
            sibling, context: context.map { CausalContext(of: $0) }, voiding: voiding, rule: rule)
        states.append(replicas[replica].object)
        return sibling
    }

    mutating func step() {
        wall += Int64.random(in: 0...50, using: &random)
        let replica = Int.random(in: 0..<replicas.count, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0...2: write(replica, context: nil)
        case 3...4: write(replica, context: states.randomElement(using: &random))
        case 5:
            // At two replicas: the first fell silent, and the second took its place without a word of it.
            let attempt = random.next()
            guard rule == .siblings else { break }
            write(replica, context: nil, attempt: attempt)
            if random.chance(0.5) { write((replica + 1) % replicas.count, context: nil, voiding: [attempt]) }
        case 6...8:
            if let other = states.randomElement(using: &random) { replicas[replica].object.merge(other, rule: rule) }
        default: replicas[replica].object.expire(at: wallTime(of: replica))
        }
        states.append(replicas[replica].object)
    }

    mutating func run(_ steps: Int) { for _ in 0..<steps { step() } }

    mutating func anyState() -> StoredObject { states.randomElement(using: &random) ?? StoredObject() }
}

extension StoredObject {
    func merged(_ other: StoredObject, _ rule: ConflictRule) -> StoredObject {
        var copy = self
        copy.merge(other, rule: rule)
        return copy
    }

    func expired(_ wall: WallTime) -> StoredObject {
        var copy = self
        copy.expire(at: wall)
        return copy
    }

    /// The invariants that `StoredObject` states, checked from outside.
    func brokenInvariant(_ rule: ConflictRule) -> String? {
        for (a, b) in zip(siblings, siblings.dropFirst()) where a.dot >= b.dot { return "siblings out of order" }
        for (a, b) in zip(versions.entries, versions.entries.dropFirst()) where a.actor >= b.actor {
            return "version vector out of order"
        }
        if siblings.contains(where: { !versions.covers($0.dot) || $0.dot.counter == 0 }) {
            return "a dot unknown to the vector"
        }
        if rule == .lastWriteWins && siblings.count > 1 { return "two winners" }
        if siblings.contains(where: { $0.attempt.map(voided.contains) ?? false }) { return "a voided attempt stands" }
        return nil
    }
}
