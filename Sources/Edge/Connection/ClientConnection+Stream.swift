// A live read on a client's connection: events instead of an answer with an end (Server-Sent Events: WHATWG HTML, 9.2).
//
// Nothing queues here: the next block comes when the last has left. A large one is counted in the loop's memory until
// then, as a large answer is. When the events end, the connection does.

package import World

extension ClientConnection {
    /// Some events; with the first the answer begins.
    package mutating func stream(
        _ events: [ArraySlice<UInt8>], _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        var pieces: [ArraySlice<UInt8>] = []
        var stream: Streaming
        switch state {
        case .answering(let request):
            // Its client may have gone before it was answered.
            guard case .more = following else { return cutOff(isReleased: false, &clients, &out) }
            stream = Streaming(isChunked: !request.head.isOldClient)
            out.emit(.count(request.target.route.label, 200))
            let readers = request.readersLines(clients.ring)
            pieces.append(ClientConnection.head(clients.dateLine(now) + readers, isChunked: stream.isChunked)[...])
        case .streaming(let begun): stream = begun
        case .idle, .reading, .sending, .refusing, .closing: return
        }
        let size = events.reduce(0) { $0 + $1.count }
        if size > Limits.receiveBytes {
            guard clients.memory.reserve(size, now.instant) else { return cutOff(isReleased: false, &clients, &out) }
            stream.block = (size, clients.memory.awaits(number, holding: size, now.instant))
        }
        state = .streaming(stream)
        if stream.isChunked { pieces.append(Array("\(String(size, radix: 16))\r\n".utf8)[...]) }
        pieces += events
        if stream.isChunked { pieces.append(Array("\r\n".utf8)[...]) }
        out.emit(.stream(pieces))
    }

    private static func head(_ date: [UInt8], isChunked: Bool) -> [UInt8] {
        var lines = HeaderLines()
        lines.add("content-type", "text/event-stream")
        lines.add("cache-control", "no-store")
        // Proxies that gather an answer would hold events back; nginx and others heed this.
        lines.add("x-accel-buffering", "no")
        lines.add(line: date)
        if isChunked { lines.add("transfer-encoding", "chunked") }
        lines.add("connection", "close")
        return Array("HTTP/1.1 200 OK\r\n".utf8) + lines.bytes + Array("\r\n".utf8)
    }

    /// What was written last has left.
    package mutating func blockLeft(_ clients: inout LoopClients, _ out: inout Outbox<Action>) {
        guard case .streaming(var stream) = state else { return }
        stream.giveBack(&clients.memory)
        stream.block = nil
        state = .streaming(stream)
        out.emit(.streamDrained)
    }

    /// The answer ends HTTP on this connection: from here on another protocol has it.
    package mutating func handOver(_ out: inout Outbox<Action>) -> Bool {
        guard case .answering(let request) = state, case .more = following else { return false }
        state = .closing
        out.emit(.count(request.target.route.label, 101))
        return true
    }

    /// No more events come. `response`: the answer if there were none; nil: the client is not waited for any longer.
    package mutating func endStream(
        _ response: HTTPResponse?, _ clients: inout LoopClients, _ now: Now, _ out: inout Outbox<Action>
    ) {
        guard let response else { return cutOff(isReleased: false, &clients, &out) }
        guard case .streaming(let stream) = state else { return answered(response, &clients, now, &out) }
        stream.giveBack(&clients.memory)
        if stream.isChunked { out.emit(.stream([Array("0\r\n\r\n".utf8)[...]])) }
        finish(&clients, &out)
    }
}
