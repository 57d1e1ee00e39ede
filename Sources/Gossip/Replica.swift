// A copy of one owner's state, and the one way in which it may change.
//
// Usually a copy grows by suffixes: "everything after the version that you have". That is sound only as long as the
// sender still holds the marks of all deletions since; once the owner's floor has passed the receiver's version, a
// deletion may be missing from the suffix, and the receiver would keep a dead key for ever. Then, and when the owner
// has a new generation, the copy is refilled from nothing.
//
// A refill may take several messages. If it went into the copy itself, the half-filled copy would have a low version,
// and a third peer with a copy from before the deletion would "help" it with the deleted key. So a refill goes into a
// shadow which remembers the floor it must reach: only peers that know the owner up to that floor may add to it
// (`latest >= floor`), and it replaces the copy only when it holds all that any of its contributors knew. (All that the
// last one knew would not do: from one that knows more comes a part without a key that changed later, from one that
// knows less a rest without it, because that change is too new for it and the one before too old to be in the rest.)
// Until then the old copy is shown, and neither is passed on.

import World

struct Replica: Hashable, Sendable {
    /// What is shown to users. Whole, if perhaps old.
    private(set) var state = GossipState()
    /// The refill under way.
    private(set) var shadow: GossipState?
    /// The version that the refill must reach: the highest that any contributor knew.
    private var goal: UInt64 = 0

    init() {}

    /// The owner's own copy. Its version starts at 1, so that even a state without keys replaces an older
    /// generation's.
    init(owned generation: UInt64) {
        state = GossipState(generation: generation, floor: 0)
        state.version = 1
    }

    /// The state that digests speak of and deltas continue: its generation, version and floor. (Numbers only: a second
    /// reference to the entries would make the next change copy them all.)
    var target: (generation: UInt64, version: UInt64, floor: UInt64) {
        if let shadow { return (shadow.generation, shadow.version, shadow.floor) }
        return (state.generation, state.version, state.floor)
    }

    /// What deltas to others are cut from: nil while the copy is being refilled.
    var servable: GossipState? { shadow == nil && state.generation > 0 ? state : nil }

    // MARK: The owner's side

    mutating func write(_ key: String, _ value: [UInt8]?) {
        state.append(Entry(version: state.version + 1, key: key, value: value))
    }

    mutating func raiseFloor(to floor: UInt64) {
        state.raiseFloor(to: min(floor, state.version))
    }

    mutating func raiseGeneration(to generation: UInt64) {
        state.generation = max(state.generation, generation)
    }

    // MARK: Everybody else's

    /// The part of this copy that a peer with that digest lacks; nil if nothing, or if this copy has no right to speak.
    func offer(to digest: Digest) -> DeltaOffer? {
        guard let s = servable, digest.generation <= s.generation else { return nil }
        guard digest.generation == s.generation else { return DeltaOffer(from: 0, depth: s.version) }
        guard s.version > digest.version, s.version >= digest.floor else { return nil }
        let from = s.floor <= max(digest.floor, digest.version) ? digest.version : 0
        return DeltaOffer(from: from, depth: s.version - from)
    }

    /// True if a peer with that digest could give us something.
    func isBehind(_ digest: Digest) -> Bool {
        let t = target
        return digest.generation > t.generation || (digest.generation == t.generation && digest.version > t.version)
    }

    /// Takes in what a peer sent, if it continues what is here, and reports each key whose shown value changed. A delta
    /// that doesn't fit (a gap, an older life, a contributor that knows less than the refill needs) changes nothing.
    mutating func apply(_ delta: Delta, changed: (String) -> Void) {
        let t = target
        guard delta.generation >= t.generation else { return }
        let continues =
            delta.generation == t.generation && delta.from <= t.version && delta.latest >= t.floor
            && delta.floor <= max(t.floor, t.version)
        if continues && shadow == nil {
            merge(delta, changed: changed)
        } else if continues {
            refill(delta, changed: changed)
        } else if delta.from == 0 && (delta.generation > t.generation || delta.floor > max(t.floor, t.version)) {
            shadow = GossipState(generation: delta.generation, floor: delta.floor)
            goal = delta.floor
            refill(delta, changed: changed)
        }
    }

    /// Adopts a floor heard from a peer, where nothing could be missed by it.
    mutating func adoptFloor(_ digest: Digest) {
        guard shadow == nil, digest.generation == state.generation, digest.floor > state.floor,
            digest.floor <= digest.version, digest.floor <= state.version
        else { return }
        state.raiseFloor(to: digest.floor)
    }

    private mutating func merge(_ delta: Delta, changed: (String) -> Void) {
        for entry in delta.entries where entry.version > state.version {
            guard state.count < Limits.gossipCopyKeys else { return }
            if state.append(entry) != entry.value { changed(entry.key) }
        }
        state.version = max(state.version, delta.end)
        state.raiseFloor(to: min(delta.floor, state.version))
    }

    private mutating func refill(_ delta: Delta, changed: (String) -> Void) {
        guard var s = shadow else { return }
        shadow = nil
        goal = max(goal, delta.latest)
        for entry in delta.entries where entry.version > s.version {
            guard s.count < Limits.gossipCopyKeys else { break }
            s.append(entry)
        }
        s.version = max(s.version, delta.end)
        guard s.version >= goal else {
            shadow = s
            return
        }
        goal = 0
        let old = state
        state = s
        for (key, value) in zip(old.keys, old.values) where value != nil && s.position(of: key) == nil { changed(key) }
        for (key, value) in zip(s.keys, s.values) where old.value(key) != value { changed(key) }
    }
}

/// What one copy could send to one peer.
struct DeltaOffer: Hashable, Sendable {
    /// All that is newer than this; 0 for a refill.
    var from: UInt64
    /// The number of changes outstanding, those that later ones have overtaken included.
    var depth: UInt64
}
