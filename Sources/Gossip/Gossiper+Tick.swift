// Once per interval: one heartbeat, a look at who has fallen silent, and a word with a few peers.

package import World

extension Gossiper {
    /// Starts a round. A call that comes more than three intervals late is taken for a pause of this very node: the
    /// time is not held against the others.
    package mutating func tick(_ now: Instant, into outbox: inout Outbox<GossipEffect>) {
        clock.ticked(now, interval: configuration.interval)
        round += 1
        // 2^62 heartbeats are not reached in the age of the universe, unless a peer invented one: then a new life
        // begins.
        if roster[selfIndex].heartbeat >= Limits.gossipCounter - 2 { raiseGeneration(above: generation, into: &outbox) }
        roster[selfIndex].heartbeat += 1
        expireGraves()
        judge(into: &outbox)
        if census.isStale { takeCensus() } else { coolDown() }
        for target in chooseTargets() {
            let page = digestPage(budget: configuration.messageBytes - GossipCodec.envelopeSize)
            send(GossipMessage(kind: .syn, digests: page), to: roster.ids[target], into: &outbox)
        }
    }

    /// A connection to `peer` stands. If it counts as dead it need not wait until chance picks it: it hears this node's
    /// heartbeat, and answers with its own.
    package mutating func greet(_ peer: NodeID, into outbox: inout Outbox<GossipEffect>) {
        guard let i = roster.index(of: peer), !roster[i].isAlive else { return }
        let page = digestPage(budget: configuration.messageBytes - GossipCodec.envelopeSize)
        send(GossipMessage(kind: .syn, digests: page), to: peer, into: &outbox)
    }

    func send(_ message: GossipMessage, to peer: NodeID, into outbox: inout Outbox<GossipEffect>) {
        let bytes = GossipCodec.encode(message, seal: seal, from: identity, to: peer)
        outbox.emit(.send(bytes, to: peer))
    }

    // MARK: Silence

    private mutating func judge(into outbox: inout Outbox<GossipEffect>) {
        let now = clock.now
        for i in roster.indices where i != selfIndex {
            switch roster[i].judge(now: now, configuration) {
            case .none:
                continue
            case .died:
                census.isStale = true
                outbox.emit(.becameDead(roster.ids[i]))
            case .forgotten:
                for key in roster[i].dropKeys() { outbox.emit(.changed(roster.ids[i], key: key)) }
            }
        }
    }

    // MARK: Old deletions

    /// Floors rise in steps of a part of the grace: a refill under way is begun anew when the floor passes it.
    private mutating func expireGraves() {
        let grace = configuration.tombstoneGrace
        guard let oldest = graves.first, clock.now - oldest.dug >= grace + grace / 8 else { return }
        guard let last = graves.last(where: { clock.now - $0.dug >= grace }) else { return }
        bury(through: last.version)
    }

    mutating func bury(through version: UInt64) {
        roster[selfIndex].replica.raiseFloor(to: version)
        graves.removeAll { $0.version <= version }
    }

    // MARK: Whom to talk to

    /// Some of the living at random; those that have shown a first sign of life, as they need a second; now and then
    /// one that seems dead, since only that heals a split in which each side has given the other up; and a seed, so
    /// that islands that never knew of each other meet.
    private mutating func chooseTargets() -> [Int] {
        var live = census.live
        let wanted = min(configuration.fanOut, live.count)
        for i in 0..<wanted { live.swapAt(i, i + random.below(live.count - i)) }
        var targets = Array(live.prefix(wanted))
        let dead = census.dead
        let stirring = dead.filter { roster[$0].isStirring(at: clock.now, configuration) }
        targets += stirring.prefix(Limits.gossipFanOut)
        if !dead.isEmpty && random.chance(Double(dead.count) / Double(live.count + 1)) {
            let one = dead[random.below(dead.count)]
            if !targets.contains(one) { targets.append(one) }
        }
        let known = seeds.compactMap { roster.index(of: $0) }
        guard !known.isEmpty, !targets.contains(where: { known.contains($0) }) else { return targets }
        // All nodes together give each seed about one more message a round, however many they are.
        let odds = live.count < known.count ? 1 : Double(known.count) / Double(live.count + dead.count)
        if random.chance(odds) { targets.append(known[random.below(known.count)]) }
        return targets
    }
}
