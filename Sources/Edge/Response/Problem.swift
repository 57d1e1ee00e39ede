// Errors as clients see them: application/problem+json (RFC 9457) with a stable `type`.

package import DataTypes
package import Gateway
package import JSON
import Ring
import World

/// One kind of error; the list is part of the interface (docs/HTTP.md).
package struct Problem: Error, Sendable {
    package let status: UInt
    /// The last part of `type`: /problems/NAME.
    package let name: String
    package let title: String
    package var detail: String
    /// A header line of its own that RFC 9110 asks for.
    package var header: (name: String, value: String)?
    /// More members of the document, in order.
    package var members: [(String, JSONValue)] = []

    package init(_ status: UInt, _ name: String, _ title: String, _ detail: String = "") {
        self.status = status
        self.name = name
        self.title = title
        self.detail = detail
    }

    package static func malformed(_ detail: String) -> Problem {
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
    static func wrongHost(_ host: String, ofSite: Bool = false) -> Problem {
        let known = ofSite ? "under social in the ring file or of the site's origins" : "under http in the ring file"
        return Problem(
            421, "wrong-host", "The request is for another host",
            "this node is localhost, an IP address, or a host \(known), not \(RequestTarget.quoted(host))")
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
    static func wrongType(_ detail: String) -> Problem {
        Problem(409, "wrong-type", "What stands there is of another type", detail)
    }
    static var unsupportedPatch: Problem {
        var problem = Problem(
            415, "unsupported-patch", "The patch is in no language that is known",
            "a Content-Type of application/merge-patch+json, application/json-patch+json or "
                + "application/vnd.atoll.ops+json says in which")
        // RFC 5789, 3.1.
        problem.header = (
            "accept-patch",
            "application/merge-patch+json, application/json-patch+json, application/vnd.atoll.ops+json"
        )
        return problem
    }

    /// What is wrong with a request before anything is known of the object.
    package init(_ error: PatchError) {
        switch error.code {
        case .malformed: self = .malformed(error.detail)
        case .tooLarge: self = .tooLarge(error.detail)
        case .notApplicable: self.init(NotApplied("not-applicable", operation: error.operation, error.detail))
        case .testFailed: self.init(NotApplied("test-failed", operation: error.operation, error.detail))
        }
    }

    init(_ problem: NotApplied) {
        let (status, name, title): (UInt, String, String) =
            switch problem.code {
            case "test-failed": (412, "test-failed", "A test of the request failed")
            case "not-applicable": (422, "not-applicable", "The request can't be carried out on what stands there")
            case "context-too-old": (409, "context-too-old", "The context is too old to count places by")
            case "retry-unknown": (409, "retry-unknown", "Whether the request was done before is not remembered")
            case "too-many-actors": (409, "too-many-actors", "Too many lives of nodes have written this key")
            default: (409, "wrong-type", "What stands there is of another type")
            }
        self.init(status, name, title, problem.detail)
        if let operation = problem.operation { members.append(("operation", .int(operation))) }
    }

    static let timeout = Problem(408, "request-timeout", "The request did not arrive in time")
    package static let stopping = Problem(503, "stopping", "The node is stopping", "send the request to another node")
    package static let overloaded = Problem(
        503, "overloaded", "Too many requests are in flight", "wait a moment and try again")
    static let headersTooLarge = Problem(
        431, "headers-too-large", "The headers are too large",
        "a request may have \(Limits.headerCount) headers, each of \(Limits.headerBytes) bytes, and "
            + "\(Limits.headerBytes + Limits.targetBytes) bytes in all with its target")
    /// RFC 6455, 4.4.
    package static var upgradeRequired: Problem {
        var problem = Problem(426, "upgrade-required", "WebSockets of version 13 are spoken here")
        problem.header = ("sec-websocket-version", "13")
        return problem
    }
    static let noDemo = Problem(404, "no-such-path", "There is no such path", "`atoll up` alone has a demonstration")
    static let anotherKey = Problem(
        403, "another-key", "This connection is for another key", "it was opened for one key, and takes no other")
    static let tooManyWatches = Problem(
        429, "too-many-watches", "Too many watches",
        "one connection has \(Limits.liveWatchesOfConnection) watches at most")
    static let requestUnderWay = Problem(
        409, "request-under-way", "An earlier request on this watch is under way", "send the next one after its answer")
    package static func tooLarge(_ detail: String) -> Problem {
        Problem(413, "too-large", "The body or the object is too large", detail)
    }

    init(_ error: TargetError) {
        switch error.kind {
        case .malformed: self = .malformed(error.detail)
        case .notFound: self = Problem(404, "no-such-path", "There is no such path", error.detail)
        case .reserved:
            self = Problem(403, "reserved-bucket", "This bucket is not for clients of a node", error.detail)
        case .tooLong: self = Problem(414, "target-too-long", "The target is too long", error.detail)
        }
    }

    package init(_ failure: RequestFailure, _ account: Account?) {
        switch failure {
        case .badLevel(let detail): self = Problem(400, "level-not-possible", "This level is not possible here", detail)
        case .exists: self = Problem(412, "exists", "The key exists", "If-None-Match: * asked for a key that does not")
        case .tooManySiblings(let detail):
            self = Problem(409, "too-many-siblings", "The key has too many siblings", detail)
        case .vectorFull(let detail):
            self = Problem(409, "vector-full", "The key's version vector is full", detail)
        case .tooLarge(let detail): self = .tooLarge(detail)
        case .notApplied(let problem): self.init(problem)
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
        case .behind:
            self = Problem(
                503, "quorum-not-reached", "Too few replicas answered",
                "no replica that answers has seen all that the request's context names; try again")
            members.append(("may_take_effect", .bool(false)))
            members.append(("behind", .bool(true)))
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
