// One event loop's clients: carries out what their requests call for, and takes the answers back to them. Only used on
// its loop.

import Edge
import Gateway
import Live
import NIOCore
import Ring
import World

final class HTTPService: @unchecked Sendable {
    // Safe to share: all state is only touched on the loop's event loop.
    let loop: RequestLoop
    let operations: NodeOperations
    private let surroundings: Surroundings
    private var connections: [Int: HTTPHandler] = [:]
    private var lastNumber = 0
    private var unflushed: [HTTPHandler] = []
    /// Connections that are kept open for a live read, by its number.
    var live: [UInt64: any LiveClient] = [:]
    private var sockets: [Int: SocketHandler] = [:]
    private var lastLive: UInt64 = 0
    /// Have taken all that was written to them in this turn.
    private var drained: [UInt64] = []

    init(loop: RequestLoop, operations: NodeOperations, _ configuration: ServerConfiguration) {
        self.loop = loop
        self.operations = operations
        surroundings = Surroundings(
            ring: configuration.ring, showsDemo: configuration.showsDemo, chance: HTTPService.chance)
    }

    // MARK: Connections

    func opened(_ socket: SocketHandler, _ number: Int) {
        sockets[number] = socket
        operations.connections.change { $0.open += 1 }
    }

    func closedSocket(_ number: Int) {
        sockets[number] = nil
        operations.connections.change { $0.open -= 1 }
    }

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
        for socket in sockets.values { socket.stop() }
    }

    /// Ends the connections whose clients have not read for so long that the room is others' now.
    func cutOffReaders() {
        for number in loop.httpClients.memory.takeCutOff() { connections[number]?.cutOff(isReleased: true) }
    }

    var openConnections: Int { connections.count + sockets.count }

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
        case .live(let subscription):
            handler.live = watch(subscription, handler)
            if handler.live == nil { handler.respond(HTTPResponse(Problem.stopping)) }
        case .upgrade(let upgrade): handler.becomeSocket(upgrade)
        case .respond(let response): handler.respond(response)
        }
    }

    // MARK: Live reads

    /// The live read's number; nil if the node is not there yet, or not any more.
    func watch(_ subscription: LiveSubscription, _ client: any LiveClient) -> UInt64? {
        guard let control = operations.control else { return nil }
        if loop.takeNews == nil { loop.takeNews = { [weak self] in self?.take($0) } }
        lastLive += 1
        let number = LiveNumber.make(lastLive, port: loop.port)
        live[number] = client
        control.subscribe(number, subscription, from: client.remoteAddress)
        return number
    }

    private func take(_ news: [LiveNews]) {
        for one in news {
            switch one {
            case .write(let number, let pieces): live[number]?.stream(pieces, number)
            case .end(let number, let response): live.removeValue(forKey: number)?.endStream(response, number)
            }
        }
    }

    /// The client of a live read has gone, or is to go.
    func endLive(_ number: UInt64) {
        if live.removeValue(forKey: number) != nil { operations.control?.closed(number) }
    }

    /// A client has taken what was written to it; told once a turn.
    func drained(_ number: UInt64) {
        drained.append(number)
        guard drained.count == 1 else { return }
        loop.eventLoop.execute { [self] in
            let numbers = drained
            drained = []
            operations.control?.drained(numbers)
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
