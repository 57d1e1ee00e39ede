// What a fetch may reach. There is one set of rules for everybody; tests have another, which lets them have servers of
// their own on this machine.

import Feeds
import NIOSSL
import World

struct FetchRules: Sendable {
    /// Whether an address may be dialled.
    let permits: @Sendable (IPAddress) -> Bool
    /// Whether a URL may be asked for, whatever its host turns out to be.
    let permitsURL: @Sendable (FeedURL) -> Bool
    /// The addresses of a host. It may block, and is called once for each host of a fetch.
    let resolve: @Sendable (String) -> [IPAddress]
    /// Who vouches for hosts.
    var trust = NIOSSLTrustRoots.default

    /// The public internet, by the system's resolver.
    static let everybody = FetchRules(
        permits: { AddressCheck.isPublic($0) }, permitsURL: { AddressCheck.isPublic($0) },
        resolve: { HostNames.addresses(of: $0) })
}
