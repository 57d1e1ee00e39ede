// Stored order is ring order, and within a partition key the order of sort keys, whatever bytes they have.

import Keys
import Testing
import World

@Suite struct StoredKeyTests {
    private static let alphabet: [UInt8] = [0, 0, 1, 2, 0x61, 0xFE, 0xFF, 0xFF]

    private func part(_ dice: inout SeededRandom, atLeast least: Int = 1) -> [UInt8] {
        (0..<Int.random(in: least...4, using: &dice)).map { _ in
            StoredKeyTests.alphabet.randomElement(using: &dice) ?? 0
        }
    }

    private func precedes(_ a: [UInt8]?, _ b: [UInt8]?) -> Bool {
        guard let b else { return false }
        return a?.lexicographicallyPrecedes(b) ?? true
    }

    @Test func byteOrderIsTheOrderOfTheParts() throws {
        var dice = SeededRandom(seed: 1)
        for _ in 0..<5_000 {
            let a = try StoredKey(
                bucket: part(&dice), partitionKey: part(&dice), sortKey: dice.chance(0.3) ? nil : part(&dice))
            let b = try StoredKey(
                bucket: dice.chance(0.6) ? a.bucket : part(&dice),
                partitionKey: dice.chance(0.6) ? a.partitionKey : part(&dice),
                sortKey: dice.chance(0.3) ? nil : part(&dice))
            // The token comes first and would hide the rest.
            let bytesPrecede = a.bytes[8...].lexicographicallyPrecedes(b.bytes[8...])
            let partsPrecede =
                a.bucket != b.bucket
                ? precedes(a.bucket, b.bucket)
                : a.partitionKey != b.partitionKey
                    ? precedes(a.partitionKey, b.partitionKey)
                    : a.sortKey != b.sortKey && precedes(a.sortKey, b.sortKey)
            #expect(bytesPrecede == partsPrecede, "\(a) \(b)")
            if a.token != b.token { #expect((a.token < b.token) == a.bytes.lexicographicallyPrecedes(b.bytes)) }
        }
    }

    @Test func roundTripsAndSaysItsBucket() throws {
        var dice = SeededRandom(seed: 2)
        for _ in 0..<3_000 {
            let key = try StoredKey(
                bucket: part(&dice), partitionKey: part(&dice), sortKey: dice.chance(0.4) ? nil : part(&dice))
            #expect(try StoredKey(decoding: key.bytes) == key)
            #expect(StoredKey.bucket(of: key.bytes) == key.bucket)
            #expect(StoredKey.sortKey(of: key.bytes) == key.sortKey)
            let plain = key.bytes.withUnsafeBytes(StoredKey.plainSortKey).map { Array(key.bytes[$0]) }
            #expect(plain == key.sortKey.flatMap { $0.contains(0) ? nil : $0 })
        }
    }

    @Test func noBytesMakeAKeyThatIsNotItsOwnEncoding() throws {
        var dice = SeededRandom(seed: 3)
        for _ in 0..<5_000 {
            var bytes = try StoredKey(bucket: part(&dice), partitionKey: part(&dice), sortKey: part(&dice)).bytes
            for _ in 0..<Int.random(in: 1...3, using: &dice) {
                let place = Int.random(in: 0..<bytes.count, using: &dice)
                switch Int.random(in: 0..<3, using: &dice) {
                case 0: bytes[place] = StoredKeyTests.alphabet.randomElement(using: &dice) ?? 0
                case 1: bytes.insert(StoredKeyTests.alphabet.randomElement(using: &dice) ?? 0, at: place)
                default: if bytes.count > 1 { bytes.remove(at: place) }
                }
            }
            if let key = try? StoredKey(decoding: bytes) { #expect(key.bytes == bytes) }
            _ = StoredKey.bucket(of: bytes)
        }
    }

    @Test func theTokenIsTakenAsItTravels() throws {
        let (a, b) = (try StoredKey(bucket: [1], partitionKey: [1]), try StoredKey(bucket: [1], partitionKey: [2]))
        let misplaced = try StoredKey(decoding: Array(a.bytes[..<8] + b.bytes[8...]))
        #expect(misplaced.token == a.token && misplaced.partitionKey == b.partitionKey && misplaced != b)
    }

    @Test func emptyAndOverlongPartsAreRefused() throws {
        let long = [UInt8](repeating: 0, count: Limits.keyBytes)
        #expect(throws: DecodingFailure.self) { try StoredKey(bucket: [], partitionKey: [1]) }
        #expect(throws: DecodingFailure.self) { try StoredKey(bucket: [1], partitionKey: []) }
        #expect(throws: DecodingFailure.self) { try StoredKey(bucket: [1], partitionKey: [1], sortKey: []) }
        #expect(throws: DecodingFailure.overlong) { try StoredKey(bucket: [1], partitionKey: long) }
        #expect(throws: DecodingFailure.overlong) {
            try StoredKey(bucket: [UInt8](repeating: 1, count: Limits.bucketNameBytes + 1), partitionKey: [1])
        }
        #expect(
            try StoredKey(bucket: [1], partitionKey: Array(long.dropFirst())).bytes.count <= 2 * Limits.keyBytes + 16)
    }

    @Test func rangesHoldExactlyTheItemsAskedFor() throws {
        var dice = SeededRandom(seed: 4)
        for _ in 0..<400 {
            let (bucket, partition) = (part(&dice), part(&dice))
            let start = dice.chance(0.5) ? part(&dice, atLeast: 0) : nil
            let end = dice.chance(0.5) ? part(&dice, atLeast: 0) : nil
            let prefix = dice.chance(0.5) ? part(&dice, atLeast: 0) : nil
            let range = try StoredKey.range(
                bucket: bucket, partitionKey: partition, start: start, end: end, prefix: prefix)
            for _ in 0..<40 {
                let sort = part(&dice)
                let key = try StoredKey(bucket: bucket, partitionKey: partition, sortKey: sort)
                // An empty bound is none.
                let afterStart = !sort.lexicographicallyPrecedes(start ?? [])
                let beforeEnd = end.map { $0.isEmpty || sort.lexicographicallyPrecedes($0) } ?? true
                let wanted = afterStart && beforeEnd && sort.starts(with: prefix ?? [])
                let name = "\(sort) in \(start ?? [])..<\(end ?? []) prefix \(prefix ?? [])"
                #expect(range.contains(key.bytes) == wanted, "\(name)")
                let other = try StoredKey(bucket: bucket, partitionKey: partition + [0], sortKey: sort)
                #expect(!range.contains(other.bytes))
            }
            #expect(!range.contains(try StoredKey(bucket: bucket, partitionKey: partition).bytes))
        }
    }

    @Test(arguments: [1, 2, 8, 256, 1 << 15]) func partitionsTileTheRing(_ count: Int) throws {
        var next: UInt64 = 0
        for index in 0..<count {
            let (first, last) = TokenRange.partition(index, of: count)
            #expect(first == next && last >= first)
            #expect(Token(value: first).partition(of: count) == index)
            #expect(Token(value: last).partition(of: count) == index)
            next = last &+ 1
        }
        #expect(next == 0)
    }

    @Test func aPartitionsKeysAreOneRange() throws {
        var dice = SeededRandom(seed: 5)
        let ranges = (0..<16).map { index in
            let (first, last) = TokenRange.partition(index, of: 16)
            return TokenRange.keys(first: first, last: last)
        }
        for _ in 0..<500 {
            let key = try StoredKey(bucket: part(&dice), partitionKey: part(&dice))
            #expect(ranges.indices.filter { ranges[$0].contains(key.bytes) } == [key.token.partition(of: 16)])
        }
    }
}
