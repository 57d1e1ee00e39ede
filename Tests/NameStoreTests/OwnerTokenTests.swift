// Tokens show nothing of themselves, and weak ones are refused.

import Testing

@testable import NameStore

@Suite struct OwnerTokenTests {
    private static let good = "q0Vb3kTnA8x2ZfLw9eRy1M"

    @Test func whatIsTooWeakIsRefused() {
        let weak = [
            "", "secret", String(repeating: "a", count: 64), "0123456789012345678901234567890123456",
            "0123456789abcdef0123456789abcde", "abcdefghijklmnopqrstuvwx", "q0Vb3kTnA8x2ZfLw9eRy1",
            String(repeating: "abcd", count: 20),
        ]
        for text in weak {
            #expect(throws: OwnerToken.Refusal.tooWeak, "\(text)") { try OwnerToken(Array(text.utf8)) }
        }
        #expect(throws: OwnerToken.Refusal.character) { try OwnerToken(Array((OwnerTokenTests.good + "\n").utf8)) }
        #expect(throws: OwnerToken.Refusal.character) { try OwnerToken(Array((OwnerTokenTests.good + " ").utf8)) }
        #expect(throws: OwnerToken.Refusal.character) { try OwnerToken([UInt8](repeating: 0xC3, count: 40)) }
        #expect(throws: OwnerToken.Refusal.tooLong) { try OwnerToken([UInt8](repeating: 0x61, count: 10_000)) }
    }

    @Test func whatOpensslMakesIsTaken() throws {
        // base64 of 16 and 24 bytes, hexadecimal of 16, a UUID.
        for text in [
            "3q2+7wAAESIzRFVmd4iZqg==", "kJ9x0f2mQe7sVb1LwYtUo3PzRa5cNdH4", "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        ] { _ = try OwnerToken(Array(text.utf8)) }
    }

    @Test func nothingPrintsIt() throws {
        let token = try OwnerToken(Array(OwnerTokenTests.good.utf8))
        var dumped = ""
        dump(Digest256(1, 2, 3, 4), to: &dumped)
        for text in ["\(token)", String(reflecting: token), String(describing: Optional(token))] {
            #expect(!text.contains(OwnerTokenTests.good))
        }
        let name = try Name(Array("user:ann".utf8))
        #expect(!"\(token.digest(for: name))".contains(OwnerTokenTests.good))
        #expect("\(token.digest(for: name))".count == 8)
    }

    @Test func digestsDependOnNameAndToken() throws {
        let token = try OwnerToken(Array(OwnerTokenTests.good.utf8))
        let other = try OwnerToken(Array((OwnerTokenTests.good + "0").utf8))
        let (ann, bob) = (try Name(Array("user:ann".utf8)), try Name(Array("user:bob".utf8)))
        #expect(token.digest(for: ann) == token.digest(for: ann))
        #expect(token.digest(for: ann) != token.digest(for: bob))
        #expect(token.digest(for: ann) != other.digest(for: ann))
        #expect(token.digest(for: ann) == token.digest(for: try Name(Array("USER:ANN".utf8))))
    }
}
