// The bytes that the load generator sends, and where it sees answers end.

import Foundation
import NIOCore
import Testing
import World

@testable import atoll

@Suite struct RequestFormTests {
    private func text(_ operation: LoadOperation, key: Int, _ change: (inout LoadPlan) -> Void) throws -> String {
        var plan = LoadPlan(urls: [try NodeURL("http://127.0.0.1:1")])
        change(&plan)
        var random = SeededRandom(seed: 1)
        let pool = ValuePool(valueBytes: plan.valueBytes, &random)
        let form = RequestForm(operation, plan, host: "a:1")
        var buffer = form.buffer()
        form.fill(&buffer, key: 999_999, value: 0, of: pool)
        form.fill(&buffer, key: key, value: pool.places - 1, of: pool)
        return String(buffer: buffer)
    }

    @Test func getIsWhole() throws {
        #expect(
            try text(.get, key: 42) { $0.readLevel = "one" }
                == "GET /v1/kv/bench/user000000000042?r=one HTTP/1.1\r\nhost: a:1\r\n\r\n")
    }

    @Test(arguments: [0, 1, 100, 4_096]) func putBearsItsValue(_ bytes: Int) throws {
        let parts = try text(.put, key: 7) { $0.valueBytes = bytes }.components(separatedBy: "\r\n\r\n")
        #expect(parts[0] == "PUT /v1/kv/bench/user000000000007 HTTP/1.1\r\nhost: a:1\r\ncontent-length: \(bytes)")
        #expect(parts[1].utf8.count == bytes)
    }

    @Test func sitesAreAskedForPagesAndGivenPosts() throws {
        #expect(
            try text(.get, key: 1) {
                $0.workload = .page
                $0.path = "/-/public?before=x"
                $0.headers = ["cookie: a=b"]
            } == "GET /-/public?before=x HTTP/1.1\r\nhost: a:1\r\ncookie: a=b\r\n\r\n")
        let post = try text(.put, key: 7) {
            $0.workload = .post
            $0.valueBytes = 10
            $0.headers = ["authorization: Bearer t"]
        }
        #expect(
            post.hasPrefix(
                "POST /v1/posts?title=user000000000007 HTTP/1.1\r\nhost: a:1\r\ncontent-type: text/plain\r\n"
                    + "content-length: 10\r\nauthorization: Bearer t\r\n\r\n"))
        #expect(post.components(separatedBy: "\r\n\r\n").last?.utf8.count == 10)
    }

    @Test func listsAreOfAHundredItems() throws {
        let get = try text(.get, key: 4_217) {
            $0.workload = .list
            $0.readLevel = "one"
        }
        #expect(
            get == "GET /v1/kv/bench/user000000000042/?reverse=true&limit=20&r=one HTTP/1.1\r\nhost: a:1\r\n\r\n")
        let put = try text(.put, key: 4_217) {
            $0.workload = .list
            $0.valueBytes = 5
        }
        #expect(put.hasPrefix("PUT /v1/kv/bench/user000000000042/user000000000017 HTTP/1.1\r\nhost: a:1\r\n"))
        #expect(put.components(separatedBy: "\r\n\r\n")[1].utf8.count == 5)
        let parts = try text(.get, key: 4_217) {
            $0.workload = .list
            $0.target = .etcd
        }.components(separatedBy: "\r\n\r\n")
        #expect(parts[0].hasSuffix("content-length: \(parts[1].utf8.count)"))
        struct Body: Decodable { let key: Data; let range_end: Data; let limit: String; let sort_order: String }
        let body = try JSONDecoder().decode(Body.self, from: Data(parts[1].utf8))
        #expect(String(decoding: body.key, as: UTF8.self) == "user000000004200")
        #expect(String(decoding: body.range_end, as: UTF8.self) == "user000000004300")
        #expect(body.limit == "20" && body.sort_order == "DESCEND")
    }

    @Test(arguments: [12, 13, 14, 100]) func keysHaveTheirLength(_ bytes: Int) throws {
        let key = KeyText(bytes: bytes).text(99_999_999)
        #expect(key.count == bytes)
        #expect(String(decoding: key, as: UTF8.self).hasSuffix("99999999"))
        for valueBytes in 0...4 {
            let text = try text(.put, key: 99_999_999) {
                $0.target = .etcd
                $0.keyBytes = bytes
                $0.valueBytes = valueBytes
            }
            let parts = text.components(separatedBy: "\r\n\r\n")
            #expect(parts[0].hasSuffix("content-length: \(parts[1].utf8.count)"))
            struct Body: Decodable { let key: Data; let value: Data }
            let body = try JSONDecoder().decode(Body.self, from: Data(parts[1].utf8))
            #expect([UInt8](body.key) == key)
            #expect(body.value.count == valueBytes)
        }
    }
}

@Suite struct ResponseScanTests {
    private func scan(_ text: String) -> ResponseScan { Array(text.utf8).withUnsafeBytes(ResponseScan.scan) }

    /// Whole answers, each with its status and whether the connection ends.
    private static let whole: [(text: String, status: Int, closes: Bool)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, false),
        ("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length:0\r\nx: y\r\n\r\n", 200, false),
        ("HTTP/1.1 204 No Content\r\natoll-acks: replicas=1\r\n\r\n", 204, false),
        ("HTTP/1.1 204 \r\n\r\n", 204, false),
        ("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", 503, true),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, true),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 200,
            false
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: a\r\n\r\n", 200, false),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\n.", 201, false),
    ]

    @Test func wholeAnswersAreFoundHoweverTheyCome() {
        for (text, status, closes) in ResponseScanTests.whole {
            let length = text.utf8.count
            #expect(scan(text) == .complete(status: status, length: length, closes: closes), "\(text)")
            #expect(scan(text + "HTTP/1.1 2") == .complete(status: status, length: length, closes: closes), "\(text)")
            for cut in 0..<length {
                #expect(
                    scan(String(decoding: Array(text.utf8)[..<cut], as: UTF8.self)) == .incomplete,
                    "\(text) cut at \(cut)")
            }
        }
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 099 no\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nuntil the end",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n123456789\r\n",
    ]) func whatIsNoAnswerIsRefused(_ text: String) { #expect(scan(text) == .malformed) }

    @Test func anEndlessHeadIsRefused() {
        #expect(scan("HTTP/1.1 200 OK\r\nx: " + String(repeating: "a", count: 70_000)) == .malformed)
    }

    @Test func garbageNeverTraps() {
        var random = SeededRandom(seed: 5)
        let whole = ResponseScanTests.whole.map { Array($0.text.utf8) }
        for _ in 0..<20_000 {
            var bytes = whole[Int(random.next() % UInt64(whole.count))]
            for _ in 0..<Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if case .complete(_, let length, _) = bytes.withUnsafeBytes(ResponseScan.scan) {
                #expect(length <= bytes.count)
            }
        }
    }
}
