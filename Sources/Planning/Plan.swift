// What a change of the ring means: who holds how much before and after, what is copied where, in which order, how long
// it takes and what it costs.

import Ring
import Solver
import World

package struct Plan: Sendable {
    /// One country, zone or node.
    package struct Row: Hashable, Sendable {
        package let name: String
        /// Whether the ring file no longer has it.
        package let isGone: Bool
        package let before: Int
        package let after: Int
        /// Replicas that arrive and leave.
        package let arriving: Int
        package let leaving: Int
        package let capacityBytes: Double
        let bytesBefore: Double
        package let bytes: Double
        let idealBytes: Double

        /// Bytes over capacity; nil for what has no capacity.
        package var fill: Double? { capacityBytes > 0 ? bytes / capacityBytes : nil }
        var fillBefore: Double? { capacityBytes > 0 ? bytesBefore / capacityBytes : nil }
        package var ideal: Double? { capacityBytes > 0 ? idealBytes / capacityBytes : nil }
    }

    /// One placement's moves against what they could be.
    package struct Effort: Hashable, Sendable {
        package let placement: String
        package let replicas: Int
        package let moves: Int
        /// max(Σ(lo − held)⁺, Σ(held − hi)⁺ + lost): no table within the fills' bounds moves fewer.
        package let bound: Int
        /// Moves that cross a border, and those that find no living copy.
        package let crossings: Int
        package let withoutSource: Int
        /// Replicas whose node is gone or does not exist any more.
        package let lost: Int
        /// Nothing was held: the table is filled for the first time and nothing is copied.
        package let isFirst: Bool
        package let survives: Bool
        /// Moves beyond the bound: the rules force them.
        package var forced: Int { moves - bound }
    }

    /// Bytes copied from one country to another, or within one.
    package struct Traffic: Hashable, Sendable {
        package let from: String
        package let to: String
        package let copies: Int
        package let bytes: Double
        /// Nil where the link has no price.
        package let euros: Double?
    }

    package struct Wave: Hashable, Sendable {
        package let moves: Int
        package let bytes: Double
        package let time: TransferTime?
    }

    package let countries: [Row]
    package let zones: [Row]
    package let nodes: [Row]
    package let efforts: [Effort]
    /// Sorted by (from, to).
    package let traffic: [Traffic]
    package let waves: [Wave]
    /// All waves one after the other; nil where nothing says how fast nodes and links are.
    package let seconds: Double?
    package let bottleneck: TransferBottleneck?
    package let isTimePartial: Bool
    let crew: Crew
    package let moves: [Move]
    package let fullest: (node: String, fill: Double)?
    package let fullAt: Double
    package let sizeNote: String?

    package var bytes: Double { traffic.reduce(0) { $0 + $1.bytes } }
    /// Nil where no link that is used has a price.
    package var euros: Double? {
        let priced = traffic.compactMap(\.euros)
        return priced.isEmpty ? nil : priced.reduce(0, +)
    }

    package init(from before: RingState?, to layout: Layout) {
        let crew = Crew(layout.draft, before: before)
        let changes = layout.changes(from: before, crew)
        let links = LinkTable(layout.draft.planning.links)
        var planner = MovePlanner(crew, links: links)
        let moves = planner.moves(changes)
        self.crew = crew
        self.moves = moves

        let tally = PlanTally(layout, crew, changes)
        nodes = tally.rows { crew.members[$0].id.name }
        zones = tally.rows { "\(crew.members[$0].country)/\(crew.members[$0].zone)" }
        countries = tally.rows { crew.members[$0].country }
        efforts = layout.placed.indices.map { layout.effort($0, crew, moves, changes[$0]) }
        traffic = Plan.traffic(moves, crew, layout.copyBytes, links)

        let count = (moves.map(\.wave).max() ?? -1) + 1
        var byWave: [[Move]] = Array(repeating: [], count: count)
        for move in moves { byWave[move.wave].append(move) }
        waves = byWave.map { moves in
            Wave(
                moves: moves.count,
                bytes: moves.reduce(0) { $0 + ($1.source == nil ? 0 : layout.copyBytes[$1.placement]) },
                time: crew.time(moves, copyBytes: layout.copyBytes, links: links))
        }
        let times = waves.map(\.time)
        seconds = times.contains { $0 == nil } ? nil : times.reduce(0) { $0 + ($1?.seconds ?? 0) }
        bottleneck = crew.time(moves, copyBytes: layout.copyBytes, links: links)?.bottleneck
        isTimePartial = times.contains { $0?.isPartial ?? true }
        fullest = layout.fullest().map { (layout.draft.nodes[$0.node].id.name, $0.fill) }
        fullAt = layout.draft.planning.fullAt
        sizeNote = layout.sizeNote
    }

    private static func traffic(
        _ moves: [Move], _ crew: Crew, _ copyBytes: [Double], _ links: LinkTable
    ) -> [Traffic] {
        let map = CountryIndex(crew)
        let n = map.names.count
        var copies = Array(repeating: 0, count: n * n)
        var bytes = Array(repeating: 0.0, count: n * n)
        for move in moves {
            guard let source = move.source else { continue }
            copies[map.of[source] * n + map.of[move.target]] += 1
            bytes[map.of[source] * n + map.of[move.target]] += copyBytes[move.placement]
        }
        return copies.indices.filter { copies[$0] > 0 }.map { at in
            let (from, to) = (map.names[at / n], map.names[at % n])
            let price = links.between(from, to)?.eurPerGB ?? (from == to ? 0 : nil)
            return Traffic(
                from: from, to: to, copies: copies[at], bytes: bytes[at], euros: price.map { $0 * bytes[at] / 1e9 })
        }
    }
}

extension Layout {
    /// Every placement before and after. Where the number of partitions differs, see `HeldTable`.
    func changes(from before: RingState?, _ crew: Crew) -> [TableChange] {
        let ids = crew.members.map(\.id)
        let own = crew.indexes(of: draft.nodes.map(\.id))
        return placed.indices.map { at in
            let placed = placed[at]
            let old = before.flatMap { state in
                state.table(placed.rule.name).map {
                    HeldTable($0, nodes: state.nodes.map(\.id), in: ids, partitions: draft.partitions)
                }
            }
            return TableChange(
                placement: at, partitions: draft.partitions,
                before: old.map { old in
                    (0..<draft.partitions).map { p in
                        old.nodes[(p * old.width)..<((p + 1) * old.width)].filter { $0 >= 0 }.map(Int.init)
                    }
                } ?? [],
                after: (0..<draft.partitions).map { p in placed.table[p].map { own[Int($0)] } },
                copyBytes: copyBytes[at])
        }
    }

    fileprivate func effort(_ at: Int, _ crew: Crew, _ moves: [Move], _ change: TableChange) -> Plan.Effort {
        let placed = placed[at]
        let isFirst = change.before.isEmpty
        let own = moves.filter { $0.placement == at }
        let replicas = draft.partitions * placed.rule.replicas
        let held = change.before.reduce(0) { $0 + $1.count { crew.members[$0].isPresent } }
        return Plan.Effort(
            placement: placed.rule.name, replicas: replicas, moves: isFirst ? replicas : own.count,
            bound: isFirst ? replicas : placed.problem.lowerBound(placed.targets),
            crossings: own.count { move in
                move.source.map { crew.members[$0].country != crew.members[move.target].country } ?? false
            },
            withoutSource: isFirst ? 0 : own.count { $0.source == nil },
            lost: change.before.reduce(0) { $0 + $1.count } - held, isFirst: isFirst, survives: placed.survives)
    }
}

/// Sums by node, grouped as asked.
private struct PlanTally {
    private let crew: Crew
    private var before: [Int]
    private var after: [Int]
    private var arriving: [Int]
    private var leaving: [Int]
    private var bytesBefore: [Double]
    private var bytes: [Double]
    private var ideal: [Double]

    init(_ layout: Layout, _ crew: Crew, _ changes: [TableChange]) {
        self.crew = crew
        before = Array(repeating: 0, count: crew.members.count)
        (after, arriving, leaving) = (before, before, before)
        bytesBefore = Array(repeating: 0, count: crew.members.count)
        (bytes, ideal) = (bytesBefore, bytesBefore)
        let idealBytes = layout.idealBytesByNode()
        for (at, index) in crew.indexes(of: layout.draft.nodes.map(\.id)).enumerated() {
            ideal[index] = idealBytes[at]
        }
        for change in changes {
            for partition in 0..<change.partitions {
                let old = change.before.isEmpty ? [] : change.before[partition]
                let new = change.after[partition]
                for node in old {
                    before[node] += 1
                    bytesBefore[node] += change.copyBytes
                    if !new.contains(node) { leaving[node] += 1 }
                }
                for node in new {
                    after[node] += 1
                    bytes[node] += change.copyBytes
                    if !old.contains(node) { arriving[node] += 1 }
                }
            }
        }
    }

    func rows(_ name: (Int) -> String) -> [Plan.Row] {
        var groups: [(name: String, nodes: [Int])] = []
        for at in crew.members.indices.sorted(by: { (name($0), $0) < (name($1), $1) }) {
            if groups.last?.name != name(at) { groups.append((name(at), [])) }
            groups[groups.count - 1].nodes.append(at)
        }
        return groups.map { group in
            let nodes = group.nodes
            let isGone = nodes.allSatisfy { !crew.members[$0].isPresent }
            // A node that is gone offers no disk.
            let capacity = nodes.reduce(0.0) {
                $0 + (crew.members[$1].isPresent || isGone ? Double(crew.members[$1].capacityBytes) : 0)
            }
            return Plan.Row(
                name: group.name, isGone: isGone,
                before: nodes.reduce(0) { $0 + before[$1] }, after: nodes.reduce(0) { $0 + after[$1] },
                arriving: nodes.reduce(0) { $0 + arriving[$1] }, leaving: nodes.reduce(0) { $0 + leaving[$1] },
                capacityBytes: capacity, bytesBefore: nodes.reduce(0) { $0 + bytesBefore[$1] },
                bytes: nodes.reduce(0) { $0 + bytes[$1] }, idealBytes: nodes.reduce(0) { $0 + ideal[$1] })
        }
    }
}
