// The store in memory, and what a crash takes from it.

import Keys
import Storage
import Testing
import World

extension MemoryStore {
    fileprivate func all() throws -> [[[UInt8]]] {
        var found: [[[UInt8]]] = []
        try scan(.everything, reverse: false) { key, value in
            found.append([key, value])
            return true
        }
        return found
    }

    fileprivate func put(_ key: [UInt8], _ value: [UInt8], synced: Bool = false) throws {
        try commit([.put(key: key, value: value)], synced: synced)
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
