// Carries one client's connection on a channel: hands what comes to the value that decides, and does what that says.

import Edge
import NIOCore
import NIOHTTP1
import World

final class HTTPHandler: ChannelDuplexHandler, RemovableChannelHandler, LiveClient {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let service: HTTPService
    private let gate: HTTPGuard
    private let allocator = ByteBufferAllocator()
    private let number: Int
    private var connection: ClientConnection
    private var context: ChannelHandlerContext?
    private let actions = ActionQueue<ClientConnection.Action>()
    /// Of the event that is being carried out.
    private var now: Now
    private var answerTimer: Scheduled<Void>?
    /// The number of the live read, or of the site's request, that the connection is kept open for.
    var live: UInt64?

    init(service: HTTPService, gate: HTTPGuard) {
        self.service = service
        self.gate = gate
        number = service.nextNumber()
        connection = ClientConnection(number: number)
        now = gate.now
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        service.opened(self, number)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        gate.refuse = { problem in this.value.refuse(problem) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        connection.removed(&service.clients, &actions.out)
        carryOut()
        answerTimer?.cancel()
        self.context = nil
        gate.refuse = nil
        if let live = live.take() { service.endLive(live) }
        service.closed(number)
    }

    // MARK: What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        now = gate.now
        switch unwrapInboundIn(data) {
        case .head(let head): connection.received(RequestHead(head), &service.clients, now, &actions.out)
        case .body(let bytes):
            gate.watch.bodyCame(bytes.readableBytes, now.instant)
            bytes.withUnsafeReadableBytes { connection.received(body: $0, &service.clients, now, &actions.out) }
        case .end: connection.receivedEnd(&actions.out)
        }
        carryOut()
    }

    func read(context: ChannelHandlerContext) {
        connection.readWanted(&actions.out)
        carryOut()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        now = MachineClock.now()
        connection.writability(context.channel.isWritable, &service.clients, now, &actions.out)
        carryOut()
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            now = MachineClock.now()
            connection.inputClosed(&service.clients, now, &actions.out)
            carryOut()
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// A parser that gives up at our limits, however slowly a header arrives.
    static func makeDecoder() -> HTTPRequestDecoder {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = Limits.headerBytes
        limits.maxHeaderListSize = Limits.headerBytes + Limits.targetBytes
        limits.maxHeaderFieldCount = Limits.headerCount
        return HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
        refuse(
            gate.watch.refusal(isHeadTooLarge: error == .headerOverflow) { method in
                if case .RAW = HTTPMethod(rawValue: method) { false } else { true }
            })
    }

    private func refuse(_ problem: Problem) {
        now = MachineClock.now()
        connection.refused(problem, &service.clients, now, &actions.out)
        carryOut()
    }

    /// The answer to the request that was handed to the service.
    func respond(_ response: HTTPResponse) {
        now = MachineClock.now()
        connection.answered(response, &service.clients, now, &actions.out)
        carryOut()
    }

    /// The node is stopping.
    func stop() {
        if let live = live.take() {
            service.endLive(live)
            endStream(HTTPResponse(Problem.stopping))
        } else {
            connection.stop(&service.clients, &actions.out)
            carryOut()
        }
    }

    // MARK: Live reads

    /// Events, of which the first begin the answer.
    func stream(_ pieces: [ArraySlice<UInt8>], _: UInt64) {
        now = MachineClock.now()
        connection.stream(pieces, &service.clients, now, &actions.out)
        carryOut()
    }

    /// No more events follow; nil: the client is cut off. `response`: the answer, if there were none.
    func endStream(_ response: HTTPResponse?, _: UInt64) {
        live = nil
        endStream(response)
    }

    private func endStream(_ response: HTTPResponse?) {
        now = MachineClock.now()
        connection.endStream(response, &service.clients, now, &actions.out)
        carryOut()
    }

    /// The answer says so; then the channel is a WebSocket's. Not within the parser's own turn, which is taken out.
    func becomeSocket(_ upgrade: SocketUpgrade) {
        guard connection.handOver(&actions.out) else { return }
        carryOut()
        guard let context else { return }
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.execute {
            let (this, context) = this.value
            guard this.context != nil else { return }
            let head = ByteBuffer(bytes: upgrade.head)
            context.writeAndFlush(this.wrapOutboundOut(head), promise: nil)
            do {
                try SocketHandler.take(context.channel, from: this, this.gate, this.service, upgrade)
            } catch {
                context.close(promise: nil)
            }
        }
    }

    private func blockLeft() {
        connection.blockLeft(&service.clients, &actions.out)
        carryOut()
    }

    /// Others need the room that its answer took.
    func cutOff(isReleased: Bool) {
        connection.cutOff(isReleased: isReleased, &service.clients, &actions.out)
        carryOut()
    }

    // MARK: What goes out

    private func carryOut() {
        guard actions.carryOut({ carryOut($0) }) else { return }
        service.cutOffReaders()
    }

    private func carryOut(_ action: ClientConnection.Action) {
        switch action {
        case .serve(let request): return service.handle(request, self)
        case .count(let route, let status): return service.count(route, status)
        case .streamDrained:
            if let live { service.drained(live) }
            return
        default: break
        }
        // The others are for a channel that is there.
        guard let context else { return }
        switch action {
        case .serve, .count, .streamDrained: break
        case .read: context.read()
        case .pipelined: gate.watch.pipelined()
        case .expect(let expectation): gate.watch.expect(expectation, now.instant)
        case .sayContinue:
            context.writeAndFlush(
                wrapOutboundOut(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        case .write: write(context)
        case .stream(let pieces): write(pieces, context)
        case .goOnNextTurn:
            let this = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.eventLoop.execute { this.value.goOn() }
        case .beginAnswerTime:
            let this = NIOLoopBound(self, eventLoop: context.eventLoop)
            answerTimer = context.eventLoop.scheduleTask(in: .nanoseconds(Limits.answerReadTimeout.nanoseconds)) {
                this.value.cutOff(isReleased: false)
            }
        case .endAnswerTime:
            answerTimer?.cancel()
            answerTimer = nil
        case .linger:
            let channel = context.channel
            context.eventLoop.scheduleTask(in: .nanoseconds(Limits.lingerTimeout.nanoseconds)) {
                channel.close(promise: nil)
            }
        case .closeWhenWritten: closeWhenWritten(context)
        case .close: context.close(promise: nil)
        }
    }

    private func write(_ context: ChannelHandlerContext) {
        guard let size = connection.pieceBytes else { return }
        var buffer = allocator.buffer(capacity: size)
        var flush = ClientConnection.Flush.endOfTurn
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { room in
            var piece = AnswerPiece(room)
            flush = connection.writePiece(to: &piece)
            return piece.count
        }
        switch flush {
        case .endOfTurn:
            context.write(wrapOutboundOut(buffer), promise: nil)
            service.flushAtEndOfTurn(self)
        case .now: context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        case .nowAndTell:
            let this = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(buffer)).whenSuccess { this.value.lastPieceLeft() }
        }
        connection.wrote(&service.clients, now, &actions.out)
    }

    private func write(_ pieces: [ArraySlice<UInt8>], _ context: ChannelHandlerContext) {
        var buffer = allocator.buffer(capacity: pieces.reduce(0) { $0 + $1.count })
        for piece in pieces { buffer.writeBytes(piece) }
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(buffer)).whenSuccess { this.value.blockLeft() }
    }

    private func lastPieceLeft() {
        now = MachineClock.now()
        connection.lastPieceLeft(&service.clients, now, &actions.out)
        carryOut()
    }

    private func goOn() {
        now = MachineClock.now()
        connection.goOn(&service.clients, now, &actions.out)
        carryOut()
    }

    private func closeWhenWritten(_ context: ChannelHandlerContext) {
        let channel = context.channel
        let limit = context.eventLoop.scheduleTask(in: .nanoseconds(Limits.idleTimeout.nanoseconds)) {
            channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { _ in limit.cancel() }
        // An empty part is not sent; it is through when everything before it is.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in channel.close(promise: nil) }
    }

    func flushAnswers() { context?.flush() }

    var remoteAddress: String { context?.remoteAddress?.ipAddress ?? "" }
}
