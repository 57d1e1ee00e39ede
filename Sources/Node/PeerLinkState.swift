// What a connection that we make to a peer has come to, and what is to be done about it. A value without a channel, a
// clock or a timer: a server's `PeerLink`, or the simulator, tells it what happens and carries out what it says.
//
//     idle ──▶ connecting ──▶ greeting ──▶ open ──▶ ending ──▶ paused ──▶ connecting …
//                  │             ├───────────│────────▲           ▲
//                  ╰─────────────┴───────────┴────────────────────╯        closed, from anywhere
//
// However long a peer was away, it is asked again at least once a second. Where somebody says that it is not there (a
// refusal, no route), pauses double up to a second. Where nobody says anything, as behind a cut network, the attempt
// was the pause: the machine repeats its question after a second by itself (RFC 6298), the attempt ends before it would
// wait for two more, and the next one follows at once. A connection that stood when the network was cut would be silent
// for about as long again after the heal, since TCP repeats itself ever more rarely: so one whose bytes are not
// acknowledged for `Limits.peerSilence` ends (TCP_USER_TIMEOUT), and a new one takes its place as above.

package import Wire
package import World

package struct PeerLinkState {
    package enum Event {
        /// The owner wants the link, the pause is over, or the peer has just shown itself.
        case wanted
        case connected
        /// No connection could be made, as somebody said.
        case failed(String)
        /// Nobody has answered within `Limits.connectTimeout`.
        case unanswered
        /// No welcome has come for so long on this connection.
        case welcomeIsOverdue(connection: Int)
        case received(PeerMessage)
        /// What came is no message, or the channel has told of an error.
        case broke(String)
        /// The connection is no more.
        case disconnected
        /// For good.
        case close
    }

    package enum Action: Hashable {
        case connect
        /// Introduce this node, and say when it takes too long to be made welcome.
        case greet(connection: Int)
        /// It is known now who the peer is, and how much it may say at once.
        case acceptLargeFrames
        case up
        case down
        case answered([ReplyEnvelope])
        /// The answers to these requests will not come.
        case lost([UInt64])
        /// For the owner: neither an answer nor part of the handshake.
        case deliver(PeerMessage)
        /// `wanted` follows after so long, if it has not come before.
        case pause(Span)
        case endPause
        case disconnect
        /// For the operator: the peer turned us away, or is not the one that we want.
        case reportRefusal(String)
        /// For the operator: why the peer is not reached, where that has changed.
        case reportTrouble(String)
    }

    /// `attempt`: of those since the link was last open.
    private enum Phase {
        case idle
        case connecting(attempt: Int)
        case greeting(connection: Int, attempt: Int)
        case open
        /// The channel is being closed.
        case ending(attempt: Int, wasOpen: Bool, trouble: String)
        case paused(attempt: Int)
        case closed
    }

    private let node: NodeID
    /// The peer's address, for the operator.
    private let address: String
    private var phase = Phase.idle
    private var connections = 0
    /// Requests sent and not answered.
    private var inFlight: Set<UInt64> = []
    private var jitter: SeededRandom
    /// The last that the operator was told since the link was open, so that the same is told once.
    private var told = ""

    package init(to node: NodeID, at address: String, jitter: SeededRandom) {
        self.node = node
        self.address = address
        self.jitter = jitter
    }

    package var isOpen: Bool { if case .open = phase { true } else { false } }

    /// A request has left on the open link.
    package mutating func sent(_ request: UInt64) { inFlight.insert(request) }

    package mutating func handle(_ event: Event, _ out: inout Outbox<Action>) {
        switch event {
        case .wanted: connect(&out)
        case .connected: connected(&out)
        case .failed(let trouble):
            if case .connecting(let attempt) = phase { pause(after: attempt, trouble, &out) }
        case .unanswered:
            if case .connecting(let attempt) = phase { pause(after: attempt, "no answer", isAnswered: false, &out) }
        case .welcomeIsOverdue(let overdue):
            if case .greeting(let connection, _) = phase, connection == overdue { end("no welcome in time", &out) }
        case .received(let message): received(message, &out)
        case .broke(let trouble): end(trouble, &out)
        case .disconnected: disconnected(&out)
        case .close: close(&out)
        }
    }

    // MARK: Connecting

    private mutating func connect(_ out: inout Outbox<Action>) {
        switch phase {
        case .idle: phase = .connecting(attempt: 0)
        case .paused(let attempt):
            out.emit(.endPause)
            phase = .connecting(attempt: attempt)
        case .connecting, .greeting, .open, .ending, .closed: return
        }
        out.emit(.connect)
    }

    private mutating func connected(_ out: inout Outbox<Action>) {
        guard case .connecting(let attempt) = phase else { return out.emit(.disconnect) }
        connections += 1
        phase = .greeting(connection: connections, attempt: attempt)
        out.emit(.greet(connection: connections))
    }

    private mutating func welcomed(_ welcome: Welcome, _ out: inout Outbox<Action>) {
        guard welcome.accepted, welcome.node == node.name else {
            let reason = welcome.accepted ? "\(address) is node \(welcome.node)" : welcome.reason
            out.emit(.reportRefusal(reason))
            told = reason
            return end(reason, &out)
        }
        told = ""
        phase = .open
        out.emit(.acceptLargeFrames)
        out.emit(.up)
    }

    // MARK: What comes

    private mutating func received(_ message: PeerMessage, _ out: inout Outbox<Action>) {
        switch (phase, message) {
        case (.open, .reply(let envelope)):
            // A reply that was not asked for, or comes twice, says nothing.
            if inFlight.remove(envelope.id) != nil { out.emit(.answered([envelope])) }
        case (.open, .storedReplies(let replies)):
            out.emit(.answered(replies.envelopes.filter { inFlight.remove($0.id) != nil }))
        case (.open, .gossip), (.open, .names): out.emit(.deliver(message))
        case (.greeting, .welcome(let welcome)): welcomed(welcome, &out)
        case (.open, _), (.greeting, _): end("an unexpected message", &out)
        // What had come with the message that ended it.
        case (.idle, _), (.connecting, _), (.ending, _), (.paused, _), (.closed, _): break
        }
    }

    // MARK: Ends

    private mutating func end(_ trouble: String, _ out: inout Outbox<Action>) {
        switch phase {
        case .greeting(_, let attempt): phase = .ending(attempt: attempt, wasOpen: false, trouble: trouble)
        case .open: phase = .ending(attempt: 0, wasOpen: true, trouble: trouble)
        case .idle, .connecting, .ending, .paused, .closed: return
        }
        out.emit(.disconnect)
    }

    private mutating func disconnected(_ out: inout Outbox<Action>) {
        let lost = inFlight.sorted()
        inFlight = []
        // An end without a word says less than what was told before.
        var trouble = told.isEmpty ? "the connection ended" : told
        let (attempt, wasOpen): (Int, Bool)
        switch phase {
        case .connecting(let last), .greeting(_, let last): (attempt, wasOpen) = (last, false)
        case .open: (attempt, wasOpen) = (0, true)
        case .ending(let last, let was, let why): (attempt, wasOpen, trouble) = (last, was, why)
        case .idle, .paused, .closed: return lost.isEmpty ? () : out.emit(.lost(lost))
        }
        if wasOpen { out.emit(.down) }
        if !lost.isEmpty { out.emit(.lost(lost)) }
        pause(after: attempt, trouble, &out)
    }

    private mutating func pause(
        after attempt: Int, _ trouble: String, isAnswered: Bool = true, _ out: inout Outbox<Action>
    ) {
        if trouble != told, attempt > 1 {
            out.emit(.reportTrouble(trouble))
            told = trouble
        }
        phase = .paused(attempt: attempt + 1)
        let pause =
            isAnswered
            ? min(Limits.reconnectFirst * Int64(1 << min(attempt, 10)), Limits.reconnectLongest)
            : Limits.reconnectUnanswered
        out.emit(.pause(Span(nanoseconds: Int64(Double(pause.nanoseconds) * (0.5 + jitter.unit() / 2)))))
    }

    private mutating func close(_ out: inout Outbox<Action>) {
        switch phase {
        case .greeting, .open: out.emit(.disconnect)
        case .paused: out.emit(.endPause)
        case .idle, .connecting, .ending, .closed: break
        }
        phase = .closed
    }
}
