// Errors as clients see them: application/problem+json (RFC 9457) with a stable `type`.

import JSON
import Gateway
import Ring
import World

/// One kind of error; the list is part of the interface (docs/HTTP.md).
package struct Problem: Error, Sendable {
    package let status: UInt
    /// The last part of `type`: /problems/NAME.
    package let name: String
    let title: String
    var detail: String
    /// A header line of its own that RFC 9110 asks for.
    var header: (name: String, value: String)?
    /// More members of the document, in order.
    var members: [(String, JSONValue)] = []

    init(_ status: UInt, _ name: String, _ title: String, _ detail: String = "") {
        self.status = status
        self.name = name
        self.title = title
        self.detail = detail
    }

    static func malformed(_ detail: String) -> Problem {
        Problem(400, "malformed", "The request is malformed", detail)
    }
    static func notFound(_ detail: String) -> Problem {
        Problem(404, "not-found", "Nothing is stored under this key", detail)
    }
    /// `allowed`: the value of the `Allow` header.
    static func methodNotAllowed(_ allowed: String) -> Problem {
        var problem = Problem(405, "method-not-allowed", "This path does not take this method", "it takes \(allowed)")
        problem.header = ("allow", allowed)
        return problem
    }
    static func notImplemented(_ detail: String) -> Problem {
        Problem(501, "not-implemented", "The node does not know how to do this", detail)
    }
    static let unknownMethod = notImplemented("no path takes this method")
    static func wrongHost(_ host: String) -> Problem {
        Problem(
            421, "wrong-host", "The request is for another host",
            "this node is localhost, an IP address, or a host under http in the ring file, not "
                + RequestTarget.quoted(host))
    }
    static func foreignOrigin(_ origin: String) -> Problem {
        Problem(
            403, "foreign-origin", "Another site's page may not change anything",
            "the page's origin is \(RequestTarget.quoted(origin))")
    }
    /// The `Accept-Encoding` says that a value without one is taken.
    static func unsupportedMedia(_ detail: String) -> Problem {
        var problem = Problem(415, "unsupported-media-type", "The content is of a kind that is not taken", detail)
        problem.header = ("accept-encoding", "identity")
        return problem
    }
    static let timeout = Problem(408, "request-timeout", "The request did not arrive in time")
    package static let stopping = Problem(503, "stopping", "The node is stopping", "send the request to another node")
    package static let overloaded = Problem(
        503, "overloaded", "Too many requests are in flight", "wait a moment and try again")
    static let headersTooLarge = Problem(
        431, "headers-too-large", "The headers are too large",
        "a request may have \(Limits.headerCount) headers, each of \(Limits.headerBytes) bytes, and "
            + "\(Limits.headerBytes + Limits.targetBytes) bytes in all with its target")
    static func tooLarge(_ detail: String) -> Problem {
        Problem(413, "too-large", "The body or the object is too large", detail)
    }

    init(_ error: TargetError) {
        switch error.kind {
        case .malformed: self = .malformed(error.detail)
        case .notFound: self = Problem(404, "no-such-path", "There is no such path", error.detail)
        case .tooLong: self = Problem(414, "target-too-long", "The target is too long", error.detail)
        }
    }

    init(_ failure: RequestFailure, _ account: Account?) {
        switch failure {
        case .badLevel(let detail): self = Problem(400, "level-not-possible", "This level is not possible here", detail)
        case .exists: self = Problem(412, "exists", "The key exists", "If-None-Match: * asked for a key that does not")
        case .tooManySiblings(let detail):
            self = Problem(409, "too-many-siblings", "The key has too many siblings", detail)
        case .vectorFull(let detail):
            self = Problem(409, "vector-full", "The key's version vector is full", detail)
        case .tooLarge(let detail): self = .tooLarge(detail)
        case .diskFull:
            self = Problem(
                507, "disk-full", "The disk is nearly full", "no replica of this key takes writes at the moment")
        case .overloaded: self = .overloaded
        case .malformed(let detail): self = .malformed(detail)
        case .quorumNotReached(let mayTakeEffect):
            self = Problem(
                503, "quorum-not-reached", "Too few replicas answered",
                mayTakeEffect ? "the write may still take effect" : "read again, or at a lower level")
            members.append(("may_take_effect", .bool(mayTakeEffect)))
        }
        if let account {
            members.append(("level", .string(account.level.description)))
            members.append(("acknowledged_by", .strings(account.tally.acknowledgements.map(\.node.name))))
        }
    }

    var body: [UInt8] {
        var json = JSONWriter()
        json.open("{")
        json.member("type", .string("/problems/\(name)"))
        json.member("title", .string(title))
        json.member("status", .int(Int(status)))
        if !detail.isEmpty { json.member("detail", .string(detail)) }
        for (key, value) in members { json.member(named: key, value) }
        json.close("}")
        return json.bytes + [0x0A]
    }
}
