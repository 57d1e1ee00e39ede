// A server on this machine, and a fetcher that takes it for `host.example`: what tests of fetches stand on.

import Feeds
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
@testable import SocialSite
import World

struct FetchScene {
    static let feed = Array("<rss><channel><title>Salt</title><item><guid>1</guid></item></channel></rss>".utf8)
    static let loopback = IPAddress.v4(0x7F00_0001)
    /// Of the public internet; nobody dials it here.
    static let other = IPAddress.v4(0x0808_0808)

    let server: LocalServer
    let fetcher: FeedFetcher
    /// Names that were looked up.
    let lookups: NIOLockedValueBox<[String]>

    func url(_ path: String, host: String = "host.example") -> String { "http://\(host):\(server.port)\(path)" }

    func get(_ path: String, _ validators: FeedValidators = FeedValidators()) async -> FetchOutcome {
        await fetcher.fetch(FetchJob(url: url(path), validators: validators))
    }

    static func with(
        isSecure: Bool = false, trusts: String? = nil, timeout: Span = .hours(1),
        permits: @escaping @Sendable (IPAddress) -> Bool = { $0 == loopback },
        addresses: @escaping @Sendable (String, Int) -> [IPAddress] = { _, _ in [loopback] },
        _ reply: @escaping @Sendable (String) -> LocalServer.Reply, _ test: (FetchScene) async throws -> Void
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
        do { result = .success(try await test(FetchScene(server: server, fetcher: fetcher, lookups: lookups))) } catch {
            result = .failure(error)
        }
        await fetcher.shutdown()
        await server.close()
        try result.get()
    }
}
