// Those who are shown only what a quorum of a key's primaries has (`?r=quorum`).

import Causality
import Keys
import World

extension LiveHub {
    /// From now on it is looked after what a quorum has of the keys of this watch.
    mutating func wantQuorum(_ id: UInt32) {
        guard watches[id]?.wantsQuorum == false else { return }
        watches[id]?.wantsQuorum = true
        for key in watches[id]?.members ?? [] { beginQuorum(of: key, in: id) }
    }

    private mutating func beginQuorum(of key: [UInt8], in id: UInt32) {
        guard keys[KeyBytes(key)]?.quorum == nil, let watch = watches[id] else { return }
        keys[KeyBytes(key)]?.beginQuorum(primaries: watch.primaries.count)
        weigh(key)
    }

    /// A key is known as one of this watch.
    mutating func join(_ key: [UInt8], to id: UInt32) {
        if keys[KeyBytes(key)]?.isWithheld == true { watches[id]?.withheld += 1 }
        if watches[id]?.wantsQuorum == true { beginQuorum(of: key, in: id) }
    }

    /// After a primary has told of a key: whether a quorum has more of it now.
    mutating func weigh(_ key: [UInt8]) {
        let bytes = KeyBytes(key)
        guard keys[bytes]?.quorum != nil, var state = keys.removeValue(forKey: bytes) else { return }
        let before = state.sizeBytes
        let (whole, known) = (state.whole, state.known)
        let isNews = known.isEmpty ? false : state.quorum?.advance(whole, known: known) ?? false
        let isWithheld = !(state.quorum?.confirmed.covers(known) ?? true)
        if isWithheld != state.isWithheld {
            state.isWithheld = isWithheld
            for id in state.watches { watches[id]?.withheld += isWithheld ? 1 : -1 }
        }
        contentBytes += state.sizeBytes - before
        keys[bytes] = state
        if isNews { for id in state.watches { note(key, in: id, ofQuorum: true) } }
    }
}
