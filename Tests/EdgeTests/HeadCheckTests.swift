// What of a head is decided without a socket: its target, its length, what it expects.

import Ring
import Testing
import World

@testable import Edge

/// A head as it comes from the parser, checked by the node that `one.example:7070` is.
enum Heads {
    static func check(
        _ method: RequestMethod, _ target: String = "/v1/kv/b/k",
        _ headers: [(String, String)] = [("Host", "localhost")],
        isOldClient: Bool = false
    ) throws -> CheckedHead {
        let ring = try RingDocument.singleNode(
            http: HostPort("One.Example:7070"), peer: HostPort("other.example:7170"))
        var check = HeadCheck(OwnAddresses(ring))
        var fields = RequestFields()
        for (name, value) in headers { fields.take(name, value) }
        let head = RequestHead(method, target, fields, isOldClient: isOldClient)
        let first = Result { try check.check(head) }
        // What was remembered of the first changes nothing for the second.
        let second = Result { try check.check(head) }
        #expect((try? first.get())?.target.route === (try? second.get())?.target.route)
        return try second.get()
    }

    static func refusal(
        _ method: RequestMethod, _ target: String = "/v1/kv/b/k",
        _ headers: [(String, String)] = [("Host", "localhost")],
        isOldClient: Bool = false
    ) -> String {
        do { return "\(try check(method, target, headers, isOldClient: isOldClient).target.route.label)" } catch {
            return (error as? Problem).map { "\($0.status) \($0.name)" } ?? "\(error)"
        }
    }
}

@Suite struct HeadCheckTests {
    @Test(arguments: [
        "", " ", ":80", "a b", "localhost:x", "localhost:99999", "localhost:123456", "user@localhost", "localhost/x",
        "[::1", "::1", "[localhost]", "[127.0.0.1]", "local\u{FFFD}host", "localhost,localhost", "http://localhost",
        String(repeating: "h", count: 300),
    ]) func whatIsNoHostIsMalformed(_ host: String) {
        // A comma may stand in a name, by RFC 3986; no name of ours has one.
        let expected = host.contains(",") ? "421 wrong-host" : "400 malformed"
        #expect(Heads.refusal(.get, "/v1/kv/b/k", [("Host", host)]) == expected)
    }

    @Test func theAbsoluteFormsHostCounts() {
        let strange = [("Host", "evil.example")]
        #expect(Heads.refusal(.get, "http://localhost/v1/kv/b/k", strange) == "kv")
        #expect(Heads.refusal(.get, "HTTP://One.Example:7070/v1/ring", strange) == "ring")
        #expect(Heads.refusal(.get, "http://evil.example/v1/kv/b/k") == "421 wrong-host")
        #expect(Heads.refusal(.get, "https://localhost/v1/kv/b/k") == "421 wrong-host")
        #expect(Heads.refusal(.get, "http://localhost/v1/kv/b/k", []) == "400 malformed")
        for target in ["http:///v1/ring", "http://u@localhost/v1/ring", "http:/v1/ring", "localhost:80", "v1/ring", ""]
        {
            #expect(Heads.refusal(.get, target) == "400 malformed", "\(target)")
        }
        #expect(Heads.refusal(.get, "http://localhost") == "404 no-such-path")
        #expect(Heads.refusal(.get, "http://localhost?x") == "404 no-such-path")
        #expect(Heads.refusal(.options, "http://localhost") == "server")
        #expect(Heads.refusal(.options, "*") == "server")
        #expect(Heads.refusal(.get, "*") == "400 malformed")
    }

    @Test func lengthsAreReadOrRefused() throws {
        func length(_ headers: (String, String)...) throws -> Int? {
            try Heads.check(.put, "/v1/kv/b/k", [("Host", "localhost")] + headers).length
        }
        #expect(try length() == 0)
        #expect(try length(("Content-Length", " 007 ")) == 7)
        #expect(try length(("content-length", "9223372036854775808")) == Int.max)
        #expect(try length(("Transfer-Encoding", "Chunked\t")) == nil)
        for text in ["", "-1", "+1", "0x1", "1,1", "1 1", "١"] {
            #expect(throws: Problem.self) { try length(("Content-Length", text)) }
        }
        for (coding, answer) in [
            ("", "400 malformed"), (",", "400 malformed"), ("chunked,", "400 malformed"),
            ("chunked, chunked", "400 malformed"), ("gzip", "501 not-implemented"),
            ("gzip, chunked", "501 not-implemented"), ("chunked, identity", "501 not-implemented"),
            ("xchunked", "501 not-implemented"),
        ] {
            let headers = [("Host", "localhost"), ("Transfer-Encoding", coding)]
            #expect(Heads.refusal(.put, "/v1/kv/b/k", headers) == answer, "\(coding)")
        }
        let chunked = [("Host", "localhost"), ("Transfer-Encoding", "chunked")]
        #expect(Heads.refusal(.put, "/v1/kv/b/k", chunked + [("Transfer-Encoding", "")]) == "400 malformed")
        #expect(Heads.refusal(.put, "/v1/kv/b/k", chunked + [("Content-Length", "1")]) == "400 malformed")
        #expect(Heads.refusal(.put, "/v1/kv/b/k", chunked, isOldClient: true) == "400 malformed")
    }

    @Test func whoWaitsIsToldAtOnce() throws {
        let waiting = [("Host", "localhost"), ("Content-Length", "1"), ("Expect", "100-Continue")]
        #expect(try Heads.check(.put, "/v1/kv/b/k", waiting).awaitsContinue)
        #expect(try !Heads.check(.put, "/v1/kv/b/k", waiting, isOldClient: true).awaitsContinue)
        #expect(try !Heads.check(.put, "/v1/kv/b/k", [waiting[0], waiting[2]]).awaitsContinue)
        #expect(Heads.refusal(.put, "/v1/ring", waiting) == "405 method-not-allowed")
        #expect(
            Heads.refusal(.put, "/v1/kv/b/k", [("Host", "localhost"), ("Expect", "more")]) == "417 expectation-failed")
    }

    @Test func contentThatWouldComeBackOtherwiseIsRefused() {
        func put(_ name: String, _ value: String) -> String {
            Heads.refusal(.put, "/v1/kv/b/k", [("Host", "localhost"), (name, value)])
        }
        #expect(put("Content-Range", "bytes 0-0/2") == "400 malformed")
        #expect(put("Content-Encoding", "gzip") == "415 unsupported-media-type")
        #expect(put("If-Match", "*") == "kv", "the call itself says what is wrong with it")
        #expect(Heads.refusal(.get, "/v1/kv/b/k", [("Host", "localhost"), ("If-Match", "*")]) == "400 malformed")
        #expect(Heads.refusal(.get, "/v1/kv/b/k", [("Host", "localhost"), ("If-None-Match", "*")]) == "400 malformed")
        #expect(Heads.refusal(.get, "/v1/kv/b/k", [("Host", "localhost"), ("If-None-Match", "\"v\"")]) == "kv")
    }
}
