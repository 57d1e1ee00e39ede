// All that one gateway knows of the cluster while it chooses replicas: the ring, who can be reached, and how they do.

import Ring
import World

struct ReplicaDirectory: Sendable {
    /// What a replica of which nothing is known yet may be sent at once: its score is a guess, and a slow one that
    /// looks good must not be buried before its first answer.
    private static let unseenInFlight = 16

    let identity: NodeID
    let ring: RingSnapshot
    /// Ascending by node; one for each node of the ring.
    private let nodes: [NodeID]
    private var figures: [ReplicaFigures]
    private let countries: [String]
    private var score: ReplicaScore
    private var random: SeededRandom
    /// Who is being given all of a key, and since when.
    private var catchUps: [(node: NodeID, key: [UInt8], since: Instant)] = []

    init(identity: NodeID, ring: RingSnapshot, random: SeededRandom) {
        self.identity = identity
        self.ring = ring
        self.random = random
        nodes = ring.document.nodes.map(\.id)
        figures = nodes.map { _ in ReplicaFigures() }
        countries = ring.document.nodes.map(\.country)
        score = ReplicaScore(weights: ring.document.score, gateways: nodes.count)
        if let own = index(identity) { figures[own].isAvailable = true }
    }

    private func index(_ node: NodeID) -> Int? {
        let place = nodes.firstPlace { $0 < node }
        return place < nodes.count && nodes[place] == node ? place : nil
    }

    subscript(node: NodeID) -> ReplicaFigures {
        index(node).map { figures[$0] } ?? ReplicaFigures()
    }

    /// Changes what is known of `node`, where it lies; a node that is not in the ring has nothing to change.
    mutating func change(_ node: NodeID, _ body: (inout ReplicaFigures) -> Void) {
        if let place = index(node) { body(&figures[place]) }
    }

    /// True for the first who wants to give `node` all of `key`; others send their changes again when it has caught up.
    /// Else each of many changes that it can't use alone would bring it the same large object, and it would lag
    /// further.
    mutating func beginCatchUp(of node: NodeID, _ key: [UInt8], _ now: Instant) -> Bool {
        catchUps.removeAll { now - $0.since >= Limits.replicaTimeout }
        guard catchUps.count < Limits.catchUps, !catchUps.contains(where: { $0.node == node && $0.key == key }) else {
            return false
        }
        catchUps.append((node, key, now))
        return true
    }

    /// `node` has taken a change of `key`.
    mutating func endCatchUp(of node: NodeID, _ key: [UInt8]) {
        if !catchUps.isEmpty { catchUps.removeAll { $0.node == node && $0.key == key } }
    }

    func isAvailable(_ node: NodeID) -> Bool { index(node).map { figures[$0].isAvailable } ?? false }

    func country(of node: NodeID) -> String { index(node).map { countries[$0] } ?? "" }
    var gatewayCountry: String { country(of: identity) }

    /// Best first: those that can be reached before those that can't, then by score; equal ones in random order. One of
    /// which nothing is known gets the median service time, and comes after all known ones while it has enough to do.
    mutating func rank(_ candidates: [NodeID], near location: Coordinates?) -> [NodeID] {
        guard candidates.count > 1 else { return candidates }
        let known = candidates.compactMap { self[$0].serviceMs }.sorted()
        let median = known.isEmpty ? 1 : known[known.count / 2]
        let home = ring.document.node(identity)?.location
        var ranked: [(node: NodeID, available: Bool, isProbed: Bool, cost: Double, tie: UInt64)] = []
        ranked.reserveCapacity(candidates.count)
        for node in candidates {
            let replica = self[node]
            score.note(replica)
            let place = location == nil && replica.roundTripMs != nil ? nil : ring.document.node(node)?.location
            let unseen = node == identity ? 0 : estimate(home, place)
            let far = estimate(location, place)
            let cost = score.cost(replica, unseenServiceMs: median, unseenTripMs: unseen, farMs: far)
            let isProbed = replica.serviceMs == nil && replica.outstanding >= ReplicaDirectory.unseenInFlight
            ranked.append((node, replica.isAvailable, isProbed, cost, random.next()))
        }
        ranked.sort { a, b in
            if a.available != b.available { return a.available }
            if a.isProbed != b.isProbed { return b.isProbed }
            return a.cost == b.cost ? a.tie < b.tie : a.cost < b.cost
        }
        return ranked.map(\.node)
    }

    private func estimate(_ a: Coordinates?, _ b: Coordinates?) -> Double {
        guard let a, let b else { return 0 }
        return Geography.roundTripMs(a, b)
    }

    /// A draw of the gateway's dice.
    mutating func chance(_ p: Double) -> Bool { random.chance(p) }

    /// A name for an attempt of a write that began at `wall`: later ones are greater, and two of one millisecond are
    /// the same with a chance of 2⁻²².
    mutating func attempt(of wall: WallTime) -> UInt64 { wall.milliseconds << 22 | random.next() >> 42 }
}
