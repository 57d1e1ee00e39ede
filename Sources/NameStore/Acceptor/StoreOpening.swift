// Opening a store: is it new, sound, or may it have lost votes that left?

package import World

/// Why an acceptor must not vote.
package enum Quarantine: Equatable, Sendable, CustomStringConvertible {
    /// The frontier knows of votes that the store doesn't have.
    case lostVotes(stored: UInt64, left: UInt64)
    /// As many votes, but not the same ones: one of the two is a copy from another time.
    case divergedVotes(at: UInt64)
    /// Both copies of the frontier are missing or damaged though votes were cast; or the newest one is, and the store
    /// is no further than the older one.
    case frontierUnreadable
    case headerUnreadable(String)
    /// Records are there, the header is not.
    case headerMissing
    /// The store has votes, and the frontier beside it is another store's.
    case foreignFrontier
    /// The database itself doesn't open, or was found damaged while it was written.
    case storeUnreadable(String)

    package var description: String {
        switch self {
        case .lostVotes(let stored, let left):
            "the store has \(stored) votes but \(left) have left: some were lost"
        case .divergedVotes(let sequence):
            "vote \(sequence) is not the one that left: store and frontier are of two times"
        case .frontierUnreadable: "the frontier is missing or damaged: votes may have been lost"
        case .headerUnreadable(let reason): "the store's header can't be read (\(reason))"
        case .headerMissing: "the store's header is missing though the store was used"
        case .foreignFrontier: "the frontier belongs to another store"
        case .storeUnreadable(let reason): "the store is damaged (\(reason))"
        }
    }
}

/// An opened store.
package struct OpenedStore: Sendable {
    package var acceptor: Acceptor
    /// To be carried out before anything else, like every batch: it makes a new store's identity durable.
    package let initial: VoteBatch
}

extension Acceptor {
    /// - Parameters:
    ///   - header: the bytes under `StoreLayout.header`, if any.
    ///   - hasRecords: whether the store holds anything else.
    ///   - frontiers: the two copies as found; nil for one that was never written (absent or of length 0).
    ///   - fresh: sixteen bytes from the system's random source, used if the store is new.
    package static func open(
        node: NodeID, header: [UInt8]?, hasRecords: Bool, frontiers: [[UInt8]?], fresh: StoreID
    ) -> OpenedStore {
        let copies = frontiers.map { $0.flatMap { try? Frontier(decoding: $0) } }
        let damaged = zip(frontiers, copies).contains { $0 != nil && $1 == nil }
        func opened(_ header: StoreHeader, _ quarantine: Quarantine?) -> OpenedStore {
            let newer = copies.indices.max { (copies[$0]?.sequence ?? 0) < (copies[$1]?.sequence ?? 0) } ?? 0
            // What is damaged, or another store's, is overwritten first.
            let next = copies.firstIndex { $0?.store != header.store } ?? (newer + 1) % Frontier.copies
            let acceptor = Acceptor(node: node, header: header, quarantine: quarantine, nextCopy: next)
            return OpenedStore(acceptor: acceptor, initial: VoteBatch())
        }
        guard let header else {
            // Empty: new, or lost. Its identity is a fresh one either way, and no configuration knows it.
            return hasRecords
                ? opened(StoreHeader(store: fresh), .headerMissing) : created(node: node, store: fresh)
        }
        do throws(DecodingFailure) {
            let known = try StoreHeader(decoding: header)
            return opened(known, verdict(on: known, copies.compactMap { $0 }, damaged: damaged))
        } catch {
            return opened(StoreHeader(store: fresh), .headerUnreadable("\(error)"))
        }
    }

    /// The acceptor of a store that doesn't open: it says so, and nothing else.
    package static func unreadable(node: NodeID, fresh: StoreID, reason: String) -> OpenedStore {
        let acceptor = Acceptor(
            node: node, header: StoreHeader(store: fresh), quarantine: .storeUnreadable(reason), nextCopy: 0)
        return OpenedStore(acceptor: acceptor, initial: VoteBatch())
    }

    private static func created(node: NodeID, store: StoreID) -> OpenedStore {
        let header = StoreHeader(store: store)
        var batch = VoteBatch()
        batch.writes = [(StoreLayout.header, header.encode())]
        batch.mustSync = true
        batch.frontier = (0, header.frontier.encode())
        return OpenedStore(
            acceptor: Acceptor(node: node, header: header, quarantine: nil, nextCopy: 1), initial: batch)
    }

    /// The store is written first, the frontier after it. So an honest crash leaves the store ahead or level, and a
    /// torn frontier copy only where the store is ahead of the other one. A copy of another store is left from the disk
    /// that this one replaced.
    private static func verdict(on header: StoreHeader, _ copies: [Frontier], damaged: Bool) -> Quarantine? {
        let own = copies.filter { $0.store == header.store }
        guard let newest = own.max(by: { $0.sequence < $1.sequence }) else {
            if header.sequence == 0 { return nil }
            return copies.isEmpty ? .frontierUnreadable : .foreignFrontier
        }
        guard newest.cluster == nil || newest.cluster == header.cluster else { return .foreignFrontier }
        if newest.sequence > header.sequence {
            return .lostVotes(stored: header.sequence, left: newest.sequence)
        }
        if newest.sequence == header.sequence {
            if newest.chain != header.chain { return .divergedVotes(at: header.sequence) }
            if damaged { return .frontierUnreadable }
        }
        return nil
    }
}
