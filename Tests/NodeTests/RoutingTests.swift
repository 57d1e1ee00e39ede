// Which thread takes what: nothing that a client waits for stands behind anti-entropy.

import Keys
import Ring
import Testing
import Wire
import World

@testable import Node

@Suite struct RoutingTests {
    /// A few items of one key are read by the shard that writes them; what is longer, or goes across keys, is not.
    @Test func aShortListIsReadByItsShard() throws {
        let ring = RingSnapshot(try RingDocument.singleNode())
        for number in 0..<20 {
            let key = Array("ann\(number)".utf8)
            let range = try StoredKey.range(
                bucket: Array("timeline".utf8), partitionKey: key, start: nil, end: nil, prefix: nil)
            let item = try StoredKey(bucket: Array("timeline".utf8), partitionKey: key, sortKey: [1])
            let shard = Routing.part(for: .read(key: item.bytes, summaryOver: 0), shards: 3, ring: ring)
            var page = RangeRequest(start: range.start, end: range.end, limit: Limits.pageItems, reverse: true)
            #expect(Routing.part(for: .range(page), shards: 3, ring: ring) == shard)
            page.limit += 1
            #expect(Routing.part(for: .range(page), shards: 3, ring: ring) == .scanner)
            page.limit = 1
            page.end = range.end.map { KeyRange.successor(ofPrefix: Array($0.prefix(8))) } ?? nil
            #expect(Routing.part(for: .range(page), shards: 3, ring: ring) == .scanner)
        }
    }

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
