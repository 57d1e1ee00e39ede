// A node without a ring file asks for one: a hello, a welcome, the ring, each once and in this order.

import Testing
import Wire
import World

@testable import Node

@Suite struct JoiningTests {
    private func actions(_ events: [JoiningState.Event]) -> [JoiningState.Action] {
        var state = JoiningState(NodeID(literal: "us-2"))
        var out = Outbox<JoiningState.Action>()
        for event in events { state.handle(event, &out) }
        return out.take()
    }

    private let hello = JoiningState.Action.say(
        .hello(
            Hello(
                cluster: "", node: "us-2", incarnation: 0, ringEpoch: 0, ringDigest: [], lane: .control, joining: true))
    )

    private func welcome(_ reason: String? = nil) -> JoiningState.Event {
        .received(
            .welcome(
                Welcome(accepted: reason == nil, reason: reason ?? "", node: "us-1", incarnation: 1, ringEpoch: 1)))
    }

    private let ring = JoiningState.Event.received(.ringReply(document: [1, 2]))

    @Test func itIsGivenTheRing() {
        let all = actions([.connected, welcome(), ring, ring, welcome(), .overdue, .broke("the connection ended")])
        #expect(all == [hello, .acceptRing, .say(.ringRequest), .got([1, 2])])
    }

    @Test func itIsToldWhyNot() {
        #expect(actions([.connected, welcome("no room"), ring]) == [hello, .fail("no room")])
        #expect(actions([.connected, .overdue]) == [hello, .fail("no answer in time")])
        #expect(actions([.connected, .broke("cut")]) == [hello, .fail("cut")])
    }

    @Test func whatNobodyAskedForEndsIt() {
        for message in [PeerMessage.ringReply(document: [1]), .gossip([1]), .ringRequest] {
            #expect(actions([.connected, .received(message)]) == [hello, .fail("an unexpected message")])
        }
        #expect(
            actions([.connected, welcome(), welcome()])
                == [hello, .acceptRing, .say(.ringRequest), .fail("an unexpected message")])
    }
}
