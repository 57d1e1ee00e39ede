// One acceptor: promises and votes on every register, in batches, each batch durable before any of its answers leaves.
//
// The whole safety of the namestore rests on three habits of this value: it never votes against a promise, it never
// answers before what it says is on disk, and it never guesses what a damaged record held.

package import World

/// The acceptor of one store. It runs on the thread that owns the store, and keeps nothing but the store's header.
package struct Acceptor: Sendable {
    package let node: NodeID
    package internal(set) var header: StoreHeader
    /// Why it doesn't vote, if the store may have lost votes.
    package private(set) var quarantine: Quarantine?
    /// Which copy of the frontier is written next: the older one.
    var nextCopy: Int

    init(node: NodeID, header: StoreHeader, quarantine: Quarantine?, nextCopy: Int) {
        self.node = node
        self.header = header
        self.quarantine = quarantine
        self.nextCopy = nextCopy
    }

    /// The store failed while it was used: from now on it is mute. What it said until then was on the disk.
    package mutating func fallSilent(reason: String) { quarantine = .storeUnreadable(reason) }

    /// Handles a batch of requests in order. Replies among them are ignored: they are the registry's.
    package mutating func process(_ batch: [Inbound], records: some NameRecords) -> VoteBatch {
        var work = BatchWork(records: records)
        for inbound in batch {
            guard case .request(let request) = inbound.message.body else { continue }
            guard let reply = answer(request, of: inbound.message, &work) else { continue }
            let message = NameMessage(
                cluster: header.cluster, epoch: header.epoch, store: header.store,
                exchange: inbound.message.exchange, body: .reply(reply))
            work.result.replies.append((inbound.from, message))
        }
        return seal(&work)
    }

    /// Nil: silence.
    private mutating func answer(
        _ request: NameRequest, of message: NameMessage, _ work: inout BatchWork<some NameRecords>
    ) -> NameReply? {
        if case .hello = request { return .identity(identity) }
        guard quarantine == nil else { return nil }
        switch request {
        case .pledge(let founder): return pledge(to: founder, &work)
        case .setEpoch(let configuration): return adopt(configuration, of: message.cluster, &work)
        default: break
        }
        guard let configuration = header.configuration, message.cluster == header.cluster else { return nil }
        if message.epoch < configuration.epoch {
            if case .learn = request { return nil }
            return .wrongEpoch(configuration)
        }
        guard message.epoch == configuration.epoch else { return .behind }
        guard message.store == header.store, configuration.contains(AcceptorID(node: node, store: header.store)) else {
            return nil
        }
        if case .list(let after, let limit) = request { return page(after: after, limit: limit, &work) }
        return vote(on: request, &work)
    }

    var identity: StoreIdentity {
        let standing: StoreIdentity.Standing =
            quarantine != nil ? .quarantined : header.configuration == nil ? .unfounded : .founded
        return StoreIdentity(standing: standing, pledge: header.pledge, configuration: header.configuration)
    }

    /// Turns the batch's changes into writes, and extends the chain of votes by them.
    private mutating func seal(_ work: inout BatchWork<some NameRecords>) -> VoteBatch {
        for entry in work.changed {
            let bytes = RecordFormat.encode(entry.state, for: entry.key)
            work.result.writes.append((StoreLayout.record(entry.key), bytes))
            // What the fast ballot chose says so itself to whoever tries the fast ballot again.
            if entry.state.promised != nil { work.result.touched.append(entry.key) }
            if entry.isVote { advance(by: [entry.key.bytes, bytes]) }
        }
        if work.headerChanged { advance(by: [header.encode()]) }
        guard work.headerChanged || work.changed.contains(where: { $0.isVote }) else { return work.result }
        work.result.writes.append((StoreLayout.header, header.encode()))
        work.result.mustSync = true
        work.result.frontier = (nextCopy, header.frontier.encode())
        nextCopy = (nextCopy + 1) % Frontier.copies
        return work.result
    }

    private mutating func advance(by vote: [[UInt8]]) {
        var last = ByteWriter(capacity: 16)
        last.identifier(header.chain)
        header.sequence += 1
        header.chain = VoteChain(Digest256(domain: "atoll/namestore/chain", [last.bytes] + vote))
    }
}
