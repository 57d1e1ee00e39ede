// Carries a WebSocket on a channel: hands frames and messages to the values that decide, and does what they say.

import Edge
import Live
import NIOCore
import NIOHTTP1
import NIOWebSocket
import World

/// Whoever is told what a live read brings.
protocol LiveClient: AnyObject {
    var remoteAddress: String { get }
    func stream(_ pieces: [ArraySlice<UInt8>], _ number: UInt64)
    func endStream(_ response: HTTPResponse?, _ number: UInt64)
}

final class SocketHandler: ChannelDuplexHandler, LiveClient {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let service: HTTPService
    private let number: Int
    private var frames: SocketFrames
    private var socket: LiveSocket
    private let actions = ActionQueue<LiveSocket.Effect>()
    private var context: ChannelHandlerContext?
    private var pings: RepeatedTask?
    /// The live read of each of the socket's subscriptions, and back.
    private var reads: [Int: UInt64] = [:]
    private var serials: [UInt64: Int] = [:]
    /// Of the text that was written last.
    private var lastWrite: EventLoopFuture<Void>?
    private var wantsRead = false
    private var isClosing = false

    private init(_ service: HTTPService, _ upgrade: SocketUpgrade) {
        self.service = service
        socket = LiveSocket(origin: upgrade.origin, only: upgrade.only)
        number = service.nextNumber()
        frames = SocketFrames(MachineClock.instant())
    }

    /// The channel speaks HTTP no longer.
    static func take(
        _ channel: any Channel, from handler: HTTPHandler, _ gate: HTTPGuard, _ service: HTTPService,
        _ upgrade: SocketUpgrade
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        let parser = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        try pipeline.addHandlers([
            WebSocketFrameEncoder(),
            ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: Limits.socketMessageBytes)),
            SocketHandler(service, upgrade),
        ])
        pipeline.removeHandler(gate, promise: nil)
        pipeline.removeHandler(handler, promise: nil)
        pipeline.removeHandler(parser, promise: nil)
        channel.read()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        service.opened(self, number)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let every = TimeAmount.nanoseconds(Limits.socketPing.nanoseconds)
        pings = context.eventLoop.scheduleRepeatedTask(initialDelay: every, delay: every) { _ in this.value.ping() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        pings?.cancel()
        self.context = nil
        hear(.closed)
        service.closedSocket(number)
    }

    // MARK: What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        let frame = unwrapInboundIn(data)
        var payload = frame.data
        if let key = frame.maskKey { payload.webSocketUnmask(key) }
        let whole = SocketFrames.Frame(
            opcode: UInt8(webSocketOpcode: frame.opcode), isFinal: frame.fin, isMasked: frame.maskKey != nil,
            hasReservedBits: frame.rsv1 || frame.rsv2 || frame.rsv3, payload: Array(payload.readableBytesView))
        carryOut(frames.take(whole, MachineClock.instant()))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? NIOWebSocketError else { return context.close(promise: nil) }
        if case .invalidFrameLength = error {
            carryOut(SocketFrames.unreadable(isTooLarge: true))
        } else {
            carryOut(SocketFrames.unreadable(isTooLarge: false))
        }
    }

    /// A client that leaves what it is sent unread is not listened to either.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable { context.read() } else { wantsRead = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable, wantsRead else { return }
        wantsRead = false
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
    }

    private func ping() {
        guard let context else { return }
        if frames.isGone(MachineClock.instant()) { return context.close(promise: nil) }
        write(.ping, [])
    }

    // MARK: What its live reads bring

    var remoteAddress: String { context?.remoteAddress?.ipAddress ?? "" }

    func stream(_ pieces: [ArraySlice<UInt8>], _ number: UInt64) {
        guard let serial = serials[number], let context else { return }
        hear(.events(serial, pieces))
        // The next block may come when all of this one has left.
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        (lastWrite ?? context.eventLoop.makeSucceededVoidFuture()).whenSuccess {
            this.value.service.loop.watches.drained(number)
        }
    }

    func endStream(_ response: HTTPResponse?, _ number: UInt64) {
        guard let serial = serials.removeValue(forKey: number) else { return }
        reads[serial] = nil
        hear(.ended(serial, response))
    }

    /// The node is stopping.
    func stop() { close(.goingAway, "stopping") }

    // MARK: What goes out

    private func hear(_ input: LiveSocket.Input) {
        socket.handle(input, &service.clients, MachineClock.now(), &actions.out)
        guard actions.carryOut({ carryOut($0) }) else { return }
        service.cutOffReaders()
    }

    private func carryOut(_ verdict: SocketFrames.Verdict) {
        switch verdict {
        case .nothing: break
        case .message(let bytes): hear(.text(bytes))
        case .ping(let payload): write(.pong, payload)
        case .closed(let code): close(code)
        case .fail(let code, let reason): close(code, reason)
        }
    }

    private func carryOut(_ effect: LiveSocket.Effect) {
        switch effect {
        case .subscribe(let serial, let subscription):
            guard let read = service.watch(subscription, self) else { return close(.goingAway, "stopping") }
            reads[serial] = read
            serials[read] = serial
        case .unsubscribe(let serial):
            guard let read = reads.removeValue(forKey: serial) else { return }
            serials[read] = nil
            service.loop.watches.end(read)
        case .request(let serial, let request):
            service.loop.submit(request) { [self] outcome in hear(.outcome(serial, outcome)) }
        case .say(let serial, let from, let data):
            if let read = reads[serial] { service.operations.control?.say(read, from, data) }
        case .send(let text):
            guard let context else { return }
            let this = NIOLoopBound(self, eventLoop: context.eventLoop)
            let written = write(.text, text)
            lastWrite = written
            written?.whenComplete { _ in this.value.hear(.left(text.count)) }
        case .close(let code, let reason): close(code, reason)
        }
    }

    @discardableResult
    private func write(_ opcode: WebSocketOpcode, _ bytes: [UInt8]) -> EventLoopFuture<Void>? {
        guard let context, !isClosing else { return nil }
        let frame = WebSocketFrame(fin: true, opcode: opcode, data: ByteBuffer(bytes: bytes))
        return context.writeAndFlush(wrapOutboundOut(frame))
    }

    private func close(_ code: LiveSocket.CloseCode, _ reason: String) {
        close([UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + Array(reason.utf8))
    }

    /// The client closed: its code goes back.
    private func close(_ code: UInt16?) {
        close(code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? [])
    }

    private func close(_ payload: [UInt8]) {
        guard let context, !isClosing else { return }
        write(.connectionClose, payload)
        isClosing = true
        let channel = context.channel
        // One that still sends has the time to read why.
        context.eventLoop.scheduleTask(in: .nanoseconds(Limits.lingerTimeout.nanoseconds)) {
            channel.close(promise: nil)
        }
    }
}
