// Whose request it is that came through proxies: the word of those is taken that the ring file trusts, and nobody
// else's, since anybody can write `X-Forwarded-For`.

package import Ring
import World

package struct ClientAddress: Sendable {
    private let trusted: [IPNetwork]

    package init(_ settings: SocialSettings?) { trusted = (settings?.trustedProxies ?? []).compactMap(IPNetwork.init) }

    /// The address of the client of a request that came from `peer`. Each proxy appends whom it had the request from:
    /// so the last address counts as long as a trusted one has written it.
    package func of(_ head: RequestHead, from peer: String) -> String {
        var address = peer
        guard !trusted.isEmpty, let forwarded = head.fields.list(.forwardedFor) else { return address }
        var rest = forwarded[...]
        for _ in 0..<Limits.forwardedAddresses {
            guard !rest.isEmpty, isTrusted(address) else { break }
            let comma = rest.lastIndex(of: ",")
            let last = rest[(comma.map { rest.index(after: $0) } ?? rest.startIndex)...].trimmed
            // What is no address tells nothing, nor does what stands before it.
            guard IPAddress(String(last)) != nil else { break }
            address = String(last)
            rest = comma.map { rest[..<$0] } ?? ""
        }
        return address
    }

    private func isTrusted(_ address: String) -> Bool {
        guard let address = IPAddress(address) else { return false }
        return trusted.contains { $0.contains(address) }
    }
}
