// The store in memory stands in for LevelDB in every test above this floor, so the two must be one.

import Storage
import Testing
import World

@Suite struct EquivalenceTests {
    private static let bytes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF]

    private func key(_ dice: inout SeededRandom) -> [UInt8] {
        (0..<Int.random(in: 0...3, using: &dice)).map { _ in EquivalenceTests.bytes.randomElement(using: &dice) ?? 0 }
    }

    private func writes(_ dice: inout SeededRandom) -> [StoreWrite] {
        (0..<Int.random(in: 0...5, using: &dice)).map { _ in
            if dice.chance(0.3) { return .delete(key: key(&dice)) }
            return .put(key: key(&dice), value: [UInt8.random(in: 0...255, using: &dice)])
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func memoryAndLevelDBAgree(_ seed: UInt64) throws {
        let directory = try TemporaryDirectory()
        var disk: LevelDBStore? = try LevelDBStore(path: directory.path, options: smallBuffers)
        let memory = MemoryStore()
        var dice = SeededRandom(seed: seed)
        for step in 0..<800 {
            let batch = writes(&dice)
            try disk?.commit(batch, synced: false)
            try memory.commit(batch, synced: false)
            let probe = key(&dice)
            #expect(try disk?.get(probe) == memory.get(probe))
            let range = KeyRange(start: key(&dice), end: dice.chance(0.3) ? nil : key(&dice))
            let (reverse, limit) = (dice.chance(0.5), Int.random(in: 1...40, using: &dice))
            #expect(
                try disk?.all(range, reverse: reverse, atMost: limit)
                    == memory.all(range, reverse: reverse, atMost: limit),
                "seed \(seed), step \(step): \(range) reverse \(reverse)")
            if step % 200 == 199 {
                disk = nil
                disk = try LevelDBStore(path: directory.path, options: smallBuffers)
            }
        }
        #expect(try disk?.all() == memory.all())
        #expect(try memory.all().count == memory.count)
    }
}

@Suite struct MemoryStoreTests {
    @Test func aCrashLosesOnlyWhatWasNotSynced() throws {
        var dice = SeededRandom(seed: 9)
        for _ in 0..<300 {
            let store = MemoryStore()
            // The states that a crash may leave, oldest first: the last synced one and each after it.
            var possible: [[[[UInt8]]]] = [[]]
            for _ in 0..<Int.random(in: 1...15, using: &dice) {
                let key = [UInt8.random(in: 0...3, using: &dice)]
                let synced = dice.chance(0.2)
                let write: StoreWrite =
                    dice.chance(0.3)
                    ? .delete(key: key) : .put(key: key, value: [UInt8.random(in: 0...255, using: &dice)])
                try store.commit(
                    [write, .put(key: [9], value: [UInt8.random(in: 0...255, using: &dice)])], synced: synced)
                if synced { possible = [] }
                possible.append(try store.all())
            }
            #expect(store.unsyncedCommits == possible.count - 1)
            let lost = Int.random(in: 0...(possible.count + 1), using: &dice)
            store.crash(losing: lost)
            #expect(try store.all() == possible[max(0, possible.count - 1 - lost)])
            #expect(store.unsyncedCommits == 0)
        }
    }

    @Test func anEmptySyncedCommitKeepsAllBeforeIt() throws {
        let store = MemoryStore()
        try store.put([1], [1])
        try store.commit([], synced: true)
        store.crash()
        #expect(try store.get([1]) == [1])
    }

    @Test func aFailedDiskFailsEveryCall() throws {
        let store = MemoryStore()
        try store.put([1], [1], synced: true)
        store.failure = StorageFailure(.inputOutput, "no disk")
        #expect(throws: StorageFailure.self) { try store.get([1]) }
        #expect(throws: StorageFailure.self) { try store.put([2], [2]) }
        #expect(throws: StorageFailure.self) { try store.all() }
        store.failure = nil
        #expect(try store.all() == [[[1], [1]]])
    }
}
