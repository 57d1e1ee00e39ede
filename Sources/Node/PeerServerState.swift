// What a connection that a peer has made to us has come to, and what is to be done about it. A value without a channel,
// a clock or a timer: a server's `PeerServerHandler`, or the simulator, tells it what happens and carries out what it
// says.
//
//     stranger ──▶ known ───────────────────▶ ended
//         ╰──────▶ asking ──▶ joining ──▶ leaving ──▲

package import Wire
package import World

package struct PeerServerState {
    package enum Event {
        case received(PeerMessage)
        /// Whether one more may ask for the ring: follows `askToJoin` at once.
        case mayJoin(Bool)
        /// The connection has stood for so long, and whoever is not known by now is let go.
        case greetingIsOverdue
        /// What came is no message.
        case broke(String)
        /// The connection is no more.
        case disconnected
    }

    package enum Action: Hashable {
        /// Leaves at once.
        case welcome(Welcome)
        /// It is known now who the peer is, and how much it may say at once.
        case acceptLargeFrames
        /// This node of the ring is there, and listens as well.
        case showedItself(NodeID, Lane)
        case serve(RequestEnvelope)
        case serveMerges(MergeRequests)
        case gossip([UInt8], from: NodeID)
        case names([UInt8], from: NodeID)
        case live([UInt8], from: NodeID)
        /// Count one more that joins, if there is room, and say so.
        case askToJoin
        /// If it is the last thing to say, the connection ends when it has left.
        case giveRing(isLast: Bool)
        case disconnect
        /// For the operator: who came was turned away.
        case reportRefusal(String)
        /// For the operator: what came makes no sense.
        case reportTrouble(String)
        /// One that joined has gone.
        case joinedNoMore
        /// One that was known has gone.
        case left(NodeID, Lane)
    }

    /// What is counted of a connection, until it is no more.
    private enum Standing {
        case stranger
        case joining
        case known(NodeID, Lane)
    }

    private enum Phase {
        case stranger
        case known(NodeID, Lane)
        /// A stranger that would ask for the ring, if there is room.
        case asking
        /// Still a stranger, but one that may ask for the ring, once.
        case joining
        /// Has been sent the ring, and is let go when it has left.
        case leaving
        /// The connection is being closed, or is no more.
        case ended(Standing)
    }

    private let greeting: PeerGreeting
    private var phase = Phase.stranger

    package init(greeting: PeerGreeting) { self.greeting = greeting }

    package mutating func handle(_ event: Event, _ out: inout Outbox<Action>) {
        switch event {
        case .received(let message): received(message, &out)
        case .mayJoin(let isRoom): if case .asking = phase { askedToJoin(isRoom, &out) }
        case .greetingIsOverdue:
            switch phase {
            case .known, .ended: break
            case .stranger, .asking, .joining, .leaving: end(&out)
            }
        case .broke(let trouble): drop(trouble, &out)
        case .disconnected: disconnected(&out)
        }
    }

    // MARK: What comes

    private mutating func received(_ message: PeerMessage, _ out: inout Outbox<Action>) {
        switch (phase, message) {
        case (.known, .request(let envelope)): out.emit(.serve(envelope))
        case (.known, .mergeRequests(let requests)): out.emit(.serveMerges(requests))
        case (.known(let node, _), .gossip(let bytes)): out.emit(.gossip(bytes, from: node))
        case (.known(let node, _), .names(let bytes)): out.emit(.names(bytes, from: node))
        case (.known(let node, _), .live(let bytes)): out.emit(.live(bytes, from: node))
        case (.known, .ringRequest): out.emit(.giveRing(isLast: false))
        case (.stranger, .hello(let hello)): greet(hello, &out)
        case (.joining, .ringRequest):
            phase = .leaving
            out.emit(.giveRing(isLast: true))
        // What had come with the message that ended it.
        case (.ended, _): break
        case (.stranger, _), (.known, _), (.asking, _), (.joining, _), (.leaving, _):
            drop("an unexpected message", &out)
        }
    }

    private mutating func greet(_ hello: Hello, _ out: inout Outbox<Action>) {
        if let refusal = greeting.refusal(of: hello) { return refuse(refusal, &out) }
        guard !hello.joining, let node = NodeID(hello.node) else {
            phase = .asking
            return out.emit(.askToJoin)
        }
        phase = .known(node, hello.lane)
        out.emit(.welcome(greeting.welcome(nil)))
        out.emit(.acceptLargeFrames)
        out.emit(.showedItself(node, hello.lane))
    }

    private mutating func askedToJoin(_ isRoom: Bool, _ out: inout Outbox<Action>) {
        guard isRoom else {
            return refuse("\(Limits.joiningConnections) nodes are asking for the ring; try again in a moment", &out)
        }
        phase = .joining
        out.emit(.welcome(greeting.welcome(nil)))
    }

    private mutating func refuse(_ reason: String, _ out: inout Outbox<Action>) {
        out.emit(.welcome(greeting.welcome(reason)))
        out.emit(.reportRefusal(reason))
        end(&out)
    }

    // MARK: Ends

    private var standing: Standing {
        switch phase {
        case .stranger, .asking: .stranger
        case .joining, .leaving: .joining
        case .known(let node, let lane): .known(node, lane)
        case .ended(let standing): standing
        }
    }

    private mutating func drop(_ trouble: String, _ out: inout Outbox<Action>) {
        if case .ended = phase { return }
        out.emit(.reportTrouble(trouble))
        end(&out)
    }

    private mutating func end(_ out: inout Outbox<Action>) {
        phase = .ended(standing)
        out.emit(.disconnect)
    }

    private mutating func disconnected(_ out: inout Outbox<Action>) {
        switch standing {
        case .stranger: break
        case .joining: out.emit(.joinedNoMore)
        case .known(let node, let lane): out.emit(.left(node, lane))
        }
        phase = .ended(.stranger)
    }
}
