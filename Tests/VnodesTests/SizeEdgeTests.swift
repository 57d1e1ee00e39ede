// What pages and keys may hold, to the byte.

import Causality
import Keys
import Ring
import Storage
import Testing
import Vnodes
import Wire
import World

@Suite struct SizeEdgeTests {
    private let ring: RingSnapshot

    init() throws { ring = try Fixture.ring() }

    /// Keys and objects of a page; the first item may be larger.
    @Test func aPageEndsWhereItIsFull() throws {
        let keys = try (0..<3).map { try Fixture.key("list", sort: "s\($0)") }
        let range = try StoredKeyRange.items(of: "list")
        func page(_ sizes: [Int]) throws -> (items: Int, more: Bool) {
            var replica = Replica(Fixture.de, ring: ring)
            replica.shard = VnodeShard(actor: Actor(node: Fixture.de, incarnation: 1), pages: nil)
            for (key, size) in zip(keys, sizes) {
                try replica.store.commit([.put(key: key, value: [UInt8](repeating: 1, count: size))], synced: true)
            }
            let request = RangeRequest(start: range.start, end: range.end, limit: 10, reverse: false)
            guard case .page(let items, let more) = try replica.ask(.range(request)) else {
                Issue.record("no page")
                return (0, false)
            }
            return (items.count, more)
        }
        let half = Limits.rangeBytes / 2 - keys[0].count
        #expect(try page([half, half]) == (2, false))
        #expect(try page([half, half + 1]) == (1, true))
        #expect(try page([half, half, 0]) == (2, true))
        #expect(try page([Limits.rangeBytes + 1]) == (1, false))
        #expect(try page([Limits.rangeBytes, 0]) == (1, true))
    }

    /// With three replicas a third of what a frame carries.
    @Test func allSiblingsOfAKeyHaveSoManyBytes() throws {
        let key = try Fixture.key("large")
        let mebibyte = 1 << 20
        /// The object's bytes after ten values and another of `last`; nil if that was refused.
        func size(_ last: Int?) throws -> Int? {
            var replica = Replica(Fixture.de, ring: ring)
            for value in Array(repeating: mebibyte, count: 10) + (last.map { [$0] } ?? []) {
                let put = Fixture.put(
                    key, String(repeating: "v", count: value), context: Fixture.blindContext(key))
                if let refusal = try replica.ask(put).refusal {
                    #expect(refusal == .tooLarge)
                    return nil
                }
            }
            return try replica.store.get(key)?.count
        }
        let room = Limits.mintedBytes(replicas: 3)
        let ten = try #require(try size(nil))
        let beside = try #require(try size(mebibyte / 2)) - ten - mebibyte / 2
        let last = room - ten - beside
        #expect((mebibyte / 2...mebibyte).contains(last))
        #expect(try size(last) == room)
        #expect(try size(last + 1) == nil)
    }
}
