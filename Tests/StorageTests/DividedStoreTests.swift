// Large values apart: whatever crashes, is lost or comes from another moment, a key leads to what was written last or
// to an error, and nothing is left over.

import Keys
import Testing
import Wire
import World

@testable import Storage

/// The two halves, which outlive a crash, and what stands in them.
private struct Halves {
    static let apart = 64
    /// A few of what the writer writes.
    static let dead = 500
    let small: MemoryStore
    let large: MemoryStore

    init(_ small: MemoryStore = MemoryStore(), _ large: MemoryStore = MemoryStore()) {
        (self.small, self.large) = (small, large)
    }

    static let bounds = DivisionBounds(apartBytes: apart, deadBytes: dead)

    func open() throws -> DividedStore<MemoryStore> {
        try DividedStore(small: small, large: large, Halves.bounds)
    }

    func copy() -> Halves { Halves(small.copy(), large.copy()) }

    var largeKeys: Int { large.count }

    /// Notes of dead values.
    func notes() throws -> Int {
        var count = 0
        try small.scan(LargeNote.dead, reverse: false) { _, _ in
            count += 1
            return true
        }
        return count
    }
}

private typealias Contents = [[[UInt8]]]

extension KeyValueStore {
    fileprivate func all(reverse: Bool = false) throws -> Contents {
        var found: Contents = []
        try scan(.everything, reverse: reverse) { key, value in
            found.append([key, value])
            return true
        }
        return found
    }
}

/// A writer that says what its writes stand over, as a shard does.
private struct Writer {
    private(set) var held: [[UInt8]: [UInt8]] = [:]

    var contents: Contents { held.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { [$0.key, $0.value] } }
    var large: Int { held.values.count { $0.count >= Halves.apart } }

    static func value(_ size: Int, _ dice: inout SeededRandom) -> [UInt8] {
        [1] + (1..<size).map { _ in UInt8.random(in: 0...255, using: &dice) }
    }

    mutating func batch(_ dice: inout SeededRandom) -> [StoreWrite] {
        var keys: Set<[UInt8]> = []
        for _ in 0..<Int.random(in: 1...4, using: &dice) { keys.insert([UInt8.random(in: 1...6, using: &dice)]) }
        return keys.sorted { $0[0] < $1[0] }.map { key in
            let over = held[key]?.count ?? 0
            if dice.chance(0.15) {
                held[key] = nil
                return .delete(key: key)
            }
            let size = dice.chance(0.5) ? Int.random(in: 1...20, using: &dice) : Int.random(in: 60...200, using: &dice)
            let value = Writer.value(size, &dice)
            held[key] = value
            return .put(key: key, value: value, over: over)
        }
    }

    mutating func take(_ contents: Contents) {
        held = [:]
        for entry in contents { held[entry[0]] = entry[1] }
    }
}

@Suite struct DividedStoreTests {
    @Test func ofAPageThatIsTooLongNoValueIsRead() throws {
        let halves = Halves()
        let store = try halves.open()
        let value = [UInt8](repeating: 1, count: 100)
        for key in UInt8(1)...4 { try store.commit([.put(key: [key], value: value)], synced: true) }
        let page = try store.page(.everything, reverse: false, limit: 3, atMost: 400)
        #expect(page.items.map(\.key) == [[1], [2], [3]] && page.items.allSatisfy { $0.object == value })
        #expect(page.more && page.bytes == 303)
        halves.large.failure = StorageFailure(.inputOutput, "this is not to be read")
        let long = try store.page(.everything, reverse: false, limit: 3, atMost: 300)
        #expect(long.items.isEmpty && long.more && long.bytes > 300)
        #expect(throws: StorageFailure.self) { try store.page(.everything, reverse: false, limit: 3, atMost: 400) }
    }

    @Test(arguments: 1...40 as ClosedRange<UInt64>) func itIsOneStore(_ seed: UInt64) throws {
        var dice = SeededRandom(seed: seed)
        let halves = Halves()
        var (store, writer) = (try halves.open(), Writer())
        for _ in 0..<60 {
            try store.commit(writer.batch(&dice), synced: dice.chance(0.5))
            #expect(try store.all() == writer.contents)
            #expect(try store.all(reverse: true) == writer.contents.reversed())
            for key in 1...6 as ClosedRange<UInt8> { #expect(try store.get([key]) == writer.held[[key]]) }
            let dead = halves.largeKeys - writer.large
            #expect(try halves.notes() == dead, "what is left over is noted")
            #expect(dead * Halves.apart < Halves.dead, "and bounded")
            guard dice.chance(0.1) else { continue }
            store = try halves.open()
            #expect(halves.largeKeys == writer.large, "nothing is left over")
            #expect(try halves.notes() == 0)
        }
    }

    /// The power fails at any commit of either half, before it or after it, and takes with it some of what was not
    /// synced.
    @Test(arguments: 1...300 as ClosedRange<UInt64>) func aCrashLeavesABatchWholeOrNotAtAll(_ seed: UInt64) throws {
        var dice = SeededRandom(seed: seed)
        let halves = Halves()
        var (store, writer) = (try halves.open(), Writer())
        for _ in 0..<8 {
            // The states that a crash may leave, oldest first.
            var possible = [writer.contents]
            var acknowledged = 0
            (dice.chance(0.5) ? halves.small : halves.large).commitsLeft = Int.random(in: 0...6, using: &dice)
            do {
                for _ in 0..<6 {
                    let (batch, synced) = (writer.batch(&dice), dice.chance(0.6))
                    possible.append(writer.contents)
                    try store.commit(batch, synced: synced)
                    if synced { acknowledged = possible.count - 1 }
                }
            } catch {}
            for half in [halves.small, halves.large] {
                half.commitsLeft = .max
                half.crash(losing: Int.random(in: 0...4, using: &dice))
            }
            store = try halves.open()
            let found = try store.all()
            #expect(possible[acknowledged...].contains(found), "seed \(seed)")
            writer.take(found)
            #expect(halves.largeKeys == writer.large, "seed \(seed): something is left over")
            #expect(try halves.notes() == 0)
        }
    }

    /// A start that crashes leaves the next one its work.
    @Test(arguments: 1...100 as ClosedRange<UInt64>) func aRecoveryMayCrashToo(_ seed: UInt64) throws {
        var dice = SeededRandom(seed: seed)
        let halves = Halves()
        var (store, writer) = (try halves.open(), Writer())
        for _ in 0..<5 { try store.commit(writer.batch(&dice), synced: true) }
        halves.large.crash()
        halves.large.commitsLeft = 0
        _ = try? halves.open()
        halves.large.commitsLeft = .max
        store = try halves.open()
        #expect(try store.all() == writer.contents)
        #expect(halves.largeKeys == writer.large)
    }

    /// Halves of different moments: what they hold together is right, or an error.
    @Test(arguments: 1...200 as ClosedRange<UInt64>) func halvesOfTwoMomentsNeverGiveAnotherValue(_ seed: UInt64) throws
    {
        var dice = SeededRandom(seed: seed)
        let halves = Halves()
        var (store, writer) = (try halves.open(), Writer())
        var written: [[UInt8]: Set<[UInt8]>] = [:]
        func step() throws {
            try store.commit(writer.batch(&dice), synced: true)
            for (key, value) in writer.held { written[key, default: []].insert(value) }
        }
        for _ in 0..<6 { try step() }
        let older = halves.copy()
        for _ in 0..<6 { try step() }
        let pairs = [(older.small, halves.large), (halves.small, older.large), (halves.small, MemoryStore())]
        for (small, large) in pairs {
            let mixed = try DividedStore(small: small.copy(), large: large.copy(), Halves.bounds)
            for key in 1...6 as ClosedRange<UInt8> {
                do throws(StorageFailure) {
                    guard let value = try mixed.get([key]) else { continue }
                    #expect(written[[key]]?.contains(value) == true)
                    // Nor does a number that is given out again lead to what is written next.
                    let next = Writer.value(100, &dice)
                    try mixed.commit([.put(key: [key], value: next, over: value.count)], synced: true)
                    #expect(try mixed.get([key]) == next)
                } catch { #expect(error.kind == .corruption) }
            }
        }
    }

    /// Large values that a version without the other store has left among the small ones.
    @Test func whatStandsAmongTheSmallOnesStaysUntilItIsWrittenAgain() throws {
        let halves = Halves()
        let values = (0...2 as ClosedRange<UInt8>).map { [UInt8](repeating: $0 + 1, count: 100) }
        for (key, value) in values.enumerated() {
            try halves.small.commit([.put(key: [UInt8(key) + 1], value: value)], synced: true)
        }
        let store = try halves.open()
        #expect(try store.all() == values.enumerated().map { [[UInt8($0) + 1], $1] })
        #expect(halves.largeKeys == 0)
        try store.commit(
            [.put(key: [1], value: values[2], over: 100), .put(key: [2], value: [7], over: 100)], synced: true)
        #expect(try store.all() == [[[1], values[2]], [[2], [7]], [[3], values[2]]])
        #expect(halves.largeKeys == 1)
        #expect(try halves.small.get([1])?.count ?? 0 < 24)
    }

    @Test func smallValuesCostNothingMore() throws {
        let halves = Halves()
        let store = try halves.open()
        // Neither asks the other half nor looks at what it writes over.
        halves.large.failure = StorageFailure(.inputOutput, "not to be asked")
        halves.small.commitsLeft = 1
        try store.commit([.put(key: [1], value: [1], over: 10), .put(key: [2], value: [2])], synced: false)
        #expect(try store.all() == [[[1], [1]], [[2], [2]]])
        #expect(halves.small.unsyncedCommits == 1, "and it is not synced")
    }

    @Test func whatIsLargeIsSyncedWhateverIsAsked() throws {
        let halves = Halves()
        let large = [UInt8](repeating: 9, count: 80)
        try halves.open().commit([.put(key: [1], value: large)], synced: false)
        for half in [halves.small, halves.large] { half.crash() }
        #expect(try halves.open().all() == [[[1], large]])
        try halves.open().commit([.put(key: [1], value: [3], over: 80)], synced: false)
        for half in [halves.small, halves.large] { half.crash() }
        #expect(try halves.open().all() == [[[1], [3]]])
        #expect(halves.largeKeys == 0)
        #expect(try halves.notes() == 0)
    }

    /// Each item of a scan is what stood there when it began, or what was written since.
    @Test func aScanSeesWhatIsWrittenMeanwhile() throws {
        let halves = Halves()
        let store = try halves.open()
        let values = (1...3 as ClosedRange<UInt8>).map { [UInt8](repeating: $0, count: 70) }
        try store.commit((0...2).map { .put(key: [UInt8($0) + 1], value: values[$0]) }, synced: true)
        let late = LateHalf(halves.small)
        let reader = try DividedStore(small: late, large: LateHalf(halves.large), Halves.bounds)
        late.stands = try halves.small.all()
        try store.commit(
            [
                .put(key: [1], value: values[2], over: 70), .put(key: [2], value: [5], over: 70),
                .delete(key: [3]),
            ], synced: true)
        // What was there may be gone already.
        _ = try halves.open()
        #expect(try reader.all() == [[[1], values[2]], [[2], [5]]])
    }

    /// Two threads write: what one has under way is looked for by the next start, whatever the other has committed.
    @Test func theFrontierWaitsForWhatIsUnderWay() {
        var ledger = LargeLedger(next: 10)
        let (first, second) = (ledger.begin(2), ledger.begin(3))
        #expect((first, second) == (10, 12))
        #expect(ledger.frontier(besides: second) == 10)
        ledger.end(second)
        #expect(ledger.begin(1) == 15)
        #expect(ledger.frontier(besides: first) == 15)
        ledger.end(first)
        ledger.end(15)
        let third = ledger.begin(4)
        #expect(ledger.frontier(besides: third) == 20)
    }

    @Test func whatCannotBeReadIsCorruption() throws {
        func opening(_ damage: (Halves) throws -> Void) -> StorageFailure.Kind? {
            let halves = Halves()
            do {
                try halves.open().commit([.put(key: [1], value: [UInt8](repeating: 9, count: 80))], synced: true)
                try damage(halves)
                _ = try halves.open().get([1])
                return nil
            } catch { return (error as? StorageFailure)?.kind }
        }
        func put(_ half: MemoryStore, _ key: [UInt8], _ value: [UInt8]) throws {
            try half.commit([.put(key: key, value: value)], synced: true)
        }
        #expect(opening { _ in } == nil)
        #expect(opening { try put($0.small, [1], [0x40, 1]) } == .corruption)
        #expect(opening { try put($0.small, LargeNote.frontier, [9]) } == .corruption)
        #expect(opening { try put($0.small, LargeNote.dead.start + [4], [9]) } == .corruption)
        #expect(opening { try put($0.large, [0xFF], [9]) } == .corruption)
        #expect(opening { try put($0.large, [UInt8](repeating: 0xFF, count: 9), [9]) } == .corruption)
        // A bit of the value.
        #expect(
            opening { try put($0.large, LargeKey.bytes(1, under: [1]), [UInt8](repeating: 9, count: 79) + [8]) }
                == .corruption)
    }
}

/// A half whose scans show a moment that has passed, as an iterator of LevelDB does.
private final class LateHalf: KeyValueStore, @unchecked Sendable {
    private let store: MemoryStore
    /// Of the next scan alone.
    var stands: Contents?

    init(_ store: MemoryStore) { self.store = store }

    func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? { try store.get(key) }
    func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure) {
        try store.commit(writes, synced: synced)
    }

    func scan(
        _ range: KeyRange, reverse: Bool, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure) {
        guard let stands = stands.take() else { return try store.scan(range, reverse: reverse, visit) }
        for entry in stands where range.contains(entry[0]) {
            guard visit(entry[0], entry[1]) else { return }
        }
    }
}
