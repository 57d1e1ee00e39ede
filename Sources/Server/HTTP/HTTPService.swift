// One event loop's clients of one listener: carries out what their requests call for, and takes the answers back to
// them. Only used on its loop.

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
    /// What its clients share.
    var clients: LoopClients
    /// Whose requests these are; nil: the node's own.
    private let site: SiteHost?
    private var connections: [Int: HTTPHandler] = [:]
    private var lastNumber = 0
    private var unflushed: [HTTPHandler] = []
    private var sockets: [Int: SocketHandler] = [:]

    /// - Parameter site: with what it answers; nil: for the node's own paths.
    init(
        loop: RequestLoop, operations: NodeOperations, _ configuration: ServerConfiguration,
        site: (host: SiteHost, listener: SiteListener)? = nil
    ) {
        self.loop = loop
        self.operations = operations
        self.site = site?.host
        surroundings = Surroundings(
            ring: configuration.ring, showsDemo: configuration.showsDemo, chance: HTTPService.chance)
        let (ring, memory) = (loop.storage.environment.ring, loop.storage.environment.memory)
        let room = ClientMemory(limit: memory.clientBytes)
        clients =
            site.map { LoopClients(site: $0.listener, ring: ring, memory: room) }
            ?? LoopClients(ring: ring, memory: room)
        loop.clientFigures.append { [weak self] in
            self.map { ($0.clients.memory.heldBytes, $0.clients.memory.readersCutOff) } ?? (0, 0)
        }
        site?.host.service = self
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
        clients.isStopping = true
        for handler in connections.values { handler.stop() }
        for socket in sockets.values { socket.stop() }
    }

    /// Ends the connections whose clients have not read for so long that the room is others' now.
    func cutOffReaders() {
        for number in clients.memory.takeCutOff() { connections[number]?.cutOff(isReleased: true) }
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
        let (call, room) = clients.begin(request, surroundings, MachineClock.instant())
        switch call {
        case .data(let operation, let answer):
            loop.submit(operation) { [self] outcome in
                clients.end(room, outcome)
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
        case .site(let request):
            if let site { site.begin(request, room, handler) } else { handler.respond(HTTPResponse(500)) }
        case .upgrade(let upgrade): handler.becomeSocket(upgrade)
        case .respond(let response): handler.respond(response)
        }
    }

    // MARK: Live reads

    /// As `LoopWatches.begin`.
    func watch(_ subscription: LiveSubscription, _ client: any LiveClient) -> UInt64? {
        // Who may look at what of a site, and how often, is the site's to say.
        loop.watches.begin(subscription, for: client, from: site == nil ? client.remoteAddress : nil)
    }

    /// The client of a connection that is kept open has gone, or is to go.
    func endLive(_ number: UInt64) {
        if let site { site.gone(number) } else { loop.watches.end(number) }
    }

    /// It has taken what was written to it.
    func drained(_ number: UInt64) {
        if let site { site.drained(number) } else { loop.watches.drained(number) }
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
