// What a typed value looks like over HTTP (docs/TYPES.md).

import Causality
import DataTypes
import Gateway
import JSON
import Keys
import World

/// What of a typed value a reader asks for.
package struct TypedQuestion: Sendable {
    enum Form: String, CaseIterable {
        case value
        /// The kinds, in the value's shape.
        case types
        /// A text's or a list's elements with their dots.
        case ids
        /// All that was set unseen by each other.
        case conflicts
    }

    /// Nil: the whole value; of conflicts all that there are.
    let path: Path?
    let form: Form

    init(_ form: Form, at path: Path?) {
        self.form = form
        self.path = path
    }
}

enum TypedResponses {
    static func read(
        _ object: StoredObject?, _ account: Account, key: StoredKey, _ question: TypedQuestion, wall: WallTime
    ) -> HTTPResponse {
        var object = object
        object?.hideExpired(at: wall)
        var response = value(of: object, question)
        if let object { response.headers.add(CausalContext(of: object), for: key) }
        response.headers.add(account)
        return response
    }

    private static func value(of object: StoredObject?, _ question: TypedQuestion) -> HTTPResponse {
        guard let object else { return HTTPResponse(Problem.notFound("")) }
        guard object.values.isEmpty else {
            return HTTPResponse(Problem.wrongType("an opaque value from before the bucket had a type stands there"))
        }
        guard let value = object.typedObject.flatMap({ json(of: $0, question) }) else {
            return HTTPResponse(Problem.notFound(""))
        }
        var body = JSONBody()
        body.text.element(value)
        return .json(body.end())
    }

    private static func json(of object: TypedObject, _ question: TypedQuestion) -> JSONValue? {
        let path = question.path ?? Path()
        switch question.form {
        case .value: return object.value(at: path)
        case .types: return object.kinds(at: path)
        case .ids: return object.runs(at: path)
        case .conflicts:
            guard object.value(at: path) != nil else { return nil }
            guard question.path == nil else { return .array(object.conflicts(at: path)) }
            return .object(
                object.conflictingPaths().map { JSONValue.Member($0.pointer, .array(object.conflicts(at: $0))) })
        }
    }

    static func operated(
        _ context: [UInt8], _ kind: TypedCall.Kind, _ answer: [UInt8], created: Bool, _ account: Account,
        key: StoredKey
    ) -> HTTPResponse {
        var response: HTTPResponse
        switch kind {
        case .operations:
            response = HTTPResponse(
                200, [("content-type", "application/json")], body: AnswerBody((answer + [0x0A])[...]))
        case .put: response = HTTPResponse(created ? 201 : 204)
        case .delete, .mergePatch, .jsonPatch, .sweep: response = HTTPResponse(204)
        }
        add(context, account, key, to: &response)
        return response
    }

    /// The value that a change has led to, in the place of what it has to say.
    static func represented(
        _ context: [UInt8], _ answer: [UInt8], _ account: Account, key: StoredKey
    ) -> HTTPResponse {
        var body = JSONBody()
        body.text.element((try? JSONValue.decode(answer))?["value"] ?? .null)
        var response = HTTPResponse.json(body.end())
        response.headers.add("preference-applied", "return=representation")
        add(context, account, key, to: &response)
        return response
    }

    private static func add(_ context: [UInt8], _ account: Account, _ key: StoredKey, to response: inout HTTPResponse) {
        if let context = try? CausalContext(decoding: context, for: key.bytes) {
            response.headers.add(context, for: key)
        }
        response.headers.add(account)
    }
}
