// The table of paths: what a node answers, one row for each (docs/HTTP.md). A path that is no row is 404, a method that
// its row does not name 405. A site has a table of its own (SiteListener.swift).

package import Ring

enum Routes {
    static let all: [Route] = [
        Route(
            "/v1/kv/{bucket}/{key}[/{sort}]", "kv", [.get, .head, .put, .delete, .patch],
            parameters: ["r", "w", "strict", "resolve", "timeout", "ttl", "path", "types", "ids", "conflicts"],
            subject: .value, call: DataCalls.item),
        Route(
            "/v1/kv/{bucket}/{key}/", "list", [.get],
            parameters: ["start", "end", "prefix", "reverse", "limit", "r", "strict", "timeout"], subject: .key,
            call: DataCalls.list),
        Route(
            "/v1/replica/{bucket}/{key}[/{sort}]", "replica", [.get, .head], subject: .key, call: DataCalls.replica),
        Route(
            "/v1/live/{bucket}/{key}[/{sort}]", "live", [.get], parameters: ["since", "at", "changes", "ids", "r"],
            subject: .key, call: LiveCalls.key),
        Route(
            "/v1/live/{bucket}/{key}/", "live", [.get],
            parameters: ["start", "end", "prefix", "since", "at", "changes", "ids", "r"],
            subject: .key, call: LiveCalls.range),
        Route(
            "/v1/live", "live", [.get], parameters: ["watch", "since", "at", "changes", "ids", "r"],
            call: LiveCalls.several),
        Route(
            "/v1/names/{name}", "names", [.get, .head, .put, .delete], parameters: ["timeout", "generation"],
            subject: .name, call: NameCalls.name),
        Route(
            "/v1/names/{name}/transfer", "names", [.post], parameters: ["timeout", "generation"], subject: .name,
            call: NameCalls.transfer),
        Route("/v1/namestore", "namestore", [.get]) { _, _ in .namestore(.show) },
        Route(
            "/v1/namestore/acceptors", "namestore", [.post], parameters: ["nodes", "force"], call: NameCalls.acceptors),
        Route("/v1/namestore/ring", "namestore", [.post], parameters: ["epoch", "digest"], call: NameCalls.ringEpoch),
        Route("/atoll.js", "atoll.js", [.get, .head]) { _, _ in .respond(.module(Pages.module)) },
        Route("/demo", "demo", [.get, .head]) { _, surroundings throws(Problem) in
            guard surroundings.showsDemo else { throw .noDemo }
            return .respond(.page(Pages.demo, type: "text/html"))
        },
        Route("/v1/ring", "ring", [.get]) { _, _ in .node(.ring) },
        Route("/v1/nodes", "nodes", [.get]) { _, _ in .node(.table) },
        Route("/healthz", "healthz", [.get, .head]) { _, _ in .respond(.text("ok\n")) },
        Route("/readyz", "readyz", [.get, .head]) { _, _ in .node(.readiness) },
        Route("/metrics", "metrics", [.get]) { _, _ in .node(.metrics) },
    ]

    /// The node as such: the target `*`, which is no path.
    static let server = Route("*", "server", [.get, .head, .put, .delete, .post, .options]) { request, _ in
        .respond(HTTPResponse(200, [("allow", request.target.route.allowed)]))
    }
}

/// A row of the table.
package final class Route: Sendable {
    /// What the parameters in a path are together: nothing, a key, one whose value a PUT's body is, a name; or what a
    /// site makes of them, with a body of so many bytes at most.
    enum Subject: Equatable {
        case nothing, key, value, name
        case site(bodyBytes: Int)
    }

    typealias Answer = @Sendable (IncomingRequest, Surroundings) throws(Problem) -> Call

    /// As the documents write it. What stands in brackets may be missing.
    let path: String
    /// For metrics: few, and never a client's text.
    package let label: String
    /// In the order of the `Allow` header.
    let methods: [RequestMethod]
    /// What may stand after the `?`.
    let parameters: [String]
    let subject: Subject
    /// What is to be done for a request, whose method is one of these.
    let call: Answer
    /// What may stand behind the path's segments.
    private enum More { case nothing, segment, slash }

    /// The path's segments; nil for a parameter.
    private let segments: [[UInt8]?]
    private let more: More

    init(
        _ path: String, _ label: String, _ methods: [RequestMethod], parameters: [String] = [],
        subject: Subject = .nothing, call: @escaping Answer
    ) {
        self.path = path
        self.label = label
        self.methods = methods
        self.parameters = parameters
        self.subject = subject
        self.call = call
        let fixed = path.prefix { $0 != "[" }
        more = fixed.count == path.count ? .nothing : path.hasSuffix("[/]") ? .slash : .segment
        segments = fixed.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { segment in
            segment.hasPrefix("{") ? nil : Array(segment.utf8)
        }
    }

    /// The value of an `Allow` header.
    var allowed: String { methods.map(\.rawValue).joined(separator: ", ") }

    /// Whether a path of these segments, as they came, is this one.
    func matches(_ path: [ArraySlice<UInt8>]) -> Bool {
        guard path.count == segments.count || path.count == segments.count + 1 && mayEnd(in: path.last) else {
            return false
        }
        for (place, segment) in segments.enumerated() {
            if let segment {
                if !path[place].elementsEqual(segment) { return false }
            } else if case .site = subject, path[place].isEmpty {
                return false
            }
        }
        return true
    }

    private func mayEnd(in segment: ArraySlice<UInt8>?) -> Bool {
        switch more {
        case .nothing: false
        case .segment: segment?.isEmpty == false
        case .slash: segment?.isEmpty == true
        }
    }

    /// Those of a path of this row that stand for its parameters.
    func parameters(in path: [ArraySlice<UInt8>]) -> [ArraySlice<UInt8>] {
        zip(path, segments).compactMap { $1 == nil ? $0 : nil }
    }
}

/// What a row may look at beside the request.
package struct Surroundings: Sendable {
    let ring: RingDocument
    /// Whether /demo is there.
    let showsDemo: Bool
    let siteNames: SiteNames
    /// Gives 128 random bits.
    let chance: @Sendable () -> UInt128

    package init(ring: RingDocument, showsDemo: Bool = false, chance: @escaping @Sendable () -> UInt128) {
        self.ring = ring
        self.showsDemo = showsDemo
        siteNames = SiteNames(ring.social)
        self.chance = chance
    }
}
