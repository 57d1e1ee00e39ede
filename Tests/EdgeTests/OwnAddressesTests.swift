// Whose requests are taken: hosts, origins, forms.

import Testing

@testable import Edge

@Suite struct OwnAddressesTests {
    @Test(arguments: [
        "localhost", "LocalHost:9", "127.0.0.1:7070", "10.1.2.3", "[::1]:7070", "[2001:DB8::7]", "one.example",
        "one.example:80", "ONE.example:", " localhost\t",
    ]) func ownHostsAreTaken(_ host: String) {
        #expect(Heads.refusal(.put, "/v1/kv/b/k", [("Host", host)]) == "kv")
    }

    @Test(arguments: [
        "evil.example", "other.example:7170", "localhost.evil.example", "one.example.", "0x7f.1", "127.1", "2130706433",
        "127.0.0.1.evil.example", "solo",
    ]) func foreignHostsAreNot(_ host: String) {
        for method in [RequestMethod.get, .put, .post] {
            #expect(Heads.refusal(method, "/v1/kv/b/k", [("Host", host)]) == "421 wrong-host")
        }
    }

    @Test(arguments: [
        ("http://localhost", true), ("http://localhost:80", true), ("http://one.example:7070", true),
        ("HTTP://ONE.example:7070", true),
        ("http://one.example", false), ("https://localhost", false), ("http://localhost:81", false), ("null", false),
        ("http://evil.example", false), ("", false), ("http://localhost.evil.example", false),
        ("http://localhost/", false), ("file://", false),
    ]) func onlyOwnOriginsMayChangeSomething(_ origin: String, _ isOwn: Bool) {
        let headers = [("Host", "localhost"), ("Origin", origin)]
        for (method, target) in [
            (RequestMethod.put, "/v1/kv/b/k"), (.delete, "/v1/kv/b/k"), (.post, "/v1/namestore/acceptors?nodes=a"),
            (.put, "/v1/names/a"), (.post, "/v1/names/a/transfer"), (.post, "/v1/namestore/ring"),
        ] {
            let answer = Heads.refusal(method, target, headers)
            #expect((answer == "403 foreign-origin") == !isOwn, "\(method) \(target): \(answer)")
        }
        #expect(Heads.refusal(.get, "/v1/kv/b/k", headers) == "kv")
        #expect(
            Heads.refusal(.put, "/v1/kv/b/k", headers + [("Origin", "http://evil.example")]) == "403 foreign-origin")
    }

    @Test(arguments: [
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "Text/Plain;charset=UTF-8",
    ]) func formsAreNotTaken(_ type: String) {
        let headers = [("Host", "localhost"), ("Content-Type", type)]
        #expect(Heads.refusal(.post, "/v1/namestore/acceptors?nodes=a", headers) == "415 unsupported-media-type")
        let two = [("Host", "localhost"), ("Content-Type", "application/json"), ("Content-Type", type)]
        #expect(Heads.refusal(.post, "/v1/namestore/acceptors?nodes=a", two) == "415 unsupported-media-type")
        // No form sends a PUT; a value may be of this type.
        #expect(Heads.refusal(.put, "/v1/kv/b/k", headers) == "kv")
        #expect(
            Heads.refusal(.post, "/v1/names/a/transfer", [("Host", "localhost"), ("Content-Type", "application/json")])
                == "names")
    }
}
