// HTTP/1.1 as unusual but honest clients speak it: pipelining, 100-continue, HTTP/1.0, one byte at a time, slow
// readers.

import Foundation
import Testing

extension Integration {
    @Suite(.singleNode) struct ProtocolTests {
        @Test func pipelinedRequestsAreAnsweredInOrder() throws {
            let connection = try cluster()[0].connect()
            var request = ""
            for i in 0..<40 {
                request +=
                    "PUT /v1/kv/pipe/k\(i) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \("\(i)".count)\r\n\r\n\(i)"
                request +=
                    "GET /v1/kv/pipe/k\(i) HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /v1/kv/pipe/k\(i) HTTP/1.1\r\nHost: localhost\r\n\r\n"
                request +=
                    "GET /v1/nodes HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/kv/pipe/none HTTP/1.1\r\nHost: localhost\r\n\r\n"
            }
            try connection.send(request)
            for i in 0..<40 {
                #expect(try connection.response(to: "PUT").status == 201)
                let got = try connection.response()
                #expect(got.status == 200 && got.text == "\(i)")
                #expect(try connection.response(to: "HEAD").status == 200)
                #expect(try connection.response().json["nodes"] != nil)
                #expect(try connection.response().status == 404)
            }
            #expect(try connection.request("GET", "/healthz").status == 200)
        }

        @Test func whatComesBeforeGarbageIsStillAnswered() throws {
            let node = try cluster()[0]
            let tails = [
                ("GARBAGE\r\n\r\n", 400), ("GET /v1/kv/b/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
                ("PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n", 413),
                (
                    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: \(String(repeating: "a", count: 40 << 10))\r\n\r\n",
                    431
                ),
            ]
            for (i, (tail, status)) in tails.enumerated() {
                let connection = try node.connect()
                let put = "PUT /v1/kv/before/k\(i) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nv"
                try connection.send(put + "GET /v1/kv/before/k\(i) HTTP/1.1\r\nHost: localhost\r\n\r\n" + tail)
                #expect(try connection.response(to: "PUT").status == 201, "\(i)")
                let got = try connection.response()
                #expect(got.status == 200 && got.text == "v", "\(i)")
                #expect(try connection.response().status == status, "\(i)")
                #expect(try connection.readToEnd().isEmpty, "\(i)")
            }
        }

        @Test func oneByteAtATime() throws {
            let connection = try cluster()[0].connect()
            let put =
                "PUT /v1/kv/slow/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
            for byte in (put + "GET /v1/kv/slow/k HTTP/1.1\r\nHost: localhost\r\n\r\n").utf8 {
                try connection.send([byte])
            }
            #expect(try connection.response(to: "PUT").status == 201)
            #expect(try connection.response().text == "abcde")
        }

        @Test func expectContinue() throws {
            let node = try cluster()[0]
            let connection = try node.connect()
            try connection.send(
                "PUT /v1/kv/expect/k HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            #expect(try connection.response().status == 100)
            try connection.send("body")
            #expect(try connection.response(to: "PUT").status == 201)
            #expect(try node.get("expect/k").text == "body")
            let refused = try node.connect()
            try refused.send(
                "PUT /v1/kv/expect/k HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
            )
            #expect(try refused.response().status == 413)
        }

        @Test func connectionsEndWhenAskedTo() throws {
            let node = try cluster()[0]
            for request in [
                "GET /healthz HTTP/1.0\r\n\r\n",
                "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            ] {
                let connection = try node.connect()
                try connection.send(request)
                let answer = try connection.response()
                #expect(answer.status == 200 && answer.text == "ok\n" && answer["connection"] == "close")
                #expect(try connection.readToEnd().isEmpty)
            }
            let kept = try node.connect()
            for _ in 0..<3 { #expect(try kept.request("GET", "/healthz")["connection"] == nil) }
        }

        @Test func anOfferToUpgradeIsNotTakenUp() throws {
            let node = try cluster()[0]
            let upgrade = [
                "Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__",
            ]
            for (method, body) in [("PUT", Array("v".utf8)), ("GET", nil)] as [(String, [UInt8]?)] {
                let connection = try node.connect()
                let answer = try connection.request(method, "/v1/kv/upgrade/k", upgrade, body: body)
                #expect(answer.status == (method == "PUT" ? 201 : 200) && answer["connection"] == "close")
                // What would be another protocol must not be kept for ever.
                try? connection.send([UInt8](repeating: 0, count: 100_000))
                #expect(try connection.readToEnd().isEmpty)
            }
            #expect(try node.get("upgrade/k").text == "v")
        }

        @Test func keepAliveOfOldClients() throws {
            let connection = try cluster()[0].connect()
            for _ in 0..<3 {
                try connection.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let answer = try connection.response()
                #expect(answer.status == 200 && answer["connection"] == "keep-alive")
            }
        }

        @Test func answersToHeadNeverHaveABody() throws {
            let node = try cluster()[0]
            for target in ["/v1/kv/b/none", "/v1/kv/b/%zz", "/v1/nodes", "/nowhere"] {
                let connection = try node.connect()
                try connection.send("HEAD \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                #expect(try connection.response(to: "HEAD").status >= 400)
                #expect(try connection.readToEnd().isEmpty, "\(target)")
            }
        }

        @Test func answersThatNobodyReadsDoNotPileUp() throws {
            let node = try cluster()[0]
            let value = [UInt8](repeating: 0x61, count: 1 << 20)
            #expect(try node.request("PUT", "/v1/kv/unread/k", body: value).status < 300)
            let before = try #require(node.process?.residentBytes)
            let connection = try Connection(node.httpPort, receiveBuffer: 4_096)
            try connection.send(
                String(repeating: "GET /v1/kv/unread/k HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 150))
            // Long enough for the node to answer all of them, if it did.
            let other = try node.connect()
            for _ in 0..<300 { #expect(try other.request("GET", "/v1/kv/unread/k").body.count == value.count) }
            #expect(try #require(node.process?.residentBytes) - before < 48 << 20)
            for i in 0..<150 { #expect(try connection.response().body == value, "\(i)") }
            #expect(try connection.request("GET", "/healthz").status == 200)
        }

        @Test func aClientThatSaysItHasSentAllIsStillAnswered() throws {
            let node = try cluster()[0]
            try node.put("half/k", "v")
            let connection = try node.connect()
            try connection.send("GET /v1/kv/half/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.finishSending()
            #expect(try connection.response().text == "v")
            #expect(try connection.readToEnd().isEmpty)
        }

        @Test func aSlowReaderGetsEverything() throws {
            let node = try cluster()[0]
            let value = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 / 11) }
            #expect(try node.request("PUT", "/v1/kv/slow/large", body: value).status < 300)
            for closing in ["Connection: close\r\n", ""] {
                let connection = try Connection(node.httpPort, receiveBuffer: 4_096)
                // Eight answers are more than the socket's buffers hold, and only the last request closes.
                let request = "GET /v1/kv/slow/large HTTP/1.1\r\nHost: localhost\r\n"
                try connection.send(String(repeating: request + "\r\n", count: 7) + request + closing + "\r\n")
                try eventually("the node has written what it can", within: 5) {
                    try node.request("GET", "/healthz").status == 200
                }
                for i in 0..<8 { #expect(try connection.response().body == value, "answer \(i) of 8") }
                if !closing.isEmpty { #expect(try connection.readToEnd().isEmpty) }
            }
        }

        @Test func manyConnectionsThatSayNothing() throws {
            let node = try cluster()[0]
            let before = try #require(node.process?.residentBytes)
            let idle = try (0..<300).map { _ in try node.connect() }
            for connection in idle { try connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n") }
            try node.put("idle/k", "v")
            #expect(try node.get("idle/k").text == "v")
            #expect(try #require(node.process?.residentBytes) - before < 64 << 20)
            idle.forEach { $0.close() }
            try eventually("they are gone", within: 5) { try node.metric("atoll_http_connections") == 1 }
        }

        @Test func headersAfterTheBodyAreBoundedToo() throws {
            let node = try cluster()[0]
            let before = try #require(node.process?.residentBytes)
            for ending in ["trailer", "extension"] {
                let connection = try node.connect()
                try connection.send(
                    "PUT /v1/kv/trail/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nv\r\n")
                try connection.send(ending == "trailer" ? "0\r\n" : "1;")
                let line =
                    ending == "trailer"
                    ? "x: \(String(repeating: "t", count: 1_000))\r\n" : String(repeating: "e", count: 1_000)
                // It may close on us while we send.
                do { for _ in 0..<64_000 { try connection.send(line) } } catch is HarnessFailure {}
                connection.close()
            }
            #expect(try node.request("GET", "/healthz").status == 200)
            #expect(try #require(node.process?.residentBytes) - before < 32 << 20)
            #expect(try node.get("trail/k").status == 404)
        }
    }
}
