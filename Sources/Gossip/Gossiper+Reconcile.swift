// The exchange: read a peer's digests, give what it lacks, take what it gives.

package import World

extension Gossiper {
    /// Takes in what arrived from `sender`, as the transport has verified it. What is oversized, malformed, of another
    /// cluster or from a stranger changes nothing but `rejected` and `lastRejection`.
    package mutating func receive(
        _ bytes: [UInt8], from sender: NodeID, now: Instant, into outbox: inout Outbox<GossipEffect>
    ) {
        guard sender != identity, !isClosed || roster.index(of: sender) != nil else { return reject(.stranger) }
        do throws(GossipRejection) {
            let message = try GossipCodec.decode(bytes, seal: seal, from: sender, to: identity)
            clock.heard(now, interval: configuration.interval)
            take(message, from: sender, into: &outbox)
        } catch {
            reject(error)
        }
    }

    private mutating func reject(_ reason: GossipRejection) {
        rejected &+= 1
        lastRejection = reason
    }

    /// A message that is what it claims to be. Each stands alone: an answer that nobody asked for does no harm.
    mutating func take(_ message: GossipMessage, from sender: NodeID, into outbox: inout Outbox<GossipEffect>) {
        if !isClosed { admit([sender] + message.digests.map(\.id)) }
        switch message.kind {
        case .syn:
            let findings = study(message.digests, into: &outbox)
            answer(findings, to: sender, into: &outbox)
        case .ack:
            let findings = study(message.digests, into: &outbox)
            for delta in message.deltas { apply(delta, into: &outbox) }
            let budget = configuration.messageBytes - GossipCodec.envelopeSize
            let deltas = pack(findings.outstanding, budget: budget).deltas
            guard !deltas.isEmpty else { return }
            send(GossipMessage(kind: .ack2, deltas: deltas), to: sender, into: &outbox)
        case .ack2:
            for delta in message.deltas { apply(delta, into: &outbox) }
        }
    }

    /// Deltas have half of an ack, and what the digests leave: a flood of changes must not drown the heartbeats.
    private mutating func answer(
        _ findings: Findings, to sender: NodeID, into outbox: inout Outbox<GossipEffect>
    ) {
        let budget = configuration.messageBytes - GossipCodec.envelopeSize
        let (deltas, size) = pack(findings.outstanding, budget: max(budget / 2, budget - findings.replySize))
        let page = replyPage(findings, budget: budget - size)
        send(GossipMessage(kind: .ack, digests: page, deltas: deltas), to: sender, into: &outbox)
    }

    // MARK: Digests

    /// What the digests of a peer mean beside our own.
    struct Findings {
        /// The number under which members remember that they were listed.
        var page: UInt64
        var listed = 0
        /// Members of which the peer knows changes that we don't.
        var behind: [Int] = []
        /// Members of which we know a later heartbeat.
        var fresher: [Int] = []
        /// Bytes of digests for both, and for ourselves.
        var replySize = 0
        var outstanding: [Outstanding] = []
    }

    private mutating func study(_ digests: [Digest], into outbox: inout Outbox<GossipEffect>) -> Findings {
        var findings = Findings(page: nextPage())
        let now = clock.now
        var next = 0
        for d in digests {
            next = roster.place(of: d.id, from: next)
            guard next < roster.count, roster.ids[next] == d.id else { continue }
            findings.listed += 1
            var found = Member.Comparison()
            if next == selfIndex {
                answerToOwnName(d, into: &outbox)
                roster[next].page = findings.page
                found.offer = roster[next].replica.offer(to: d)
            } else {
                found = roster[next].compare(d, page: findings.page, now: now, configuration)
                report(found.sign, d.id, generation: d.generation, into: &outbox)
            }
            findings.replySize += found.replySize
            switch found.relation {
            case .same: break
            case .behind: findings.behind.append(next)
            case .fresher: findings.fresher.append(next)
            }
            if let offer = found.offer {
                findings.outstanding.append(Outstanding(place: next, offer: offer, tie: random.next()))
            }
            next += 1
        }
        findings.replySize += GossipCodec.size(roster[selfIndex].digest)
        return findings
    }

    private mutating func report(
        _ sign: Member.Sign, _ id: NodeID, generation: UInt64, into outbox: inout Outbox<GossipEffect>
    ) {
        switch sign {
        case .nothing, .beat: return
        case .revived: outbox.emit(.becameAlive(id, generation: generation))
        case .replaced: outbox.emit(.becameDead(id))
        }
        census.isStale = true
    }

    /// Somebody remembers this node as older than it is: an earlier life with a later number (its disk was lost or
    /// restored). Nothing it says would be believed, so it takes a still later one.
    private mutating func answerToOwnName(_ d: Digest, into outbox: inout Outbox<GossipEffect>) {
        let own = roster[selfIndex]
        let isAhead =
            d.generation > generation
            || (d.generation == generation
                && (d.heartbeat > own.heartbeat || d.version > own.replica.state.version))
        if isAhead { raiseGeneration(above: d.generation, into: &outbox) }
    }

    mutating func raiseGeneration(above heard: UInt64, into outbox: inout Outbox<GossipEffect>) {
        // Only a liar can have brought the number so high; then there is nothing left to raise it to.
        guard heard < Limits.gossipCounter - 2 else { return }
        generation = max(generation, heard) + 1
        roster[selfIndex].generation = generation
        roster[selfIndex].heartbeat = 0
        roster[selfIndex].replica.raiseGeneration(to: generation)
        heat(selfIndex)
        outbox.emit(.raisedGeneration(generation))
    }

    // MARK: Deltas

    private mutating func apply(_ delta: Delta, into outbox: inout Outbox<GossipEffect>) {
        guard let i = roster.index(of: delta.id), i != selfIndex, delta.generation >= roster[i].generation else {
            return
        }
        if delta.generation > roster[i].generation {
            // The digest that tells of this generation was lost or didn't fit. It is heard of, not heard: no beat.
            let sign = roster[i].hear(generation: delta.generation, heartbeat: 0, now: clock.now, configuration)
            roster[i].beats = 0
            report(sign, delta.id, generation: delta.generation, into: &outbox)
        }
        guard roster[i].isTopic(now: clock.now, configuration) else { return }
        let before = roster[i].replica.target
        roster[i].replica.apply(delta) { key in outbox.emit(.changed(delta.id, key: key)) }
        if roster[i].replica.target != before { heat(i) }
    }
}
