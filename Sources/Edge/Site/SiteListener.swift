// What a site's listener answers, and under which names: its own table of paths, its origins, the proxies that it
// believes.

package import Ring
package import World

package struct SiteListener: Sendable {
    let routes: [Route]
    /// Takes what no row does, so that people are told on a page of the site.
    let other: Route
    let ring: RingDocument
    /// Where it listens, whatever the ring says.
    let address: HostPort
    /// How a browser is told of what the listener itself finds wrong; nil where it was no browser that asked.
    let explain: @Sendable (Problem, RequestHead) -> HTTPResponse?

    /// - Parameters:
    ///   - routes: the first that fits a path has it.
    ///   - other: what has the rest; its path means nothing.
    package init(
        _ routes: [Route], other: Route, ring: RingDocument, address: HostPort,
        explain: @escaping @Sendable (Problem, RequestHead) -> HTTPResponse? = { _, _ in nil }
    ) {
        self.routes = routes
        self.other = other
        self.ring = ring
        self.address = address
        self.explain = explain
    }

    /// The same with rows that go before, and with words for browsers.
    package func with(
        _ rows: [Route], explain: @escaping @Sendable (Problem, RequestHead) -> HTTPResponse?
    ) -> SiteListener {
        SiteListener(rows + routes, other: other, ring: ring, address: address, explain: explain)
    }
}

extension Route {
    /// A row of a site's table. `/posts/{slug}` has one parameter, which is never empty; a path that ends in `/` is
    /// only met with it, one that ends in `[/]` with and without.
    ///
    /// - Parameters:
    ///   - label: for metrics: one of few.
    ///   - bodyBytes: the most that a request's body may have.
    package convenience init(
        site path: String, _ label: String, _ methods: [RequestMethod], bodyBytes: Int = Limits.otherBodyBytes
    ) {
        self.init(path, label, methods, subject: .site(bodyBytes: bodyBytes)) { request, surroundings in
            .site(SiteRequest(request, surroundings))
        }
    }
}

/// The origins of a site, and which of them a request came to.
struct SiteNames: Sendable {
    private let origin: (text: String, authority: Authority)?
    private let raw: (text: String, authority: Authority)?

    init(_ settings: SocialSettings?) {
        func named(_ origin: String?) -> (String, Authority)? {
            guard let origin, let authority = Authority(SiteNames.authority(of: origin)) else { return nil }
            return (origin, authority)
        }
        origin = named(settings?.origin)
        raw = named(settings?.rawOrigin)
    }

    /// A host and perhaps a port.
    static func authority(of origin: String) -> Substring {
        origin.firstRange(of: "://").map { origin[$0.upperBound...] } ?? origin[...]
    }

    /// As whoever sent a request to `host` has reached the site.
    func origin(of host: Authority?) -> (origin: String, isRaw: Bool) {
        if let raw, host == raw.authority { return (raw.text, true) }
        if let origin, host == nil || host == origin.authority { return (origin.text, false) }
        return ("http://" + (host?.text ?? "localhost"), false)
    }
}
