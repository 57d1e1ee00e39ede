// How a request becomes a WebSocket, and which do not (RFC 6455, 4.2).

import Ring
import RingFile
import Testing
import World

@testable import Edge

@Suite struct SocketUpgradeTests {
    private static let good = [
        "host": "127.0.0.1:7070", "upgrade": "websocket", "connection": "keep-alive, Upgrade",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13",
    ]

    /// The head of the answer, or the problem's type. `nil` takes a header out.
    private func answer(
        _ changes: [String: String?] = [:], isOld: Bool = false, ring document: RingDocument? = nil
    ) throws -> String {
        let ring = RingSnapshot(try document ?? RingDocument.singleNode())
        var clients = LoopClients(ring: ring)
        var all = SocketUpgradeTests.good
        for (name, value) in changes { all[name] = value }
        var fields = RequestFields()
        for (name, value) in all.sorted(by: { $0.key < $1.key }) { fields.take(name, value) }
        let head = RequestHead(.get, "/v1/live", fields, isOldClient: isOld)
        do throws(Problem) {
            let checked = try clients.check(head)
            let request = IncomingRequest(head, checked.target, in: ring, otherOrigin: checked.otherOrigin)
            switch try request.call(Surroundings(ring: ring.document) { 7 }) {
            case .upgrade(let upgrade):
                return String(decoding: upgrade.head, as: UTF8.self) + (upgrade.origin.map { "of \($0)" } ?? "")
            default: return "no upgrade"
            }
        } catch { return "/problems/\(error.name)" }
    }

    /// The example of RFC 6455, 1.3.
    @Test func theKeyIsAnswered() throws {
        let head = try answer()
        #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n") && head.hasSuffix("\r\n\r\n"))
        #expect(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
        #expect(!head.contains("protocol:"))
        #expect(
            try answer(["sec-websocket-protocol": "chat, atoll.v1"]).contains("sec-websocket-protocol: atoll.v1\r\n"))
        #expect(!(try answer(["sec-websocket-protocol": "chat"]).contains("protocol:")))
        #expect(try answer(["origin": "http://127.0.0.1:7070"]).hasPrefix("HTTP/1.1 101"))
    }

    /// Which buckets it may use is found out with each watch.
    @Test func aPageThatABucketNamesIsLetIn() throws {
        let ring = try RingDocument.compile(
            ringFile: RingDocument.threeCountries + "\n[bucket.shared]\ncors = [\"https://example.org\"]\n",
            fileName: "test")
        #expect(try answer(["origin": "https://example.org"], ring: ring).hasSuffix("of https://example.org"))
        #expect(try answer(["origin": "http://127.0.0.1:7070"], ring: ring).hasSuffix("\r\n\r\n"))
        #expect(try answer(["origin": "https://example.com"], ring: ring) == "/problems/foreign-origin")
        #expect(try answer(["origin": "http://example.org"], ring: ring) == "/problems/foreign-origin")
    }

    @Test func whatIsNoneIsRefused() throws {
        #expect(try answer(["sec-websocket-version": "8"]) == "/problems/upgrade-required")
        #expect(try answer(["sec-websocket-version": nil]) == "/problems/upgrade-required")
        #expect(try answer(["sec-websocket-key": nil]) == "/problems/malformed")
        #expect(try answer(["sec-websocket-key": "dGhlIHNhbXBsZQ=="]) == "/problems/malformed")
        #expect(try answer(["connection": "close"]) == "/problems/malformed")
        #expect(try answer(["connection": nil]) == "/problems/malformed")
        #expect(try answer(isOld: true) == "/problems/malformed")
        #expect(try answer(["upgrade": "h2c"]) == "/problems/malformed", "and no watch is named")
        #expect(try answer(["origin": "http://elsewhere.example"]) == "/problems/foreign-origin")
        #expect(try answer(["origin": "null"]) == "/problems/foreign-origin")
        #expect(try answer(["host": "elsewhere.example"]) == "/problems/wrong-host")
    }
}
