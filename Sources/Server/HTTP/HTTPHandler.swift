// One client connection: takes requests apart, hands them to the loop, writes the answers.
//
// One request is answered at a time. A client that pipelines waits in `waiting`, and nothing more is read from its
// socket while anything stands there; nor is anything taken from there while the client leaves its answers unread. A
// large answer is made piece by piece as the socket takes it, and counted in the loop's memory until it has left.

import Causality
import Gateway
import Logging
import NIOCore
import NIOHTTP1
import Ring
import World

final class HTTPHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case idle
        case reading(PendingRequest)
        case answering(PendingRequest)
        /// What is left of the answer stands in `leaving`.
        case sending
        case closing
    }

    private let service: HTTPService
    private let gate: HTTPGuard
    private let allocator = ByteBufferAllocator()
    private var state = State.idle
    private var isKeptAlive = true
    /// Of the last request: HTTP/1.0 closes unless told otherwise, and an answer to HEAD has no body.
    private var isOldClient = false
    private var isHead = false
    private var context: ChannelHandlerContext?
    private var waiting = CircularBuffer<HTTPServerRequestPart>()
    private var isWorkingOff = false
    private var wantsRead = false
    /// What came after all that waits was refused; said when the answers to that have left.
    private var refusal: Problem?
    /// The client has said that it sends nothing more.
    private var isInputOver = false
    /// Asking the channel each time would cost more than what is asked for.
    private var isWritable = true
    private var leaving: OutgoingAnswer?
    private var isSending = false
    /// Of the answers so far, those that did not leave at once.
    private var lateAnswers: UInt64 = 0
    private var answerTimer: Scheduled<Void>?
    /// What the answer takes of the loop's memory, if it is large.
    private var heldBytes = 0

    init(service: HTTPService, gate: HTTPGuard) {
        self.service = service
        self.gate = gate
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        service.opened(self)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        gate.refuse = { problem in this.value.refuse(problem) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        gate.refuse = nil
        releaseBody()
        giveUpAnswer()
        service.closed(self)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch part {
        case .head: gate.isPipelined = gate.isPipelined || isBusy
        case .body(let bytes): gate.bodyCame(bytes.readableBytes)
        case .end: break
        }
        waiting.append(part)
        workOff(context)
    }

    func read(context: ChannelHandlerContext) {
        if waiting.isEmpty { context.read() } else { wantsRead = true }
    }

    /// Takes what waits until a request is being answered; its answer goes on from there.
    private func workOff(_ context: ChannelHandlerContext) {
        guard !isWorkingOff else { return }
        isWorkingOff = true
        // Answers that the client leaves unread must not pile up here.
        while !isBusy, isWritable, let part = waiting.popFirst() { take(part, context) }
        isWorkingOff = false
        guard waiting.isEmpty, !isBusy else { return }
        if let refusal { return refuse(refusal) }
        if isInputOver { return finish(context) }
        if wantsRead {
            wantsRead = false
            context.read()
        }
    }

    /// A request is being answered, or its answer leaves.
    private var isBusy: Bool {
        switch state {
        case .answering, .sending: true
        case .idle, .reading, .closing: false
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        send(context)
        workOff(context)
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent {
            isInputOver = true
            workOff(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            guard case .idle = state else { return }
            gate.headersCame()
            begin(head)
        case .body(let part):
            guard case .reading(let request) = state else { return }
            guard request.body.count + part.readableBytes <= request.limit else {
                return refuse(request.tooLarge)
            }
            request.body.append(contentsOf: part.readableBytesView)
            // The array's block, not what is used of it: it grows by doubling.
            let growth = request.body.capacity - request.heldBytes
            guard growth == 0 || service.memory.reserve(growth) else { return refuse(.overloaded) }
            request.heldBytes += growth
        case .end:
            gate.requestCame()
            switch state {
            case .reading(let request):
                state = .answering(request)
                service.handle(request, self)
            case .idle, .answering, .sending, .closing: break
            }
        }
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
        if let error = error as? HTTPParserError {
            if error == .headerOverflow {
                return refuse(gate.isTargetTooLong ? Problem(RequestTarget.tooLong) : .headersTooLarge)
            }
            return refuse(gate.isMethodUnknown ? .unknownMethod : .malformed("this is no HTTP/1.1 request"))
        }
        context.close(promise: nil)
    }

    private func begin(_ head: HTTPRequestHead) {
        // After an offer to upgrade, which is never taken up here, the parser reads no more.
        let fields = HeadFields(head.headers)
        isKeptAlive = head.isKeepAlive && !fields.offersUpgrade
        isOldClient = head.version == .http1_0
        isHead = head.method == .HEAD
        guard !service.isStopping else { return refuse(.stopping) }
        let checked: CheckedHead
        do throws(Problem) { checked = try service.check(head, fields) } catch { return refuse(error) }
        let limit = service.bodyLimit(checked.route, head.method)
        let request = PendingRequest(head: head, route: checked.route, limit: limit)
        guard checked.length ?? 0 <= request.limit else { return refuse(request.tooLarge) }
        state = .reading(request)
        if checked.awaitsContinue, let context {
            context.writeAndFlush(
                wrapOutboundOut(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        }
    }

    // MARK: Writing

    /// Answers at once and ends the connection: what follows on it can't be trusted, or is not wanted.
    private func refuse(_ problem: Problem) {
        guard let context else { return }
        if case .closing = state { return }
        guard !isBusy, waiting.isEmpty || isWorkingOff else {
            refusal = problem
            return gate.end()
        }
        releaseBody()
        state = .closing
        gate.end()
        isKeptAlive = false
        service.count("refused", problem.status)
        var response = HTTPResponse(problem)
        response.headers.add(line: service.dateLine)
        var answer = OutgoingAnswer(response, .close, isHead: isHead, isOldClient: isOldClient)
        context.write(wrapOutboundOut(answer.next(allocator)), promise: nil)
        service.flushAtEndOfTurn(self)
        // A client that still sends would lose the answer to a reset: let it read, then close both ways.
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .nanoseconds(Limits.lingerTimeout.nanoseconds)) {
            channel.close(promise: nil)
        }
    }

    /// Ends the connection once all that was written has left, or the client has not read for too long.
    private func finish(_ context: ChannelHandlerContext) {
        if case .closing = state { return }
        releaseBody()
        state = .closing
        gate.end()
        let channel = context.channel
        let limit = context.eventLoop.scheduleTask(in: .nanoseconds(Limits.idleTimeout.nanoseconds)) {
            channel.close(promise: nil)
        }
        channel.closeFuture.whenComplete { _ in limit.cancel() }
        // An empty part is not sent; it is through when everything before it is.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    /// The answer to the request that was handed to the service. Ignored if the client is gone.
    func respond(_ response: HTTPResponse) {
        guard let context, case .answering(let request) = state else { return }
        var response = affordable(response)
        response.headers.add(line: service.dateLine)
        service.count(request.route.label, response.status.code)
        if service.isStopping { isKeptAlive = false }
        let connection: HTTPResponse.Connection? = !isKeptAlive ? .close : isOldClient ? .keepAlive : nil
        let answer = OutgoingAnswer(response, connection, isHead: isHead, isOldClient: isOldClient)
        isHead = false
        isKeptAlive = !answer.closes
        state = .sending
        leaving = answer
        send(context)
    }

    /// The response, or that there is no room for it. A small one is made whole, and not worth counting.
    private func affordable(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        if response.body.heldBytes <= Limits.answerPieceBytes { response.body = response.body.made }
        guard response.body.heldBytes > Limits.receiveBytes else { return response }
        guard service.memory.reserve(response.body.heldBytes) else { return HTTPResponse(Problem.overloaded) }
        heldBytes = response.body.heldBytes
        return response
    }

    /// Writes as much of the answer as the socket takes, and goes on to the next request when it is over.
    private func send(_ context: ChannelHandlerContext) {
        guard case .sending = state, !isSending else { return }
        isSending = true
        for _ in 0..<Limits.answerPiecesPerTurn {
            guard isWritable, let piece = leaving?.next(allocator) else { break }
            let isLast = leaving?.isOver ?? true
            if isLast { leaving = nil }
            write(piece, isLast: isLast, context)
        }
        isSending = false
        if leaving == nil, heldBytes == 0 { return sent(context) }
        if answerTimer == nil { becomeLate(context) }
        // Others have their turn before more is made.
        if leaving != nil, isWritable { continueLater(context) }
    }

    /// The answer is over; one that is counted has left as well.
    private func sent(_ context: ChannelHandlerContext) {
        answerTimer?.cancel()
        answerTimer = nil
        state = .idle
        guard isKeptAlive, !service.isStopping else { return finish(context) }
        gate.responseLeft()
        workOff(context)
    }

    private func write(_ piece: ByteBuffer, isLast: Bool, _ context: ChannelHandlerContext) {
        guard heldBytes > 0 else {
            context.write(wrapOutboundOut(piece), promise: nil)
            return service.flushAtEndOfTurn(self)
        }
        guard isLast else { return context.writeAndFlush(wrapOutboundOut(piece), promise: nil) }
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(piece)).whenSuccess {
            let (handler, context) = this.value
            guard case .sending = handler.state else { return }
            handler.release()
            if !handler.isSending { handler.sent(context) }
        }
    }

    private func continueLater(_ context: ChannelHandlerContext) {
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.execute { if this.value.0.context != nil { this.value.0.send(this.value.1) } }
    }

    /// The answer has not left at once: its client has so long to read it, if nobody needs the room before.
    private func becomeLate(_ context: ChannelHandlerContext) {
        lateAnswers += 1
        service.memory.awaits(self, answer: lateAnswers, MachineClock.instant())
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        answerTimer = context.eventLoop.scheduleTask(in: .nanoseconds(Limits.answerReadTimeout.nanoseconds)) {
            this.value.cutOff()
        }
    }

    private func release() {
        service.memory.release(heldBytes)
        heldBytes = 0
    }

    private func giveUpAnswer() {
        answerTimer?.cancel()
        answerTimer = nil
        leaving = nil
        release()
    }

    func flushAnswers() { context?.flush() }

    private func releaseBody() {
        if case .reading(let request) = state { service.release(request) }
    }

    /// The node is stopping: an idle connection ends now, a busy one after its answer.
    func stop() {
        if case .idle = state, waiting.isEmpty, let context { finish(context) }
    }

    var remoteAddress: String { context?.remoteAddress?.ipAddress ?? "" }
}

extension HTTPHandler: AnswerReader {
    var leavingAnswer: UInt64? { if case .sending = state { lateAnswers } else { nil } }

    func cutOff() {
        giveUpAnswer()
        state = .closing
        context?.close(promise: nil)
    }
}

/// A request as far as it has arrived. A class, as it is handed from state to state with all its parts.
final class PendingRequest {
    let head: HTTPRequestHead
    let route: RequestRoute
    /// The most bytes its body may have.
    let limit: Int
    var body: [UInt8] = []
    /// What the body takes of the loop's memory.
    var heldBytes = 0
    /// It was handed on to be written.
    var isWriting = false

    init(head: HTTPRequestHead, route: RequestRoute, limit: Int) {
        self.head = head
        self.route = route
        self.limit = limit
    }

    var tooLarge: Problem {
        if case .item = route, head.method == .PUT {
            return .tooLarge("the bucket takes values of up to \(limit) bytes")
        }
        return .tooLarge("this call takes \(limit) bytes at most")
    }
}
