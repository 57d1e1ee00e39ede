// How a node learns who is there and what they say of themselves, without asking anybody in particular.
//
// Every node owns a small map of keys (its revision, load, location, ring epoch ...) and numbers its changes. Once per
// interval it beats its heart, picks a few peers at random and compares notes with them: "of X I know everything up to
// 17". Whoever knows more sends the rest. News reaches everybody in O(log n) rounds, whatever fails in between, because
// there is no path that it depends on. Heartbeats travel in the same notes, so a node is heard of without being spoken
// to, and its silence is noticed by all (van Renesse, Dumitriu, Gough, Thomas: "Efficient reconciliation and flow
// control for anti-entropy protocols", LADIS 2008; Hayashibara et al.: "The phi accrual failure detector", SRDS 2004).
//
// A pure value: it is given time, bytes and dice, and fills an outbox.

package import World

/// One node's part in gossip. Call `tick` once per interval and `receive` for each message, and carry out what they put
/// into the outbox. The cost of both is linear in the digests of one message, `tick` also in the number of members.
package struct Gossiper: Sendable {
    package let identity: NodeID
    package let configuration: GossipConfiguration
    /// The own generation: above all earlier ones of this node, or raised here when the cluster remembers a later one.
    package internal(set) var generation: UInt64
    /// Messages refused so far, and why the last one was.
    package internal(set) var rejected: UInt64 = 0
    var lastRejection: GossipRejection?

    var roster = Roster()
    var selfIndex = 0
    /// True once a ring document has said who exists: others are strangers.
    var isClosed = false
    var seeds: [NodeID]
    var random: SeededRandom
    var clock: AttentionClock
    /// Ticks so far.
    var round: UInt64 = 0
    /// Numbers the pages of digests, so that a member can remember the last one it was on.
    var pages: UInt64 = 0
    var census = Census()
    /// Own deletions whose marks are still kept, oldest first.
    var graves: [Grave] = []
    let seal: MessageSeal

    /// - Parameters:
    ///   - identity: this node's name in the ring document.
    ///   - generation: greater at every start than at any before (a counter, or the wall clock's milliseconds);
    ///     at least 1 and below `Limits.gossipCounter`.
    ///   - cluster: the ring's name. Messages of another one are refused.
    ///   - seeds: nodes to try when nobody else is known to live.
    ///   - addressBook: `addressBook` of an earlier life, from disk.
    ///   - random: a generator of its own (fork it).
    ///   - now: on the clock that all later calls use.
    package init(
        identity: NodeID, generation: UInt64, cluster: String, configuration: GossipConfiguration, seeds: [NodeID],
        addressBook: [NodeID] = [], random: SeededRandom, now: Instant
    ) {
        self.identity = identity
        self.configuration = configuration.bounded()
        self.generation = min(max(generation, 1), Limits.gossipCounter - 2)
        self.seeds = seeds.filter { $0 != identity }
        self.random = random
        self.clock = AttentionClock(now: now)
        self.seal = MessageSeal(cluster: cluster)
        var own = Member(identity, now: now, interval: self.configuration.interval)
        own.generation = self.generation
        own.standing = .alive
        own.replica = Replica(owned: self.generation)
        _ = roster.insert(own)
        admit(seeds + addressBook)
    }

    // MARK: The own keys

    /// Sets one of this node's own keys. False, and nothing changes, if the key is empty or longer than
    /// `Limits.gossipKeyBytes`, the value longer than `Limits.gossipValueBytes` or than one message carries, or all
    /// `Limits.gossipKeys` are in use.
    @discardableResult
    package mutating func set(_ key: String, _ value: [UInt8]) -> Bool {
        let keyBytes = key.utf8.count
        let fits = keyBytes + value.count <= GossipCodec.largestEntry(budget: configuration.messageBytes)
        guard fits, (1...Limits.gossipKeyBytes).contains(keyBytes), value.count <= Limits.gossipValueBytes else {
            return false
        }
        let state = roster[selfIndex].replica.state
        if let i = state.position(of: key) {
            // Saying the same again is no news.
            if state.values[i] == value { return true }
        } else if state.count >= Limits.gossipKeys {
            // Marks of deletions make room early; peers that have not seen those get a refill instead.
            guard let oldest = graves.first(where: { $0.version > state.floor }) else { return false }
            bury(through: oldest.version)
            guard roster[selfIndex].replica.state.count < Limits.gossipKeys else { return false }
        }
        write(key, value)
        return true
    }

    /// Deletes one of this node's own keys, for everybody.
    package mutating func remove(_ key: String) {
        guard roster[selfIndex].replica.state.value(key) != nil else { return }
        write(key, nil)
        graves.append(Grave(version: roster[selfIndex].replica.state.version, dug: clock.now))
    }

    private mutating func write(_ key: String, _ value: [UInt8]?) {
        roster[selfIndex].replica.write(key, value)
        heat(selfIndex)
    }

    // MARK: What is known

    /// What `node` says under `key`, as far as it is known here; dead nodes' last words are kept for `forgetDeadAfter`.
    package func value(of node: NodeID, _ key: String) -> [UInt8]? {
        guard let i = roster.index(of: node) else { return nil }
        return roster[i].replica.state.value(key)
    }

    /// Every member, this node too, sorted by id, as of the last call.
    package var members: [MemberView] { roster.indices.map { view(roster[$0]) } }

    /// Everybody who might be there, sorted, without this node: to be kept on disk and given to the next life.
    var addressBook: [NodeID] { roster.ids.filter { $0 != identity } }

    private func view(_ m: Member) -> MemberView {
        let isSelf = m.id == identity
        let phi = isSelf ? 0 : m.isAlive ? m.detector.phi(now: clock.now, interval: configuration.interval) : .infinity
        let status: MemberStatus = !m.isAlive ? .dead : phi >= configuration.suspicionPhi ? .suspect : .alive
        let age: Span? = isSelf ? .zero : m.generation == 0 ? nil : clock.now - m.detector.last
        let state = m.replica.state
        let values = zip(state.keys, state.values).compactMap { key, value in
            value.map { MemberView.Value(key: key, value: $0) }
        }
        return MemberView(
            id: m.id, generation: m.generation, version: m.replica.target.version, status: status, phi: phi,
            heartbeatAge: age, values: values.sorted { $0.key < $1.key })
    }
}

/// An own deletion: its version, and when it was made, on the attention clock.
struct Grave: Hashable, Sendable {
    var version: UInt64
    var dug: Instant
}
