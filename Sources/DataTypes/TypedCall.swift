// A client's request on a typed key as it travels to the replica that mints it, and what that one answers.
//
// Formats: docs/formats/typed.md. The body goes as the client sent it: the minter is the one who knows what it comes
// to, since a patch is judged by what stands there.

import Causality
import JSON
package import World

package struct TypedCall: Hashable, Sendable {
    /// The numbers travel.
    package enum Kind: UInt8, Sendable {
        /// The key becomes this JSON value.
        case put = 1
        case delete = 2
        /// RFC 7396.
        case mergePatch = 3
        case operations = 4
        /// RFC 6902.
        case jsonPatch = 5
        /// No client's: what every primary has seen deleted is dropped.
        case sweep = 6
    }

    package let kind: Kind
    package let body: [UInt8]
    /// What the client called it, if it tries again until it is answered.
    package var name: OperationName?
    /// The answer is to have the value that it has led to.
    package var wantsValue = false
    /// The time to live that its client asks for. It does not travel:
    package var ttlMs: UInt64?
    /// this does, which a gateway makes of it.
    package var expiresAt: WallTime?

    package init(_ kind: Kind, _ body: [UInt8] = [], name: OperationName? = nil) {
        self.kind = kind
        self.body = body
        self.name = name
    }

    /// It is to stand in the place of all that its writer has seen.
    package var supersedes: Bool { kind == .put || kind == .delete }

    /// What it leaves is less than what stood there, or hardly more.
    package var onlyRemoves: Bool { kind == .delete || kind == .sweep }

    /// Throws what no replica would take, whatever stands there.
    package func check() throws(PatchError) {
        switch kind {
        case .put: _ = try MergePatch.decode(body, atMost: Limits.objectBytes)
        case .delete: break
        case .mergePatch: _ = try MergePatch.decode(body)
        case .operations: _ = try Operation.decode(body)
        case .jsonPatch: _ = try PatchStep.decode(body)
        case .sweep: throw PatchError(.malformed, "no client sweeps")
        }
    }

    /// A sweep of what `context`, an encoded one, has seen deleted: all of `primaries` have confirmed that they hold
    /// it.
    package init(sweeping context: [UInt8], heldBy primaries: [String]) {
        var w = ByteWriter(capacity: context.count + 64)
        w.counted(context)
        w.varint(UInt64(primaries.count))
        for name in primaries { w.counted(name) }
        self.init(.sweep, w.bytes)
    }

    /// What a sweep was told, about the stored key `key`.
    func reports(for key: [UInt8]) throws(DecodingFailure) -> (seen: VersionVector, primaries: [String]) {
        var r = ByteReader(body)
        let context = try CausalContext(decoding: try r.counted(atMost: Limits.contextBytes), for: key)
        var primaries: [String] = []
        for _ in 0..<(try r.count(atMost: Limits.replicas)) {
            primaries.append(try r.countedString(atMost: Limits.nodeNameBytes))
        }
        try r.finish()
        return (context.versions, primaries)
    }

    // MARK: Bytes

    private static let format: UInt8 = 1
    /// Added to the kind.
    private static let valueFlag: UInt8 = 0x80
    private static let expiryFlag: UInt8 = 0x40

    package func encode() -> [UInt8] {
        var w = ByteWriter(capacity: body.count + 96)
        w.byte(TypedCall.format)
        w.byte(
            kind.rawValue | (wantsValue ? TypedCall.valueFlag : 0) | (expiresAt != nil ? TypedCall.expiryFlag : 0))
        if let expiresAt { w.varint(expiresAt.milliseconds) }
        w.counted(name?.description ?? "")
        w.counted(body)
        return w.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        var r = ByteReader(bytes)
        let version = try r.byte()
        guard version == TypedCall.format else { throw .unknownVersion(version) }
        let head = try r.byte()
        guard let kind = Kind(rawValue: head & ~(TypedCall.valueFlag | TypedCall.expiryFlag)) else {
            throw .malformed("an unknown kind of request")
        }
        let end = head & TypedCall.expiryFlag != 0 ? WallTime(milliseconds: try r.varint()) : nil
        let text = try r.countedString(atMost: Limits.headerBytes)
        var name: OperationName?
        if !text.isEmpty {
            do { name = try OperationName(header: text) } catch { throw .malformed("a request with a malformed name") }
        }
        let body = try r.counted(atMost: Limits.objectBytes)
        try r.finish()
        self.init(kind, body, name: name)
        wantsValue = head & TypedCall.valueFlag != 0
        expiresAt = end
    }
}

/// What the minter of a request answers: what the client is told, and what the other replicas are to merge.
package struct TypedMinted: Hashable, Sendable {
    /// JSON: `{"dots":"node~incarnation:first-last","results":[…]}`, and `"value"` where that is wanted.
    package let answer: [UInt8]
    /// Encoded: of the object that it has led to.
    package let context: [UInt8]
    /// A delta, or all of the object.
    package let change: [UInt8]
    /// So much is deleted there that a sweep pays.
    package let isWorthSweeping: Bool

    /// `object`: what it has led to. `value`: whether the answer is to have that.
    package init(
        _ outcome: TypedOutcome, _ object: StoredObject, under key: [UInt8], change: [UInt8], value: Bool = false,
        isWorthSweeping: Bool = false
    ) {
        var members = outcome.members
        if value { members.append(JSONValue.Member("value", object.typedObject?.value() ?? .null)) }
        answer = JSONValue.object(members).encode()
        context = CausalContext(of: object).encode(for: key)
        self.change = change
        self.isWorthSweeping = isWorthSweeping
    }

    /// Whether the change is all of the object.
    package var isWhole: Bool { !TypedDelta.isBegun(by: change) }

    package func encode() -> [UInt8] {
        var w = ByteWriter(capacity: answer.count + context.count + change.count + 16)
        w.counted(answer)
        w.counted(context)
        w.flag(isWorthSweeping)
        w.raw(change)
        return w.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        var r = ByteReader(bytes)
        answer = try r.counted(atMost: Limits.objectBytes)
        context = try r.counted(atMost: Limits.contextBytes)
        isWorthSweeping = try r.flag()
        change = Array(try r.raw(r.remaining))
    }
}

extension TypedOutcome {
    fileprivate var members: [JSONValue.Member] {
        switch self {
        case .minted(let delta, let results):
            [
                JSONValue.Member("dots", .string("\(delta.firstDot)-\(delta.last)")),
                JSONValue.Member("results", .array(results.map(\.json))),
            ]
        case .done(let first, let last):
            [
                JSONValue.Member("dots", .string("\(first)-\(last.counter)")),
                JSONValue.Member("results", .array([])),
                JSONValue.Member("done_before", .bool(true)),
            ]
        case .doneLongAgo:
            [JSONValue.Member("results", .array([])), JSONValue.Member("done_before", .bool(true))]
        }
    }
}

extension OperationResult {
    fileprivate var json: JSONValue {
        switch self {
        case .done: .object([])
        case .value(let value): .object(["value": .int(Int(value))])
        case .inserted(let first, let count): .object(["id": .string("\(first)"), "count": .int(count)])
        }
    }
}

/// Why a replica did not do what is well formed, as it travels in a refusal: a code, the number of the operation that
/// is meant, and words.
package struct NotApplied: Hashable, Sendable {
    /// Of the problem (docs/HTTP.md).
    package let code: String
    package let operation: Int?
    package let detail: String

    package init(_ code: String, operation: Int? = nil, _ detail: String) {
        self.code = code
        self.operation = operation
        self.detail = detail
    }

    package var text: String { "\(code) \(operation.map(String.init) ?? "-") \(detail)" }

    /// Nil if a peer sent something else.
    package init?(text: String) {
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        self.init(String(parts[0]), operation: Int(parts[1]), String(parts[2]))
    }
}
