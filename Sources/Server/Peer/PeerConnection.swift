// What both ends of a peer connection share: frames in, frames out, a bounded queue.

import NIOCore
import NIOPosix
import Wire
import World

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Options of every peer socket, at one place (TLS will be a handler more here).
enum PeerChannels {
    /// A peer that has vanished (a cut cable, a host without power) says nothing, and TCP would go on repeating itself
    /// for a quarter of an hour, ever more rarely. This ends the connection, so that a new one is tried at once.
    static let silence = ChannelOptions.tcpOption(NIOBSDSocket.Option(rawValue: TCP_USER_TIMEOUT))
    static let longestSilence = Int(Limits.peerSilence.inMilliseconds)
    /// Where only the other side speaks, only a probe shows that it has vanished.
    static let firstProbe = ChannelOptions.tcpOption(NIOBSDSocket.Option(rawValue: TCP_KEEPIDLE))
    static let probeEvery = ChannelOptions.tcpOption(NIOBSDSocket.Option(rawValue: TCP_KEEPINTVL))

    static func configure(_ channel: any Channel, _ handler: some ChannelHandler) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler) }
    }

    /// Others have their turn after each read: repair's connections lie on the loops of clients.
    static func readLittle(_ channel: any Channel) {
        // A channel that is closing takes no options any more.
        try? channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        try? channel.syncOptions?.setOption(
            .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Limits.bulkReadBytes))
    }

    static func waterMark(_ queueBytes: Int) -> ChannelOptions.Types.WriteBufferWaterMark {
        ChannelOptions.Types.WriteBufferWaterMark(low: queueBytes / 2, high: queueBytes)
    }
}

/// Turns a socket's bytes into messages and back, for one connection on one loop. Its owner is told of each message and
/// of the end.
final class PeerFraming {
    private var decoder = FrameDecoder(limit: Limits.handshakeBytes)
    private var outgoing = OutgoingMessages()
    private var frames = ByteBuffer()
    private let queueBytes: Int

    /// `queueBytes`: what may wait for the flush.
    init(queueBytes: Int = Limits.peerQueueBytes) { self.queueBytes = queueBytes }

    /// It is known now who the peer is, and how much it may say at once.
    func accept(framesUpTo bytes: Int) { decoder.limit = bytes }

    /// For the next connection.
    func reset() {
        decoder = FrameDecoder(limit: Limits.handshakeBytes)
        outgoing = OutgoingMessages()
        frames = ByteBuffer()
    }

    /// Calls `receive` for each whole message in `buffer`. Throws on anything that is none: the connection must end.
    func read(_ buffer: ByteBuffer, _ receive: (PeerMessage) throws -> Void) throws {
        buffer.withUnsafeReadableBytes { decoder.feed($0) }
        while let payload = try decoder.next() {
            try receive(try PeerMessage(decoding: payload))
        }
    }

    /// Puts a message with those that leave at the next flush: one buffer and one write for all.
    func add(_ message: PeerMessage) { outgoing.add(message) { frame($0) } }

    private func frame(_ message: PeerMessage) {
        let payload = message.encode()
        frames.reserveCapacity(minimumWritableBytes: payload.count + Frames.prefixBytes)
        frames.writeInteger(Frames.prefix(for: payload.count))
        frames.writeBytes(payload)
    }

    /// Whether what waits for the flush is all that a slow peer may keep us from sending.
    var isFull: Bool { frames.readableBytes >= queueBytes }

    /// What was added since the last time; nil if nothing was.
    func takeOutgoing() -> ByteBuffer? {
        outgoing.flush { frame($0) }
        guard frames.readableBytes > 0 else { return nil }
        defer { frames = ByteBuffer() }
        return frames
    }

    /// One message as it goes over the wire, for whoever sends it again and again.
    static func frame(_ message: PeerMessage) -> ByteBuffer {
        let framing = PeerFraming()
        framing.add(message)
        return framing.takeOutgoing() ?? ByteBuffer()
    }
}
