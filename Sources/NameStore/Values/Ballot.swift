// Ballots order proposals for one register (Lamport, "The Part-Time Parliament"; Rystsov, CASPaxos 2018).

package import World

/// (round, node, session). A node never uses one twice: rounds grow within a session, and a session is a
/// random number drawn at each start of the process.
package struct Ballot: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// 0 for the fast ballot alone.
    package let round: UInt64
    /// Nil for the fast ballot alone: it is shared by all.
    package let node: NodeID?
    package let session: UInt64

    init(round: UInt64, node: NodeID, session: UInt64) {
        self.round = round
        self.node = node
        self.session = session
    }

    private init() {
        round = 0
        node = nil
        session = 0
    }

    /// (0, 0, 0): lowest of all, the same in every epoch.
    package static let fast = Ballot()
    package var isFast: Bool { node == nil }

    package static func < (a: Ballot, b: Ballot) -> Bool {
        if a.round != b.round { return a.round < b.round }
        switch (a.node, b.node) {
        case (nil, nil): return false
        case (nil, _): return true
        case (_, nil): return false
        case (let m?, let n?): return m == n ? a.session < b.session : m < n
        }
    }

    package var description: String { node.map { "\(round).\($0)" } ?? "fast" }
}

extension Optional where Wrapped == Ballot {
    /// "Nothing yet" is below every ballot.
    func isBelow(_ ballot: Ballot) -> Bool {
        guard let own = self else { return true }
        return own < ballot
    }

    func isAtMost(_ ballot: Ballot) -> Bool {
        guard let own = self else { return true }
        return own <= ballot
    }

    func raised(to ballot: Ballot) -> Ballot {
        guard let own = self else { return ballot }
        return Swift.max(own, ballot)
    }
}
