// Which damaged store a node gives up for its peers to fill.

import Ring
import RingFile
import Testing
import World

@testable import Node

@Suite struct NodeStoreTests {
    private static func ring(_ rule: String) throws -> RingDocument {
        let nodes = [Bench.de, Bench.us].enumerated().map { index, node in
            """
            [[node]]
            id = "\(node)"
            country = "\(node.name.prefix(2))"
            zone = "z"
            peer = "10.0.0.\(index + 1):7171"
            http = "10.0.0.\(index + 1):7071"
            capacity = "1TB"

            """
        }
        let text = """
            cluster = "test"
            partitions = 8
            [placement.world]
            rule = "any:2"
            \(rule)
            [country.de]
            location = [50.11, 8.68]
            [country.us]
            location = [38.95, -77.45]

            """
        return try RingDocument.compile(ringFile: text + nodes.joined(), fileName: "test")
    }

    @Test func objectsAreGivenUpWhereAllHaveAnotherReplica() throws {
        #expect(NodeStore.objects.mayBeginAnew(on: Bench.de, in: try NodeStoreTests.ring("")))
    }

    /// One placement with one replica is enough, and only for the node that has it.
    @Test func whatHasOneReplicaIsKept() throws {
        let ring = try NodeStoreTests.ring("[placement.home]\nrule = \"de:1\"")
        #expect(!NodeStore.objects.mayBeginAnew(on: Bench.de, in: ring))
        #expect(NodeStore.objects.mayBeginAnew(on: Bench.us, in: ring))
    }

    @Test func whoeverStoresAnythingMayVote() throws {
        let ring = try NodeStoreTests.ring("")
        #expect(ring.mayVote(Bench.de))
        #expect(!ring.mayVote(NodeID(literal: "fr-1")))
    }

    @Test func hintsAreAlwaysGivenUpAndVotesNever() throws {
        let ring = try NodeStoreTests.ring("[placement.home]\nrule = \"de:1\"")
        #expect(NodeStore.hints.mayBeginAnew(on: Bench.de, in: ring))
        #expect(!NodeStore.names.mayBeginAnew(on: Bench.us, in: ring))
    }
}
