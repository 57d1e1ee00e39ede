// A person's request of a site, as far as HTTP goes: which path of its table was asked for, with what, and from where.
// What it means is the site's own.

import World

package struct SiteRequest: Sendable {
    /// A row of the site's table, or the one that answers where no row fits.
    package let route: Route
    package let head: RequestHead
    /// What stands in the path for the row's parameters, in order, percent-decoded once. None is empty.
    package let parameters: [[UInt8]]
    /// The path ends in a slash, which a row may leave open (`[/]`).
    package let hasFinalSlash: Bool
    /// What stands after the `?`, in order: as a form writes it, so that a `+` is a blank.
    package let query: [(name: String, value: [UInt8])]
    package let body: [UInt8]
    /// The site's own, as the client has reached it: the configured one, or the node's own address.
    package let origin: String
    /// It came to the origin that gives out posts as they are, and nothing else.
    package let isRaw: Bool
    /// The client's IP address; behind a proxy that is trusted, the one that this says. Empty where it is not known.
    package var address: String
    /// Random, and nobody else's.
    package let chance: [UInt8]

    init(
        _ route: Route, _ head: RequestHead, parameters: [[UInt8]] = [], hasFinalSlash: Bool = false,
        query: [(name: String, value: [UInt8])] = [], body: [UInt8] = [], origin: String, isRaw: Bool = false,
        address: String, chance: [UInt8]
    ) {
        self.route = route
        self.head = head
        self.parameters = parameters
        self.hasFinalSlash = hasFinalSlash
        self.query = query
        self.body = body
        self.origin = origin
        self.isRaw = isRaw
        self.address = address
        self.chance = chance
    }
}

extension SiteRequest {
    /// A name or a value of a form (application/x-www-form-urlencoded), as a query writes it too. Nil if it is none.
    package static func formField(_ text: ArraySlice<UInt8>) -> [UInt8]? { try? SiteTarget.field(text) }

    /// As a listener makes it of a request that has come whole; for whoever carries requests without sockets. The
    /// origin is one that no page comes from, and the client is on this machine. Nil where the listener would refuse
    /// its path.
    package init?(_ head: RequestHead, body: [UInt8], of listener: SiteListener, chance: [UInt8]) {
        guard let target = try? RequestTarget.parse(head.target, of: listener) else { return nil }
        let site = target.site ?? SiteTarget()
        self.init(
            target.route, head, parameters: site.parameters, hasFinalSlash: site.hasFinalSlash, query: site.query,
            body: body, origin: "http://site", address: "127.0.0.1", chance: chance)
    }

    /// The address is the connection's for now.
    init(_ request: IncomingRequest, _ surroundings: Surroundings) {
        let target = request.target.site ?? SiteTarget()
        let (origin, isRaw) = surroundings.siteNames.origin(of: request.host)
        self.init(
            request.target.route, request.head, parameters: target.parameters, hasFinalSlash: target.hasFinalSlash,
            query: target.query, body: request.body, origin: origin, isRaw: isRaw, address: "",
            chance: SiteRequest.chance(surroundings.chance))
    }

    private static func chance(_ draw: () -> UInt128) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Limits.siteChanceBytes)
        while bytes.count < Limits.siteChanceBytes {
            let drawn = draw()
            for at in 0..<16 { bytes.append(UInt8(truncatingIfNeeded: drawn >> UInt128(8 * at))) }
        }
        return bytes
    }
}

/// What a site's path and query say.
struct SiteTarget: Sendable {
    var parameters: [[UInt8]] = []
    var hasFinalSlash = false
    var query: [(name: String, value: [UInt8])] = []

    init() {}

    init(_ route: Route, _ segments: [ArraySlice<UInt8>], query: ArraySlice<UInt8>) throws(TargetError) {
        for segment in route.parameters(in: segments) { parameters.append(try RequestTarget.decode(segment)) }
        hasFinalSlash = segments.last?.isEmpty == true
        let pairs = query.split(separator: UInt8(ascii: "&"), maxSplits: Limits.siteQuery)
        guard pairs.count <= Limits.siteQuery else {
            throw .malformed("more than \(Limits.siteQuery) parameters stand after the ?")
        }
        for pair in pairs {
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard let name = String(validating: try SiteTarget.field(pair[..<equals]), as: UTF8.self) else {
                throw .malformed("the name of a parameter is not UTF-8")
            }
            self.query.append((name, equals < pair.endIndex ? try SiteTarget.field(pair[(equals + 1)...]) : []))
        }
    }

    static func field(_ text: ArraySlice<UInt8>) throws(TargetError) -> [UInt8] {
        let blanks = text.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        return try RequestTarget.decode(blanks[...])
    }
}
