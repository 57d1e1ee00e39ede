// One connection of the load generator: a handler that sends a request, finds the end of its answer and asks its loop
// for the next one. No task, no future and no allocation per request.

import NIOCore

final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Request {
        let operation: LoadOperation
        let key: Int
        /// When it should be sent, ns; its latency counts from here.
        let due: UInt64
        /// Whether it is part of what is measured.
        let counts: Bool
    }

    /// Its place among the loop's connections; a connection that is opened again keeps it.
    let slot: Int
    private let loop: LoadLoop
    private let forms: [RequestForm]
    private var buffers: [ByteBuffer]
    private var context: ChannelHandlerContext?
    /// What came of an answer that is not whole yet.
    private var received: ByteBuffer?
    private(set) var current: Request?
    private(set) var sentAt: UInt64 = 0

    /// - Parameter forms: by operation.
    init(slot: Int, loop: LoadLoop, forms: [RequestForm]) {
        self.slot = slot
        self.loop = loop
        self.forms = forms
        buffers = forms.map { $0.buffer() }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        loop.opened(self)
    }

    /// Sends `request`. There must be no other on its way.
    func send(_ request: Request, now: UInt64, value place: Int) {
        guard let context else { return loop.failed(request, .lost) }
        current = request
        sentAt = now
        let kind = request.operation.rawValue
        forms[kind].fill(&buffers[kind], key: request.key, value: place, of: loop.pool)
        context.writeAndFlush(wrapOutboundOut(buffers[kind]), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if var earlier = received.take() {
            earlier.writeBuffer(&bytes)
            bytes = earlier
        }
        switch bytes.withUnsafeReadableBytes(ResponseScan.scan) {
        case .incomplete: received = bytes
        case .malformed: fail(.malformed)
        case .complete(let status, let length, let closes):
            // Bytes that nobody asked for: nothing on this connection can be told apart any more.
            guard length == bytes.readableBytes, let request = current.take() else { return fail(.malformed) }
            if closes {
                self.context = nil
                context.close(promise: nil)
            }
            loop.answered(self, request, status: status, isOpen: !closes)
        }
    }

    /// Gives the request up, and the connection with it.
    func fail(_ failure: LoadFigures.Failure) {
        guard let context else { return }
        self.context = nil
        let request = current.take()
        context.close(promise: nil)
        if let request { loop.failed(request, failure) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.lost)
        loop.closed(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(.lost) }

    func close() {
        context?.close(promise: nil)
        context = nil
    }
}
