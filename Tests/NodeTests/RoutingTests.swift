// Which thread takes what: nothing that a client waits for stands behind anti-entropy.

import Ring
import Testing
import Wire
import World

@testable import Node

@Suite struct RoutingTests {
    @Test func aListWaitsForNoCompare() throws {
        let ring = RingSnapshot(try RingDocument.singleNode())
        let page = ReplicaRequest.range(RangeRequest(start: [], end: nil, limit: 1, reverse: false))
        let compare = ReplicaRequest.compare(CompareRequest(first: 0, last: .max, slices: 1, placement: "world"))
        #expect(Routing.part(for: page, shards: 2, ring: ring) == .scanner)
        let repair = ReplicaRequest.range(RangeRequest(start: [], end: nil, limit: 1, reverse: false, repair: true))
        #expect(Routing.part(for: compare, shards: 2, ring: ring) == .comparer)
        #expect(Routing.part(for: repair, shards: 2, ring: ring) == .comparer)
    }
}
