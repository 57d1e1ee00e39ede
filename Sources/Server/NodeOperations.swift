// What operators ask a node: its ring, its table of nodes, its health, its metrics. Gathered from all loops and threads
// when asked, so that keeping the figures costs a request nothing.

import Dispatch
import Edge
import Gossip
import HintedHandoff
import JSON
import NIOConcurrencyHelpers
import NIOCore
import NameStore
import Node
import Ring
import Storage
import World

final class ConnectionFigures: Sendable {
    struct Values: Sendable {
        var open = 0
        var refused: UInt64 = 0
    }

    private let box = NIOLockedValueBox(Values())
    var values: Values { box.withLockedValue { $0 } }
    func change(_ body: (inout Values) -> Void) { box.withLockedValue(body) }
}

final class NodeOperations: Sendable {
    let connections = ConnectionFigures()
    let peers = PeerFigures()
    private let identity: NodeID
    private let revision: String
    private let storage: StorageFront
    private let eventLoop: any EventLoop
    private let parts: NIOLockedValueBox<(loops: [RequestLoop], control: ControlLoop?)> = NIOLockedValueBox(([], nil))
    private let site = NIOLockedValueBox<NodeSite?>(nil)
    private let startedAt = MachineClock.instant()
    /// The ring document as clients read it. It is made when it is first asked for, once for each epoch, and not on a
    /// loop: a large ring has megabytes.
    private let ringBody = NIOLockedValueBox<(epoch: UInt64, body: EventLoopFuture<[UInt8]>)?>(nil)
    private let reporter: NIOLockedValueBox<NodeReporter>

    init(identity: NodeID, revision: String, storage: StorageFront, on eventLoop: any EventLoop) {
        self.identity = identity
        self.revision = revision
        self.storage = storage
        self.eventLoop = eventLoop
        reporter = NIOLockedValueBox(
            NodeReporter(identity, revision: revision, ring: storage.environment.ring.document))
    }

    func connect(_ loops: [RequestLoop], _ control: ControlLoop) {
        parts.withLockedValue { $0 = (loops, control) }
        for loop in loops { loop.watches.control = control }
    }

    func connect(_ site: NodeSite) { self.site.withLockedValue { $0 = site } }

    /// Nil before the start.
    var control: ControlLoop? { parts.withLockedValue { $0.control } }

    /// A request for a name, from the client at `address`.
    func names(
        _ operation: NameOperation, on name: Name, method: RequestMethod, from address: String, timeout: Span
    ) -> EventLoopFuture<HTTPResponse> {
        guard let control else {
            return eventLoop.makeSucceededFuture(HTTPResponse(Problem.stopping))
        }
        return control.withNames { desk in
            if let refusal = desk.refusal(of: operation, from: address) { return desk.now(refusal) }
            return desk.request(operation, on: name, timeout: timeout).map { NameResponses.response($0, to: method) }
        }
    }

    /// What operators ask of the namestore itself.
    func namestore(_ call: NamestoreCall) -> EventLoopFuture<HTTPResponse> {
        guard let control else {
            return eventLoop.makeSucceededFuture(HTTPResponse(Problem.stopping))
        }
        return control.withNames { $0.answer(call) }
    }

    func answer(_ question: NodeQuestion) -> EventLoopFuture<HTTPResponse> {
        let (loops, control) = parts.withLockedValue { $0 }
        guard let control else { return eventLoop.makeSucceededFuture(HTTPResponse(Problem.stopping)) }
        switch question {
        case .ring: return ring().map { HTTPResponse.json($0) }
        case .table: return control.table().map { HTTPResponse.json(NodeTable.json($0)) }
        case .metrics: return metrics(loops, control)
        case .readiness: return readiness(control).map { HTTPResponse($0) }
        }
    }

    private func ring() -> EventLoopFuture<[UInt8]> {
        let document = storage.environment.ring.document
        return ringBody.withLockedValue { last in
            if let last, last.epoch == document.epoch { return last.body }
            let promise = eventLoop.makePromise(of: [UInt8].self)
            DispatchQueue.global().async { promise.succeed(document.json()) }
            last = (document.epoch, promise.futureResult)
            return promise.futureResult
        }
    }

    private func readiness(_ control: ControlLoop) -> EventLoopFuture<Readiness> {
        let nodes = storage.environment.ring.document.nodes.count
        return control.figures().map { [self] figures in
            let connected = peers.values.data
            return Readiness(
                nodes: nodes, living: figures.living, unmeasured: figures.unmeasured,
                connected: { connected[$0, default: 0] > 0 }, runningFor: MachineClock.instant() - startedAt)
        }
    }

    /// What this node tells the others of itself.
    func report() -> EventLoopFuture<NodeReport> {
        let loops = parts.withLockedValue { $0.loops }
        let figures = EventLoopFuture.whenAllSucceed(loops.map { $0.figures() }, on: eventLoop)
        return figures.map { [self] loops in
            let now = MachineClock.instant()
            let figures = NodeFigures(
                shards: storage.shards.map(\.figures.load),
                answers: loops.reduce(AnswerFigures()) { $0 + $1.answers }, hints: storage.hints.figures.backlog.hints,
                disk: storage.environment.disk(now))
            return reporter.withLockedValue { $0.report(figures, at: now) }
        }
    }

    private func metrics(_ loops: [RequestLoop], _ control: ControlLoop) -> EventLoopFuture<HTTPResponse> {
        let figures = EventLoopFuture.whenAllSucceed(loops.map { $0.figures() }, on: eventLoop)
        let site = site.withLockedValue { $0 }
        let others = control.figures().and(site?.figures() ?? eventLoop.makeSucceededFuture(nil))
        return figures.and(others).map { [self] loops, others in
            let (control, site) = others
            let now = MachineClock.instant()
            let snapshot = NodeSnapshot(
                identity: identity, revision: revision, ring: storage.environment.ring.document, loops: loops,
                control: control, shards: storage.shards.map(\.figures), late: storage.late,
                hints: storage.hints.figures,
                connections: connections.values, peers: peers.values,
                freeShare: storage.environment.disk(now).space.share, site: site, now: now, startedAt: startedAt)
            return .text(MetricsPage.text(snapshot), type: "text/plain; version=0.0.4; charset=utf-8")
        }
    }
}
