// What goes first when not everything fits: whose digests, whose changes.

import Testing
import World

@testable import Gossip

private let start = Instant(nanoseconds: 1_000_000_000)

/// A node that has heard of `others`, each of which has made as many changes as `depths` says.
private func node(
    others: Int, messageBytes: Int = Limits.gossipDatagramBytes, deltas: Int = .max,
    depths: (Int) -> Int = { _ in 1 }
) -> Gossiper {
    var configuration = GossipConfiguration()
    configuration.messageBytes = messageBytes
    configuration.deltasPerMessage = deltas
    let ids = (0...others).map { NodeID("n\(1_000 + $0)")! }
    var node = Gossiper(
        identity: ids[0], generation: 1, cluster: "islands", configuration: configuration, seeds: [],
        random: SeededRandom(seed: 5), now: start)
    node.updateMembership(allowed: ids)
    var outbox = Outbox<GossipEffect>()
    for beat in UInt64(1)...2 {
        let digests = ids.dropFirst().map { Digest(id: $0, generation: 1, heartbeat: beat, version: 0, floor: 0) }
        node.take(GossipMessage(kind: .ack, digests: digests), from: ids[1], into: &outbox)
    }
    for i in 1...others {
        let depth = UInt64(depths(i))
        let entries = (1...max(1, depth)).map {
            Entry(version: $0, key: "k\($0)", value: [UInt8](repeating: 0, count: 9))
        }
        let delta = Delta(
            id: ids[i], generation: 1, from: 0, floor: 0, end: depth, latest: depth,
            entries: depth == 0 ? [] : entries)
        node.take(GossipMessage(kind: .ack2, deltas: [delta]), from: ids[1], into: &outbox)
    }
    node.startBeating(from: 2)
    return node
}

private func size(_ page: [Digest]) -> Int { page.reduce(0) { $0 + GossipCodec.size($1) } }

@Suite struct DigestPagingTests {
    @Test func everybodyIsOnAPageThatHoldsAll() {
        var node = node(others: 50)
        for _ in 0..<5 { #expect(node.digestPage(budget: 1_184).map(\.id) == node.roster.ids) }
    }

    /// 300 members, and room for about 40: in turn all come up, nobody twice on a page, this node on each.
    @Test func takingTurns() {
        var node = node(others: 300)
        node.takeForDead(200..<301)
        var pages = 0
        var seen = Set<NodeID>()
        var lastSeen = Array(repeating: 0, count: 301)
        var longestWait = 0
        for page in 1...60 {
            let digests = node.digestPage(budget: 400)
            #expect(size(digests) <= 400)
            #expect(size(digests) > 400 - 20)
            #expect(digests.map(\.id) == Set(digests.map(\.id)).sorted())
            #expect(digests.contains { $0.id == node.identity })
            for digest in digests {
                seen.insert(digest.id)
                guard let i = node.roster.index(of: digest.id), i > 0, i < 200 else { continue }
                longestWait = max(longestWait, page - lastSeen[i])
                lastSeen[i] = page
            }
            if seen.count < 301 { pages = page }
        }
        // A page has 39 others: 30 of the 199 living, 9 of the 101 dead. Two passes may be each other's mirror image.
        #expect(longestWait <= 2 * (199 / 29 + 1))
        #expect(pages < 101 / 8 + 1)
    }

    /// Fresh news has half of a page, until it is old.
    @Test func newsGoesFirst() {
        var node = node(others: 300)
        for i in [7, 77, 177] { node.heat(i) }
        let fresh = [7, 77, 177].map { node.roster.ids[$0] }
        for _ in 0..<5 {
            let ids = node.digestPage(budget: 400).map(\.id)
            #expect(fresh.allSatisfy(ids.contains))
        }
        for i in 1...300 { node.heat(i) }
        var perMember = Array(repeating: 0, count: 301)
        for _ in 0..<200 {
            for digest in node.digestPage(budget: 400) { perMember[node.roster.index(of: digest.id) ?? 0] += 1 }
        }
        // Where all is news, nobody is favoured.
        #expect((perMember.dropFirst().min() ?? 0) > 10)
        node.round += Gossiper.hotRounds
        node.coolDown()
        #expect(node.census.hot.isEmpty)
    }

    @Test func theForgottenAreNoTopic() {
        var node = node(others: 20)
        let end = node.clock.now
        node.roster[3].standing = .forgotten
        node.roster[4].standing = .dead(since: Instant(nanoseconds: end.nanoseconds - Span.hours(13).nanoseconds))
        node.roster[5].standing = .dead(since: Instant(nanoseconds: end.nanoseconds - Span.hours(11).nanoseconds))
        let ids = node.digestPage(budget: 1_184).map(\.id)
        #expect(node.roster.ids.filter { !ids.contains($0) } == [node.roster.ids[3], node.roster.ids[4]])
    }

    /// An answer asks for what we lack, tells fresher heartbeats, and is silent where the peer knows as much.
    @Test func anAnswerSaysWhatMatters() throws {
        var node = node(others: 20)
        var digests = node.roster.indices.map { node.roster[$0].digest }
        digests[2].version += 3
        digests[9].heartbeat -= 1
        var outbox = Outbox<GossipEffect>()
        let peer = node.roster.ids[1]
        node.take(GossipMessage(kind: .syn, digests: digests), from: peer, into: &outbox)
        guard case .send(let bytes, to: peer)? = outbox.take().last else {
            Issue.record("no answer")
            return
        }
        let answer = try GossipCodec.decode(bytes, seal: node.seal, from: node.identity, to: peer)
        #expect(answer.kind == .ack)
        #expect(answer.digests.map(\.id) == [0, 2, 9].map { node.roster.ids[$0] })
    }
}

@Suite struct DeltaPackingTests {
    private func outstanding(_ node: inout Gossiper, knows: (Int) -> UInt64 = { _ in 0 }) -> [Gossiper.Outstanding] {
        node.roster.indices.compactMap { i in
            guard i != node.selfIndex else { return nil }
            let digest = Digest(
                id: node.roster.ids[i], generation: 1, heartbeat: 1, version: knows(i), floor: 0)
            return node.roster[i].replica.offer(to: digest).map {
                Gossiper.Outstanding(place: i, offer: $0, tie: node.random.next())
            }
        }
    }

    @Test func theDeepestBacklogFirstAndWhole() {
        var node = node(others: 9) { $0 * 2 }
        let deltas = node.pack(outstanding(&node), budget: 700).deltas
        // 18, 16 and 14 changes of 14 bytes with their headers take 7 hundred; the last is cut.
        #expect(deltas.map(\.id) == [9, 8, 7].map { node.roster.ids[$0] })
        #expect(deltas[0].entries.count == 18)
        #expect(deltas[1].entries.count == 16)
        for delta in deltas {
            #expect(delta.entries.map(\.version) == (1...delta.end).map { $0 })
            #expect(delta.latest >= delta.end)
        }
    }

    @Test func aSuffixBeginsBehindWhatThePeerKnows() {
        var node = node(others: 2, deltas: 3) { _ in 9 }
        let deltas = node.pack(outstanding(&node) { $0 == 1 ? 8 : 4 }, budget: 1_000).deltas
        // Three changes in all: of the second, which lacks five, and none are left for the first.
        #expect(deltas.count == 1)
        #expect(deltas.first?.from == 4)
        #expect(deltas.first?.end == 7)
        #expect(deltas.first?.latest == 9)
        #expect(deltas.first?.entries.map(\.version) == [5, 6, 7])
    }

    @Test func amongEqualsTheDiceDecide() {
        var node = node(others: 8) { _ in 10 }
        var first = Array(repeating: 0, count: 9)
        for _ in 0..<400 {
            let deltas = node.pack(outstanding(&node), budget: 200).deltas
            first[deltas.first.flatMap { node.roster.index(of: $0.id) } ?? 0] += 1
        }
        #expect(first[0] == 0)
        #expect(first.dropFirst().allSatisfy { $0 > 20 })
    }

    @Test func noRoomNoDelta() {
        var node = node(others: 3) { _ in 5 }
        let all = outstanding(&node)
        for budget in -20..<400 {
            let (deltas, size) = node.pack(all, budget: budget)
            #expect(size <= max(budget, 0))
            #expect(deltas.allSatisfy { !$0.entries.isEmpty })
        }
    }

    /// The longest entry that may be set gets through the smallest message, from the longest name, at the last version.
    @Test func theLongestEntryFits() throws {
        let most = GossipCodec.largestEntry(budget: Limits.gossipSmallestBytes)
        let key = String(repeating: "k", count: Limits.gossipKeyBytes)
        let id = try #require(NodeID(String(repeating: "n", count: Limits.nodeNameBytes)))
        var state = GossipState(generation: Limits.gossipCounter - 2, floor: 0)
        let value = [UInt8](repeating: 1, count: most - Limits.gossipKeyBytes)
        state.append(Entry(version: Limits.gossipCounter - 1, key: key, value: value))
        let offer = DeltaOffer(from: 0, depth: 1)
        let room = Limits.gossipSmallestBytes - GossipCodec.envelopeSize
        let delta = try #require(state.cut(offer, of: id, room: room, most: 1)?.delta)
        let message = GossipMessage(kind: .ack2, deltas: [delta])
        let seal = MessageSeal(cluster: "islands")
        let bytes = GossipCodec.encode(message, seal: seal, from: id, to: NodeID(literal: "b"))
        #expect(bytes.count <= Limits.gossipSmallestBytes)
        #expect(try GossipCodec.decode(bytes, seal: seal, from: id, to: NodeID(literal: "b")) == message)
    }
}
