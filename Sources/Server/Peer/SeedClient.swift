// How a node without a ring file gets the ring: it asks a node that runs, and keeps the document in its data directory.

package import Logging
import NIOCore
import NIOPosix
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
        let limit = channel.eventLoop.scheduleTask(in: .nanoseconds(Limits.handshakeTimeout.nanoseconds)) {
            promise.fail(StartFailure("no answer in time"))
        }
        defer {
            limit.cancel()
            channel.close(promise: nil)
        }
        return try await promise.futureResult.get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let node: NodeID
        private let answer: EventLoopPromise<[UInt8]>
        private let framing = PeerFraming()

        init(_ node: NodeID, _ answer: EventLoopPromise<[UInt8]>) {
            self.node = node
            self.answer = answer
        }

        func channelActive(context: ChannelHandlerContext) {
            // The cluster is not known yet: an empty name asks for whatever is there.
            let hello = Hello(
                cluster: "", node: node.name, incarnation: 0, ringEpoch: 0, ringDigest: [], lane: .control,
                joining: true)
            send(.hello(hello), context)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            do {
                try framing.read(unwrapInboundIn(data)) { message in
                    switch message {
                    case .welcome(let welcome) where welcome.accepted:
                        framing.accept(framesUpTo: Limits.ringDocumentBytes + Limits.handshakeBytes)
                        send(.ringRequest, context)
                    case .welcome(let welcome): answer.fail(StartFailure(welcome.reason))
                    case .ringReply(let document): answer.succeed(document)
                    default: answer.fail(StartFailure("an unexpected message"))
                    }
                }
            } catch { answer.fail(error) }
        }

        func channelInactive(context: ChannelHandlerContext) { answer.fail(StartFailure("the connection ended")) }

        private func send(_ message: PeerMessage, _ context: ChannelHandlerContext) {
            framing.add(message)
            if let outgoing = framing.takeOutgoing() { context.writeAndFlush(NIOAny(outgoing), promise: nil) }
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
