// One event loop's clients: carries out what their requests call for, and takes the answers back to them. Only used on
// its loop.

import Edge
import Gateway
import NIOCore
import Ring
import World

final class HTTPService: @unchecked Sendable {
    // Safe to share: all state is only touched on the loop's event loop.
    let loop: RequestLoop
    private let operations: NodeOperations
    private let surroundings: Surroundings
    private var connections: [Int: HTTPHandler] = [:]
    private var lastNumber = 0
    private var unflushed: [HTTPHandler] = []

    init(loop: RequestLoop, operations: NodeOperations, ring: RingDocument) {
        self.loop = loop
        self.operations = operations
        surroundings = Surroundings(ring: ring, chance: HTTPService.chance)
    }

    // MARK: Connections

    /// For the next connection of this loop.
    func nextNumber() -> Int {
        lastNumber += 1
        return lastNumber
    }

    func opened(_ handler: HTTPHandler, _ number: Int) {
        connections[number] = handler
        operations.connections.change { $0.open += 1 }
    }

    func closed(_ number: Int) {
        connections[number] = nil
        operations.connections.change { $0.open -= 1 }
    }

    /// Lets busy connections finish and ends the idle ones.
    func stop() {
        loop.httpClients.isStopping = true
        for handler in connections.values { handler.stop() }
    }

    /// Ends the connections whose clients have not read for so long that the room is others' now.
    func cutOffReaders() {
        for number in loop.httpClients.memory.takeCutOff() { connections[number]?.cutOff(isReleased: true) }
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

    // MARK: Requests

    func handle(_ request: IncomingRequest, _ handler: HTTPHandler) {
        let (call, room) = loop.httpClients.begin(request, surroundings, MachineClock.instant())
        switch call {
        case .data(let operation, let answer):
            loop.submit(operation) { [self] outcome in
                loop.httpClients.end(room, outcome)
                handler.respond(answer.response(to: outcome, wall: MachineClock.wall(), chance: HTTPService.chance))
            }
        case .ownReplica(let key, let accept):
            loop.readOwn(key) { reply in
                handler.respond(
                    ObjectResponses.own(
                        reply, key: key, accept: accept, wall: MachineClock.wall(), chance: HTTPService.chance))
            }
        case .name(let operation, let name, let timeout):
            let client = handler.remoteAddress
            respond(
                operations.names(operation, on: name, method: request.head.method, from: client, timeout: timeout),
                handler)
        case .namestore(let call): respond(operations.namestore(call), handler)
        case .node(let question): respond(operations.answer(question), handler)
        case .respond(let response): handler.respond(response)
        }
    }

    private func respond(_ response: EventLoopFuture<HTTPResponse>, _ handler: HTTPHandler) {
        let bound = NIOLoopBound(handler, eventLoop: loop.eventLoop)
        response.hop(to: loop.eventLoop).whenComplete { result in
            switch result {
            case .success(let response): bound.value.respond(response)
            case .failure: bound.value.respond(HTTPResponse(Problem.stopping))
            }
        }
    }

    @Sendable private static func chance() -> UInt128 { .random(in: .min ... .max) }
}
