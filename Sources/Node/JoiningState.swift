// What a connection has come to on which a node without a ring file asks another one for the ring, and what is to be
// done about it. A value without a channel or a timer: the server's `SeedClient` carries it out. The other end is
// `PeerServerState`.
//
//     greeting ──▶ asking ──▶ over
//         ╰───────────────────▲

package import Wire
package import World

package struct JoiningState {
    package enum Event {
        case connected
        case received(PeerMessage)
        /// It has taken so long that nothing is to be expected any more.
        case overdue
        /// What came is no message, or there is no connection any more.
        case broke(String)
    }

    package enum Action: Hashable {
        case say(PeerMessage)
        /// A frame may be as long as a ring document now.
        case acceptRing
        /// The document, unread.
        case got([UInt8])
        case fail(String)
    }

    private enum Phase {
        case greeting
        case asking
        case over
    }

    private let node: NodeID
    private var phase = Phase.greeting

    package init(_ node: NodeID) { self.node = node }

    package mutating func handle(_ event: Event, _ out: inout Outbox<Action>) {
        switch (phase, event) {
        case (.over, _): break
        case (_, .connected):
            // The cluster is not known yet: an empty name asks for whatever is there.
            let hello = Hello(
                cluster: "", node: node.name, incarnation: 0, ringEpoch: 0, ringDigest: [], lane: .control,
                joining: true)
            out.emit(.say(.hello(hello)))
        case (.greeting, .received(.welcome(let welcome))) where welcome.accepted:
            phase = .asking
            out.emit(.acceptRing)
            out.emit(.say(.ringRequest))
        case (.greeting, .received(.welcome(let welcome))): end(.fail(welcome.reason), &out)
        case (.asking, .received(.ringReply(let document))): end(.got(document), &out)
        case (_, .received): end(.fail("an unexpected message"), &out)
        case (_, .overdue): end(.fail("no answer in time"), &out)
        case (_, .broke(let trouble)): end(.fail(trouble), &out)
        }
    }

    private mutating func end(_ action: Action, _ out: inout Outbox<Action>) {
        phase = .over
        out.emit(action)
    }
}
