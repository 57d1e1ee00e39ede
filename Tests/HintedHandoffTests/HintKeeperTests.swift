// Hints are kept until their replica has them, no longer than their age, and never beyond their bounds.

import Causality
import DataTypes
import HintedHandoff
import Keys
import Storage
import Testing
import Wire
import World

@Suite struct HintKeeperTests {
    private var bench: HintBench

    init() throws { bench = try HintBench() }

    @Test mutating func whatIsKeptCanBeRead() throws {
        let key = try bench.key("a")
        let object = bench.object("one")
        #expect(try bench.read(HintBench.us, key) == nil)
        #expect(try bench.keep(HintBench.us, key, object) == .stored)
        #expect(try bench.read(HintBench.us, key) == object)
        #expect(try bench.read(HintBench.jp, key) == nil)
        #expect(bench.keeper.targets == [HintBench.us])
        #expect(bench.keeper.backlog(for: HintBench.us).hints == 1)
        #expect(bench.keeper.total == bench.keeper.backlog(for: HintBench.us))
    }

    @Test mutating func aBatchIsSyncedIfItKeepsAnything() throws {
        let key = try bench.key("a")
        #expect(try bench.batch([.readHints(target: HintBench.us, key: key)]).synced == false)
        let outcome = try bench.batch([
            .hint(target: HintBench.us, key: key, object: bench.object("x").encode()),
            .readHints(target: HintBench.us, key: key),
        ])
        #expect(outcome.synced)
        #expect(outcome.replies == [.stored, .object(bench.object("x").encode())])
    }

    @Test(arguments: [true, false]) mutating func aSecondHintIsMergedIntoTheFirst(_ sameBatch: Bool) throws {
        let key = try bench.key("a")
        let (one, two) = (bench.object("one", by: HintBench.de), bench.object("two", by: HintBench.jp))
        let hints = [one, two].map { ReplicaRequest.hint(target: HintBench.us, key: key, object: $0.encode()) }
        if sameBatch { try bench.batch(hints) } else { for hint in hints { try bench.batch([hint]) } }
        var merged = one
        merged.merge(two, rule: .siblings)
        #expect(try bench.read(HintBench.us, key) == merged)
        #expect(bench.keeper.total.hints == 1)
        #expect(bench.keeper.total.bytes == (try bench.storedBytes()))
        // Hearing of it again changes nothing.
        try bench.batch(hints)
        #expect(bench.keeper.total.bytes == (try bench.storedBytes()))
    }

    @Test mutating func whatNoReplicaWouldTakeIsNotMerged() throws {
        let key = try bench.key("a")
        var crowds: [StoredObject] = []
        for node in [HintBench.de, HintBench.jp, HintBench.us] {
            var crowd = StoredObject()
            for counter in 1...UInt64(Limits.mergedSiblings / 2) {
                let dot = Dot(actor: Actor(node: node, incarnation: 1), counter: counter)
                crowd.write(
                    Sibling(dot: dot, payload: .value([1]), time: HybridTime(bits: counter)),
                    context: CausalContext(of: StoredObject()),
                    rule: .siblings)
            }
            crowds.append(crowd)
        }
        #expect(try bench.keep(HintBench.us, key, crowds[0]) == .stored)
        #expect(try bench.keep(HintBench.us, key, crowds[1]) == .stored)
        #expect(try bench.keep(HintBench.us, key, crowds[2]).refusal == .tooManySiblings)
        #expect(bench.keeper.total.bytes == (try bench.storedBytes()))
    }

    @Test mutating func residencyHoldsForKeeperAndTarget() throws {
        let patient = try bench.key("p", bucket: "patients")
        #expect(try bench.keep(HintBench.us, patient, bench.object("x")).refusal == .notReplica)
        bench = try HintBench(at: HintBench.us)
        #expect(try bench.keep(HintBench.de, patient, bench.object("x")).refusal == .notReplica)
        #expect(try bench.keep(HintBench.de, try bench.key("p"), bench.object("x")) == .stored)
    }

    @Test mutating func whatIsNoHintIsRefused() throws {
        let key = try bench.key("a")
        let outcome = try bench.batch([
            .hint(target: HintBench.us, key: [1, 2], object: bench.object("x").encode()),
            .hint(target: HintBench.us, key: key, object: [1, 2, 3]),
            .hint(target: NodeID(literal: "stranger"), key: key, object: bench.object("x").encode()),
            .read(key: key, summaryOver: 0),
        ])
        #expect(outcome.replies.map(\.refusal) == [.malformed, .malformed, .notReplica, .malformed])
        #expect(outcome.writes.isEmpty && bench.keeper.total == HintBacklog())
        #expect(bench.keeper.refused == 4)
    }

    @Test mutating func aDiskNearlyFullTakesNoHintsButDeletions() throws {
        let hint = ReplicaRequest.hint(
            target: HintBench.us, key: try bench.key("a"), object: bench.object("x").encode())
        var deleted = StoredObject()
        deleted.write(
            Sibling(
                dot: Dot(actor: Actor(node: HintBench.de, incarnation: 1), counter: 1), payload: .tombstone,
                time: HybridTime(bits: 1)), context: nil, rule: .siblings)
        let deletion = ReplicaRequest.hint(target: HintBench.us, key: try bench.key("b"), object: deleted.encode())
        for disk in [DiskState.nearlyFull, .full] {
            #expect(try bench.batch([hint, deletion], disk: disk).replies.map(\.refusal) == [.diskFull, nil])
        }
        #expect(try bench.batch([hint, deletion], disk: .exhausted).replies.map(\.refusal) == [.diskFull, .diskFull])
    }

    /// A newer version's record, one that is cut off, and a key that is none: kept byte for byte, counted, and never
    /// taken for old.
    @Test mutating func whatCannotBeReadIsKept() throws {
        for index in 0..<3 { try bench.keep(HintBench.us, try bench.key("k\(index)"), bench.object("v\(index)")) }
        func stored() throws -> [[[UInt8]]] {
            var all: [[[UInt8]]] = []
            try bench.store.scan(.everything, reverse: false) { key, value in
                all.append([key, value])
                return true
            }
            return all
        }
        let records = try stored()
        let newer = [99] + records[0][1].dropFirst()
        try bench.store.commit(
            [
                .put(key: records[0][0], value: newer), .put(key: records[1][0], value: [1]),
                .put(key: [0x68, 0x20, 0], value: [1, 1]),
            ], synced: true)
        bench.keeper = try HintKeeper(identity: HintBench.de, store: bench.store)
        #expect(bench.keeper.unreadable == 3)
        let before = try stored()
        for _ in 0..<5 {
            bench.advance(.hours(20))
            for delivery in try bench.replay() { #expect(delivery.request.byteCount > 0) }
        }
        let left = try stored()
        #expect(left.count == 3 && left.allSatisfy { before.contains($0) }, "the one that could be read is gone")
        #expect(bench.keeper.expired == 1 && bench.keeper.unreadable == 3)
        // A second hint for the same key cannot be merged with it; it is refused, and the record stays.
        let key = Array(records[0][0].drop { $0 != 0 }.dropFirst())
        #expect(try bench.keep(HintBench.us, key, bench.object("x")).refusal == .unknown)
        #expect(try bench.batch([.readHints(target: HintBench.us, key: key)]).replies[0].refusal == .unknown)
        #expect(try stored() == left)
    }

    @Test mutating func restartingCountsWhatIsLeft() throws {
        for index in 0..<20 {
            try bench.batch([
                .hint(
                    target: index % 3 == 0 ? HintBench.jp : HintBench.us, key: try bench.key("k\(index)"),
                    object: bench.object("v").encode())
            ])
        }
        let again = try HintKeeper(identity: HintBench.de, store: bench.store)
        #expect(again.total == bench.keeper.total && again.targets == bench.keeper.targets)
        #expect(again.backlog(for: HintBench.jp) == bench.keeper.backlog(for: HintBench.jp))
        #expect(again.total.bytes == (try bench.storedBytes()))
    }

    // MARK: Bounds

    @Test func oneTargetsHintsAreBounded() throws {
        // Records of 64 MiB that only seem to be there: 17 are over 1 GiB.
        let store = HeavyStore(targets: [HintBench.us], hints: 17, bytes: 64 << 20)
        var keeper = try HintKeeper(identity: HintBench.de, store: store)
        #expect(keeper.total.bytes > Limits.hintBytesPerNode && keeper.total.bytes < Limits.hintBytes)
        let bench = try HintBench()
        func keep(_ target: NodeID) throws -> ReplicaReply {
            let hint = ReplicaRequest.hint(target: target, key: try bench.key("a"), object: bench.object("x").encode())
            return try keeper.process([hint], store: store, in: bench.surroundings()).replies[0]
        }
        let before = keeper.total
        #expect(try keep(HintBench.us).refusal == .hintsFull)
        #expect(keeper.total == before && keeper.refused == 1)
        #expect(try keep(HintBench.jp) == .stored)
    }

    @Test func allHintsTogetherAreBounded() throws {
        let others = (0..<5).compactMap { NodeID("other-\($0)") }
        let store = HeavyStore(targets: others, hints: 13, bytes: 64 << 20)
        var keeper = try HintKeeper(identity: HintBench.de, store: store)
        #expect(keeper.total.bytes > Limits.hintBytes)
        let bench = try HintBench()
        let hint = ReplicaRequest.hint(
            target: HintBench.us, key: try bench.key("a"), object: bench.object("x").encode())
        #expect(try keeper.process([hint], store: store, in: bench.surroundings()).replies[0].refusal == .hintsFull)
    }
}
