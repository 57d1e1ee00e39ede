// Who may be talked about: the roster and the ring document's word over it.

package import World

extension Gossiper {
    /// Makes `allowed` (and this node) the only ones that exist. Everything known of others is dropped without effects;
    /// what is said about them, or by them, is refused until another call allows them.
    package mutating func updateMembership(allowed: [NodeID]) {
        let names = Set(allowed).union([identity])
        roster.keepOnly(names.contains)
        isClosed = false
        admit(allowed)
        isClosed = true
        rebuild()
    }

    /// Adds those that are new, if strangers are welcome. The bound is for a cluster without a ring document, where any
    /// peer may name anybody.
    mutating func admit(_ ids: [NodeID]) {
        guard !isClosed else { return }
        var isChanged = false
        var next = 0
        for id in ids where roster.count < Limits.nodes {
            next = next < roster.count && roster.ids[next] == id ? next : roster.place(of: id)
            if next == roster.count || roster.ids[next] != id {
                isChanged = roster.insert(Member(id, now: clock.now, interval: configuration.interval)) || isChanged
            }
            next += 1
        }
        if isChanged { rebuild() }
    }

    /// After members came or went: everything that holds an index is made anew.
    private mutating func rebuild() {
        selfIndex = roster.place(of: identity)
        takeCensus()
    }
}
