// Clients that ask for much and read slowly, or not at all: the node holds so much for them and no more, gives it back
// when they are gone, and serves others meanwhile.

import Foundation
import Testing
import World

extension Integration {
    @Suite(.singleNode) struct SlowReaderTests {
        private static let value = [UInt8](repeating: 0x61, count: (1 << 20) - 64)

        /// Clients that have asked and read nothing; all of them are answered.
        private func readers(_ count: Int, _ node: TestNode, _ target: String) throws -> [Connection] {
            let before = try node.answered
            let readers = try (0..<count).map { _ in try Connection(node.httpPort, receiveBuffer: 4_096) }
            for reader in readers { try reader.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n") }
            try eventually("\(count) are answered", within: 60) { try node.answered >= before + Double(count) }
            return readers
        }

        @Test func theRestLevelDoesNotRise() throws {
            let node = try cluster()[0]
            for i in 0..<6 {
                #expect(try node.request("PUT", "/v1/kv/unread/p/\(i)", body: Self.value).status < 300)
            }
            var rests: [Int] = []
            for _ in 0..<20 {
                let readers = try readers(16, node, "/v1/kv/unread/p/?limit=1000")
                let held = try node.metric("atoll_client_bytes") ?? 0
                #expect(held > Double(16 << 20))
                readers.forEach { $0.close() }
                try eventually("all is given back", within: 10) { try node.metric("atoll_client_bytes") == 0 }
                let process = try #require(node.process)
                rests.append(process.residentBytes >> 20)
            }
            let early = try #require(rests[2..<10].max())
            let late = try #require(rests[12...].max())
            #expect(late <= early + 32 && late < 300, "MiB after each round: \(rests)")
        }

        @Test func whatIsHeldIsBoundedAndTheSlowestGiveWay() throws {
            let node = try cluster()[0]
            for i in 0..<6 {
                #expect(try node.request("PUT", "/v1/kv/kept/p/\(i)", body: Self.value).status < 300)
            }
            // Pages of 3 MiB, more than a socket holds, and in all more than both loops may hold.
            let list = "/v1/kv/kept/p/?limit=1000"
            var kept: [Connection] = []
            for _ in 0..<60 { kept += try readers(4, node, list) }
            let held = try node.metric("atoll_client_bytes") ?? 0
            #expect(held > Double(Limits.clientBytes) && held <= Double(2 * Limits.clientBytes))
            let process = try #require(node.process)
            #expect(process.residentBytes < 3 * Limits.clientBytes)
            #expect(try node.request("GET", "/healthz").status == 200)
            // Those who come later are served as soon as the others have had their time, on either loop.
            for _ in 0..<4 {
                try eventually("another is served", within: 20) { try node.request("GET", list).status == 200 }
            }
            #expect(try node.metric("atoll_http_readers_cut_off_total") ?? 0 > 0)
            kept.forEach { $0.close() }
            try eventually("all is given back", within: 10) { try node.metric("atoll_client_bytes") == 0 }
        }

        @Test func aSlowReaderOfAListGetsAllOfIt() throws {
            let node = try cluster()[0]
            for i in 0..<3 {
                #expect(try node.request("PUT", "/v1/kv/slowly/p/\(i)", body: Self.value + [0xFF]).status < 300)
            }
            for limit in [3, 1] {
                // One after the other on one connection: in all more than the kernel keeps for a socket, which is 4 MiB
                // here and as many elsewhere (net.ipv4.tcp_wmem); one answer alone may lie there whole.
                let answers = 12 / limit
                let reader = try Connection(node.httpPort, receiveBuffer: 4_096)
                for _ in 0..<answers {
                    try reader.send("GET /v1/kv/slowly/p/?limit=\(limit) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                }
                try eventually("it waits to be read", within: 5) { try node.metric("atoll_client_bytes") ?? 0 > 0 }
                for _ in 0..<answers {
                    let items = try #require(try reader.response().json["items"] as? [[String: Any]])
                    #expect(items.count == limit)
                    let values = items.compactMap { Data(base64Encoded: $0["value_base64"] as? String ?? "") }
                    #expect(values == Array(repeating: Data(Self.value + [0xFF]), count: limit))
                }
            }
            // Who knows no chunks reads to the end.
            let old = try node.connect()
            try old.send("GET /v1/kv/slowly/p/?limit=1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let text = try old.readToEnd()
            #expect(text.count > Base64Length.of(Self.value.count + 1) && text.suffix(2) == Array("}\n".utf8)[...])
        }

        @Test func aLargeReadHoldsNobodyUp() throws {
            let node = try cluster()[0]
            let first = try #require(try node.put("wide/k", "first").context)
            for i in 0..<12 {
                let body = Self.value + Array("\(i) \"quoted\"".utf8)
                let headers = ["Atoll-Context": first]
                #expect(try node.request("PUT", "/v1/kv/wide/k", headers, body: body).status < 300)
            }
            let reading = Background {
                for accept in ["application/json", "multipart/mixed"] {
                    let answer = try node.request("GET", "/v1/kv/wide/k", ["Accept": accept], timeout: 30)
                    guard answer.status == 300, answer.body.count > 12 * Self.value.count else {
                        throw HarnessFailure("\(answer.status), \(answer.body.count) bytes")
                    }
                }
            }
            // On every loop.
            let probes = try (0..<4).map { _ in try node.connect() }
            var longest = 0.0
            while !reading.isOver {
                for probe in probes {
                    let began = Stopwatch.now
                    #expect(try probe.request("GET", "/healthz").status == 200)
                    longest = max(longest, Stopwatch.now - began)
                }
            }
            try reading.result()
            #expect(longest < 0.8)
            let siblings = try node.get("wide/k").json["siblings"] as? [[String: Any]]
            #expect(siblings?.count == 12)
        }
    }
}

private enum Base64Length {
    static func of(_ count: Int) -> Int { (count + 2) / 3 * 4 }
}

extension TestNode {
    /// How many requests for data have been answered.
    fileprivate var answered: Double {
        get throws {
            let lines = try request("GET", "/metrics").text.split(separator: "\n").filter {
                $0.hasPrefix("atoll_http_requests_total{") && ($0.contains("\"kv\"") || $0.contains("\"list\""))
            }
            return lines.compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
        }
    }
}

/// Something that runs beside the test.
private final class Background: @unchecked Sendable {
    // `lock` guards `outcome`.
    private let lock = NSLock()
    private var outcome: Result<Void, any Error>?

    init(_ body: @escaping @Sendable () throws -> Void) {
        let thread = Thread { [self] in
            let result = Result { try body() }
            lock.withLock { outcome = result }
        }
        thread.start()
    }

    var isOver: Bool { lock.withLock { outcome != nil } }
    func result() throws { try lock.withLock { try outcome?.get() } }
}
