// Fetches that were made to harm: names that lead inward, certificates of nobody, packed bombs, drips.

import Dispatch
import Feeds
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
@testable import SocialSite
import Testing
import World

@Suite struct FetchSafetyTests {
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
            group: group, origin: "https://islands.example", rules: .everybody, timeout: .hours(1))
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
        try await FetchScene.with(
            permits: { $0 == FetchScene.loopback },
            addresses: { _, count in count == 1 ? [FetchScene.loopback] : [.v4(0x0A00_0001)] },
            { _ in LocalServer.answer("200 OK", [], FetchScene.feed) }
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
        try await FetchScene.with(
            permits: { $0 == FetchScene.other },
            addresses: { _, _ in [FetchScene.loopback, .v4(0x0A00_0001)] },
            { _ in LocalServer.answer("200 OK", [], FetchScene.feed) }
        ) { place in
            #expect(await place.get("/") == .failed(.forbiddenAddress))
            #expect(place.server.requests.isEmpty)
        }
        // Of several the good one.
        try await FetchScene.with(
            addresses: { _, _ in [.v4(0x0A00_0001), FetchScene.loopback] },
            { _ in LocalServer.answer("200 OK", [], FetchScene.feed) }
        ) { place in
            guard case .document = await place.get("/") else {
                Issue.record("no document")
                return
            }
        }
        try await FetchScene.with(addresses: { _, _ in [] }, { _ in .close }) { place in
            #expect(await place.get("/") == .failed(.unknownHost))
        }
    }

    @Test func theNextAddressIsTried() async throws {
        // Nobody listens at 127.0.0.2 on this port.
        try await FetchScene.with(
            permits: { _ in true }, addresses: { _, _ in [.v4(0x7F00_0002), FetchScene.loopback] },
            { _ in LocalServer.answer("200 OK", [], FetchScene.feed) }
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
            + ["\(bytes.count)", String(decoding: FetchScene.feed, as: UTF8.self)]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Array(data)
    }

    @Test func packedFeedsAreUnpackedToABound() async throws {
        let small = try FetchSafetyTests.gzip([UInt8](repeating: 0x20, count: 1_000))
        let bomb = try FetchSafetyTests.gzip([UInt8](repeating: 0x20, count: 200 << 20))
        #expect(bomb.count < 1 << 20)
        try await FetchScene.with({ path in
            LocalServer.answer("200 OK", ["content-encoding: gzip"], path == "/bomb" ? bomb : small)
        }) { place in
            guard case .document(let document, _) = await place.get("/small") else {
                Issue.record("no document")
                return
            }
            #expect(document.title == "Salt")
            #expect(await place.get("/bomb") == .failed(.tooLarge))
        }
        try await FetchScene.with({ _ in
            LocalServer.answer("200 OK", ["content-encoding: gzip"], Array("no gzip at all".utf8))
        }) { place in
            guard case .failed = await place.get("/") else {
                Issue.record("what was it?")
                return
            }
        }
    }

    @Test func sizeIsBounded() async throws {
        let large = [UInt8](repeating: 0x20, count: Limits.feedBytes + 1)
        try await FetchScene.with({ path in
            if path == "/said" { return .bytes(Array("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".utf8)) }
            return .bytes(Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + large)
        }) { place in
            #expect(await place.get("/said") == .failed(.tooLarge))
            #expect(await place.get("/") == .failed(.tooLarge))
        }
    }

    @Test(arguments: ["/head", "/body", "/silence"]) func timeIsBounded(_ path: String) async throws {
        try await FetchScene.with(
            timeout: .milliseconds(700),
            { path in
                switch path {
                case "/head": .drip(Array("HTTP/1.1 200 OK\r\nx: ".utf8))
                case "/body": .drip(Array("HTTP/1.1 200 OK\r\n\r\n<rss>".utf8))
                default: .silence
                }
            }
        ) { place in
            // Not how long it took: where other tests hold all threads an answer may wait for one.
            #expect(await place.get(path) == .failed(.timedOut))
        }
    }

    /// The resolver takes longer than all else may.
    @Test func aSilentResolverIsNotWaitedFor() async throws {
        let gate = DispatchSemaphore(value: 0)
        try await FetchScene.with(
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
        try await FetchScene.with({ path in
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
        try await FetchScene.with(isSecure: true, { _ in LocalServer.answer("200 OK", [], FetchScene.feed) }) { place in
            let outcome = await place.fetcher.fetch(FetchJob(url: "https://host.example:\(place.server.port)/"))
            #expect(outcome == .failed(.insecure))
            #expect(place.server.requests.isEmpty)
        }
    }

    /// It is the host's name that is vouched for, though an address was dialled.
    @Test func theCertificateIsTheNames() async throws {
        try await FetchScene.with(
            isSecure: true, trusts: LocalServer.certificate,
            { _ in LocalServer.answer("200 OK", [], FetchScene.feed) }
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
        try await FetchScene.with(timeout: .seconds(20), { _ in .silence }) { place in
            let outcomes = await withTaskGroup(of: FetchOutcome.self) { group in
                for _ in 0..<(Limits.fetches + 4) { group.addTask { await place.get("/") } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == .failed(.overloaded) } == 4)
            #expect(outcomes.count { $0 == .failed(.timedOut) } == Limits.fetches)
        }
    }
}
