// The namestore over HTTP (docs/HTTP.md): `Atoll-Owner` in, 201, 200, 403, 404, 409, 429 or 503 out.

import JSON
package import NameStore
import World

package enum NameResponses {
    /// The request's name, checked and normalised.
    static func name(_ bytes: [UInt8]) throws(Problem) -> Name {
        do { return try Name(bytes) } catch { throw Problem(400, "bad-name", "This is no name", "\(error)") }
    }

    /// The same for a request that gives the name to somebody: it must keep the present rules.
    static func nameToTake(_ bytes: [UInt8]) throws(Problem) -> Name {
        let name = try name(bytes)
        do { try name.checkMayBeTaken() } catch {
            throw Problem(400, "bad-name", "Nobody may take this name", "\(error)")
        }
        return name
    }

    /// The owner's digest from a header of this name. The token itself goes no further.
    static func owner(_ fields: RequestFields, _ field: RequestField, of name: Name) throws(Problem)
        -> OwnerDigest
    {
        guard let text = fields.first(field) else {
            throw .malformed(
                "\(field.rawValue) is missing: a token of at least 128 random bits, kept secret by the owner")
        }
        do { return try OwnerToken(Array(text.utf8)).digest(for: name) } catch {
            throw Problem(400, "bad-owner-token", "This is no owner token", "\(error)")
        }
    }

    /// What the client calls its request, so that it is one request however often it is sent; without that every one is
    /// another.
    static func requestID(_ fields: RequestFields, _ chance: () -> UInt128) throws(Problem) -> RequestID {
        let keys = fields.all(.idempotencyKey)
        guard let key = keys.first else {
            let bits = chance()
            return RequestID(high: UInt64(truncatingIfNeeded: bits >> 64), low: UInt64(truncatingIfNeeded: bits))
        }
        guard keys.count == 1, (1...Limits.idempotencyKeyBytes).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            throw .malformed("Idempotency-Key stands once, with 1 to \(Limits.idempotencyKeyBytes) characters of ASCII")
        }
        return RequestID(key: Array(key.utf8))
    }

    package static func response(_ answer: NameAnswer, to method: RequestMethod) -> HTTPResponse {
        switch answer {
        case .registered(let generation): document(201, "registered", generation)
        case .alreadyYours(let generation): document(200, "yours", generation)
        case .held(let generation, _): document(200, "held", generation)
        case .transferred(let generation): document(200, "transferred", generation)
        case .released(let generation):
            method == .delete
                ? HTTPResponse(204, [("atoll-generation", "\(generation)")]) : notFound("it was released", generation)
        case .absent, .pinned: notFound("nobody has registered it", 0)
        case .taken(let generation): problem(409, "name-taken", "The name is taken", generation)
        case .stale(let generation): problem(409, "stale-generation", "The name has changed since", generation)
        case .forbidden(let generation): problem(403, "not-the-owner", "The name belongs to another owner", generation)
        case .overloaded: HTTPResponse(Problem.overloaded)
        case .unknown(let mayTakeEffect): unknown(mayTakeEffect)
        case .configuration, .conflict: HTTPResponse(500)
        }
    }

    private static func document(_ status: UInt, _ state: String, _ generation: UInt64) -> HTTPResponse {
        var text = JSONWriter()
        text.open("{")
        text.member("state", .string(state))
        text.member("generation", .int(Int(clamping: generation)))
        text.close("}")
        return .json(text.bytes + [0x0A], status)
    }

    private static func notFound(_ detail: String, _ generation: UInt64) -> HTTPResponse {
        problem(404, "no-such-name", "The name is not registered: \(detail)", generation)
    }

    private static func problem(_ status: UInt, _ kind: String, _ title: String, _ generation: UInt64) -> HTTPResponse {
        var problem = Problem(status, kind, title)
        problem.members.append(("generation", .int(Int(clamping: generation))))
        return HTTPResponse(problem)
    }

    private static func unknown(_ mayTakeEffect: Bool) -> HTTPResponse {
        var problem = Problem(
            503, "name-outcome-unknown", "No majority of acceptors answered in time",
            mayTakeEffect
                ? "the request may still take effect; retry with the same token to learn" : "nothing was changed")
        problem.members.append(("may_take_effect", .bool(mayTakeEffect)))
        return HTTPResponse(problem)
    }

    package static let nowhere = Problem(
        501, "no-namestore", "This cluster has no namestore", "its ring file names no acceptors under [names]")

    static func tooMany(_ wait: Span) -> HTTPResponse {
        var response = HTTPResponse(Problem(429, "too-many-names", "Too many requests for names from this address"))
        response.headers.add("retry-after", "\(max(1, Int(wait.inSeconds.rounded(.up))))")
        return response
    }
}
