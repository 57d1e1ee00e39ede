// The cores of one node, each with its inputs and effects as they are, without a channel, a thread or a disk.

import Gateway
import HintedHandoff
import Keys
@testable import Node
import Ring
import RingFile
import Storage
import Vnodes
import Wire
import World

enum Bench {
    static let de = NodeID(literal: "de-1")
    static let us = NodeID(literal: "us-1")
    static let jp = NodeID(literal: "jp-1")

    static func now(_ ms: Int64 = 0) -> Now {
        Now(
            instant: .origin + .milliseconds(ms), wall: WallTime(milliseconds: UInt64(1_767_225_600_000 + ms)))
    }

    /// Three nodes in three countries, every key on all of them.
    static func ring() throws -> RingSnapshot {
        let nodes = [de, us, jp].enumerated().map { index, node in
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
            rule = "any:3"
            [bucket.latest]
            conflict = "last-write-wins"
            [country.de]
            location = [50.11, 8.68]
            [country.jp]
            location = [35.68, 139.69]
            [country.us]
            location = [38.95, -77.45]

            """
        return RingSnapshot(try RingDocument.compile(ringFile: text + nodes.joined(), fileName: "test"))
    }

    static func key(_ name: String = "k") throws -> StoredKey {
        try StoredKey(bucket: Array("posts".utf8), partitionKey: Array(name.utf8))
    }

    static func loop(_ ring: RingSnapshot, _ stripes: CacheStripes = CacheStripes()) -> LoopCore {
        let gateway = GatewayState(identity: de, ring: ring, random: SeededRandom(seed: 1), now: .origin)
        return LoopCore(gateway: gateway, port: 0, shards: 2, ring: ring, stripes: stripes, cacheBytes: 1 << 20)
    }

    static func put(_ key: StoredKey, _ text: String) -> ClientRequest {
        ClientRequest(
            .write(value: Array(text.utf8), contentType: "", context: nil, onlyIfAbsent: false, ttlMs: nil),
            key: key, level: .quorum, strict: false, timeout: .seconds(5))
    }

    static func job(
        _ request: ReplicaRequest, _ asker: ReplyAddress.Asker = .gateway, id: UInt64 = 1, until: Instant? = nil
    ) -> StorageJob {
        StorageJob(
            request: request, address: ReplyAddress(port: 0, asker: asker, id: id), cameAt: .origin, until: until)
    }

    static func reply(_ reply: ReplicaReply, to id: UInt64) -> ReplyEnvelope {
        ReplyEnvelope(id: id, inFlight: 0, serviceMicroseconds: 10, reply: reply)
    }
}

extension LoopCore {
    mutating func hear(_ input: Input, at ms: Int64 = 0) -> [Effect] {
        var out = Outbox<Effect>()
        handle(input, Bench.now(ms), &out)
        return out.take()
    }
}

extension ControlCore {
    mutating func hear(_ input: Input, at ms: Int64 = 0) -> [Effect] {
        var out = Outbox<Effect>()
        handle(input, Bench.now(ms), &out)
        return out.take()
    }
}

extension ShardCore {
    mutating func hear(_ input: Input, at ms: Int64 = 0) throws -> [Effect] {
        var out = Outbox<Effect>()
        try handle(input, Bench.now(ms), &out)
        return out.take()
    }
}

extension HintCore {
    mutating func hear(_ input: Input, at ms: Int64 = 0) throws -> [Effect] {
        var out = Outbox<Effect>()
        try handle(input, Bench.now(ms), &out)
        return out.take()
    }
}
