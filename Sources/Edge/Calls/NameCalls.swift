// Names, and what operators ask of the namestore: from a request over HTTP to one of the registry.

import NameStore
import World

enum NameCalls {
    static let name: Route.Answer = { request, surroundings throws(Problem) in
        let method = request.head.method
        let raw = request.target.name
        let name = try method == .put ? NameResponses.nameToTake(raw) : NameResponses.name(raw)
        try request.target.query.checkName(for: method)
        return ask(try operation(on: name, request, surroundings), name, request)
    }

    private static func operation(
        on name: Name, _ request: IncomingRequest, _ surroundings: Surroundings
    ) throws(Problem) -> NameOperation {
        let fields = request.head.fields
        let expected = request.target.query.generation
        switch request.head.method {
        case .put:
            let owner = try NameResponses.owner(fields, .atollOwner, of: name)
            let id = try NameResponses.requestID(fields, surroundings.chance)
            return .register(owner: owner, request: id, expected: expected)
        case .delete:
            return .release(owner: try NameResponses.owner(fields, .atollOwner, of: name), expected: expected)
        default: return .read
        }
    }

    static let transfer: Route.Answer = { request, _ throws(Problem) in
        let name = try NameResponses.nameToTake(request.target.name)
        let fields = request.head.fields
        let operation = NameOperation.transfer(
            from: try NameResponses.owner(fields, .atollOwner, of: name),
            to: try NameResponses.owner(fields, .atollNewOwner, of: name), expected: request.target.query.generation)
        return ask(operation, name, request)
    }

    static let acceptors: Route.Answer = { request, surroundings throws(Problem) in
        .namestore(try NamestoreCall(acceptors: request.target.query, in: surroundings.ring))
    }

    static let ringEpoch: Route.Answer = { request, _ throws(Problem) in
        .namestore(try NamestoreCall(ringEpoch: request.target.query))
    }

    private static func ask(_ operation: NameOperation, _ name: Name, _ request: IncomingRequest) -> Call {
        .name(operation, name, timeout: request.target.query.timeout ?? Limits.defaultRequestTimeout)
    }
}
