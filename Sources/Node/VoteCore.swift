// The names thread: one acceptor over its disk. It takes what waits as one batch, has the votes written, and lets them
// leave only when they are on the disk, the store first and the frontier after it.
//
//     asked ──▶ commit ──▶ committed ──▶ votes
//
// A disk that fails ends the process, which is the shell's to do. A store that is found damaged puts the acceptor into
// quarantine, and the node goes on: other acceptors decide the names.

import Keys
package import NameStore
package import Storage
package import World

extension Inbound: QueuedWork {
    /// A name and a few numbers: the bound on pieces is enough.
    package var byteCount: Int { 0 }
}

package struct VoteCore: Sendable {
    package enum Input: Sendable {
        /// Once, before any other: what a new store is called must be on the disk first.
        case start
        /// A batch, while none is under way.
        case asked([Inbound])
        /// What was to be committed is.
        case committed
        /// The store was found damaged while it was written.
        case damaged(String)
    }

    package enum Effect: Sendable {
        /// In this order: the writes, as one; the frontier's copy, and then a sync of both copies if it says so.
        case commit([StoreWrite], synced: Bool, frontier: FrontierCopy?)
        case votes(Votes)
        case quarantined(Quarantine)
        /// The acceptor is mute on this name; told once.
        case damaged(RecordFault)
    }

    /// One of the two copies, to be overwritten with these bytes.
    package struct FrontierCopy: Sendable {
        package let copy: Int
        package let bytes: [UInt8]
        package let mustSync: Bool
    }

    /// Replies that may leave, and the names whose fast ballot is over here, for this node's registry.
    package struct Votes: Sendable {
        package var replies: [(to: NodeID, message: NameMessage)]
        package var touched: [RegisterKey]

        init(replies: [(to: NodeID, message: NameMessage)], touched: [RegisterKey]) {
            self.replies = replies
            self.touched = touched
        }
    }

    private enum State {
        case fresh(VoteBatch)
        case idle
        case committing([Inbound], VoteBatch)
    }

    package private(set) var acceptor: Acceptor
    private let records: StoredRecords
    private var state: State
    private var pace = FrontierPace()
    private var damaged: Set<RegisterKey> = []

    /// `store`: nil if it doesn't open; the acceptor is in quarantine then.
    package init(_ opened: OpenedStore, store: (any KeyValueStore)?) {
        acceptor = opened.acceptor
        records = StoredRecords(store: store)
        state = .fresh(opened.initial)
    }

    package var isIdle: Bool { if case .idle = state { true } else { false } }

    package mutating func handle(_ input: Input, _ now: Instant, _ out: inout Outbox<Effect>) {
        switch (state, input) {
        case (.fresh(let initial), .start): commit(initial, of: [], now, &out)
        case (.idle, .asked(let batch)): commit(acceptor.process(batch, records: records), of: batch, now, &out)
        case (.committing(_, let votes), .committed): cast(votes, &out)
        case (.committing(let batch, _), .damaged(let reason)):
            acceptor.fallSilent(reason: reason)
            if let quarantine = acceptor.quarantine { out.emit(.quarantined(quarantine)) }
            // Mute by now: it says so to whoever asks, and nothing else.
            cast(acceptor.process(batch, records: records), &out)
        default: assertionFailure("a batch at a time")
        }
    }

    private mutating func commit(
        _ votes: VoteBatch, of batch: [Inbound], _ now: Instant, _ out: inout Outbox<Effect>
    ) {
        guard !votes.writes.isEmpty || votes.frontier != nil else { return cast(votes, &out) }
        state = .committing(batch, votes)
        let frontier = votes.frontier.map { copy, bytes in
            FrontierCopy(copy: copy, bytes: bytes, mustSync: pace.mustSync(copy, at: now))
        }
        out.emit(
            .commit(
                votes.writes.map { .put(key: $0.key, value: $0.value) }, synced: votes.mustSync, frontier: frontier))
    }

    private mutating func cast(_ votes: VoteBatch, _ out: inout Outbox<Effect>) {
        state = .idle
        for fault in votes.faults where damaged.count < Limits.namesSeen && damaged.insert(fault.key).inserted {
            out.emit(.damaged(fault))
        }
        guard !votes.replies.isEmpty || !votes.touched.isEmpty else { return }
        out.emit(.votes(Votes(replies: votes.replies, touched: votes.touched)))
    }
}

/// When the copies of the frontier are synced (docs/decisions/0011-the-frontier-is-written-not-synced.md): when one is
/// written for the first time in a process's life, and then once in a while.
///
/// A copy is overwritten in place after each sync of the store and before its votes leave, so it survives the end of
/// the process at any moment. A power cut can take back what was written since the last sync, never a vote: a frontier
/// that is behind is an honest one. It is there to catch a store that was copied back, truncated or repaired, and those
/// do not wait for a power cut.
struct FrontierPace: Sendable {
    private var written: [Int] = []
    private var syncedAt = Instant.origin

    /// Whether both copies are to be synced once this one is written.
    mutating func mustSync(_ copy: Int, at now: Instant) -> Bool {
        let isFirst = !written.contains(copy)
        guard isFirst || now - syncedAt >= Limits.frontierSync else { return false }
        if isFirst { written.append(copy) }
        syncedAt = now
        return true
    }
}

/// The acceptor's reads, on any store.
package struct StoredRecords: NameRecords, Sendable {
    private let store: (any KeyValueStore)?

    init(store: (any KeyValueStore)?) { self.store = store }

    package func record(of key: [UInt8]) throws -> [UInt8]? { try sound().get(key) }

    package func keys(from: [UInt8], upTo: [UInt8], limit: Int) throws -> [[UInt8]] {
        var keys: [[UInt8]] = []
        try sound().scan(KeyRange(start: from, end: upTo), reverse: false) { key, _ in
            guard keys.count < limit else { return false }
            keys.append(key)
            return true
        }
        return keys
    }

    private func sound() throws -> any KeyValueStore {
        guard let store else { throw StorageFailure(.corruption, "the store doesn't open") }
        return store
    }
}

extension Acceptor {
    /// Opens the acceptor of a store that opens, with the copies of the frontier as they were found.
    package static func open(
        node: NodeID, store: any KeyValueStore, frontiers: [[UInt8]?], fresh: StoreID
    ) throws(StorageFailure) -> OpenedStore {
        var hasRecords = false
        let records = KeyRange(start: StoreLayout.following(nil), end: StoreLayout.end)
        try store.scan(records, reverse: false) { _, _ in
            hasRecords = true
            return false
        }
        return open(
            node: node, header: try store.get(StoreLayout.header), hasRecords: hasRecords, frontiers: frontiers,
            fresh: fresh)
    }
}
