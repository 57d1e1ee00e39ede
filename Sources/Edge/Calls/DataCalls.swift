// Items and lists: from a request over HTTP to one of the gateway, and from its outcome to an answer.

package import DataTypes
package import Gateway
package import Keys
import Ring
package import World

enum DataCalls {
    static let item: Route.Answer = { request, _ throws(Problem) in
        let method = request.head.method
        try request.target.query.checkItem(for: method)
        let key = try key(request)
        switch method {
        case .put, .delete, .patch: return try write(key, request)
        default: return try read(key, request)
        }
    }

    static let list: Route.Answer = { request, _ throws(Problem) in
        let key = try key(request)
        let query = request.target.query
        let range: KeyRange
        do {
            range = try StoredKey.range(
                bucket: key.bucket, partitionKey: key.partitionKey, start: query.start, end: query.end,
                prefix: query.prefix)
        } catch { throw .malformed("\(error)") }
        let operation = ClientRequest.Operation.list(
            range: range, reverse: query.reverse, limit: query.limit ?? Limits.defaultRangeItems)
        return .data(ask(operation, key, query), .list(reverse: query.reverse))
    }

    static let replica: Route.Answer = { request, _ throws(Problem) in
        .ownReplica(try key(request), accept: request.head.fields.list(.accept))
    }

    /// A path that has no key in it has no row here.
    private static func key(_ request: IncomingRequest) throws(Problem) -> StoredKey {
        guard let key = request.target.key else { throw .malformed("this path names no key") }
        return key
    }

    private static func read(_ key: StoredKey, _ request: IncomingRequest) throws(Problem) -> Call {
        let query = request.target.query
        let answer: DataAnswer
        if request.type != .opaque {
            answer = .typed(key, TypedQuestion(query.form ?? .value, at: query.path))
        } else {
            guard query.path == nil, query.form == nil else { throw .malformed("values of this bucket have no type") }
            answer = .read(key, resolveLatest: query.resolveLatest, accept: request.head.fields.list(.accept))
        }
        return .data(ask(.read, key, query, from: try request.head.location), answer)
    }

    private static func write(_ key: StoredKey, _ request: IncomingRequest) throws(Problem) -> Call {
        let isDelete = request.head.method == .delete
        let fields = request.head.fields
        var context: [UInt8]?
        if let text = fields.first(.atollContext) { context = try ContextHeader.parse(text, for: key) }
        let condition = fields.first(.ifNoneMatch)
        if let condition, condition != "*" || isDelete {
            throw .malformed(isDelete ? "If-None-Match has no meaning for DELETE" : "If-None-Match takes * only")
        }
        guard !fields.has(.ifMatch) else {
            throw .malformed("If-Match is not known here; a write with Atoll-Context never loses what it has not seen")
        }
        if request.type != .opaque {
            return try operate(key, request, context: context, onlyIfAbsent: condition != nil)
        }
        _ = try name(of: request)
        guard request.head.method != .patch else {
            throw .wrongType("values of this bucket are opaque; a bucket of the ring file with a type takes patches")
        }
        let contentType = fields.first(.contentType) ?? ""
        guard contentType.utf8.count <= Limits.contentTypeBytes else {
            throw .malformed("a content type may have \(Limits.contentTypeBytes) bytes")
        }
        // What was no UTF-8 has been replaced by this when the parser made text of it.
        guard !contentType.unicodeScalars.contains("\u{FFFD}") else {
            throw .malformed("the content type is not UTF-8")
        }
        let operation = ClientRequest.Operation.write(
            value: isDelete ? nil : request.body, contentType: isDelete ? "" : contentType, context: context,
            onlyIfAbsent: condition != nil, ttlMs: request.target.query.ttlMs)
        return .data(
            ask(operation, key, request.target.query), .written(key, isDelete: isDelete, after: context))
    }

    private static func operate(
        _ key: StoredKey, _ request: IncomingRequest, context: [UInt8]?, onlyIfAbsent: Bool
    ) throws(Problem) -> Call {
        let fields = request.head.fields
        let query = request.target.query
        let name = try name(of: request)
        var call = TypedCall(
            try kind(of: request), request.head.method == .delete ? [] : request.body, name: name)
        do { try call.check() } catch { throw Problem(error) }
        // RFC 7240, 4.2.
        let preferences = (fields.list(.prefer) ?? "").split(separator: ",").map { $0.trimmed.lowercased() }
        call.wantsValue = request.head.method == .patch && preferences.contains("return=representation")
        call.ttlMs = query.ttlMs
        let operation = ClientRequest.Operation.operate(call, context: context, onlyIfAbsent: onlyIfAbsent)
        return .data(ask(operation, key, query), .operated(key, call.kind, hasValue: call.wantsValue))
    }

    private static func name(of request: IncomingRequest) throws(Problem) -> OperationName? {
        guard let text = request.head.fields.first(.atollOperation) else { return nil }
        do { return try OperationName(header: text) } catch { throw Problem(error) }
    }

    private static func kind(of request: IncomingRequest) throws(Problem) -> TypedCall.Kind {
        switch request.head.method {
        case .delete: return .delete
        case .put: return .put
        default: break
        }
        // The parameters of these media types mean nothing.
        let type = (request.head.fields.first(.contentType) ?? "").split(separator: ";").first?.trimmed.lowercased()
        switch type {
        case "application/merge-patch+json": return .mergePatch
        case "application/json-patch+json": return .jsonPatch
        case "application/vnd.atoll.ops+json": return .operations
        default: throw .unsupportedPatch
        }
    }

    private static func ask(
        _ operation: ClientRequest.Operation, _ key: StoredKey, _ query: RequestQuery, from location: Coordinates? = nil
    ) -> ClientRequest {
        ClientRequest(
            operation, key: key, level: query.readLevel ?? query.writeLevel, strict: query.strict,
            timeout: query.timeout ?? Limits.defaultRequestTimeout, location: location)
    }
}

/// What the gateway's outcome is to become: what of the request its answer still needs.
package enum DataAnswer: Sendable {
    case read(StoredKey, resolveLatest: Bool, accept: String?)
    /// `after`: the context that came with the write.
    case written(StoredKey, isDelete: Bool, after: [UInt8]?)
    case typed(StoredKey, TypedQuestion)
    case operated(StoredKey, TypedCall.Kind, hasValue: Bool)
    case list(reverse: Bool)

    package func response(
        to outcome: ClientOutcome, wall: WallTime, chance: () -> UInt128
    ) -> HTTPResponse {
        switch (self, outcome) {
        case (.read(let key, let resolveLatest, let accept), .object(let object, let account)):
            return ObjectResponses.read(
                object, account, key: key, resolveLatest: resolveLatest, accept: accept, wall: wall, chance: chance)
        case (.written(let key, let isDelete, let context), .written(let object, let created, let account)):
            return ObjectResponses.written(
                object, created: created && !isDelete, account, key: key, after: context)
        case (.typed(let key, let question), .object(let object, let account)):
            return TypedResponses.read(object, account, key: key, question, wall: wall)
        case (.operated(let key, let kind, let hasValue), .operated(let context, let answer, let created, let account)):
            guard hasValue else {
                return TypedResponses.operated(context, kind, answer, created: created, account, key: key)
            }
            return TypedResponses.represented(context, answer, account, key: key)
        case (.list(let reverse), .list(let items, let next, let account)):
            return ObjectResponses.list(items, next: next, reverse: reverse, account, wall: wall)
        case (_, .failed(let failure, let account)):
            var response = HTTPResponse(Problem(failure, account))
            if let account { response.headers.add(account) }
            return response
        default: return HTTPResponse(500)
        }
    }
}
