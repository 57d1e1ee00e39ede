// What travels between nodes comes back as it was, and no bytes make a reader fall.

import Keys
import Testing
import World

@testable import Live

@Suite struct CodecTests {
    @Test func everyMessageComesBack() throws {
        var messages = RandomMessages(random: SeededRandom(seed: 1))
        for _ in 0..<2_000 {
            let message = try messages.next()
            #expect(try LiveMessage(decoding: message.encode()) == message)
        }
    }

    /// What is read from damaged bytes is what these bytes mean, and has no other form.
    @Test func damagedBytesAreRefusedOrMeanOneThing() throws {
        var messages = RandomMessages(random: SeededRandom(seed: 2))
        var random = SeededRandom(seed: 3)
        var refused = 0
        for _ in 0..<5_000 {
            var bytes = try messages.next().encode()
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            case 1: bytes.append(UInt8.random(in: 0...255, using: &random))
            default: bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let message = try? LiveMessage(decoding: bytes) {
                #expect(message.encode() == bytes)
            } else {
                refused += 1
            }
        }
        #expect(refused > 2_000)
    }

    @Test func aCountBeyondWhatIsThereTakesNoMemory() {
        // A watch message of 2^62 orders.
        let bytes: [UInt8] = [1, 0, 1, 1, 1] + Array(repeating: 0xFF, count: 8) + [0x3F]
        #expect(throws: DecodingFailure.overlong) { try LiveMessage(decoding: bytes) }
    }

    @Test func aRangeStaysWithinItsPartitionKey() throws {
        let range = try Cluster.range("p")
        let others = try #require(Cluster.range("q").range)
        var bytes = ByteWriter()
        bytes.counted(range.base)
        bytes.flag(true)
        bytes.counted(others.start)
        bytes.counted(others.end ?? [])
        var reader = ByteReader(bytes.bytes)
        #expect(throws: DecodingFailure.self) { try reader.target() }
    }

    // MARK: Ids

    @Test func anIDComesBack() throws {
        let text = "-,AQID,ra~5.0.7;rb~18446744073709551615.1024.0,ra~5.0.7@1795401058205"
        let id = try EventID(text, watches: 4)
        #expect(id.parts.map(\.text).joined(separator: ",") == text)
        #expect(id.parts[1] == .context([1, 2, 3]))
    }

    @Test(arguments: [
        "", "-,-", "ra~1.2", "ra~1.2.3.4", "ra~+1.2.3", "ra~1.1025.3", "RA~1.2.3", "ra~1.2.3;ra~1.2.3",
        "rb~1.2.3;ra~1.2.3",
        "ra~18446744073709551616.0.0", "ra~1.2.3;", "AQI", "AQI\n", "~", "ra~~1.2.3", "ra~ .2.3", "é",
        "ra~1.2.3@", "ra~1.2.3@-1", "ra~1.2.3@1@1", "@1", "AQID@1", "ra~1.2.3@18446744073709551616",
    ])
    func anIDThatIsNoneIsRefused(_ text: String) {
        #expect(throws: DecodingFailure.self) { try EventID(text, watches: 1) }
    }

    @Test func noTextMakesTheReaderOfIDsFall() throws {
        var random = SeededRandom(seed: 4)
        let letters = Array("ra~.;@,-0199=AQ+/ \u{0}é")
        var read = 0
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0...14, using: &random)).compactMap { _ in letters.randomElement(using: &random) })
            if let id = try? EventID(text, watches: 1) {
                read += 1
                #expect(try EventID(id.parts[0].text, watches: 1) == id)
            }
        }
        #expect(read > 0)
    }
}
