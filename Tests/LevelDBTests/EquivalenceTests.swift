// The store in memory stands in for LevelDB in every test above this floor, so the two must be one.

import Keys
import LevelDB
import Storage
import Testing
import Wire
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
        var options = smallBuffers
        options.pageTime = .minutes(1)
        var disk: LevelDBStore? = try LevelDBStore(path: directory.path, options: options)
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
            let asPage = dice.chance(0.5)
            #expect(
                try disk?.all(range, reverse: reverse, asPage: asPage, atMost: limit)
                    == memory.all(range, reverse: reverse, atMost: limit),
                "seed \(seed), step \(step): \(range) reverse \(reverse)")
            if step % 200 == 199 {
                disk = nil
                disk = try LevelDBStore(path: directory.path, options: options)
            }
        }
        #expect(try disk?.all() == memory.all())
        #expect(try memory.all().count == memory.count)
    }

    /// Large values apart, in two databases of which one lies in the other's directory.
    @Test(arguments: [1, 2, 3] as [UInt64]) func aDividedStoreAgrees(_ seed: UInt64) throws {
        let directory = try TemporaryDirectory()
        func open() throws -> DividedStore<LevelDBStore> {
            var options = smallBuffers
            options.pageTime = .minutes(1)
            let small = try LevelDBStore(path: directory.path, options: options)
            let large = try LevelDBStore(path: directory.path + "/large", options: smallBuffers)
            return try DividedStore(small: small, large: large, DivisionBounds(apartBytes: 500))
        }
        var disk: DividedStore<LevelDBStore>? = try open()
        let memory = MemoryStore()
        var dice = SeededRandom(seed: seed)
        for step in 0..<400 {
            // As all that clients have, behind the notes.
            let keys = Set((0..<3).map { _ in [1] + key(&dice) }).sorted { $0.lexicographicallyPrecedes($1) }
            let batch: [StoreWrite] = try keys.map { key in
                if dice.chance(0.2) { return .delete(key: key) }
                let size = dice.chance(0.5) ? 1 : Int.random(in: 490...2_000, using: &dice)
                let value = (0..<size).map { _ in UInt8.random(in: 0...63, using: &dice) }
                return .put(key: key, value: value, over: try memory.get(key)?.count ?? 0)
            }
            try disk?.commit(batch, synced: dice.chance(0.1))
            try memory.commit(batch, synced: false)
            let (range, reverse) = (KeyRange(start: [1] + key(&dice), end: [1] + key(&dice)), dice.chance(0.5))
            let expected = try memory.all(range, reverse: reverse)
            #expect(try disk?.all(range, reverse: reverse) == expected, "step \(step)")
            #expect(try disk?.all(range, reverse: reverse, asPage: true) == expected, "step \(step)")
            let (limit, most) = (Int.random(in: 1...5, using: &dice), Int.random(in: 0...5_000, using: &dice))
            let (page, whole) = (
                try disk?.page(range, reverse: reverse, limit: limit, atMost: most),
                try memory.page(range, reverse: reverse, limit: limit, atMost: most)
            )
            #expect((page?.bytes ?? 0) > most ? whole.bytes > most : page?.items == whole.items, "step \(step)")
            #expect(page?.more == whole.more, "step \(step)")
            if step % 100 == 99 {
                disk = nil
                disk = try open()
            }
        }
        #expect(try disk?.all() == memory.all())
    }
}
