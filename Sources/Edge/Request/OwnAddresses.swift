// What this cluster is called, by the addresses under `http` in its ring: whose requests are taken, and whose pages may
// change something (docs/decisions/0015-whose-pages-may-call.md).

import World
import Ring

struct OwnAddresses {
    private var names: Set<String> = ["localhost"]
    private var addresses: Set<Authority> = []
    /// Those that some bucket names.
    private var others: Set<String> = []

    init(_ ring: RingDocument) {
        for node in ring.nodes {
            names.insert(node.http.host.lowercased())
            if let address = Authority(node.http.description) { addresses.insert(address) }
        }
        for properties in [ring.defaults] + ring.buckets.map(\.properties) { others.formUnion(properties.cors) }
    }

    /// Of a site: where the nodes' sites listen, and what people call it.
    init(site: SiteListener) {
        let ring = site.ring
        for address in [site.address] + ring.nodes.compactMap(\.social) { names.insert(address.host.lowercased()) }
        for origin in [ring.social?.origin, ring.social?.rawOrigin] {
            if let host = origin.flatMap({ Authority(SiteNames.authority(of: $0)) })?.host { names.insert(host) }
        }
    }

    /// A name that is not ours may have been pointed at this node by a stranger's name server (DNS rebinding). An
    /// address can't be, and ports don't matter: whoever forwards one to this node has chosen to.
    func isOwn(_ host: Authority) -> Bool { host.isAddress || names.contains(host.host) }

    /// Whether a page of this origin may use some bucket; of each it is found out when that is used.
    func isNamed(origin: String) -> Bool { others.contains(origin) }

    /// Whether a page of this origin may change something: it came from a node of the ring, or from the very address
    /// that the request is for. `null`, which a page without an origin of its own sends, is neither.
    func isOwn(origin: String, of host: Authority?) -> Bool {
        let scheme = "http://"
        guard origin.lowercased().hasPrefix(scheme) else { return false }
        guard let page = Authority(origin.dropFirst(scheme.count)) else { return false }
        return page == host || addresses.contains(page)
    }
}
