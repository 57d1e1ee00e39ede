// When a node counts as ready: a majority alive, and those connected, but nobody is waited for without end.

import Testing
import World

@testable import Node

@Suite struct ReadinessTests {
    private static let names = ["b", "c", "d", "e"].map { NodeID(literal: $0) }

    private func readiness(
        nodes: Int, living: Int, connected: Int, unmeasured: [NodeID] = [], after span: Span = .zero
    ) -> Readiness {
        let living = Array(ReadinessTests.names.prefix(living).reversed())
        return Readiness(
            nodes: nodes, living: living, unmeasured: unmeasured,
            connected: { node in ReadinessTests.names.prefix(connected).contains(node) }, runningFor: span)
    }

    @Test func aloneIsReady() { #expect(readiness(nodes: 1, living: 0, connected: 0).isReady) }

    @Test func moreThanHalfMustLive() {
        #expect(!readiness(nodes: 2, living: 0, connected: 0, after: .hours(1)).isReady)
        #expect(readiness(nodes: 3, living: 1, connected: 1).isReady)
        #expect(!readiness(nodes: 4, living: 1, connected: 1).isReady)
        #expect(readiness(nodes: 5, living: 2, connected: 2).isReady)
    }

    @Test func whoLivesIsWaitedForAWhile() {
        let early = readiness(nodes: 5, living: 4, connected: 2, after: Limits.readyGrace - .milliseconds(1))
        #expect(!early.isReady && early.alive == 5)
        #expect(early.missing == [NodeID(literal: "d"), NodeID(literal: "e")])
        #expect(readiness(nodes: 5, living: 4, connected: 2, after: Limits.readyGrace).isReady)
    }

    @Test func anAcceptorThatLivesIsMeasuredFirst() {
        let (near, dead) = (NodeID(literal: "c"), NodeID(literal: "e"))
        let early = readiness(nodes: 5, living: 2, connected: 2, unmeasured: [dead, near])
        #expect(!early.isReady && early.unmeasured == [near])
        #expect(readiness(nodes: 5, living: 2, connected: 2, unmeasured: [dead]).isReady)
        #expect(readiness(nodes: 5, living: 2, connected: 2, unmeasured: [near], after: Limits.readyGrace).isReady)
    }
}
