// Feeds fetched from servers on this machine, good ones and hostile ones.

import Dispatch
import Feeds
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
@testable import SocialSite
import Testing
import World

@Suite struct FeedFetcherTests {
    private static let feed = Array("<rss><channel><title>Salt</title><item><guid>1</guid></item></channel></rss>".utf8)
    private static let loopback = IPAddress.v4(0x7F00_0001)
    /// Of the public internet; nobody dials it here.
    private static let other = IPAddress.v4(0x0808_0808)

    /// A server, and a fetcher that takes it for `host.example`.
    private struct Place {
        let server: LocalServer
        let fetcher: FeedFetcher
        /// How often a name was looked up.
        let lookups: NIOLockedValueBox<[String]>

        func url(_ path: String, host: String = "host.example") -> String { "http://\(host):\(server.port)\(path)" }

        func get(_ path: String, _ validators: FeedValidators = FeedValidators()) async -> FetchOutcome {
            await fetcher.fetch(FetchJob(url: url(path), validators: validators))
        }
    }

    private func with(
        isSecure: Bool = false, trusts: String? = nil, timeout: Span = .seconds(20),
        permits: @escaping @Sendable (IPAddress) -> Bool = { $0 == loopback },
        addresses: @escaping @Sendable (String, Int) -> [IPAddress] = { _, _ in [loopback] },
        _ reply: @escaping @Sendable (String) -> LocalServer.Reply, _ test: (Place) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await LocalServer(group, isSecure: isSecure, reply)
        let lookups = NIOLockedValueBox<[String]>([])
        var rules = FetchRules(
            permits: permits, permitsURL: { _ in true },
            resolve: { host in
                let count = lookups.withLockedValue { lookups in
                    lookups.append(host)
                    return lookups.count
                }
                return addresses(host, count)
            })
        if let trusts {
            rules.trust = .certificates([try NIOSSLCertificate(bytes: Array(trusts.utf8), format: .pem)])
        }
        let fetcher = FeedFetcher(group: group, origin: "https://islands.example", rules: rules, timeout: timeout)
        let result: Result<Void, any Error>
        do { result = .success(try await test(Place(server: server, fetcher: fetcher, lookups: lookups))) } catch {
            result = .failure(error)
        }
        await fetcher.shutdown()
        await server.close()
        try result.get()
    }

    @Test func aFeedIsFetched() async throws {
        try await with({ _ in
            LocalServer.answer(
                "200 OK",
                [
                    "content-type: text/xml", "etag: \"7\"", "last-modified: Mon, 01 Jan 2024 00:00:00 GMT",
                    "cache-control: public, max-age=3600",
                ], FeedFetcherTests.feed)
        }) { place in
            guard case .document(let document, let head) = await place.get("/feed?a=b") else {
                Issue.record("no document")
                return
            }
            #expect(document.title == "Salt" && document.items.count == 1)
            #expect(head.validators == FeedValidators(etag: "\"7\"", lastModified: "Mon, 01 Jan 2024 00:00:00 GMT"))
            #expect(head.maxAge == .seconds(3_600))
            #expect(head.finalURL == place.url("/feed?a=b") && head.permanentMove == nil)
            let request = try #require(place.server.requests.first)
            #expect(request.hasPrefix("get /feed?a=b http/1.1\r\n"))
            #expect(request.contains("\r\nhost: host.example:\(place.server.port)\r\n"))
            #expect(request.contains("\r\nuser-agent: atoll (feed reader; +https://islands.example)\r\n"))
            #expect(!request.contains("if-none-match"))
        }
    }

    @Test func nothingNewIsLittleSaid() async throws {
        try await with({ _ in LocalServer.answer("304 Not Modified", ["etag: \"8\""]) }) { place in
            let validators = FeedValidators(etag: "W/\"7\"", lastModified: "strange, as it came")
            guard case .notModified(let head) = await place.get("/", validators) else {
                Issue.record("modified")
                return
            }
            #expect(head.validators.etag == "\"8\"")
            let request = try #require(place.server.requests.first)
            #expect(request.contains("\r\nif-none-match: w/\"7\"\r\n"))
            #expect(request.contains("\r\nif-modified-since: strange, as it came\r\n"))
            // Nobody asked whether.
            #expect(await place.get("/") == .failed(.status(304)))
        }
    }

    @Test(
        arguments: [
            ("429 Too Many Requests", "retry-after: 120", FetchOutcome.retryLater(.seconds(120))),
            ("503 Service Unavailable", "retry-after: 99999999999999999999", .retryLater(.hours(1))),
            ("503 Service Unavailable", "retry-after: 99999999999", .retryLater(.hours(24 * 7))),
            ("429 Too Many Requests", "x: y", .retryLater(.hours(1))),
            (
                "429 Too Many", "date: Mon, 01 Jan 2024 00:00:00 GMT\r\nretry-after: Mon, 01 Jan 2024 00:10:00 GMT",
                .retryLater(.minutes(10))
            ),
            ("410 Gone", "x: y", .gone), ("404 Not Found", "x: y", .failed(.status(404))),
            ("500 Oh", "x: y", .failed(.status(500))), ("204 No Content", "x: y", .failed(.status(204))),
            ("301 Moved", "x: y", .failed(.status(301))),
        ])
    func statusesAreTold(status: String, header: String, expected: FetchOutcome) async throws {
        try await with({ _ in LocalServer.answer(status, [header]) }) { place in
            #expect(await place.get("/") == expected)
        }
    }

    @Test func whatIsNoFeedIsToldSo() async throws {
        try await with({ _ in
            LocalServer.answer(
                "200 OK", [],
                Array("<html><link rel=alternate type='application/rss+xml' href='https://a.example/f'>".utf8))
        }) { place in
            #expect(await place.get("/") == .failed(.unreadable(.notAFeed(feeds: ["https://a.example/f"]))))
        }
    }

    @Test func hubsAreSentForms() async throws {
        try await with({ path in
            path == "/hub" ? LocalServer.answer("202 Accepted") : LocalServer.answer("302 Found", ["location: /hub"])
        }) { place in
            let form = WebSub.subscription(
                topic: "https://a.example/f?x=1&y", callback: "https://islands.example/-/hub/1")
            #expect(await place.fetcher.fetch(FetchJob(url: place.url("/hub"), form: form)) == .accepted)
            #expect(await place.fetcher.fetch(FetchJob(url: place.url("/moved"), form: form)) == .failed(.status(302)))
            let inner = await place.fetcher.fetch(FetchJob(url: "http://10.0.0.1/hub", form: form))
            #expect(inner == .failed(.forbiddenAddress))
            let request = try #require(place.server.requests.first)
            #expect(request.hasPrefix("post /hub http/1.1\r\n"))
            #expect(request.contains("content-type: application/x-www-form-urlencoded\r\n"))
        }
    }

    // MARK: Redirects

    @Test func redirectsAreFollowedAndPermanentOnesTold() async throws {
        try await with({ path in
            switch path {
            case "/a": LocalServer.answer("301 Moved", ["location: /b"])
            case "/b": LocalServer.answer("308 Moved", ["location: c"])
            case "/c": LocalServer.answer("302 Found", ["location: /d"])
            case "/d": LocalServer.answer("301 Moved", ["location: /e"])
            default: LocalServer.answer("200 OK", [], FeedFetcherTests.feed)
            }
        }) { place in
            guard case .document(_, let head) = await place.get("/a") else {
                Issue.record("no document")
                return
            }
            #expect(head.permanentMove == place.url("/c"))
            #expect(head.finalURL == place.url("/e"))
        }
    }

    @Test func redirectsEnd() async throws {
        try await with({ path in LocalServer.answer("302 Found", ["location: \(path)a"]) }) { place in
            #expect(await place.get("/") == .failed(.tooManyRedirects))
            #expect(place.server.requests.count == Limits.fetchRedirects + 1)
        }
        try await with({ _ in LocalServer.answer("302 Found", ["location: javascript:alert(1)"]) }) { place in
            #expect(await place.get("/") == .failed(.badURL))
        }
    }

    @Test(
        arguments: [
            "http://169.254.169.254/latest/meta-data/", "http://[::ffff:10.0.0.1]/", "http://[::1]/",
            "http://inner.example/", "//10.0.0.1/", "http://[64:ff9b::a00:1]/", "http://0/",
        ])
    func redirectsInwardAreNotFollowed(_ target: String) async throws {
        try await with(
            permits: { $0 == FeedFetcherTests.loopback || AddressCheck.isPublic($0) },
            addresses: { host, _ in host == "inner.example" ? [.v4(0x0A00_0001)] : [FeedFetcherTests.loopback] },
            { _ in LocalServer.answer("302 Found", ["location: \(target)"]) }
        ) { place in
            #expect(await place.get("/") == .failed(.forbiddenAddress))
            #expect(place.server.requests.count == 1)
        }
    }

    // MARK: Addresses

    /// The rules that ship: nothing of this machine or its network is asked, by whatever name.
    @Test(
        arguments: [
            "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/",
            "http://10.1.2.3/", "http://0x7f000001/", "http://127.1/", "http://[fe80::1]/", "http://0/",
        ])
    func nothingWithinIsReached(_ url: String) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let fetcher = FeedFetcher(
            group: group, origin: "https://islands.example", rules: .everybody, timeout: .seconds(60))
        let outcome = await fetcher.fetch(FetchJob(url: url))
        await fetcher.shutdown()
        #expect(outcome == .failed(.forbiddenAddress))
    }

    @Test(arguments: ["http://a.example:22/", "ftp://a.example/", "http://ann:pw@a.example/", "", "file:///etc/passwd"])
    func otherURLsAreRefused(_ url: String) async throws {
        let fetcher = FeedFetcher(group: MultiThreadedEventLoopGroup.singleton, origin: "https://islands.example")
        let outcome = await fetcher.fetch(FetchJob(url: url))
        await fetcher.shutdown()
        #expect(outcome == .failed(.badURL))
    }

    /// Miniflux 4092: the name leads elsewhere the next time. There is no next time.
    @Test func aNameIsLookedUpOnceForEachRequest() async throws {
        try await with(
            permits: { $0 == FeedFetcherTests.loopback },
            addresses: { _, count in count == 1 ? [FeedFetcherTests.loopback] : [.v4(0x0A00_0001)] },
            { _ in LocalServer.answer("200 OK", [], FeedFetcherTests.feed) }
        ) { place in
            guard case .document = await place.get("/") else {
                Issue.record("no document")
                return
            }
            #expect(place.lookups.withLockedValue { $0 } == ["host.example"])
            #expect(await place.get("/") == .failed(.forbiddenAddress))
            #expect(place.server.requests.count == 1)
        }
    }

    @Test func onlyCheckedAddressesAreDialled() async throws {
        // The first is refused by the rules, though somebody listens there; the second nobody may dial either.
        try await with(
            permits: { $0 == FeedFetcherTests.other },
            addresses: { _, _ in [FeedFetcherTests.loopback, .v4(0x0A00_0001)] },
            { _ in LocalServer.answer("200 OK", [], FeedFetcherTests.feed) }
        ) { place in
            #expect(await place.get("/") == .failed(.forbiddenAddress))
            #expect(place.server.requests.isEmpty)
        }
        // Of several the good one.
        try await with(
            addresses: { _, _ in [.v4(0x0A00_0001), FeedFetcherTests.loopback] },
            { _ in LocalServer.answer("200 OK", [], FeedFetcherTests.feed) }
        ) { place in
            guard case .document = await place.get("/") else {
                Issue.record("no document")
                return
            }
        }
        try await with(addresses: { _, _ in [] }, { _ in .close }) { place in
            #expect(await place.get("/") == .failed(.unknownHost))
        }
    }

    @Test func theNextAddressIsTried() async throws {
        // Nobody listens at 127.0.0.2 on this port.
        try await with(
            permits: { _ in true }, addresses: { _, _ in [.v4(0x7F00_0002), FeedFetcherTests.loopback] },
            { _ in LocalServer.answer("200 OK", [], FeedFetcherTests.feed) }
        ) { place in
            guard case .document = await place.get("/") else {
                Issue.record("no document")
                return
            }
        }
    }

    // MARK: Too much, too slow

    private static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            [
                "python3", "-c",
                "import sys,gzip; sys.stdout.buffer.write(gzip.compress(b' ' * int(sys.argv[1]) + sys.argv[2].encode()))",
            ]
            + ["\(bytes.count)", String(decoding: feed, as: UTF8.self)]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(data)
    }

    @Test func packedFeedsAreUnpackedToABound() async throws {
        let small = try FeedFetcherTests.gzip([UInt8](repeating: 0x20, count: 1_000))
        let bomb = try FeedFetcherTests.gzip([UInt8](repeating: 0x20, count: 200 << 20))
        #expect(bomb.count < 1 << 20)
        try await with({ path in
            LocalServer.answer("200 OK", ["content-encoding: gzip"], path == "/bomb" ? bomb : small)
        }) { place in
            guard case .document(let document, _) = await place.get("/small") else {
                Issue.record("no document")
                return
            }
            #expect(document.title == "Salt")
            #expect(await place.get("/bomb") == .failed(.tooLarge))
        }
        try await with({ _ in LocalServer.answer("200 OK", ["content-encoding: gzip"], Array("no gzip at all".utf8)) })
        { place in
            guard case .failed = await place.get("/") else {
                Issue.record("what was it?")
                return
            }
        }
    }

    @Test func sizeIsBounded() async throws {
        let large = [UInt8](repeating: 0x20, count: Limits.feedBytes + 1)
        try await with({ path in
            if path == "/said" { return .bytes(Array("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".utf8)) }
            return .bytes(Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + large)
        }) { place in
            #expect(await place.get("/said") == .failed(.tooLarge))
            #expect(await place.get("/") == .failed(.tooLarge))
        }
    }

    @Test(arguments: ["/head", "/body", "/silence"]) func timeIsBounded(_ path: String) async throws {
        try await with(
            timeout: .milliseconds(700),
            { path in
                switch path {
                case "/head": .drip(Array("HTTP/1.1 200 OK\r\nx: ".utf8))
                case "/body": .drip(Array("HTTP/1.1 200 OK\r\n\r\n<rss>".utf8))
                default: .silence
                }
            }
        ) { place in
            let start = ContinuousClock.now
            #expect(await place.get(path) == .failed(.timedOut))
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    /// The resolver takes longer than all else may.
    @Test func aSilentResolverIsNotWaitedFor() async throws {
        let gate = DispatchSemaphore(value: 0)
        try await with(
            timeout: .milliseconds(300),
            addresses: { _, _ in
                gate.wait()
                return []
            }, { _ in .close }
        ) { place in
            #expect(await place.get("/") == .failed(.timedOut))
            gate.signal()
        }
    }

    @Test func brokenAnswersAreFailures() async throws {
        try await with({ path in
            switch path {
            case "/close": .close
            case "/junk": .bytes(Array("SSH-2.0-OpenSSH\r\n\r\n".utf8))
            default: .bytes(Array("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<rss>".utf8))
            }
        }) { place in
            #expect(await place.get("/close") == .failed(.unreachable))
            #expect(await place.get("/junk") == .failed(.unreachable))
        }
    }

    /// The address was checked, and so is who answers there.
    @Test func aCertificateThatNobodyVouchedForIsNone() async throws {
        try await with(isSecure: true, { _ in LocalServer.answer("200 OK", [], FeedFetcherTests.feed) }) { place in
            let outcome = await place.fetcher.fetch(FetchJob(url: "https://host.example:\(place.server.port)/"))
            #expect(outcome == .failed(.insecure))
            #expect(place.server.requests.isEmpty)
        }
    }

    /// It is the host's name that is vouched for, though an address was dialled.
    @Test func theCertificateIsTheNames() async throws {
        try await with(
            isSecure: true, trusts: LocalServer.certificate,
            { _ in LocalServer.answer("200 OK", [], FeedFetcherTests.feed) }
        ) { place in
            let (good, bad) = (
                "https://host.example:\(place.server.port)/", "https://other.example:\(place.server.port)/"
            )
            guard case .document = await place.fetcher.fetch(FetchJob(url: good)) else {
                Issue.record("no document")
                return
            }
            #expect(await place.fetcher.fetch(FetchJob(url: bad)) == .failed(.insecure))
            #expect(place.server.requests.count == 1)
        }
    }

    @Test func fetchesUnderWayAreBounded() async throws {
        try await with(timeout: .milliseconds(900), { _ in .silence }) { place in
            let outcomes = await withTaskGroup(of: FetchOutcome.self) { group in
                for _ in 0..<(Limits.fetches + 4) { group.addTask { await place.get("/") } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == .failed(.overloaded) } == 4)
            #expect(outcomes.count { $0 == .failed(.timedOut) } == Limits.fetches)
        }
    }
}
