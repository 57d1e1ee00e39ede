// The parts of a running node and their threads, put together once and stopped in the reverse order.

import Causality
import Dispatch
import Edge
import Gossip
import HintedHandoff
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import NameStore
import Node
import Ring
import Storage
import Vnodes
import Wire
import World

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

final class NodeAssembly: Sendable {
    private let node: RingNode
    private let opened: OpenedDirectory
    private let ring: RingSnapshot
    private let storage: StorageFront
    private let requestGroup: MultiThreadedEventLoopGroup
    private let controlGroup: MultiThreadedEventLoopGroup
    private let loops: [RequestLoop]
    private let services: [HTTPService]
    private let site: NodeSite?
    private let control: ControlLoop
    private let nameThread: NameStoreThread?
    private let operations: NodeOperations
    private let threadsEnded = DispatchGroup()
    private let listeners = NIOLockedValueBox<[any Channel]>([])
    private let budgets: NodeBudgets
    private let logger: Logger

    init(
        _ configuration: ServerConfiguration, _ node: RingNode, _ opened: OpenedDirectory, _ budgets: NodeBudgets,
        _ logger: Logger
    ) throws {
        self.budgets = budgets
        self.node = node
        self.opened = opened
        self.logger = logger
        let (directory, stores, identity, counter) = (opened.directory, opened.stores, opened.identity, opened.counter)
        let ring = RingSnapshot(configuration.ring)
        self.ring = ring
        let environment = StorageEnvironment(
            ring: ring, shards: configuration.shards, directory: directory, memory: budgets.memory
        ) { NodeAssembly.die($0, $1, directory, logger) }
        let storage = StorageFront(environment, stores, configuration)
        self.storage = storage
        var system = SystemRandomNumberGenerator()
        var random = SeededRandom(seed: system.next())
        let requestGroup = MultiThreadedEventLoopGroup(numberOfThreads: configuration.loops)
        self.requestGroup = requestGroup
        let controlGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.controlGroup = controlGroup
        let loops = requestGroup.makeIterator().enumerated().map { index, eventLoop in
            RequestLoop(
                eventLoop, port: index, identity: node.id, storage: storage, random: random.fork())
        }
        self.loops = loops
        let state = ControlState(
            identity: node.id, generation: identity.generation, ring: ring,
            configuration: ControlConfiguration(repairCycle: configuration.repairCycle), random: random.fork(),
            now: MachineClock.instant())
        let acceptors = configuration.ring.nameAcceptors
        let hasAcceptor = configuration.ring.mayVote(node.id)
        let registry = Registry(node: node.id, session: system.next(), random: random.fork(), ring: acceptors)
        let names = NameDesk(
            registry: registry, isNamed: !acceptors.isEmpty, hasAcceptor: hasAcceptor, now: MachineClock.instant())
        control = ControlLoop(
            controlGroup.next(), port: loops.count, state: state, names: names, life: identity.generation,
            rates: (configuration.nameRate, configuration.watchRate), storage: storage, logger: logger
        ) { generation in NodeAssembly.restartAbove(generation, directory, logger) }
        operations = NodeOperations(
            identity: node.id, revision: configuration.revision, storage: storage, on: controlGroup.next())
        operations.connect(loops, control)
        services = loops.map { [operations] in HTTPService(loop: $0, operations: operations, configuration) }
        site = try NodeSite(configuration, on: loops[0], operations)
        environment.connect(loops + [control])
        let actor = Actor(node: node.id, incarnation: identity.incarnation)
        for (index, thread) in storage.shards.enumerated() {
            let shard = VnodeShard(
                actor: actor, counter: counter, typedBytes: environment.memory.typedCacheBytes)
            thread.start("atoll-shard-\(index)", shard: shard, ended: threadsEnded)
        }
        let reader = VnodeShard(actor: actor, counter: counter, pages: nil)
        storage.scanner.start("atoll-scanner", shard: reader, ended: threadsEnded)
        storage.comparer.start("atoll-comparer", shard: reader, ended: threadsEnded)
        nameThread = try NodeAssembly.nameThread(
            node, environment, fresh: StoreID(high: system.next(), low: system.next()), logger)
        nameThread?.start(ended: threadsEnded) { [control] in control.carry($0) }
        storage.hints.start(keeper: stores.keeper, ended: threadsEnded) { [control] in control.carry($0) }
    }

    private static func nameThread(
        _ node: RingNode, _ environment: StorageEnvironment, fresh: StoreID, _ logger: Logger
    ) throws -> NameStoreThread? {
        guard environment.ring.document.mayVote(node.id) else { return nil }
        let directory = environment.directory
        return try NameStoreThread(node: node.id, directory: directory, fresh: fresh, logger: logger) {
            die("names", $0, directory, logger)
        }
    }

    // MARK: Listening

    func listen() async throws {
        let greeting = PeerGreeting(identity: node.id, incarnation: opened.identity.incarnation, ring: ring)
        let peer = try await bind(peerBootstrap(greeting), node.peer, "peer")
        let http = try await bind(httpBootstrap(on: requestGroup, services), node.http, "http")
        listeners.withLockedValue { $0 = [peer, http] }
        for loop in loops {
            try await loop.eventLoop.submit { [logger] in loop.connect(greeting: greeting, logger: logger) }.get()
        }
        // Before anything is told of other nodes.
        try await site?.start()
        control.start(loops, acceptor: nameThread, greeting: greeting) { [operations] in
            operations.report()
        }
        guard let site else { return }
        let channel = try await bind(httpBootstrap(on: site.eventLoop, [site.service]), site.address, "social")
        listeners.withLockedValue { $0.append(channel) }
    }

    private func bind(_ bootstrap: ServerBootstrap, _ address: HostPort, _ what: String) async throws -> any Channel {
        do {
            return try await bootstrap.bind(host: address.host, port: address.port).get()
        } catch {
            throw StartFailure("cannot listen on \(address) (\(what)): \(error)")
        }
    }

    private func peerBootstrap(_ greeting: PeerGreeting) -> ServerBootstrap {
        let ringReply = PeerFraming.frame(.ringReply(document: ring.document.encode()))
        return ServerBootstrap(group: requestGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(PeerChannels.silence, value: PeerChannels.longestSilence)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(PeerChannels.firstProbe, value: Int(Limits.peerProbe.inSeconds))
            .childChannelOption(PeerChannels.probeEvery, value: Int(Limits.peerSilence.inSeconds))
            .childChannelOption(.writeBufferWaterMark, value: PeerChannels.waterMark(budgets.memory.peerQueueBytes))
            .childChannelInitializer { [loops, control, operations, budgets, logger] channel in
                guard operations.peers.values.open < budgets.files.peerConnections,
                    let loop = loops.first(where: { $0.eventLoop === channel.eventLoop })
                else { return channel.close() }
                return PeerChannels.configure(
                    channel,
                    PeerServerHandler(
                        greeting: greeting, ringReply: ringReply, loop: loop, control: control,
                        peers: operations.peers, logger: logger))
            }
    }

    /// - Parameters:
    ///   - group: has its clients.
    ///   - services: one for each of its loops.
    private func httpBootstrap(on group: any EventLoopGroup, _ services: [HTTPService]) -> ServerBootstrap {
        ServerBootstrap(group: requestGroup, childGroup: group)
            .serverChannelOption(.backlog, value: CInt(Limits.waitingConnections))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Grows no larger, as each connection keeps one.
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: Limits.receiveBytesAtLeast, initial: Limits.receiveBytesAtFirst,
                    maximum: Limits.receiveBytes)
            )
            // Writable again when all has left: what is unread of a connection's small answers is bounded by this.
            .childChannelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(low: 1, high: Limits.receiveBytes)
            )
            // A client may say that it has sent all and still wait for its answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { [operations, budgets] channel in
                guard operations.connections.values.open < budgets.httpConnections,
                    let service = services.first(where: { $0.loop.eventLoop === channel.eventLoop })
                else {
                    operations.connections.change { $0.refused += 1 }
                    return channel.close()
                }
                return channel.eventLoop.makeCompletedFuture {
                    let gate = HTTPGuard()
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(gate)
                    try pipeline.addHandler(ByteToMessageHandler(HTTPHandler.makeDecoder()))
                    try pipeline.addHandler(HTTPHandler(service: service, gate: gate))
                }
            }
    }

    // MARK: Stopping

    /// Stops listening, lets requests end (for `grace` at most), then the threads, and notes that the stop was clean.
    func stop(grace: Span) async {
        for listener in listeners.withLockedValue({ $0 }) { try? await listener.close().get() }
        for service in allServices { try? await service.loop.eventLoop.submit { service.stop() }.get() }
        let deadline = MachineClock.instant() + grace
        while MachineClock.instant() < deadline, await isBusy() {
            try? await Task.sleep(for: .nanoseconds(Limits.stopLook.nanoseconds))
        }
        await site?.stop()
        control.stop()
        for loop in loops { try? await loop.eventLoop.submit { loop.disconnect() }.get() }
        for shard in storage.shards { shard.mailbox.close() }
        storage.scanner.mailbox.close()
        storage.comparer.mailbox.close()
        storage.hints.mailbox.close()
        nameThread?.mailbox.close()
        await withCheckedContinuation { continuation in
            threadsEnded.notify(queue: .global()) { continuation.resume() }
        }
        let counter = storage.shards.map(\.figures.highestCounter).max() ?? 0
        do { try opened.end(counter: counter) } catch {
            logger.error("the clean stop could not be noted", metadata: ["reason": "\(error)"])
        }
        try? await requestGroup.shutdownGracefully()
        try? await controlGroup.shutdownGracefully()
    }

    private var allServices: [HTTPService] { services + (site.map { [$0.service] } ?? []) }

    private func isBusy() async -> Bool {
        for service in allServices {
            let busy = try? await service.loop.eventLoop.submit {
                service.openConnections > 0 || service.loop.requestsInFlight > 0
            }.get()
            if busy == true { return true }
        }
        return false
    }

    // MARK: The end

    /// A disk failed: nothing in memory may be believed, and nothing more is acknowledged.
    private static func die(_ store: String, _ failure: StorageFailure, _ directory: DataDirectory, _ logger: Logger)
        -> Never
    {
        logger.critical("storage failed; the node stops now", metadata: ["store": "\(store)", "reason": "\(failure)"])
        if failure.kind == .corruption { try? directory.markDamaged(store, "\(failure)") }
        _exit(StartFailure.Status.disk.rawValue)
    }

    /// This node's disk is a restored copy: others have seen a later life of it. It starts again above that life.
    private static func restartAbove(_ generation: UInt64, _ directory: DataDirectory, _ logger: Logger) {
        logger.critical(
            "the cluster remembers a later life of this node (a restored disk?); it stops, to start again as a new one",
            metadata: ["generation": "\(generation)"])
        try? directory.beginAbove(generation)
        _exit(StartFailure.Status.tryAgain.rawValue)
    }
}
