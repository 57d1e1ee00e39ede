// One client's connection over HTTP/1.1 as a value: it hears what came from the socket and what has become of requests,
// and says what is to be done. `Server` carries it on a channel; the tests carry it on nothing.
//
// One request is answered at a time. What a client sends meanwhile waits here, and nothing more is read from its socket
// while anything does; nor is anything taken from there while the client leaves its answers unread. A large answer is
// made piece by piece as the socket takes it, and counted in the loop's memory until it has left.

import DequeModule
package import World

package struct ClientConnection {
    /// What the loop knows the connection by.
    let number: Int
    var state = State.idle
    private var waiting = Deque<Part>()
    var following = Following.more
    private var wantsRead = false
    private var isWritable = true

    package init(number: Int) { self.number = number }

    /// A request is being answered, or its answer leaves.
    private var isBusy: Bool {
        switch state {
        case .answering, .sending, .streaming: true
        case .idle, .reading, .refusing, .closing: false
        }
    }

    private var isEnding: Bool {
        switch state {
        case .refusing, .closing: true
        case .idle, .reading, .answering, .sending, .streaming: false
        }
    }

    /// What comes now has to wait.
    private var mustWait: Bool { isBusy || !isWritable || !waiting.isEmpty }
}

// MARK: What comes from the socket

extension ClientConnection {
    package mutating func received(
        _ head: RequestHead, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        if isBusy { out.emit(.pipelined) }
        if mustWait { return waiting.append(.head(head)) }
        begin(head, &clients, now, &out)
    }

    /// A part of a body; it is copied, here or from where it waits.
    package mutating func received(
        body: UnsafeRawBufferPointer, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        if mustWait { return waiting.append(.body(Array(body))) }
        gather(body, &clients, now, &out)
    }

    package mutating func receivedEnd(_ out: inout Outbox<Action>) {
        if mustWait { return waiting.append(.end) }
        end(&out)
    }

    /// The channel would like to read.
    package mutating func readWanted(_ out: inout Outbox<Action>) {
        if waiting.isEmpty { out.emit(.read) } else { wantsRead = true }
    }

    package mutating func inputClosed(_ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>) {
        if case .more = following { following = .nothing }
        // Whoever listens to a live read sends nothing more, and leaves by closing.
        if case .streaming = state { return cutOff(isReleased: false, &clients, &out) }
        workOff(&clients, now, &out)
    }

    /// What came is no request, or came too slowly, or is too much.
    package mutating func refused(
        _ problem: Problem, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        guard !isEnding else { return }
        guard isBusy || !waiting.isEmpty else { return refuse(problem, &clients, now, &out) }
        following = .refused(problem)
        out.emit(.expect(.end))
    }

    package mutating func writability(
        _ isWritable: Bool, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        self.isWritable = isWritable
        goOn(&clients, now, &out)
        workOff(&clients, now, &out)
    }

    /// Takes what waits until a request is being answered; its answer goes on from there.
    private mutating func workOff(_ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>) {
        // Answers that the client leaves unread must not pile up here.
        while !isBusy, isWritable, let part = waiting.popFirst() {
            switch part {
            case .head(let head): begin(head, &clients, now, &out)
            case .body(let bytes): bytes.withUnsafeBytes { gather($0, &clients, now, &out) }
            case .end: end(&out)
            }
        }
        guard waiting.isEmpty, !isBusy else { return }
        switch following {
        case .refused(let problem): refuse(problem, &clients, now, &out)
        case .nothing: finish(&clients, &out)
        case .more:
            guard wantsRead else { return }
            wantsRead = false
            out.emit(.read)
        }
    }

    private mutating func begin(
        _ head: RequestHead, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        guard case .idle = state else { return }
        out.emit(.expect(.body))
        guard !clients.isStopping else { return refuse(.stopping, of: head, &clients, now, &out) }
        let checked: CheckedHead
        do throws(Problem) { checked = try clients.check(head) } catch {
            return refuse(error, of: head, &clients, now, &out)
        }
        let request = IncomingRequest(
            head, checked.target, in: clients.ring, otherOrigin: checked.otherOrigin, host: checked.host)
        guard checked.length ?? 0 <= request.limit else {
            return refuse(request.tooLarge, of: head, &clients, now, &out)
        }
        state = .reading(request)
        if checked.awaitsContinue { out.emit(.sayContinue) }
    }

    private mutating func gather(
        _ bytes: UnsafeRawBufferPointer, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        guard case .reading(let request) = state else { return }
        guard request.body.count + bytes.count <= request.limit else {
            return refuse(request.tooLarge, of: request.head, &clients, now, &out)
        }
        request.body.append(contentsOf: bytes)
        // The array's block, not what is used of it: it grows by doubling.
        let growth = request.body.capacity - request.heldBytes
        guard growth == 0 || clients.memory.reserve(growth, now.instant) else {
            return refuse(.overloaded, of: request.head, &clients, now, &out)
        }
        request.heldBytes += growth
    }

    private mutating func end(_ out: inout Outbox<Action>) {
        guard case .reading(let request) = state else { return }
        state = .answering(request)
        out.emit(.expect(.nothing))
        out.emit(.serve(request))
    }
}

// MARK: Answers

extension ClientConnection {
    /// The answer to the request that was to be served. Ignored if the client is gone.
    package mutating func answered(
        _ response: HTTPResponse, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        guard case .answering(let request) = state else { return }
        var (response, weight) = ClientConnection.affordable(response, &clients, now)
        response.headers.add(line: clients.dateLine(now))
        response.headers.add(line: request.readersLines(clients.ring))
        out.emit(.count(request.target.route.label, response.status))
        let head = request.head
        let isKeptAlive = head.isKeptAlive && !clients.isStopping
        let answer = OutgoingAnswer(
            response, !isKeptAlive ? .close : head.isOldClient ? .keepAlive : nil, isHead: head.method == .head,
            isOldClient: head.isOldClient)
        state = .sending(
            Leaving(
                rest: .pieces(Boxed(answer), thisTurn: 0), isKeptAlive: !answer.closes, weight: weight))
        wrote(&clients, now, &out)
    }

    /// The response, or that there is no room for it, and its weight. A small one is made whole.
    private static func affordable(
        _ response: HTTPResponse, _ clients: inout LoopClients, _ now: Now
    ) -> (HTTPResponse, Leaving.Weight) {
        var response = response
        if response.body.heldBytes <= Limits.answerPieceBytes { response.body = response.body.made }
        let bytes = response.body.heldBytes
        guard bytes > Limits.receiveBytes else { return (response, .small) }
        guard clients.memory.reserve(bytes, now.instant) else {
            return (HTTPResponse(Problem.overloaded), .small)
        }
        return (response, .counted(bytes))
    }

    /// The room that the next piece needs; nil if there is none to be made.
    package var pieceBytes: Int? {
        switch state {
        case .sending(let leaving):
            if case .pieces(let answer, _) = leaving.rest { answer.value.pieceBytes } else { nil }
        case .refusing(let answer): answer.value.pieceBytes
        case .idle, .reading, .answering, .streaming, .closing: nil
        }
    }

    /// Makes the next piece, in room for `pieceBytes`.
    package mutating func writePiece(to piece: inout AnswerPiece) -> Flush {
        switch state {
        case .refusing(var answer):
            state = .closing
            answer.value.write(to: &piece)
            return .endOfTurn
        case .sending(var leaving):
            guard case .pieces(var answer, let count) = leaving.rest else { return .endOfTurn }
            // Held once only, so that what is written is given back at once.
            leaving.rest = .lastPiece
            state = .closing
            answer.value.write(to: &piece)
            let isOver = answer.value.isOver
            if !isOver { leaving.rest = .pieces(answer, thisTurn: count + 1) }
            state = .sending(leaving)
            return if case .counted = leaving.weight { isOver ? .nowAndTell : .now } else { .endOfTurn }
        case .idle, .reading, .answering, .streaming, .closing: return .endOfTurn
        }
    }

    /// The piece is written: more of the answer as far as the socket takes it, and the next request when it is over.
    package mutating func wrote(_ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>) {
        guard case .sending(let leaving) = state else { return }
        switch leaving.rest {
        case .lastPiece:
            // One that is counted must have left as well.
            if case .counted = leaving.weight { return becomeLate(&clients, now, &out) }
            sent(leaving, &clients, now, &out)
        case .pieces(_, let count):
            guard isWritable else { return becomeLate(&clients, now, &out) }
            guard count < Limits.answerPiecesPerTurn else {
                becomeLate(&clients, now, &out)
                // Others have their turn before more is made.
                return out.emit(.goOnNextTurn)
            }
            out.emit(.write)
        }
    }

    /// In a new turn of the loop, or because the socket has room again.
    package mutating func goOn(_ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>) {
        guard case .sending(var leaving) = state, case .pieces(let answer, _) = leaving.rest else { return }
        leaving.rest = .pieces(answer, thisTurn: 0)
        state = .sending(leaving)
        wrote(&clients, now, &out)
    }

    package mutating func lastPieceLeft(_ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>) {
        guard case .sending(let leaving) = state, case .lastPiece = leaving.rest else { return }
        clients.memory.release(leaving.weight.bytes)
        sent(leaving, &clients, now, &out)
    }

    /// The answer has not left at once: its client has so long to read it, if nobody needs the room before.
    private mutating func becomeLate(_ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>) {
        guard case .sending(var leaving) = state, leaving.late == nil else { return }
        leaving.late = clients.memory.awaits(number, holding: leaving.weight.bytes, now.instant)
        state = .sending(leaving)
        out.emit(.beginAnswerTime)
    }

    /// The answer is over; one that is counted has left as well.
    private mutating func sent(
        _ leaving: Leaving, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        if let late = leaving.late {
            clients.memory.ended(late)
            out.emit(.endAnswerTime)
        }
        state = .idle
        guard leaving.isKeptAlive, !clients.isStopping else { return finish(&clients, &out) }
        out.emit(.expect(.nextRequest))
        workOff(&clients, now, &out)
    }
}

// MARK: The end

extension ClientConnection {
    /// Answers at once and ends the connection: what follows on it can't be trusted, or is not wanted.
    private mutating func refuse(
        _ problem: Problem, of head: RequestHead? = nil, _ clients: inout LoopClients, _ now: Now,
        _ out: inout Outbox<Action>
    ) {
        guard !isEnding else { return }
        var head = head
        if case .reading(let request) = state { head = request.head }
        releaseBody(&clients)
        var response = clients.response(to: problem, of: head)
        response.headers.add(line: clients.dateLine(now))
        let answer = OutgoingAnswer(
            response, .close, isHead: head?.method == .head, isOldClient: head?.isOldClient == true)
        state = .refusing(Boxed(answer))
        out.emit(.expect(.end))
        out.emit(.count("refused", problem.status))
        out.emit(.write)
        out.emit(.linger)
    }

    mutating func finish(_ clients: inout LoopClients, _ out: inout Outbox<Action>) {
        guard !isEnding else { return }
        releaseBody(&clients)
        state = .closing
        out.emit(.expect(.end))
        out.emit(.closeWhenWritten)
    }

    /// The node is stopping: an idle connection ends now, a busy one after its answer.
    package mutating func stop(_ clients: inout LoopClients, _ out: inout Outbox<Action>) {
        if case .idle = state, waiting.isEmpty { finish(&clients, &out) }
    }

    /// The client had its time to read its answer, or others need the room (`isReleased`: and have it already).
    package mutating func cutOff(
        isReleased: Bool, _ clients: inout LoopClients, _ out: inout Outbox<Action>
    ) {
        giveUp(isReleased: isReleased, &clients, &out)
        out.emit(.close)
    }

    /// The channel is gone.
    package mutating func removed(_ clients: inout LoopClients, _ out: inout Outbox<Action>) {
        releaseBody(&clients)
        giveUp(isReleased: false, &clients, &out)
    }

    private mutating func giveUp(isReleased: Bool, _ clients: inout LoopClients, _ out: inout Outbox<Action>) {
        if case .sending(let leaving) = state {
            if let late = leaving.late {
                clients.memory.ended(late)
                out.emit(.endAnswerTime)
            }
            if !isReleased { clients.memory.release(leaving.weight.bytes) }
        }
        if case .streaming(let stream) = state { stream.giveBack(isReleased: isReleased, &clients.memory) }
        state = .closing
        waiting.removeAll()
    }

    /// To be followed by another state.
    private func releaseBody(_ clients: inout LoopClients) {
        guard case .reading(let request) = state else { return }
        clients.memory.release(request.heldBytes)
    }
}
