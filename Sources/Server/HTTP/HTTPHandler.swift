// One client connection: takes requests apart, hands them to the loop, writes the answers.
//
// One request is answered at a time. A client that pipelines waits in `waiting`, and nothing more is read from its
// socket while anything stands there; nor is anything taken from there while the client leaves its answers unread.

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
        service.closed(self)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch part {
        case .head: gate.isPipelined = gate.isPipelined || isAnswering
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
        while !isAnswering, isWritable, let part = waiting.popFirst() { take(part, context) }
        isWorkingOff = false
        guard waiting.isEmpty, !isAnswering else { return }
        if let refusal { return refuse(refusal) }
        if isInputOver { return finish(context) }
        if wantsRead {
            wantsRead = false
            context.read()
        }
    }

    private var isAnswering: Bool { if case .answering = state { true } else { false } }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
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
            guard request.body.count + part.readableBytes <= request.limit, service.reserve(part.readableBytes) else {
                return refuse(request.body.count + part.readableBytes > request.limit ? request.tooLarge : .overloaded)
            }
            request.body.append(contentsOf: part.readableBytesView)
        case .end:
            gate.requestCame()
            switch state {
            case .reading(let request):
                state = .answering(request)
                service.handle(request, self)
            case .idle, .answering, .closing: break
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
        let request = PendingRequest(head: head, route: checked.route, limit: service.bodyLimit(checked.route))
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
        guard !isAnswering, waiting.isEmpty || isWorkingOff else {
            refusal = problem
            return gate.end()
        }
        var response = HTTPResponse(problem)
        response.headers.add(line: service.dateLine)
        response.omitsBody = isHead
        releaseBody()
        state = .closing
        gate.end()
        isKeptAlive = false
        service.count("refused", problem.status)
        write(response, context)
        // A client that still sends would lose the answer to a reset: let it read, then close both ways.
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .milliseconds(500)) { channel.close(promise: nil) }
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
        service.count(request.route.label, response.status.code)
        releaseBody()
        state = .idle
        var response = response
        response.headers.add(line: service.dateLine)
        response.omitsBody = isHead
        if service.isStopping { isKeptAlive = false }
        write(response, context)
        isHead = false
        guard isKeptAlive else { return finish(context) }
        gate.responseLeft()
        workOff(context)
    }

    private func write(_ response: HTTPResponse, _ context: ChannelHandlerContext) {
        let connection: HTTPResponse.Connection? = !isKeptAlive ? .close : isOldClient ? .keepAlive : nil
        context.write(wrapOutboundOut(response.encode(connection, allocator)), promise: nil)
        service.flushAtEndOfTurn(self)
    }

    func flushAnswers() { context?.flush() }

    private func releaseBody() {
        switch state {
        case .reading(let request), .answering(let request): service.release(request.body.count)
        case .idle, .closing: break
        }
    }

    /// The node is stopping: an idle connection ends now, a busy one after its answer.
    func stop() {
        if case .idle = state, waiting.isEmpty, let context { finish(context) }
    }

    var remoteAddress: String { context?.remoteAddress?.ipAddress ?? "" }
}

/// A request as far as it has arrived. A class, as it is handed from state to state with all its parts.
final class PendingRequest {
    let head: HTTPRequestHead
    let route: RequestRoute
    /// The most bytes its body may have.
    let limit: Int
    var body: [UInt8] = []

    init(head: HTTPRequestHead, route: RequestRoute, limit: Int) {
        self.head = head
        self.route = route
        self.limit = limit
    }

    var tooLarge: Problem {
        if case .item = route { return .tooLarge("the bucket takes values of up to \(limit) bytes") }
        return .tooLarge("this call takes \(limit) bytes at most")
    }
}
