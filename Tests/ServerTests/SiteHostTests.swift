// A site on a node that runs: what its guest says reaches people, what people do reaches its guest, and the cluster is
// there for it.

import Edge
import Ring
import Testing
import World

@testable import Server

@Suite struct SiteHostTests {
    private static let host = "Host: 127.0.0.1\r\n"

    private static func get(_ path: String, _ lines: String = "") -> String {
        "GET \(path) HTTP/1.1\r\n\(host)\(lines)\r\n"
    }

    /// One node for all of it: starting one takes longer than any of these.
    @Test func aGuestIsHeardAndHears() async throws {
        let scene = try await SiteScene()
        #expect(scene.guest.hears("living n1"))
        try answers(scene)
        try streams(scene)
        try sockets(scene)
        try cluster(scene)
        try figures(scene)
        let open = try scene.client()
        open.send(SiteHostTests.get("/stream"))
        #expect(open.read(until: "data: one\n\n").hasSuffix("data: one\n\n"))
        await scene.end()
        // The end of the chunks: nothing was cut off.
        #expect(open.readToEnd().hasSuffix("0\r\n\r\n"))
        #expect(scene.guest.heard.last == "stop")
    }

    private func answers(_ scene: SiteScene) throws {
        let client = try scene.client()
        for forwarded in ["", "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n"] {
            client.send("POST /answer HTTP/1.1\r\n\(SiteHostTests.host)\(forwarded)Content-Length: 5\r\n\r\nhello")
            let address = forwarded.isEmpty ? "127.0.0.1" : "203.0.113.9"
            let answer = client.read(until: "from \(address), 5 bytes")
            #expect(answer.hasPrefix("HTTP/1.1 303 See Other\r\nlocation: /\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"))
        }
        client.send(SiteHostTests.get("/v1/kv/posts/hello"))
        #expect(client.read(until: "none").hasPrefix("HTTP/1.1 404"))
        client.send("DELETE /answer HTTP/1.1\r\n\(SiteHostTests.host)\r\n")
        #expect(client.read(until: "}\n").contains("/problems/method-not-allowed"))
        client.send(SiteHostTests.get("/wake"))
        #expect(client.read(until: "awake").hasSuffix("awake"))
        client.send("GET /answer HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        #expect(client.readToEnd().contains("/problems/wrong-host"))
    }

    private func streams(_ scene: SiteScene) throws {
        let client = try scene.client()
        client.send(SiteHostTests.get("/stream"))
        let head = client.read(until: "data: one\n\n")
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n"))
        #expect(scene.guest.hears("drained"))
        #expect(!scene.guest.heard.contains("gone"))
        client.close()
        #expect(scene.guest.hears("gone"))
        // Nothing waits for a client that has not taken what was written.
        let burst = try scene.client()
        burst.send(SiteHostTests.get("/burst"))
        #expect(!burst.readToEnd().contains("data: two"))
        #expect(scene.guest.hears("gone", times: 2))
        let nothing = try scene.client()
        nothing.send(SiteHostTests.get("/nothing"))
        #expect(nothing.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 204 No Content\r\n"))
    }

    private func sockets(_ scene: SiteScene) throws {
        let client = try scene.client()
        client.send(SiteHostTests.get("/socket"))
        #expect(client.read(until: "}\n").contains("/problems/upgrade-required"))
        client.send(
            SiteHostTests.get(
                "/socket",
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
        let head = client.read(until: "\r\n\r\n")
        #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"), "\(head)")
        client.send(frame: #"{"hello":{"writer":"0123456789abcdef0123456789abcdef"}}"#)
        client.send(frame: #"{"watch":1,"key":"social.drafts/d2"}"#)
        #expect(client.read(until: "another-key").contains("another-key"))
        client.send(frame: #"{"watch":2,"key":"social.drafts/d1"}"#)
        #expect(client.read(until: #""event":"ready""#).contains(#"{"watch":2"#))
        client.send(frame: #"{"do":2,"number":1,"ops":[{"op":"set","path":"/title","value":"Islands"}]}"#)
        // The answer and the event, in either order.
        let done = client.read(until: #"{"done":1,"watch":2"#)
        #expect(done.hasSuffix(#"{"done":1,"watch":2"#))
        #expect(done.contains("Islands") || client.read(until: "Islands").hasSuffix("Islands"))
        client.close()
    }

    private func cluster(_ scene: SiteScene) throws {
        let client = try scene.client()
        client.send(SiteHostTests.get("/write"))
        #expect(client.read(until: "1 value").hasSuffix("1 value"))
        client.send(SiteHostTests.get("/name"))
        #expect(client.read(until: "absent").hasSuffix("\r\n\r\nabsent"))
        let watcher = try scene.client()
        watcher.send(SiteHostTests.get("/watch"))
        #expect(watcher.read(until: "event: ready").contains("hello"), "\(watcher.received)")
        client.send(SiteHostTests.get("/write"))
        #expect(client.read(until: "1 value").hasSuffix("1 value"))
        #expect(watcher.read(until: "hello").hasSuffix("hello"))
        watcher.close()
    }

    private func figures(_ scene: SiteScene) throws {
        let node = try RawClient(port: scene.http)
        // What a site answers a node does not, and what its guest may read nobody else.
        node.send(SiteHostTests.get("/answer"))
        #expect(node.readToEnd().hasPrefix("HTTP/1.1 404"))
        let other = try RawClient(port: scene.http)
        other.send(SiteHostTests.get("/v1/kv/social.users/ann"))
        #expect(other.readToEnd().contains("/problems/reserved-bucket"))
        let metrics = try RawClient(port: scene.http)
        metrics.send(SiteHostTests.get("/metrics", "Connection: close\r\n"))
        let page = metrics.readToEnd()
        for line in [
            "atoll_site_flows 3.0", "atoll_site_pages_total 5.0", "atoll_site_events_total{kind=\"post\"} 7.0",
            "atoll_client_bytes 0.0", "atoll_site_requests 0.0",
            "atoll_http_requests_total{route=\"answer\",code=\"303\"} 2.0",
        ] { #expect(page.contains("\n\(line)\n"), "\(line)") }
    }

    @Test(
        arguments: [
            ("127.0.0.1:1", nil, true), ("127.0.0.1:1", "http://127.0.0.1:7081", true),
            ("127.0.0.1:1", "http://localhost", true),
            ("127.0.0.1:1", "https://a.example", true), ("10.0.0.1:1", "https://a.example", true),
            ("10.0.0.1:1", nil, false),
            ("127.0.0.1:1", "http://a.example", false), ("10.0.0.1:1", "http://127.0.0.1", false),
            ("0.0.0.0:1", "http://a.example:8080", false), ("127.0.0.1:1", "http://[::1]:8080", true),
        ] as [(String, String?, Bool)]) func passwordsDoNotTravelInTheClear(
            address: String, origin: String?, isTaken: Bool
        ) throws
    {
        var settings = SocialSettings()
        settings.origin = origin
        let address = try #require(HostPort(address))
        let listener = SiteListener(
            [], other: TestGuest.other, ring: try RingDocument.singleNode(social: address), address: address)
        let site = SiteConfiguration(address: address, listener: listener) { TestGuest() }
        if isTaken {
            try site.check(settings)
        } else {
            #expect(throws: StartFailure.self) { try site.check(settings) }
        }
    }
}
