// Items and lists: from a request over HTTP to one of the gateway, and from its outcome to an answer.

package import Keys
package import Gateway
import Ring
package import World

enum DataCalls {
    static let item: Route.Answer = { request, _ throws(Problem) in
        let method = request.head.method
        try request.target.query.checkItem(for: method)
        let key = try key(request)
        return try method == .put || method == .delete ? write(key, request) : read(key, request)
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
        return .data(
            ask(.read, key, query, from: try request.head.location),
            .read(key, resolveLatest: query.resolveLatest, accept: request.head.fields.list(.accept)))
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
