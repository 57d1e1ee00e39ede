// RFC 9110 and 9112, MUST by MUST, for an origin server: raw bytes on a socket of one node, and what must come back. A
// row whose rule says SHOULD, MAY or ought stands here because docs/HTTP.md promises the same.

import Foundation
import Testing

/// Of nearly every row.
private let host = "Host: localhost\r\n"
private let put = "PUT /v1/kv/must/k HTTP/1.1\r\nHost: localhost\r\n"
private let next = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
private let get = "GET /healthz HTTP/1.1\r\n"

private let messages: [ProtocolRow] = [
    .init("9112 2.2: an empty line before a request line is skipped", "\r\n\r\n\(next)", 200),
    .init("9112 2.2: a bare CR is no end of a line", "\(get)\(host)x: a\rb\r\n\r\n", 400),
    .init("9112 2.2: a message that is none is refused", "GARBAGE\r\n\r\n", 400, problem: "malformed"),
    .init("9112 2.2: a blank between request line and fields", "\(get) \(host)\r\n", 400),
    .init("9112 2.3: the version is case-sensitive", "GET /healthz http/1.1\r\n\(host)\r\n", 400),
    .init("9112 2.3: another major version", "GET /healthz HTTP/2.0\r\n\(host)\r\n", 400),
    .init("9112 3: a request line has three parts", "GET /healthz\r\n\r\n", 400),
    .init(
        "9112 3.1: methods are case-sensitive", "get /healthz HTTP/1.1\r\n\(host)\r\n", 501, problem: "not-implemented"),
    .init("9112 3.2: no blanks in a target", "GET /a b HTTP/1.1\r\n\(host)\r\n", 400),
    .init("9112 3.2: no controls in a target", "GET /a\u{7F}b HTTP/1.1\r\n\(host)\r\n", 400),
    .init(
        "9112 3.2: no fragment in a target", "GET /v1/kv/must/k#x HTTP/1.1\r\n\(host)\r\n", 400, problem: "malformed"),
    .init(
        "9112 3: a target too long is 414", "GET /\(String(repeating: "x", count: 9_000)) HTTP/1.1\r\n\(host)\r\n", 414),
    .init("9112 3.2: Host is there", "\(get)\r\n", 400, problem: "malformed"),
    .init("9112 3.2: one Host, even if both are the same", "\(get)\(host)\(host)\r\n", 400, problem: "malformed"),
    .init("9112 3.2: Host is a host", "\(get)Host: a b\r\n\r\n", 400, problem: "malformed"),
    .init("9112 3.2: Host is a host and a port", "\(get)Host: localhost:http\r\n\r\n", 400, problem: "malformed"),
    .init("9110 4.2.1: an empty host is none", "\(get)Host:\r\n\r\n", 400, problem: "malformed"),
    .init("9110 4.2.4: nor has it a user", "\(get)Host: me@localhost\r\n\r\n", 400, problem: "malformed"),
    .init("9112 3.2: HTTP/1.0 needs none", "GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
    .init("9112 3.2.1: origin form", "GET /healthz? HTTP/1.1\r\n\(host)\r\n", 200),
    .init("9112 3.2.2: absolute form", "GET http://localhost/healthz HTTP/1.1\r\n\(host)\r\n", 200, body: "ok\n"),
    .init("9110 4.2.3: schemes and hosts are caseless", "GET HTTP://LocalHost:1/healthz HTTP/1.1\r\n\(host)\r\n", 200),
    .init(
        "9112 3.2.2: its host counts, not Host's",
        "GET http://localhost/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200),
    .init("9112 3.2.2: Host is there all the same", "GET http://localhost/healthz HTTP/1.1\r\n\r\n", 400),
    .init("9110 4.2.1: no host in a URI", "GET http:///healthz HTTP/1.1\r\n\(host)\r\n", 400, problem: "malformed"),
    .init("9110 4.2.4: a user in a URI", "GET http://u@localhost/healthz HTTP/1.1\r\n\(host)\r\n", 400),
    .init("9112 3.2.3: authority form is CONNECT's", "GET localhost:80 HTTP/1.1\r\n\(host)\r\n", 400),
    .init("9112 3.2.4: asterisk form is OPTIONS'", "GET * HTTP/1.1\r\n\(host)\r\n", 400),
    .init(
        "9110 9.3.7: OPTIONS *", "OPTIONS * HTTP/1.1\r\n\(host)\r\n", 200,
        headers: ["allow": "GET, HEAD, PUT, DELETE, POST, OPTIONS", "content-length": "0"]),
    .init("9110 5.1: names of fields are caseless", "\(get)hOsT: localhost\r\n\r\n", 200),
    .init("9112 5.1: no blank before the colon", "\(get)Host : localhost\r\n\r\n", 400),
    .init("9112 5: a field has a name", "\(get)\(host): x\r\n\r\n", 400),
    .init("9112 5.1: blanks around a value are none of it", "\(get)Host:  localhost\t \r\n\r\n", 200),
    .init("9112 5.2: a folded line", "\(get)\(host)x: a\r\n b\r\n\r\n", 400),
    .init("9110 5.5: NUL in a value", "\(get)\(host)x: a\0b\r\n\r\n", 400),
    .init("9110 5.5: other controls in a value", "\(get)\(host)x: a\u{1}b\r\n\r\n", 400),
    .init("9110 5.5: bytes above 0x7F are opaque", "\(get)\(host)x: \u{80}\u{FF}\r\n\r\n", 200),
    .init(
        "9110 5.4: too many bytes of fields", "\(get)\(host)x: \(String(repeating: "x", count: 40_000))\r\n\r\n", 431),
]

private let framing: [ProtocolRow] = [
    .init("9112 6.1: chunked is understood", "\(put)Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 204),
    .init(
        "9112 7.1.1: chunk extensions are ignored",
        "\(put)Transfer-Encoding: chunked\r\n\r\n1;a=\"b;c\";d\r\nx\r\n0\r\n\r\n", 204),
    .init(
        "9112 7.1.2: trailers are taken or dropped", "\(put)Transfer-Encoding: chunked\r\n\r\n0\r\nHost: x\r\n\r\n", 204
    ),
    .init("9112 7.1: a size is hexadecimal", "\(put)Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", 400),
    .init("9112 7.1: a size has no sign", "\(put)Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n", 400),
    .init("9112 7.1: a size that overflows", "\(put)Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nx", 400),
    .init("9112 7.1: a chunk ends where it says", "\(put)Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", 400),
    .init("9112 7.1: and its line with CR LF", "\(put)Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n", 400),
    .init("9112 6.1: another coding", "\(put)Transfer-Encoding: gzip\r\n\r\nx", 501, problem: "not-implemented"),
    .init("9112 6.1: another coding below", "\(put)Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    .init(
        "9112 6.1: in two lines", "\(put)Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501,
        problem: "not-implemented"),
    .init("9112 6.3: chunked is the last coding", "\(put)Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    .init("9112 7: chunked twice", "\(put)Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    .init("9112 6.1: what only looks like chunked", "\(put)Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    .init("9112 6.1: an empty coding is none", "\(put)Transfer-Encoding:\r\n\r\n\(next)", 400, problem: "malformed"),
    .init("9112 6.1: an empty one beside a length", "\(put)Transfer-Encoding:\r\nContent-Length: 1\r\n\r\nx", 400),
    .init(
        "9112 6.3: a coding and a length",
        "\(put)Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(next)", 400),
    .init(
        "9112 6.1: a coding from HTTP/1.0",
        "PUT /v1/kv/must/k HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
        problem: "malformed"),
    .init("9110 8.6: a length", "\(put)Content-Length: 003\r\n\r\nabc", 204),
    .init("9112 6.3: a length that is none", "\(put)Content-Length: 3x\r\n\r\nabc\(next)", 400),
    .init("9112 6.3: a signed length", "\(put)Content-Length: +3\r\n\r\nabc\(next)", 400),
    .init("9112 6.3: an empty length", "\(put)Content-Length:\r\n\r\n\(next)", 400),
    .init("9112 6.3: two lengths", "\(put)Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd\(next)", 400),
    .init("9112 6.3: a list of lengths", "\(put)Content-Length: 3, 3\r\n\r\nabc\(next)", 400),
    .init(
        "9110 8.6: a length beyond 63 bits", "\(put)Content-Length: 9223372036854775808\r\n\r\n", 413,
        problem: "too-large"),
    .init("9110 8.6: a length beyond 64 bits", "\(put)Content-Length: 18446744073709551616\r\n\r\n", 400),
    .init("9112 6.3: no length is no body", "PUT /v1/kv/must/none HTTP/1.1\r\n\(host)\r\n", 201),
    .init("9110 15.5.14: too large", "\(put)Content-Length: 99999999\r\n\r\n", 413, problem: "too-large"),
    .init("9112 9.3: connections persist", next + next, 200, 200, headers: ["connection": nil]),
    .init(
        "9112 9.3: old ones do not", "GET /healthz HTTP/1.0\r\n\r\n\(next)", 200, goesOn: false,
        headers: ["connection": "close"]),
    .init(
        "9112 9.3: unless asked", "GET /healthz HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200,
        headers: ["connection": "keep-alive"]),
    .init(
        "9112 9.6: close ends it, and what follows is not done",
        "\(get)\(host)Connection: foo, CLOSE\r\n\r\nPUT /v1/kv/must/closed HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n",
        200,
        goesOn: false, headers: ["connection": "close"]),
    .init("9112 9.3.2: pipelined answers in order", next + "GET /nowhere HTTP/1.1\r\n\(host)\r\n", 200, 404),
    .init(
        "9110 7.8: an upgrade from HTTP/1.0 is ignored", "GET /healthz HTTP/1.0\r\nUpgrade: x\r\n\r\n", 200,
        goesOn: false),
]

private let semantics: [ProtocolRow] = [
    .init("9110 9.1: an unknown method", "BREW /healthz HTTP/1.1\r\n\(host)\r\n", 501, problem: "not-implemented"),
    .init(
        "9110 9.1: a known one of others", "PROPFIND /healthz HTTP/1.1\r\n\(host)\r\n", 501, problem: "not-implemented"),
    .init(
        "9110 9.1: one of another protocol", "DESCRIBE /healthz HTTP/1.1\r\n\(host)\r\n", 501,
        problem: "not-implemented"),
    .init("9110 9.3.6: CONNECT is a proxy's", "CONNECT localhost:80 HTTP/1.1\r\n\(host)\r\n", 501),
    .init(
        "9110 15.5.6: a method that the path does not take", "POST /v1/kv/must/k HTTP/1.1\r\n\(host)\r\n", 405,
        goesOn: true,
        problem: "method-not-allowed", headers: ["allow": "GET, HEAD, PUT, DELETE, PATCH"]),
    .init("9110 9.3.8: TRACE", "TRACE /v1/ring HTTP/1.1\r\n\(host)\r\n", 405, goesOn: true, headers: ["allow": "GET"]),
    .init(
        "9110 9.3.2: HEAD has no body", "HEAD /healthz HTTP/1.1\r\n\(host)\r\n", 200, method: "HEAD",
        headers: ["content-length": "3"]),
    .init(
        "9110 8.6: no Content-Length in a 204", "DELETE /v1/kv/must/gone HTTP/1.1\r\n\(host)\r\n", 204,
        headers: ["content-length": nil]),
    .init(
        "9110 9.3.4: PUT that creates is 201", "PUT /v1/kv/must/new HTTP/1.1\r\n\(host)Content-Length: 1\r\n\r\nx", 201),
    .init(
        "9110 14.4: a part of a value", "\(put)Content-Range: bytes 0-0/9\r\nContent-Length: 1\r\n\r\nx", 400,
        problem: "malformed"),
    .init("9110 14.2: Range may be ignored", "\(get)\(host)Range: bytes=0-0\r\n\r\n", 200, body: "ok\n"),
    .init(
        "9110 8.4: a coding that is not kept", "\(put)Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415,
        problem: "unsupported-media-type", headers: ["accept-encoding": "identity"]),
    .init("9110 10.1.1: 100-continue", "\(put)Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", 100, 204),
    .init("9110 10.1.1: none without a body", "\(get)\(host)Expect: 100-continue\r\n\r\n", 200),
    .init(
        "9110 10.1.1: none for HTTP/1.0",
        "PUT /v1/kv/must/k HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", 204,
        goesOn: false),
    .init(
        "9110 10.1.1: a final answer at once",
        "PUT /v1/ring HTTP/1.1\r\n\(host)Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 405,
        headers: ["allow": "GET"]),
    .init(
        "9110 10.1.1: and for what is too large", "\(put)Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", 413),
    .init(
        "9110 10.1.1: another expectation", "\(put)Expect: tea\r\nContent-Length: 1\r\n\r\nx", 417,
        problem: "expectation-failed"),
    .init(
        "9110 13.1.1: If-Match", "\(put)If-Match: \"x\"\r\nContent-Length: 1\r\n\r\nx", 400, goesOn: true,
        problem: "malformed"),
    .init(
        "9110 13.1.1: If-Match on a read", "GET /v1/kv/must/k HTTP/1.1\r\n\(host)If-Match: *\r\n\r\n", 400,
        problem: "malformed"),
    .init(
        "9110 13.1.2: If-None-Match", "\(put)If-None-Match: *\r\nContent-Length: 1\r\n\r\nx", 412, goesOn: true,
        problem: "exists"),
    .init(
        "9110 13.1.3: If-Modified-Since without dates",
        "\(get)\(host)If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n\r\n", 200),
    .init("9110 12.5.1: Accept that nothing meets", "\(get)\(host)Accept: image/png;q=0.1\r\n\r\n", 200),
]

/// docs/decisions/0015-whose-pages-may-call.md.
private let strangers: [ProtocolRow] = [
    .init(
        "9112 3.2.2: its host counts", "GET http://evil.example/healthz HTTP/1.1\r\n\(host)\r\n", 421,
        problem: "wrong-host"),
    .init(
        "9110 7.4: https only over TLS", "GET https://localhost/healthz HTTP/1.1\r\n\(host)\r\n", 421,
        problem: "wrong-host"),
    .init("9110 7.4: a request for another host", "\(get)Host: evil.example\r\n\r\n", 421, problem: "wrong-host"),
    .init(
        "9110 9.3.2: nor where it is refused", "HEAD /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421,
        method: "HEAD"),
    .init(
        "no page of another site changes anything", "\(put)Origin: http://evil.example\r\nContent-Length: 1\r\n\r\nx",
        403,
        problem: "foreign-origin"),
    .init(
        "nor one without an origin", "DELETE /v1/kv/must/k HTTP/1.1\r\n\(host)Origin: null\r\n\r\n", 403,
        problem: "foreign-origin"),
    .init(
        "reading shows it nothing", "\(get)\(host)Origin: http://evil.example\r\n\r\n", 200,
        headers: ["access-control-allow-origin": nil]),
    .init(
        "nor does a form",
        "POST /v1/namestore/acceptors?nodes=solo&force=true HTTP/1.1\r\n\(host)Content-Type: text/plain\r\n"
            + "Content-Length: 1\r\n\r\nx", 415, problem: "unsupported-media-type"),
    .init(
        "nor where it is called by another name",
        "\(put.replacing("localhost", with: "evil.example"))Content-Length: 1\r\n\r\nx", 421),
    .init("own pages may", "\(put)Origin: http://localhost\r\nContent-Length: 1\r\n\r\nx", 204),
]

extension Integration {
    @Suite(.singleNode) struct HTTPConformanceTests {
        @Test func everyMust() throws {
            let node = try cluster()[0]
            try node.put("must/k", "v")
            let rows = messages + framing + semantics + strangers
            let findings = try atOnce(rows.count) { rows[$0].findings(on: node) }
            for (row, found) in zip(rows, findings) {
                for finding in found { Issue.record("\(row.rule): \(finding)") }
            }
            #expect(try node.get("must/closed").status == 404)
            #expect(node.isRunning)
        }

        /// A request inside of what might be read as another one's body is never done.
        @Test(arguments: [
            "Transfer-Encoding:\r\n", "Transfer-Encoding:\r\nContent-Length: %\r\n", "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: \u{B}chunked\r\n", "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: %\r\n",
            "Content-Length: 0\r\nContent-Length: %\r\n", "Content-Length: 0, %\r\n", "Content-Length: %\r\n",
        ]) func nothingIsSmuggled(_ fields: String) throws {
            let node = try cluster()[0]
            let inner = "PUT /v1/kv/must/smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
            let connection = try node.connect()
            try connection.send(put + fields.replacing("%", with: "\(inner.utf8.count)") + "\r\n" + inner)
            connection.finishSending()
            _ = try connection.readToEnd()
            #expect(try node.get("must/smuggled").status == 404)
        }

        @Test func theDateIsNow() throws {
            let formatter = DateFormatter()
            formatter.locale = Locale(identifier: "en_US_POSIX")
            formatter.timeZone = TimeZone(identifier: "GMT")
            formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
            let before = Date()
            let text = try #require(try cluster()[0].request("GET", "/healthz")["date"])
            let date = try #require(formatter.date(from: text))
            #expect(date.timeIntervalSince(before) > -1.01 && date.timeIntervalSince(before) < 10)
        }

        /// What stands between the parts of a body counts against its size, and gains no time: at the pace of a body it
        /// would hold the connection for ever.
        @Test(arguments: ["1;", "", "1\r\nv\r\n0\r\n"]) func aChunkThatNeverBegins(_ start: String) throws {
            let node = try cluster()[0]
            let filling = start.hasSuffix(";") ? "e" : start.isEmpty ? "0" : "x: y\r\n"
            let connection = try node.connect(timeout: 20)
            try connection.send(
                "PUT /v1/kv/must/never HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n\(start)")
            let piece = String(repeating: filling, count: 30_000 / filling.utf8.count)
            // It may close on us while we send.
            for _ in 0..<20 { guard (try? connection.send(piece)) != nil else { break } }
            #expect([413, 431].contains(try connection.response().status))
            #expect(try node.get("must/never").status == 404)
        }

        @Test func manySmallChunksAreTaken() throws {
            let node = try cluster()[0]
            let chunks = String(repeating: "1;x\r\na\r\n", count: 60_000)
            let connection = try node.connect()
            try connection.send(
                "PUT /v1/kv/must/small HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n\(chunks)0\r\n\r\n")
            #expect(try connection.response(to: "PUT").status == 201)
            #expect(try node.get("must/small").body.count == 60_000)
        }
    }
}
