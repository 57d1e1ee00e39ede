// A deployment with its tables: what every planning tool looks at.

package import Ring
package import RingFile
package import Solver
import World

/// Rules that cannot be kept: all of them, not just the first.
package struct InfeasibleLayout: Error, Sendable {
    package let placements: [InfeasiblePlacement]
}

/// One placement with its table.
struct PlacedTable: Sendable {
    let rule: Placement
    let problem: PlacementProblem
    /// Whether the bounds of `survive` are kept.
    let survives: Bool
    let need: QuorumNeed
    let targets: Targets
    /// Node indexes are the draft's.
    let table: Assignment
    /// What the solver said, where it made the table.
    let solution: Solution?
}

package struct Layout: Sendable {
    let draft: RingDraft
    let domains: DomainMap
    /// By placement.
    let placed: [PlacedTable]
    /// By placement: the bytes of one replica of one partition.
    let copyBytes: [Double]
    /// Client data, one copy of it.
    package let dataBytes: Double
    /// Whether the ring file says nothing of data, so that nodes are taken to be as full as `full_at`.
    package let isDataAssumed: Bool

    init(draft: RingDraft, shares: [Double], placed: [PlacedTable]) {
        self.draft = draft
        self.placed = placed
        domains = DomainMap(draft.nodes)
        // With one byte of data in all, how full is the fullest node?
        let unit = shares.map { $0 / Double(draft.partitions) }
        if let known = draft.planning.dataBytes {
            dataBytes = Double(known)
            isDataAssumed = false
        } else {
            let fullest = draft.nodes.indices.reduce(0.0) { most, node in
                guard draft.nodes[node].takesReplicas else { return most }
                let bytes = placed.indices.reduce(0.0) { $0 + unit[$1] * placed[$1].targets.ideal(node) }
                return max(most, bytes / Double(draft.nodes[node].capacityBytes))
            }
            dataBytes = fullest > 0 ? draft.planning.fullAt / fullest : 0
            isDataAssumed = true
        }
        copyBytes = unit.map { [dataBytes] in $0 * dataBytes }
    }

    // MARK: Making one

    /// Solves every placement.
    ///
    /// - Parameters:
    ///   - state: the tables in force: as few replicas as possible move away from them. Nil: nothing is held.
    ///   - progress: told which placement is solved and the share of its replicas that are placed.
    package static func solve(
        _ file: RingSpecification, from state: RingState? = nil,
        progress: @escaping (String, Double) -> Void = { _, _ in }
    ) throws(InfeasibleLayout) -> Layout {
        try solve(draft: file.draft, shares: file.dataShares, from: state, progress: progress)
    }

    static func solve(
        draft: RingDraft, shares: [Double], from state: RingState?,
        progress: @escaping (String, Double) -> Void = { _, _ in }
    ) throws(InfeasibleLayout) -> Layout {
        var placed: [PlacedTable] = []
        var failures: [InfeasiblePlacement] = []
        for rule in draft.placements {
            let held = state.flatMap { state in
                state.table(rule.name).map {
                    HeldTable($0, nodes: state.nodes.map(\.id), in: draft.nodes, partitions: draft.partitions)
                }
            }
            let (problem, survives) = PlacementProblem.make(rule, draft: draft, held: held ?? .none)
            do {
                let solution = try Solver.solve(problem) { progress(rule.name, $0) }
                placed.append(
                    PlacedTable(
                        rule: rule, problem: problem, survives: survives,
                        need: QuorumNeed(rule, defaults: draft.defaults, buckets: draft.buckets),
                        targets: solution.targets, table: solution.assignment, solution: solution))
            } catch { failures.append(error) }
        }
        guard failures.isEmpty else { throw InfeasibleLayout(placements: failures) }
        return Layout(draft: draft, shares: shares, placed: placed)
    }

    /// The tables of `state` as they are, judged by the rules of `file`.
    ///
    /// - Throws: what does not fit together, in words; or the rules that nothing can keep.
    package static func read(_ state: RingState, _ file: RingSpecification) throws -> Layout {
        let draft = file.draft
        guard state.partitions == draft.partitions else {
            throw RingDocumentError(
                "the state has \(state.partitions) partitions, the ring file \(draft.partitions): plan first")
        }
        let ids = draft.nodes.map(\.id)
        if let stranger = state.nodes.first(where: { node in !ids.contains(node.id) }) {
            throw RingDocumentError("node \(stranger.id) of the state is not in the ring file: plan first")
        }
        var placed: [PlacedTable] = []
        var failures: [InfeasiblePlacement] = []
        for rule in draft.placements {
            guard let table = state.table(rule.name), table.replicas == rule.replicas else {
                throw RingDocumentError(
                    "the state has no table of \(rule.replicas) replicas for placement \(rule.name): plan first")
            }
            let held = HeldTable(table, nodes: state.nodes.map(\.id), in: draft.nodes, partitions: draft.partitions)
            let (problem, survives) = PlacementProblem.make(rule, draft: draft)
            let groups = SlotGroups(problem)
            do { try Feasibility.check(problem, groups) } catch {
                failures.append(error)
                continue
            }
            placed.append(
                PlacedTable(
                    rule: rule, problem: problem, survives: survives,
                    need: QuorumNeed(rule, defaults: draft.defaults, buckets: draft.buckets),
                    targets: Targets(problem, groups: groups, slack: problem.slack),
                    table: Assignment(replicas: rule.replicas, nodes: held.nodes.map(UInt16.init)), solution: nil))
        }
        guard failures.isEmpty else { throw InfeasibleLayout(placements: failures) }
        return Layout(draft: draft, shares: file.dataShares, placed: placed)
    }

    /// The tables as a state file keeps them.
    package var state: RingState {
        RingState(
            cluster: draft.cluster, partitions: draft.partitions, nodes: draft.nodes,
            tables: placed.map { RingState.Table(placement: $0.rule.name, assignment: $0.table) })
    }

    /// The ring document that a node would compile, had it these tables.
    package func document() throws(RingDocumentError) -> RingDocument {
        var draft = draft
        draft.assignments = placed.map(\.table)
        return try RingDocument(draft)
    }

    // MARK: Counting

    /// Replicas of one placement by node.
    func loads(_ placement: Int) -> [Int] {
        var loads = Array(repeating: 0, count: draft.nodes.count)
        for node in placed[placement].table.nodes { loads[Int(node)] += 1 }
        return loads
    }

    /// Bytes by node, over all placements.
    func bytesByNode() -> [Double] {
        var bytes = Array(repeating: 0.0, count: draft.nodes.count)
        for at in placed.indices {
            for (node, load) in loads(at).enumerated() { bytes[node] += Double(load) * copyBytes[at] }
        }
        return bytes
    }

    /// What the fairest fill would put on each node: bytes.
    func idealBytesByNode() -> [Double] {
        draft.nodes.indices.map { node in
            placed.indices.reduce(0.0) { $0 + placed[$1].targets.ideal(node) * copyBytes[$1] }
        }
    }

    /// The fullest node that takes replicas, and its fill.
    func fullest() -> (node: Int, fill: Double)? {
        let bytes = bytesByNode()
        var best: (node: Int, fill: Double)?
        for (at, node) in draft.nodes.enumerated() where node.capacityBytes > 0 {
            let fill = bytes[at] / Double(node.capacityBytes)
            if best.map({ fill > $0.fill }) ?? true { best = (at, fill) }
        }
        return best
    }

    /// What readers of any table of sizes should know.
    package var sizeNote: String? {
        guard isDataAssumed else { return nil }
        return "the ring file has no [growth] data: sizes are those of \(Quantity.bytes(dataBytes)) of client data, "
            + "with which the fullest node stands at full_at (\(Quantity.percent(draft.planning.fullAt, digits: 0)))"
    }
}
