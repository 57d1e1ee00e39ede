// Bytes: what is written is read, and what was not written is refused without a trace.

import Testing
import World

@testable import Gossip

private let a = NodeID(literal: "de-fra-1")
private let b = NodeID(literal: "jp-tyo-1")
private let c = NodeID(literal: "us-iad-1")
private let seal = MessageSeal(cluster: "islands")

extension SeededRandom {
    /// Small, large, or at the edge.
    fileprivate mutating func number(below limit: UInt64) -> UInt64 {
        let bits = UInt64(1) << UInt64(below(63))
        return chance(0.1) ? limit - 1 : next() % min(bits, limit)
    }

    fileprivate mutating func text(longest: Int) -> String {
        String((0...below(longest)).map { _ in Character(Unicode.Scalar(UInt8(0x61 + below(26)))) })
    }

    fileprivate mutating func message() -> GossipMessage {
        let kind = [GossipMessage.Kind.syn, .ack, .ack2][below(3)]
        var message = GossipMessage(kind: kind)
        let most = Limits.gossipCounter
        if kind != .ack2 {
            let ids = Set((0..<below(9)).compactMap { _ in NodeID(text(longest: Limits.nodeNameBytes)) }).sorted()
            message.digests = ids.map {
                Digest(
                    id: $0, generation: number(below: most), heartbeat: number(below: most),
                    version: number(below: most), floor: number(below: most))
            }
        }
        if kind != .syn { message.deltas = (0..<below(4)).compactMap { _ in delta() } }
        return message
    }

    private mutating func delta() -> Delta? {
        guard let id = NodeID(text(longest: Limits.nodeNameBytes)) else { return nil }
        let from = number(below: 1 << 60)
        var end = from
        let entries = (0..<below(6)).map { _ -> Entry in
            end += 1 + number(below: 1 << 50)
            let value = chance(0.2) ? nil : (0..<below(40)).map { _ in UInt8(below(256)) }
            return Entry(version: end, key: text(longest: Limits.gossipKeyBytes), value: value)
        }
        end += UInt64(below(3))
        let latest = end + number(below: 1 << 50)
        return Delta(
            id: id, generation: 1 + number(below: 1 << 60), from: from, floor: number(below: latest + 1), end: end,
            latest: latest, entries: entries)
    }
}

@Suite struct CodecTests {
    /// The example of docs/formats/gossip.md, byte for byte.
    @Test func theDocumentedExample() throws {
        let message = GossipMessage(
            kind: .ack, digests: [Digest(id: a, generation: 3, heartbeat: 300, version: 7, floor: 2)],
            deltas: [
                Delta(
                    id: c, generation: 1, from: 4, floor: 0, end: 7, latest: 9,
                    entries: [
                        Entry(version: 5, key: "load", value: [0x2A]), Entry(version: 7, key: "old", value: nil),
                    ])
            ])
        let bytes = GossipCodec.encode(message, seal: seal, from: a, to: b)
        let expected =
            "01 e3 c2 33 42 dd ca 2a 87 02 01 08 64 65 2d 66 72 61 2d 31 03 ac 02 07 02 "
            + "01 08 75 73 2d 69 61 64 2d 31 01 04 00 03 02 02 01 04 6c 6f 61 64 02 2a 02 03 6f 6c 64 00"
        #expect(bytes == expected.split(separator: " ").compactMap { UInt8($0, radix: 16) })
        #expect(try GossipCodec.decode(bytes, seal: seal, from: a, to: b) == message)
    }

    @Test func whatIsWrittenIsRead() throws {
        var dice = SeededRandom(seed: 1)
        for _ in 0..<2_000 {
            let message = dice.message()
            let bytes = GossipCodec.encode(message, seal: seal, from: a, to: b)
            #expect(try GossipCodec.decode(bytes, seal: seal, from: a, to: b) == message)
            let digests = message.digests.reduce(0) { $0 + GossipCodec.size($1) }
            if message.deltas.isEmpty { #expect(bytes.count == GossipCodec.headerSize + 2 + digests) }
        }
    }

    @Test func theSealBindsClusterSenderAndAddressee() {
        let bytes = GossipCodec.encode(GossipMessage(kind: .syn), seal: seal, from: a, to: b)
        let others = MessageSeal(cluster: "island")
        for (seal, from, to) in [(others, a, b), (seal, c, b), (seal, a, c), (seal, b, a)] {
            #expect(throws: GossipRejection.brokenSeal) {
                try GossipCodec.decode(bytes, seal: seal, from: from, to: to)
            }
        }
    }

    /// Each breaks one rule, under a seal that is right.
    @Test(
        arguments: [
            ("no such kind", [4, 0, 0]), ("no deltas", [1, 0]), ("bytes after the end", [1, 0, 0, 0]),
            ("a padded number", [1, 0x80, 0x00, 0]), ("more digests than bytes", [1, 0xFF, 0x7F, 0]),
            ("an empty name", [1, 1, 0, 1, 1, 1, 1, 0]), ("a name that is none", [1, 1, 1, 0x41, 1, 1, 1, 1, 0]),
            ("not UTF-8", [1, 1, 1, 0xFF, 1, 1, 1, 1, 0]),
            ("twice the same name", [1, 2, 1, 0x61, 1, 1, 1, 1, 1, 0x61, 1, 1, 1, 1, 0]),
            ("names in descending order", [1, 2, 1, 0x62, 1, 1, 1, 1, 1, 0x61, 1, 1, 1, 1, 0]),
            ("a number of 2^62", [1, 1, 1, 0x61, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 1, 1, 1, 0]),
            (
                "more than 64 bits",
                [1, 1, 1, 0x61, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1, 1, 0]
            ),
            ("a delta in a syn", [1, 0, 1, 1, 0x61, 1, 0, 0, 1, 0, 0]),
            ("a digest in an ack2", [3, 1, 1, 0x61, 1, 1, 1, 1, 0]),
            ("a life of number 0", [3, 0, 1, 1, 0x61, 0, 0, 0, 1, 0, 0]),
            ("a floor above the latest", [3, 0, 1, 1, 0x61, 1, 0, 2, 1, 0, 0]),
            ("a step of nothing", [3, 0, 1, 1, 0x61, 1, 0, 0, 1, 0, 1, 0, 1, 0x61, 1]),
            ("a step past the end", [3, 0, 1, 1, 0x61, 1, 0, 0, 1, 0, 1, 2, 1, 0x61, 1]),
            ("an empty key", [3, 0, 1, 1, 0x61, 1, 0, 0, 1, 0, 1, 1, 0, 1]),
            ("a value longer than the bytes", [3, 0, 1, 1, 0x61, 1, 0, 0, 1, 0, 1, 1, 1, 0x61, 9]),
        ] as [(String, [UInt8])])
    func aBrokenRule(_ rule: String, _ contents: [UInt8]) {
        let bytes = sealed(contents, from: a, to: b)
        #expect(throws: GossipRejection.malformed, "\(rule)") {
            try GossipCodec.decode(bytes, seal: seal, from: a, to: b)
        }
    }

    @Test func sizesAndVersionsAreLookedAtFirst() {
        let oversized = [UInt8](repeating: 1, count: Limits.gossipBytes + 1)
        #expect(throws: GossipRejection.oversized) { try GossipCodec.decode(oversized, seal: seal, from: a, to: b) }
        var bytes = GossipCodec.encode(GossipMessage(kind: .syn), seal: seal, from: a, to: b)
        bytes[0] = 2
        #expect(throws: GossipRejection.unknownVersion) { try GossipCodec.decode(bytes, seal: seal, from: a, to: b) }
        #expect(throws: GossipRejection.malformed) { try GossipCodec.decode([], seal: seal, from: a, to: b) }
    }
}

/// Contents that somebody of the cluster would have written: with a right seal.
private func sealed(_ contents: [UInt8], from sender: NodeID, to addressee: NodeID) -> [UInt8] {
    var bytes = [GossipCodec.version] + [UInt8](repeating: 0, count: 8) + contents
    let value = seal.of(bytes, from: 9, sender: sender, addressee: addressee)
    for i in 0..<8 { bytes[1 + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
    return bytes
}

/// All that a node knows and does: what must not change when a message is refused.
private struct Knowledge: Equatable {
    var members: [MemberView]
    var digests: [Digest]
    var replicas: [Replica]
    var generation: UInt64

    init(_ node: Gossiper) {
        members = node.members
        digests = node.roster.indices.map { node.roster[$0].digest }
        replicas = node.roster.indices.map { node.roster[$0].replica }
        generation = node.generation
    }
}

@Suite struct FuzzTests {
    /// Real messages of a small cluster, all for its second node, and that node.
    private func traffic() -> (node: Gossiper, mail: [(from: NodeID, bytes: [UInt8])]) {
        var plan = VirtualCluster.Plan(nodes: 4, seed: 99)
        plan.isAcquainted = false
        let cluster = VirtualCluster(plan)
        for i in 0..<4 { for key in 0..<3 { cluster.set(i, "k\(key)", [1, 2, 3]) } }
        var mail: [(from: NodeID, bytes: [UInt8])] = []
        cluster.onSend = { from, to, bytes in if to == 1 { mail.append((cluster.ids[from], bytes)) } }
        cluster.run(rounds: 6)
        for i in 0..<4 { cluster.remove(i, "k0") }
        cluster.run(rounds: 6)
        cluster.onSend = { _, _, _ in }
        return (cluster.nodes[1], mail)
    }

    private func expectRefused(
        _ node: inout Gossiper, _ bytes: [UInt8], from sender: NodeID, _ reasons: Set<GossipRejection>,
        before: Knowledge
    ) {
        let refused = node.rejected
        var outbox = Outbox<GossipEffect>()
        node.receive(bytes, from: sender, now: Instant(nanoseconds: 900_000_000_000), into: &outbox)
        #expect(node.rejected == refused + 1)
        #expect(node.lastRejection.map(reasons.contains) == true)
        #expect(outbox.isEmpty)
        #expect(Knowledge(node) == before)
    }

    @Test func strangersAndDamageChangeNothing() {
        var (node, mail) = traffic()
        #expect(mail.count > 50)
        let before = Knowledge(node)
        var dice = SeededRandom(seed: 100)
        for (sender, bytes) in mail {
            expectRefused(&node, bytes, from: NodeID(literal: "stranger"), [.stranger], before: before)
            expectRefused(&node, bytes, from: node.identity, [.stranger], before: before)
            let other = node.addressBook.first { $0 != sender } ?? sender
            expectRefused(&node, bytes, from: other, [.brokenSeal], before: before)
            for _ in 0..<8 {
                var flipped = bytes
                flipped[dice.below(bytes.count)] ^= 1 << UInt8(dice.below(8))
                expectRefused(&node, flipped, from: sender, [.brokenSeal, .unknownVersion], before: before)
                let cut = Array(bytes.prefix(dice.below(bytes.count)))
                expectRefused(&node, cut, from: sender, [.brokenSeal, .malformed], before: before)
                let noise = (0..<dice.below(80)).map { _ in UInt8(dice.below(256)) }
                expectRefused(&node, noise, from: sender, Set(GossipRejection.allCases), before: before)
            }
        }
    }

    @Test func anotherClustersMessageChangesNothing() {
        var (node, mail) = traffic()
        let before = Knowledge(node)
        for (sender, bytes) in mail {
            guard let message = try? GossipCodec.contents(bytes) else { continue }
            let foreign = GossipCodec.encode(
                message, seal: MessageSeal(cluster: "atolls"), from: sender, to: node.identity)
            expectRefused(&node, foreign, from: sender, [.brokenSeal], before: before)
        }
    }

    /// Damage under a right seal, as a peer with broken memory or bad intent would send it. What still has the form of
    /// a message is believed; what has not changes nothing. Nothing ends the process, and nothing grows.
    @Test func sealedDamage() {
        let (start, mail) = traffic()
        var dice = SeededRandom(seed: 101)
        var (taken, refused) = (0, 0)
        for (sender, bytes) in mail {
            var node = start
            for _ in 0..<30 {
                var contents = Array(bytes.dropFirst(9))
                for _ in 0...dice.below(3) {
                    switch dice.below(4) {
                    case 0: contents[dice.below(contents.count)] ^= 1 << UInt8(dice.below(8))
                    case 1: contents[dice.below(contents.count)] = [0x00, 0x7F, 0x80, 0xFF][dice.below(4)]
                    case 2: contents.insert(UInt8(dice.below(256)), at: dice.below(contents.count))
                    default: if contents.count > 1 { contents.removeLast(1 + dice.below(contents.count - 1)) }
                    }
                }
                let damaged = sealed(contents, from: sender, to: node.identity)
                if (try? GossipCodec.contents(damaged)) == nil {
                    refused += 1
                    expectRefused(&node, damaged, from: sender, [.malformed], before: Knowledge(node))
                    continue
                }
                taken += 1
                var outbox = Outbox<GossipEffect>()
                node.receive(damaged, from: sender, now: node.clock.now, into: &outbox)
                node.tick(node.clock.now + .milliseconds(300), into: &outbox)
                for case .send(let reply, _) in outbox.take() { #expect(reply.count <= Limits.gossipBytes) }
                #expect(node.roster.count == start.roster.count)
            }
        }
        Figures.note("sealed damage: \(taken) read, \(refused) refused")
        #expect(taken > 100)
        #expect(refused > 100)
    }

    /// Numbers at their limits, in every place of a digest and a delta.
    @Test func numbersAtTheEdgeOverflowNothing() {
        let (start, _) = traffic()
        let most = Limits.gossipCounter - 1
        let edges: [UInt64] = [0, 1, most - 1, most]
        for id in start.roster.ids {
            for generation in edges {
                for heartbeat in edges {
                    for version in edges {
                        for floor in edges {
                            var node = start
                            let digest = Digest(
                                id: id, generation: generation, heartbeat: heartbeat, version: version, floor: floor)
                            var messages = [GossipMessage(kind: .syn, digests: [digest])]
                            if generation > 0, floor <= version {
                                let from = min(heartbeat, version)
                                let delta = Delta(
                                    id: id, generation: generation, from: from, floor: floor, end: version,
                                    latest: version, entries: [])
                                messages.append(GossipMessage(kind: .ack, digests: [digest], deltas: [delta]))
                            }
                            let peer = node.addressBook[0]
                            var outbox = Outbox<GossipEffect>()
                            for message in messages {
                                let bytes = GossipCodec.encode(message, seal: node.seal, from: peer, to: node.identity)
                                node.receive(bytes, from: peer, now: node.clock.now, into: &outbox)
                            }
                            node.tick(node.clock.now + .milliseconds(300), into: &outbox)
                            #expect(node.rejected == start.rejected)
                            #expect(node.generation < Limits.gossipCounter)
                        }
                    }
                }
            }
        }
    }
}
