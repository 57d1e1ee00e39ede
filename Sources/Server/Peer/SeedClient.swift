// How a node without a ring file gets the ring: it asks a node that runs, and keeps the document in its data directory.

package import Logging
import NIOCore
import NIOPosix
import Node
package import Ring
import Wire
package import World

package enum SeedClient {
    /// The ring of the node at `address`; if it gives none, the one kept from an earlier start.
    ///
    /// - Throws: also where the directory is another node's, or the seed is of another cluster: nothing is written
    /// then.
    package static func fetchRing(
        from address: HostPort, as node: NodeID, dataPath: String, logger: Logger
    ) async throws -> RingDocument {
        let directory = try DataDirectory(path: dataPath)
        try directory.refuseUnless(node: node)
        let (bytes, document): ([UInt8], RingDocument)
        do {
            bytes = try await ask(address, node)
            document = try RingDocument.decode(bytes)
        } catch {
            guard let kept = directory.keptRing() else {
                throw StartFailure("the seed \(address) gave no ring: \(error)")
            }
            logger.warning(
                "seed gave no ring; the one of the last start is used",
                metadata: ["seed": "\(address)", "reason": "\(error)"])
            return try RingDocument.decode(kept)
        }
        try directory.keep(bytes, of: document, for: node)
        return document
    }

    private static func ask(_ address: HostPort, _ node: NodeID) async throws -> [UInt8] {
        let group = MultiThreadedEventLoopGroup.singleton
        let promise = group.next().makePromise(of: [UInt8].self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: group)
                .connectTimeout(.nanoseconds(Limits.connectTimeout.nanoseconds))
                .channelInitializer { channel in PeerChannels.configure(channel, Handler(node, promise)) }
                .connect(host: address.host, port: address.port).get()
        } catch {
            promise.fail(error)
            throw error
        }
        defer { channel.close(promise: nil) }
        return try await promise.futureResult.get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var state: JoiningState
        private let answer: EventLoopPromise<[UInt8]>
        private let framing = PeerFraming()
        private let actions = ActionQueue<JoiningState.Action>()
        private var overdue: Scheduled<Void>?

        init(_ node: NodeID, _ answer: EventLoopPromise<[UInt8]>) {
            state = JoiningState(node)
            self.answer = answer
        }

        func channelActive(context: ChannelHandlerContext) {
            let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            overdue = context.eventLoop.scheduleTask(in: .nanoseconds(Limits.handshakeTimeout.nanoseconds)) {
                this.value.0.hear(.overdue, this.value.1)
            }
            hear(.connected, context)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            do { try framing.read(unwrapInboundIn(data)) { hear(.received($0), context) } } catch {
                hear(.broke("\(error)"), context)
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            overdue?.cancel()
            hear(.broke("the connection ended"), context)
        }

        private func hear(_ event: JoiningState.Event, _ context: ChannelHandlerContext) {
            state.handle(event, &actions.out)
            actions.carryOut { action in
                switch action {
                case .say(let message):
                    framing.add(message)
                    if let outgoing = framing.takeOutgoing() { context.writeAndFlush(NIOAny(outgoing), promise: nil) }
                case .acceptRing: framing.accept(framesUpTo: Limits.ringDocumentBytes + Limits.handshakeBytes)
                case .got(let document): answer.succeed(document)
                case .fail(let reason): answer.fail(StartFailure(reason))
                }
            }
        }
    }
}

extension DataDirectory {
    /// Throws where the directory is another node's, or another cluster's than `cluster` (nil: not known yet).
    func refuseUnless(node: NodeID, cluster: String? = nil) throws {
        guard let owner = try loadIdentity(), owner.node != node.name || owner.cluster != cluster ?? owner.cluster
        else {
            return
        }
        throw StartFailure(
            "\(path) belongs to node \(owner.node) of cluster \(owner.cluster), not to \(node)"
                + (cluster.map { " of \($0), which is the seed's" } ?? "")
                + "; give each node a data directory of its own (--data)")
    }

    /// Keeps a ring for the next start, once it is certain that the directory's node is meant by it.
    func keep(_ bytes: [UInt8], of document: RingDocument, for node: NodeID) throws {
        try refuseUnless(node: node, cluster: document.cluster)
        guard document.node(node) != nil else {
            let names = document.nodes.map(\.id.name).joined(separator: ", ")
            throw StartFailure("there is no node \(node) in the seed's ring; it has \(names)")
        }
        try replace(ringFile, with: bytes)
    }
}
