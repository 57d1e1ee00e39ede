// Which changes go into a message that cannot hold them all: scuttle-depth (LADIS 2008, section 3.2).
//
// A receiver's knowledge of an owner is one number, so an owner's changes may only be sent oldest first and without
// gaps. Between owners there is a choice: the one with the most changes outstanding goes first, all of them if they
// fit. So somebody is brought up to date completely in each message, instead of everybody a little, and nobody's
// backlog grows old. Among equals the dice decide: a fixed order would let the same ones wait in every message.
//
// "Most" counts changes since the receiver's version, also those that later changes of the same key have overtaken and
// that are not sent. The count then grows with the age of the backlog, where the number of entries levels off at the
// number of keys: under the paper's own load the oldest missing change was 28 to 34 rounds old by entries, 26 to 31 by
// changes.

import World

extension Gossiper {
    /// An owner of whom this node knows more than the peer.
    struct Outstanding {
        var place: Int
        var offer: DeltaOffer
        var tie: UInt64
    }

    /// Deltas of at most `budget` bytes together, and the bytes they take at the most.
    func pack(_ outstanding: [Outstanding], budget: Int) -> (deltas: [Delta], size: Int) {
        let ranked = outstanding.sorted { ($0.offer.depth, $0.tie) > ($1.offer.depth, $1.tie) }
        var deltas: [Delta] = []
        var room = budget
        var entriesLeft = configuration.deltasPerMessage
        for next in ranked {
            // Less than this holds not even the header of an owner with the shortest name.
            guard room > GossipCodec.smallestDelta else { break }
            let state = roster[next.place].replica.state
            let id = roster.ids[next.place]
            guard let (delta, size) = state.cut(next.offer, of: id, room: room, most: entriesLeft) else {
                continue
            }
            room -= size
            entriesLeft -= delta.entries.count
            deltas.append(delta)
        }
        return (deltas, budget - room)
    }
}

extension GossipState {
    /// As much of an offer as fits into `room` bytes and `most` entries, and the bytes it takes at the most; nil if
    /// that is nothing.
    func cut(_ offer: DeltaOffer, of id: NodeID, room: Int, most: Int) -> (delta: Delta, size: Int)? {
        var size = GossipCodec.headerSize(
            id, generation: generation, from: offer.from, floor: floor, latest: version, count: Limits.gossipKeys)
        guard size <= room else { return nil }
        // A copy of more entries than an owner can hold was built from a liar's deltas. Passed on in one piece it would
        // be refused, and everything else in the message with it.
        let most = min(most, Limits.gossipKeys)
        let start = firstIndex(after: offer.from)
        var end = start
        var previous = offer.from
        var entries: [Entry] = []
        while end < count, end - start < most {
            let entry = entry(at: end)
            let more = GossipCodec.size(entry, after: previous)
            guard size + more <= room else { break }
            size += more
            previous = entry.version
            entries.append(entry)
            end += 1
        }
        let isAll = end == count
        guard isAll || end > start else { return nil }
        let delta = Delta(
            id: id, generation: generation, from: offer.from, floor: floor, end: isAll ? version : previous,
            latest: version, entries: entries)
        return (delta, size)
    }
}
