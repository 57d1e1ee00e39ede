// What is written is read back the same, and nothing else is taken: peers and disks may hold any bytes.

import Testing
import World

@testable import NameStore

@Suite struct FormatTests {
    @Test func messagesComeBackTheSame() throws {
        var samples = Samples(seed: 1)
        for _ in 0..<2_000 {
            let message = samples.message()
            let bytes = message.encode()
            #expect(bytes.count <= Limits.nameMessageBytes)
            #expect(try NameMessage.decode(bytes) == message)
        }
    }

    /// One message, one encoding: whatever decodes encodes to the bytes it came from.
    @Test func damagedMessagesAreRefusedOrCanonical() {
        var samples = Samples(seed: 2)
        var refused = 0
        for _ in 0..<4_000 {
            var bytes = samples.message().encode()
            switch Int.random(in: 0..<3, using: &samples.random) {
            case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &samples.random))
            case 1: bytes.append(UInt8.random(in: 0...255, using: &samples.random))
            default:
                let place = Int.random(in: bytes.indices, using: &samples.random)
                bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &samples.random)
            }
            guard let decoded = try? NameMessage.decode(bytes) else {
                refused += 1
                continue
            }
            #expect(decoded.encode() == bytes)
        }
        #expect(refused > 2_500)
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededRandom(seed: 3)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...120, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            if !bytes.isEmpty { bytes[0] = 1 }
            if let decoded = try? NameMessage.decode(bytes) { #expect(decoded.encode() == bytes) }
        }
    }

    @Test func whatIsTooLongIsRefusedUnread() {
        #expect(throws: DecodingFailure.malformed("length")) {
            try NameMessage.decode([UInt8](repeating: 1, count: Limits.nameMessageBytes + 1))
        }
    }

    @Test func anotherVersionIsRefused() {
        var samples = Samples(seed: 4)
        var bytes = samples.message().encode()
        bytes[0] = 2
        #expect(throws: DecodingFailure.unknownVersion(2)) { try NameMessage.decode(bytes) }
    }

    @Test func theLargestPageFits() throws {
        let longest = (0..<Limits.nameListKeys).compactMap { index -> RegisterKey? in
            RegisterKey(bytes: [1] + [UInt8](repeating: UInt8(index), count: Limits.nameBytes))
        }
        var samples = Samples(seed: 5)
        let message = NameMessage(
            cluster: samples.identifier(), epoch: .max, store: samples.identifier(), exchange: .max,
            body: .reply(.page(keys: longest, isLast: false)))
        let bytes = message.encode()
        #expect(bytes.count <= Limits.nameMessageBytes)
        #expect(try NameMessage.decode(bytes) == message)
    }

    @Test func recordsComeBackTheSame() throws {
        var samples = Samples(seed: 6)
        for _ in 0..<1_000 {
            let (key, state) = (samples.key(), samples.state())
            #expect(try RecordFormat.decode(RecordFormat.encode(state, for: key), for: key) == state)
        }
    }

    /// A record is bound to its key, and every bit of it to its checksum.
    @Test func everyFlippedBitOfARecordIsFound() {
        var samples = Samples(seed: 7)
        for _ in 0..<40 {
            let (key, state) = (samples.key(), samples.state())
            let bytes = RecordFormat.encode(state, for: key)
            for place in bytes.indices {
                for bit in UInt8(0)..<8 {
                    var damaged = bytes
                    damaged[place] ^= 1 << bit
                    #expect(throws: DecodingFailure.self) { try RecordFormat.decode(damaged, for: key) }
                }
            }
            let other = samples.key()
            if other != key { #expect(throws: DecodingFailure.self) { try RecordFormat.decode(bytes, for: other) } }
            for length in 0..<bytes.count {
                #expect(throws: DecodingFailure.self) { try RecordFormat.decode(Array(bytes[..<length]), for: key) }
            }
        }
    }

    @Test func headersAndFrontiersComeBackTheSame() throws {
        var samples = Samples(seed: 8)
        for _ in 0..<300 {
            var header = StoreHeader(store: samples.identifier())
            if samples.random.chance(0.7) {
                header.cluster = samples.identifier()
                header.configuration = samples.configuration()
            }
            if samples.random.chance(0.5) {
                header.pledge = AcceptorID(node: samples.node(), store: samples.identifier())
            }
            header.sequence = samples.random.next()
            header.chain = samples.identifier()
            #expect(try StoreHeader(decoding: header.encode()) == header)
            let frontier = header.frontier
            #expect(try Frontier(decoding: frontier.encode()) == frontier)
            var damaged = frontier.encode()
            damaged[Int.random(in: damaged.indices, using: &samples.random)] ^= 4
            #expect(throws: DecodingFailure.self) { try Frontier(decoding: damaged) }
        }
    }

    @Test func storedKeysAreInKeyOrder() {
        var samples = Samples(seed: 9)
        for _ in 0..<500 {
            let (a, b) = (samples.key(), samples.key())
            let stored = StoreLayout.record(a).lexicographicallyPrecedes(StoreLayout.record(b))
            #expect((a < b) == stored)
            #expect(StoreLayout.register(StoreLayout.record(a)) == a)
        }
    }
}
