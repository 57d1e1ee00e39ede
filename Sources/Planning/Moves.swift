// From two tables to the copies between them: who sends what to whom, in which wave.
//
// A copy begins at a living replica, in the target's country if there is one, else over the cheapest link. Waves keep
// at most one replica of a partition in flight, so a plan never weakens a partition by more than the one copy under
// way.

import Ring
package import World

/// One replica that goes to a node which does not hold it. Node indexes are those of `Crew`.
package struct Move: Hashable, Sendable {
    package let placement: Int
    package let partition: Int
    /// Nil where no living node has the partition: the copy starts empty.
    package let source: Int?
    package let target: Int
    /// The node that gives its replica up for this one; nil where none does.
    package let releases: Int?
    /// From 0.
    package var wave: Int
}

/// The nodes before and after a change: those of the ring file, and those that only the state still knows.
package struct Crew: Sendable {
    package struct Member: Hashable, Sendable {
        package let id: NodeID
        package let country: String
        package let zone: String
        package let capacityBytes: UInt64
        package let mbit: Double?
        /// Whether the ring file still has it: what is gone cannot be copied from.
        let isPresent: Bool
        /// Not a gateway, not draining.
        package let takesReplicas: Bool
    }
    /// Sorted by id.
    package let members: [Member]

    init(_ draft: RingDraft, before: RingState?) {
        let present = Set(draft.nodes.map(\.id))
        var members = draft.nodes.map {
            Member(
                id: $0.id, country: $0.country, zone: $0.zone, capacityBytes: $0.capacityBytes, mbit: $0.mbit,
                isPresent: true, takesReplicas: $0.takesReplicas)
        }
        for node in before?.nodes ?? [] where !present.contains(node.id) {
            members.append(
                Member(
                    id: node.id, country: node.country, zone: node.zone, capacityBytes: node.capacityBytes, mbit: nil,
                    isPresent: false, takesReplicas: false))
        }
        self.members = members.sorted { $0.id < $1.id }
    }

    /// By index of a member: where it stands in `ids`.
    func indexes(of ids: [NodeID]) -> [Int] {
        // Only ever asked.
        var byID: [NodeID: Int] = [:]
        for (at, member) in members.enumerated() { byID[member.id] = at }
        return ids.map { byID[$0] ?? 0 }
    }
}

/// One placement before and after, in the indexes of a crew.
struct TableChange: Sendable {
    let placement: Int
    let partitions: Int
    /// Empty where nothing was held.
    let before: [[Int]]
    let after: [[Int]]
    let copyBytes: Double
}

struct MovePlanner {
    private let crew: Crew
    private let links: LinkTable
    /// Bytes sent so far by node, so that equally near sources share the work.
    private var sent: [Double]

    init(_ crew: Crew, links: LinkTable) {
        self.crew = crew
        self.links = links
        sent = Array(repeating: 0, count: crew.members.count)
    }

    mutating func moves(_ changes: [TableChange]) -> [Move] {
        var moves: [Move] = []
        for change in changes where !change.before.isEmpty {
            for partition in 0..<change.partitions { add(change, partition, to: &moves) }
        }
        return scheduled(moves, changes)
    }

    private mutating func add(_ change: TableChange, _ partition: Int, to moves: inout [Move]) {
        let (old, new) = (change.before[partition], change.after[partition])
        let arriving = new.filter { !old.contains($0) }.sorted()
        guard !arriving.isEmpty else { return }
        var leaving = old.filter { !new.contains($0) }.sorted()
        let alive = old.filter { crew.members[$0].isPresent }
        var found: [Move] = []
        for target in arriving {
            // The nearest of those that leave is replaced, the dead ones first: they are missing already.
            let released = leaving.min { key($0, target) < key($1, target) }
            leaving.removeAll { $0 == released }
            let source = alive.min { sourceKey($0, target) < sourceKey($1, target) }
            if let source { sent[source] += change.copyBytes }
            found.append(
                Move(
                    placement: change.placement, partition: partition, source: source, target: target,
                    releases: released, wave: 0))
        }
        // What is lost is restored first.
        func isUrgent(_ move: Move) -> Bool { move.releases.map { !crew.members[$0].isPresent } ?? true }
        moves += found.filter(isUrgent) + found.filter { !isUrgent($0) }
    }

    private func key(_ old: Int, _ new: Int) -> (Int, Int, Int) {
        let (a, b) = (crew.members[old], crew.members[new])
        let distance = a.country != b.country ? 2 : a.zone != b.zone ? 1 : 0
        return (a.isPresent ? 1 : 0, distance, old)
    }

    private func sourceKey(_ source: Int, _ target: Int) -> (Double, Double, Double, Int) {
        let (a, b) = (crew.members[source], crew.members[target])
        if a.country == b.country { return (0, 0, sent[source], source) }
        let link = links.between(a.country, b.country)
        return (1 + (link?.eurPerGB ?? 0), -(link?.mbit ?? 0), sent[source], source)
    }

    /// Gives each move its wave. The moves of one partition take different waves in their order; among those that are
    /// left to it, a move takes the one in which its source and target have least to do.
    private func scheduled(_ moves: [Move], _ changes: [TableChange]) -> [Move] {
        var groups: [Range<Int>] = []
        for at in moves.indices {
            if let last = groups.last, moves[last.lowerBound].placement == moves[at].placement,
                moves[last.lowerBound].partition == moves[at].partition
            {
                groups[groups.count - 1] = last.lowerBound..<(at + 1)
            } else {
                groups.append(at..<(at + 1))
            }
        }
        let waves = groups.map(\.count).max() ?? 0
        let bytes = changes.reduce(into: [Int: Double]()) { $0[$1.placement] = $1.copyBytes }
        var moves = moves
        var load = Array(repeating: 0.0, count: crew.members.count * waves)
        for group in groups.sorted(by: { ($1.count, $0.lowerBound) < ($0.count, $1.lowerBound) }) {
            var first = 0
            for at in group {
                let move = moves[at]
                let last = waves - (group.upperBound - at)
                func busy(_ wave: Int) -> Double {
                    load[move.target * waves + wave] + (move.source.map { load[$0 * waves + wave] } ?? 0)
                }
                let wave = (first...last).min { (busy($0), $0) < (busy($1), $1) } ?? first
                moves[at].wave = wave
                for node in [move.target, move.source ?? -1] where node >= 0 {
                    load[node * waves + wave] += bytes[move.placement] ?? 0
                }
                first = wave + 1
            }
        }
        return moves
    }
}

/// The links of the ring file by their ends.
struct LinkTable: Sendable {
    private let links: [CountryLink]

    init(_ links: [CountryLink]) { self.links = links }

    func between(_ a: String, _ b: String) -> CountryLink? {
        let ends = a <= b ? (a, b) : (b, a)
        let place = links.firstPlace { ($0.a, $0.b) < ends }
        return place < links.count && (links[place].a, links[place].b) == ends ? links[place] : nil
    }
}
