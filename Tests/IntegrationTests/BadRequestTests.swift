// What the internet sends: requests that are malformed, too large, cut off or hostile. Each gets a clear answer or a
// closed connection, and after each the node still serves what it served before.

import Foundation
import Testing
import World

extension Integration {
    @Suite(.singleNode) struct BadRequestTests {
        /// Sends raw bytes, checks the answer and that the node goes on.
        private func expect(
            _ status: Set<Int>, to bytes: [UInt8], _ note: String = "",
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let node = try cluster()[0]
            let connection = try node.connect()
            try connection.send(bytes)
            let answer = try connection.response()
            #expect(status.contains(answer.status), "\(note)", sourceLocation: sourceLocation)
            #expect(answer["content-type"] == "application/problem+json", "\(note)", sourceLocation: sourceLocation)
            #expect(answer.json["status"] as? Int == answer.status, "\(note)", sourceLocation: sourceLocation)
            try expectAlive(sourceLocation: sourceLocation)
        }

        private func expect(_ status: Int, to text: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
            try expect([status], to: Array(text.utf8), String(text.prefix(60)), sourceLocation: sourceLocation)
        }

        private func expectAlive(sourceLocation: SourceLocation = #_sourceLocation) throws {
            let node = try cluster()[0]
            #expect(node.isRunning, sourceLocation: sourceLocation)
            let put = try node.put("alive/k", "still here")
            #expect(put.status < 300, sourceLocation: sourceLocation)
            #expect(try node.get("alive/k").text == "still here", sourceLocation: sourceLocation)
        }

        @Test(arguments: [
            "GARBAGE\r\n\r\n", "GET\r\n\r\n", "GET /healthz\r\n\r\n", "GET /healthz HTTP/9.9\r\n\r\n",
            "GET /healthz HTTQ/1.1\r\n\r\n",
            "GET  HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{FC}\u{3}\u{3}hello over TLS\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nbad name: x\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: a\0b\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\n: empty\r\n\r\n",
            "GET relative HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            "PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
            "PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            "PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
            "PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
            "PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n",
        ]) func malformedRequests(_ request: String) throws { try expect(400, to: request) }

        @Test func bytesThatAreNoTextInTheTargetMustBeEncoded() throws {
            for raw in [[0xFF], [0xC3], [0xEF, 0xBF]] as [[UInt8]] {
                let request =
                    Array("PUT /v1/kv/b/raw".utf8) + raw
                    + Array(" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx".utf8)
                try expect([400], to: request, "\(raw)")
            }
            // Were they replaced on the way, all of them would be stored under this one key.
            #expect(try cluster()[0].get("b/raw%EF%BF%BD").status == 404)
        }

        @Test(arguments: [
            "/v1/kv/b/%zz", "/v1/kv/b/%", "/v1/kv/b/%4", "/v1/kv/%G0/k", "/v1/kv//k", "/v1/kv/b/k?x=1",
            "/v1/kv/b/k?r=many",
            "/v1/kv/b/k?timeout=0", "/v1/kv/b/k?timeout=x", "/v1/kv/b/k?strict=maybe", "/v1/kv/b/k?resolve=first",
            "/v1/kv/b/k?r=1&r=1",
            "/v1/kv/b/k?ttl=-1", "/v1/kv/b/k/?limit=0", "/v1/kv/b/k/?limit=1001", "/v1/kv/b/k/?reverse=2",
            "/v1/kv/b/k?%zz=1", "/v1/ring?x=1", "/v1/nodes?x", "/v1/replica/b/k?r=1",
        ]) func malformedTargets(_ target: String) throws {
            try expect(400, to: "GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }

        /// What is known on a path but means nothing to the method is refused, not ignored.
        @Test(arguments: [
            "GET /v1/kv/b/k?w=1", "HEAD /v1/kv/b/k?w=1", "GET /v1/kv/b/k?ttl=5", "PUT /v1/kv/b/k?r=1",
            "PUT /v1/kv/b/k?resolve=latest", "DELETE /v1/kv/b/k?r=1", "DELETE /v1/kv/b/k?resolve=latest",
            "DELETE /v1/kv/b/k?ttl=5", "GET /v1/kv/b/k/?w=1", "GET /v1/names/n?generation=1",
            "HEAD /v1/names/n?generation=1",
            "GET /healthz?x=1", "GET /readyz?x", "GET /metrics?x=1", "GET /v1/namestore?x=1",
        ]) func whatHasNoMeaningIsRefused(_ request: String) throws {
            let words = request.split(separator: " ").map(String.init)
            let answer = try cluster()[0].request(words[0], words[1], body: words[0] == "PUT" ? [0x61] : nil)
            #expect(answer.status == 400)
            try expectAlive()
        }

        @Test func headersMeanSomethingOrNothing() throws {
            let node = try cluster()[0]
            let refused = try node.request("DELETE", "/v1/kv/b/conditional", ["If-None-Match": "*"])
            #expect(refused.status == 400 && refused.text.contains("If-None-Match"))
            // A client may say where it is with whatever it asks; only a read goes by it.
            #expect(try node.put("b/located", "x", ["Atoll-Location": "nowhere"]).status < 300)
            #expect(try node.request("GET", "/v1/kv/b/located", ["Atoll-Location": "nowhere"]).status == 400)
        }

        @Test func oversizedHeaders() throws {
            try expect(
                431,
                to: "GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: \(String(repeating: "a", count: 40 << 10))\r\n\r\n")
            try expect(
                431,
                to: "GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: \(String(repeating: "a", count: 300 << 10))\r\n\r\n"
            )
            let many = (0..<70).map { "x-\($0): y\r\n" }.joined()
            try expect(431, to: "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\(many)\r\n")
            let wide = (0..<60).map { "x-\($0): \(String(repeating: "y", count: 1_000))\r\n" }.joined()
            try expect(431, to: "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\(wide)\r\n")
            // A header that never ends is refused before it does.
            try expect(
                431, to: "GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: \(String(repeating: "a", count: 200 << 10))")
            // The largest that is allowed.
            let most = (0..<62).map { "x-\($0): \(String(repeating: "y", count: 480))\r\n" }.joined()
            let connection = try cluster()[0].connect()
            try connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\(most)\r\n")
            #expect(try connection.response().status == 200)
        }

        @Test func oversizedTargetsAndKeys() throws {
            let node = try cluster()[0]
            func key(_ bytes: Int) -> String { "b/" + String(repeating: "k", count: bytes - 1) }
            #expect(try node.put(key(1_024), "fits").status == 201)
            #expect(try node.get(key(1_024)).text == "fits")
            try expect(414, to: "PUT /v1/kv/\(key(1_025)) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
            try expect(414, to: "GET /v1/kv/\(String(repeating: "b", count: 65))/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try expect(
                414, to: "GET /v1/kv/b/\(String(repeating: "k", count: 9_000)) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for size in [20_000, 40_000, 300_000] {
                try expect(
                    414, to: "GET /healthz?\(String(repeating: "q", count: size)) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            }
            // Fully encoded, the longest key still passes.
            let encoded = "%62/" + String(repeating: "%00", count: 1_023)
            #expect(try node.put(encoded, "zeros").status == 201)
            #expect(try node.get(encoded).text == "zeros")
        }

        @Test func oversizedBodies() throws {
            let node = try cluster()[0]
            let limit = 1 << 20
            let connection = try node.connect()
            try connection.send("PUT /v1/kv/body/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(limit + 1)\r\n\r\n")
            let refused = try connection.response()
            #expect(refused.status == 413 && refused["connection"] == "close")
            try expect(413, to: "PUT /v1/kv/body/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
            try expect(413, to: "PUT /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n")
            let other = try node.request("PUT", "/healthz", body: [UInt8](repeating: 0x61, count: 5_000))
            #expect(other.status == 413 && !other.text.contains("bucket"), "\(other.text)")
            // In chunks nobody knows the length before it is too much.
            let chunks = try node.connect()
            try chunks.send("PUT /v1/kv/body/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            let piece = Array("10000\r\n".utf8) + [UInt8](repeating: 0x61, count: 0x10000) + Array("\r\n".utf8)
            for _ in 0..<17 { try chunks.send(piece) }
            #expect(try chunks.response().status == 413)
            try expectAlive()
            #expect(try node.get("body/k").status == 404)
            // The largest body that is allowed, both ways.
            let largest = [UInt8](repeating: 0x62, count: limit)
            #expect(try node.request("PUT", "/v1/kv/body/k", body: largest).status == 201)
            let whole = try node.connect()
            try whole.send("PUT /v1/kv/body/k2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<16 { try whole.send(piece) }
            try whole.send("0\r\n\r\n")
            #expect(try whole.response().status == 201)
            #expect(try node.get("body/k2").body.count == limit)
        }

        @Test func aBodyThatEndsTooEarlyStoresNothing() throws {
            let node = try cluster()[0]
            for ending in [0, 1] {
                let connection = try node.connect()
                try connection.send("PUT /v1/kv/short/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc")
                if ending == 0 { connection.close() } else { connection.finishSending() }
                if ending == 1 { _ = try connection.readToEnd() }
            }
            let chunked = try node.connect()
            try chunked.send(
                "PUT /v1/kv/short/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
            chunked.close()
            try expectAlive()
            #expect(try node.get("short/k").status == 404)
            #expect(
                try eventually("the connections are gone", within: 5) {
                    try node.metric("atoll_http_connections") == 1 ? true : nil
                })
        }

        @Test func contextsThatAreNotOursAreRefused() throws {
            let node = try cluster()[0]
            let own = try #require(try node.put("seal/a", "v").context)
            let other = try #require(try node.put("seal/b", "v").context)
            var changed = [UInt8](try #require(Data(base64Encoded: own)))
            changed[changed.count / 2] ^= 1
            for context in [
                "", "x", "!!!", "AAAA", String(repeating: "A", count: 20_000), other,
                Data(changed).base64EncodedString(), String(own.dropLast(4)),
                own + own,
            ] {
                let answer = try node.put("seal/a", "overwritten", ["Atoll-Context": context])
                #expect(answer.status == 400, "\(context.prefix(40))")
                #expect(answer.json["type"] as? String == "/problems/malformed")
            }
            #expect(try node.get("seal/a").text == "v")
            #expect(try node.put("seal/a", "new", ["Atoll-Context": own]).status == 204)
        }

        @Test func unknownMethods() throws {
            for method in ["POST", "OPTIONS", "TRACE"] {
                try expect(405, to: "\(method) /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            }
            for method in ["BREW", "get", "PROPFIND", "LINK", String(repeating: "M", count: 500)] {
                try expect(501, to: "\(method) /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
            }
            try expect(501, to: "CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try expect(400, to: "G\u{E9}T /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }

        /// Real requests with bytes changed, put in, taken out and cut off, on real connections.
        @Test func noBytesEndTheNode() throws {
            let node = try cluster()[0]
            let samples = [
                "GET /v1/kv/fuzz/k?r=quorum&strict=1 HTTP/1.1\r\nHost: localhost\r\nAccept: multipart/mixed\r\n\r\n",
                "PUT /v1/kv/fuzz/k/s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nAtoll-Location: 1,2\r\n\r\nhello",
                "PUT /v1/kv/fuzz/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                "GET /v1/kv/fuzz/k/?start=a&limit=3 HTTP/1.1\r\nHost: localhost\r\n\r\nDELETE /v1/kv/fuzz/k HTTP/1.0\r\n\r\n",
                "PUT /v1/names/fuzz HTTP/1.1\r\nHost: localhost\r\nAtoll-Owner: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\nContent-Length: 0\r\n\r\n",
            ]
            var dice = SeededRandom(seed: 7_230)
            for _ in 0..<15 {
                // Some are waited for until their time is over: all of a round at once.
                let connections = try (0..<20).map { _ in
                    let connection = try node.connect(timeout: 10)
                    // Refused before it is all sent, the rest meets a closed socket.
                    try? connection.send(damaged(samples.randomElement(using: &dice) ?? "", &dice))
                    connection.finishSending()
                    return connection
                }
                for connection in connections {
                    let answer = try connection.readToEnd()
                    #expect(answer.isEmpty || answer.starts(with: Array("HTTP/1.".utf8)))
                }
            }
            try expectAlive()
        }

        private func damaged(_ request: String, _ dice: inout SeededRandom) -> [UInt8] {
            var bytes = Array(request.utf8)
            for _ in 0..<Int.random(in: 1...6, using: &dice) where !bytes.isEmpty {
                let place = Int.random(in: bytes.indices, using: &dice)
                switch Int.random(in: 0..<4, using: &dice) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &dice)
                case 1: bytes.insert(UInt8.random(in: 0...255, using: &dice), at: place)
                case 2: bytes.remove(at: place)
                default: bytes.removeSubrange(place...)
                }
            }
            return bytes
        }

        @Test func headersThatMeanNothingHereAreRefused() throws {
            try expect(400, to: "DELETE /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: *\r\n\r\n")
            try expect(
                400,
                to: "PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"v\"\r\nContent-Length: 1\r\n\r\nx")
            let type =
                Array("PUT /v1/kv/b/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Type: text/".utf8) + [
                    0xFF
                ]
            try expect([400], to: type + Array("\r\n\r\nx".utf8))
        }

        @Test func aBodyThatHardlyComesIsLetGo() throws {
            let node = try cluster()[0]
            let head = "PUT /v1/kv/slow/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nabc"
            let silent = try node.connect(timeout: 40)
            try silent.send(head)
            let dripping = try node.connect(timeout: 1)
            try dripping.send(head)
            // A byte of a chunk's head is none of the body.
            let extending = try node.connect(timeout: 40)
            try extending.send(
                "PUT /v1/kv/slow/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;")
            let started = Stopwatch.now
            var answer: Response?
            while answer == nil, Stopwatch.now - started < 40 {
                guard (try? dripping.send([0x61])) != nil else { break }
                try? extending.send([0x61])
                answer = try? dripping.response()
            }
            #expect(answer?.status == 408)
            #expect(try silent.response().status == 408)
            #expect(try extending.response().status == 408)
            let elapsed = Stopwatch.now - started
            #expect(elapsed > 25 && elapsed < 38)
            #expect(try node.get("slow/k").status == 404)
            try expectAlive()
        }

        @Test func moreConnectionsThanFilesEndNoNode() throws {
            let directory = try TemporaryDirectory()
            let ports = try Ports.free(2)
            let node = TestNode(
                "few-files", http: ports[0], peer: ports[1], data: directory.path + "/data", in: directory.path,
                arguments: ["--http", "127.0.0.1:\(ports[0])"], launcher: ["/usr/bin/prlimit", "--nofile=480:480"])
            defer { node.end() }
            try node.start()
            try node.awaitHealth()
            var held: [Connection] = []
            for _ in 0..<600 { if let connection = try? node.connect() { held.append(connection) } }
            // The last ones are beyond the budget: closed without a word, long before an idle one would be.
            #expect(try held.last?.readToEnd() == [])
            for connection in held { connection.close() }
            try eventually("it serves again", within: 10) { (try? node.put("few/k", "v").status) ?? 0 < 300 }
            for index in 0..<50 { #expect(try node.put("few/\(index)", "v").status == 201) }
            #expect(node.isRunning)
            #expect(try node.metric("atoll_http_connections_refused_total") ?? 0 > 0)
        }

        @Test func aSlowClientIsLetGo() throws {
            let node = try cluster()[0]
            let connection = try node.connect(timeout: 1)
            let started = Stopwatch.now
            var answer: Response?
            // A byte every second would keep a server busy for hours that only looks at silence.
            for byte in "GET /healthz HTTP/1.1\r\nHost: localhost\r\nx-slow: aaaaaaaaaaaaaaaa".utf8 where answer == nil
            {
                guard (try? connection.send([byte])) != nil else { break }
                answer = try? connection.response()
            }
            #expect(answer?.status == 408)
            #expect(answer?.json["type"] as? String == "/problems/request-timeout")
            let elapsed = Stopwatch.now - started
            #expect(elapsed > 8 && elapsed < 13)
            try expectAlive()
        }
    }
}
