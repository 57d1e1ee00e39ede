// What each path does: from a route and a body to a request of the gateway, and from its outcome to a response. One for
// each event loop, and only used there.

import Causality
import Gateway
import Keys
import NIOCore
import NIOHTTP1
import NameStore
import Ring
import World

final class HTTPService: @unchecked Sendable {
    // Safe to share: all state is only touched on the loop's event loop.
    private let loop: RequestLoop
    private let operations: NodeOperations
    private let ring: RingSnapshot
    private var connections: [ObjectIdentifier: HTTPHandler] = [:]
    private var heads: HeadCheck
    private var date = HTTPDate()
    let memory: ClientMemory
    /// One large object among many small ones must not keep the small ones out.
    private var expectedRead = ExpectedBytes(copies: 1, over: 64, first: 0)
    /// A page of a quorum's replicas each, and what is taken from them.
    private var expectedList = ExpectedBytes(copies: 3, over: 8, first: Limits.rangeBytes / 4)
    private(set) var isStopping = false
    private var unflushed: [HTTPHandler] = []

    init(loop: RequestLoop, operations: NodeOperations, ring: RingSnapshot) {
        self.loop = loop
        memory = loop.memory
        self.operations = operations
        self.ring = ring
        heads = HeadCheck(OwnAddresses(ring.document))
    }

    // MARK: Connections

    func opened(_ handler: HTTPHandler) {
        connections[ObjectIdentifier(handler)] = handler
        operations.connections.change { $0.open += 1 }
    }

    func closed(_ handler: HTTPHandler) {
        connections[ObjectIdentifier(handler)] = nil
        operations.connections.change { $0.open -= 1 }
    }

    /// Lets busy connections finish and ends the idle ones.
    func stop() {
        isStopping = true
        for handler in connections.values { handler.stop() }
    }

    var openConnections: Int { connections.count }

    /// Answers of one turn of the loop leave together at its end: clients that wait are woken once rather than for
    /// each.
    func flushAtEndOfTurn(_ handler: HTTPHandler) {
        unflushed.append(handler)
        guard unflushed.count == 1 else { return }
        loop.eventLoop.execute { [self] in
            // Taken first: what a flush makes room for is for the next turn.
            let handlers = unflushed
            unflushed = []
            for handler in handlers { handler.flushAnswers() }
        }
    }

    func count(_ route: String, _ status: UInt) { loop.countHTTP(route, status) }

    func check(_ head: HTTPRequestHead, _ fields: HeadFields) throws(Problem) -> CheckedHead {
        try heads.check(head, fields)
    }

    /// For each answer: when it was made (RFC 9110, 6.6.1).
    var dateLine: [UInt8] { date.line(at: MachineClock.wall()) }

    /// Only a write of an item has use for a body.
    func bodyLimit(_ route: RequestRoute, _ method: HTTPMethod) -> Int {
        switch (route, method) {
        case (.item(let key, _), .PUT): ring.properties(ofBucket: key.bucket).maxValueBytes
        default: Limits.otherBodyBytes
        }
    }

    // MARK: Requests

    func handle(_ request: PendingRequest, _ handler: HTTPHandler) {
        // Only a write has use for its body, and needs it until it is answered, with or without its client.
        defer { if !request.isWriting { release(request) } }
        do throws(Problem) {
            // Most requests: asked for alone, without a look at all the others.
            if case .item(let key, let query) = request.route {
                try item(key, query, request, handler)
            } else {
                try other(request, handler)
            }
        } catch {
            handler.respond(HTTPResponse(error))
        }
    }

    /// Gives back the room that the request's body takes.
    func release(_ request: PendingRequest) {
        memory.release(request.heldBytes)
        request.heldBytes = 0
    }

    private func item(
        _ key: StoredKey, _ query: RequestQuery, _ request: PendingRequest, _ handler: HTTPHandler
    ) throws(Problem) {
        try query.checkItem(for: request.head.method)
        switch request.head.method {
        case .GET, .HEAD: try read(key, query, request, handler)
        case .PUT, .DELETE: try write(key, query, request, handler)
        default: throw .methodNotAllowed(request.route.methods)
        }
    }

    private func other(_ request: PendingRequest, _ handler: HTTPHandler) throws(Problem) {
        switch (request.route, request.head.method) {
        case (.list(let key, let query), .GET): try list(key, query, request, handler)
        case (.replica(let key), .GET), (.replica(let key), .HEAD): replica(key, request, handler)
        case (.ring, .GET), (.nodes, .GET), (.healthz, .GET), (.readyz, .GET), (.metrics, .GET),
            (.healthz, .HEAD), (.readyz, .HEAD):
            answer(operations.answer(request.route), handler)
        case (.name(let raw, let query), let method): try name(raw, query, method, request, handler)
        case (.server, .OPTIONS): handler.respond(HTTPResponse(200, [("allow", request.route.methods)]))
        case (.namestore, .GET): answer(operations.namestore(.show), handler)
        case (.acceptors(let query), .POST):
            answer(operations.namestore(try NamestoreCall(acceptors: query, in: ring.document)), handler)
        case (.ringEpoch(let query), .POST):
            answer(operations.namestore(try NamestoreCall(ringEpoch: query)), handler)
        case (.transfer(let raw, let query), .POST):
            let name = try NameResponses.nameToTake(raw)
            let headers = request.head.headers
            try ask(
                .transfer(
                    from: try NameResponses.owner(headers, "atoll-owner", of: name),
                    to: try NameResponses.owner(headers, "atoll-new-owner", of: name), expected: query.generation),
                name, query, .POST, handler)
        default: throw .methodNotAllowed(request.route.methods)
        }
    }

    private func name(
        _ raw: [UInt8], _ query: RequestQuery, _ method: HTTPMethod, _ request: PendingRequest, _ handler: HTTPHandler
    ) throws(Problem) {
        let name = try method == .PUT ? NameResponses.nameToTake(raw) : NameResponses.name(raw)
        let headers = request.head.headers
        try query.checkName(for: method)
        switch method {
        case .GET, .HEAD: try ask(.read, name, query, method, handler)
        case .PUT:
            let owner = try NameResponses.owner(headers, "atoll-owner", of: name)
            let id = try NameResponses.requestID(headers)
            try ask(.register(owner: owner, request: id, expected: query.generation), name, query, method, handler)
        case .DELETE:
            let owner = try NameResponses.owner(headers, "atoll-owner", of: name)
            try ask(.release(owner: owner, expected: query.generation), name, query, method, handler)
        default: throw .methodNotAllowed(request.route.methods)
        }
    }

    private func ask(
        _ operation: NameOperation, _ name: Name, _ query: RequestQuery, _ method: HTTPMethod, _ handler: HTTPHandler
    ) throws(Problem) {
        answer(
            operations.names(
                operation, on: name, method: method, from: handler.remoteAddress,
                timeout: query.timeout ?? Limits.defaultRequestTimeout), handler)
    }

    private func answer(_ response: EventLoopFuture<HTTPResponse>, _ handler: HTTPHandler) {
        let bound = NIOLoopBound(handler, eventLoop: loop.eventLoop)
        response.hop(to: loop.eventLoop).whenComplete { result in
            switch result {
            case .success(let response): bound.value.respond(response)
            case .failure: bound.value.respond(HTTPResponse(Problem.stopping))
            }
        }
    }

    private func read(
        _ key: StoredKey, _ query: RequestQuery, _ request: PendingRequest, _ handler: HTTPHandler
    ) throws(Problem) {
        let accept = HTTPService.accept(request)
        let resolveLatest = query.resolveLatest
        try submit(.read, key, query, request, expecting: expectedRead.bytes) { [self] outcome in
            switch outcome {
            case .object(let object, let account):
                expectedRead.observe(object?.payloadBytes ?? 0)
                handler.respond(
                    ObjectResponses.read(
                        object, account, key: key, resolveLatest: resolveLatest, accept: accept,
                        wall: MachineClock.wall()))
            default: handler.respond(HTTPService.failure(outcome))
            }
        }
    }

    private func write(
        _ key: StoredKey, _ query: RequestQuery, _ request: PendingRequest, _ handler: HTTPHandler
    ) throws(Problem) {
        let isDelete = request.head.method == .DELETE
        let headers = request.head.headers
        let contextText = headers.first(name: ContextHeader.name)
        var context: [UInt8]?
        if let contextText { context = try ContextHeader.parse(contextText, for: key) }
        if let condition = headers.first(name: "if-none-match"), condition != "*" || isDelete {
            throw .malformed(isDelete ? "If-None-Match has no meaning for DELETE" : "If-None-Match takes * only")
        }
        guard !headers.contains(name: "if-match") else {
            throw .malformed("If-Match is not known here; a write with Atoll-Context never loses what it has not seen")
        }
        let contentType = headers.first(name: "content-type") ?? ""
        guard contentType.utf8.count <= Limits.contentTypeBytes else {
            throw .malformed("a content type may have \(Limits.contentTypeBytes) bytes")
        }
        // What was no UTF-8 has been replaced by this when the parser made text of it.
        guard !contentType.unicodeScalars.contains("\u{FFFD}") else {
            throw .malformed("the content type is not UTF-8")
        }
        let operation = ClientRequest.Operation.write(
            value: isDelete ? nil : request.body, contentType: isDelete ? "" : contentType, context: context,
            onlyIfAbsent: headers.contains(name: "if-none-match"), ttlMs: query.ttlMs)
        try submit(operation, key, query, request) { [self] outcome in
            release(request)
            switch outcome {
            case .written(let object, let created, let account):
                handler.respond(
                    ObjectResponses.written(
                        object, created: created && !isDelete, account, key: key, after: context))
            default: handler.respond(HTTPService.failure(outcome))
            }
        }
        request.isWriting = true
    }

    private func list(
        _ key: StoredKey, _ query: RequestQuery, _ request: PendingRequest, _ handler: HTTPHandler
    ) throws(Problem) {
        let range: KeyRange
        do {
            range = try StoredKey.range(
                bucket: key.bucket, partitionKey: key.partitionKey, start: query.start, end: query.end,
                prefix: query.prefix)
        } catch { throw .malformed("\(error)") }
        let operation = ClientRequest.Operation.list(
            range: range, reverse: query.reverse, limit: query.limit ?? Limits.defaultRangeItems)
        try submit(operation, key, query, request, expecting: expectedList.bytes) { [self] outcome in
            switch outcome {
            case .list(let items, let next, let account):
                expectedList.observe(items.reduce(0) { $0 + $1.object.payloadBytes })
                handler.respond(
                    ObjectResponses.list(
                        items, next: next, reverse: query.reverse, account, wall: MachineClock.wall()))
            default: handler.respond(HTTPService.failure(outcome))
            }
        }
    }

    /// `expecting`: the room that the answer will take until it is there.
    private func submit(
        _ operation: ClientRequest.Operation, _ key: StoredKey, _ query: RequestQuery,
        _ request: PendingRequest, expecting bytes: Int = 0, _ outcome: @escaping (ClientOutcome) -> Void
    ) throws(Problem) {
        var location: Coordinates?
        if case .read = operation, let text = request.head.headers.first(name: "atoll-location") {
            let parts = text.split(separator: ",").map { Double($0.trimmed) }
            guard parts.count == 2, let latitude = parts[0], let longitude = parts[1],
                let place = Coordinates(latitude: latitude, longitude: longitude)
            else { throw .malformed("Atoll-Location must be latitude,longitude in degrees") }
            location = place
        }
        guard memory.reserve(bytes) else { throw .overloaded }
        let request = ClientRequest(
            operation, key: key, level: query.readLevel ?? query.writeLevel, strict: query.strict,
            timeout: query.timeout ?? Limits.defaultRequestTimeout, location: location)
        loop.submit(request) { [memory] in
            memory.release(bytes)
            outcome($0)
        }
    }

    private func replica(_ key: StoredKey, _ request: PendingRequest, _ handler: HTTPHandler) {
        let accept = HTTPService.accept(request)
        loop.readOwn(key) { reply in
            handler.respond(ObjectResponses.own(reply, key: key, accept: accept, wall: MachineClock.wall()))
        }
    }

    /// Several lines of it are one list (RFC 9110, 5.3).
    private static func accept(_ request: PendingRequest) -> String? {
        let lines = request.head.headers["accept"]
        return lines.count > 1 ? lines.joined(separator: ",") : lines.first
    }

    private static func failure(_ outcome: ClientOutcome) -> HTTPResponse {
        guard case .failed(let failure, let account) = outcome else { return HTTPResponse(500) }
        var response = HTTPResponse(Problem(failure, account))
        if let account { response.headers.add(account) }
        return response
    }
}
