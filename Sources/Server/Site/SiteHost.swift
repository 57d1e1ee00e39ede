// What a node does for its site: answers to people, asks to the cluster and the namestore, live reads, time. Only used
// on the node's first request loop, but for `execute`.

package import Edge
package import Gateway
package import Keys
package import Live
import NIOCore
package import NameStore
import Node
import Ring
package import World

package final class SiteHost: @unchecked Sendable {
    // Safe to share: all state is only touched on the loop's event loop.

    /// A person's request that is not answered, or whose answer has no end.
    private struct Request {
        let handler: HTTPHandler
        let head: RequestHead
        /// Nil once it is given back.
        var room: RequestSpace?
        /// Nil until events are written to it.
        var stream: Stream?
    }

    /// Of a client that takes events: whether it has taken all that was written.
    private enum Stream { case writing, drained }

    private let loop: RequestLoop
    private let operations: NodeOperations
    private let guest: any SiteGuest
    private let identity: NodeID
    private let addresses: ClientAddress
    /// Set once, when the listener's clients have one.
    weak var service: HTTPService?
    private var requests: [UInt64: Request] = [:]
    private var lastNumber: UInt64 = 0
    private var alive: Set<NodeID>
    private(set) var isStopped = false

    init(
        _ loop: RequestLoop, _ operations: NodeOperations, _ guest: any SiteGuest, _ configuration: ServerConfiguration
    ) {
        self.loop = loop
        self.operations = operations
        self.guest = guest
        identity = configuration.identity
        addresses = ClientAddress(configuration.ring.social)
        alive = [configuration.identity]
    }

    /// Call on the loop.
    func start() {
        loop.livenessChanged = { [weak self] node, isAlive in self?.changed(node, isAlive: isAlive) }
        guest.start(self)
        guest.living(alive.sorted())
    }

    /// Call on the loop. Nothing is asked of the guest any more.
    func stop() {
        isStopped = true
        guest.stop()
    }

    var figures: SiteFigures {
        var figures = guest.figures
        figures.streams = requests.values.count { $0.stream != nil }
        figures.requests = requests.count - figures.streams
        return figures
    }

    private func changed(_ node: NodeID, isAlive: Bool) {
        // Of this node nobody else knows better.
        guard !isStopped, node != identity else { return }
        if isAlive { alive.insert(node) } else { alive.remove(node) }
        guest.living(alive.sorted())
    }

    // MARK: People's requests

    func begin(_ request: SiteRequest, _ room: RequestSpace, _ handler: HTTPHandler) {
        guard !isStopped else {
            guard let service else { return handler.respond(HTTPResponse(Problem.stopping)) }
            service.clients.end(room)
            return handler.respond(service.clients.response(to: .stopping, of: request.head))
        }
        lastNumber += 1
        requests[lastNumber] = Request(handler: handler, head: request.head, room: room)
        var request = request
        request.address = addresses.of(request.head, from: handler.remoteAddress)
        guest.handle(lastNumber, request)
    }

    package func answer(_ number: UInt64, _ response: HTTPResponse) {
        guard let request = take(number) else { return }
        request.handler.respond(response)
    }

    /// Events, of which the first begin the answer. The guest is told when the client has taken them, and writes no
    /// more before.
    package func stream(_ number: UInt64, _ pieces: [ArraySlice<UInt8>]) {
        guard var request = requests[number] else { return }
        // Nothing queues here.
        if case .writing? = request.stream { return cutOff(number) }
        release(&request)
        request.stream = .writing
        requests[number] = request
        request.handler.live = number
        request.handler.stream(pieces, number)
    }

    package func endStream(_ number: UInt64) {
        guard let request = take(number) else { return }
        // One to which nothing was written has no content, which tells a browser not to come again.
        request.handler.endStream(HTTPResponse(204), number)
    }

    /// The client's connection becomes a WebSocket for one key; one that did not ask for that is told so.
    package func upgrade(_ number: UInt64, for key: StoredKey) {
        guard let request = take(number) else { return }
        do throws(Problem) {
            guard let upgrade = try SocketUpgrade(request.head, only: key) else { throw .upgradeRequired }
            request.handler.becomeSocket(upgrade)
        } catch { request.handler.respond(HTTPResponse(error)) }
    }

    private func cutOff(_ number: UInt64) {
        guard let request = take(number) else { return }
        request.handler.endStream(nil, number)
        guest.gone(number)
    }

    private func take(_ number: UInt64) -> Request? {
        guard var request = requests.removeValue(forKey: number) else { return nil }
        release(&request)
        return request
    }

    private func release(_ request: inout Request) {
        if let room = request.room.take() { service?.clients.end(room) }
    }

    // MARK: What becomes of streams

    func gone(_ number: UInt64) {
        guard take(number) != nil, !isStopped else { return }
        guest.gone(number)
    }

    func drained(_ number: UInt64) {
        guard case .writing? = requests[number]?.stream, !isStopped else { return }
        requests[number]?.stream = .drained
        guest.drained(number)
    }
}

// MARK: What the guest asks for

extension SiteHost {
    /// `outcome` is called once, later.
    package func submit(_ request: ClientRequest, _ outcome: @escaping (ClientOutcome) -> Void) {
        loop.submit(request, outcome)
    }

    /// `answer` is called once, later.
    package func name(
        _ operation: NameOperation, on name: Name, timeout: Span, _ answer: @escaping (NameAnswer) -> Void
    ) {
        let bound = NIOLoopBound(answer, eventLoop: loop.eventLoop)
        guard let control = operations.control else { return loop.eventLoop.execute { bound.value(.overloaded) } }
        let asked = control.withNames { desk in
            guard desk.core.names.isThere else { return desk.now(NameAnswer.unknown(mayTakeEffect: false)) }
            return desk.request(operation, on: name, timeout: timeout)
        }
        asked.hop(to: loop.eventLoop).whenComplete { result in
            // A node that stops answers nothing; what it had begun may come to its end elsewhere.
            bound.value((try? result.get()) ?? .unknown(mayTakeEffect: true))
        }
    }

    /// What a live read of the guest brings: pieces of a text of events, nil at its end.
    package typealias LiveNewsTaker = ([ArraySlice<UInt8>]?) -> Void

    /// The live read's number; nil if the node is stopping. More comes when `taken` says that what came is worked off.
    package func subscribe(_ subscription: LiveSubscription, _ take: @escaping LiveNewsTaker) -> UInt64? {
        loop.watches.begin(subscription, for: SiteWatch(take), from: nil)
    }

    package func unsubscribe(_ number: UInt64) { loop.watches.end(number) }

    package func taken(_ number: UInt64) { loop.watches.drained(number) }

    package var now: Now { MachineClock.now() }

    package func wake(at instant: Instant, _ body: @escaping () -> Void) {
        let wait = max(Limits.siteLeastWait, instant - MachineClock.instant())
        let bound = NIOLoopBound(body, eventLoop: loop.eventLoop)
        loop.eventLoop.scheduleTask(in: .nanoseconds(wait.nanoseconds)) { [self] in
            if !isStopped { bound.value() }
        }
    }

    /// Runs `body` on the loop; on any thread. Not after the node's end.
    package func execute(_ body: @escaping @Sendable () -> Void) {
        loop.eventLoop.execute { [self] in if !isStopped { body() } }
    }
}

/// A live read of the guest's own.
private final class SiteWatch: LiveClient {
    private let take: SiteHost.LiveNewsTaker

    init(_ take: @escaping SiteHost.LiveNewsTaker) { self.take = take }

    var remoteAddress: String { "" }
    func stream(_ pieces: [ArraySlice<UInt8>], _: UInt64) { take(pieces) }
    func endStream(_: HTTPResponse?, _: UInt64) { take(nil) }
}
