// The seam between ring documents and the solver.

package import Ring
import World

/// What the solver found for one placement.
package struct Solution: Sendable {
    package let assignment: Assignment
    package let targets: Targets
    /// Replicas that go to a node which does not hold them, and how many of them find no living copy in their country.
    package let moves: Int
    package let crossings: Int
    /// The network with its flow and potentials: the proof that no assignment within the bounds moves fewer.
    package let certificate: FlowCertificate
}

/// Solves one placement. Deterministic: sorted identifiers and integer tie-breaks throughout.
///
/// - Parameter progress: told the share of replicas placed, now and then.
package func solve(
    _ problem: PlacementProblem, progress: @escaping (Double) -> Void = { _ in }
) throws(InfeasiblePlacement) -> Solution {
    let groups = SlotGroups(problem)
    try Feasibility.check(problem, groups)
    let targets = Targets(problem, groups: groups, slack: problem.slack)
    // From nothing there are no moves to save: each node gets its fairest fill, and an edited slack no other table.
    let isUsual = problem.heldWidth > 0 || problem.slack == PlanningInputs.usualSlack
    let bounds = isUsual ? targets : Targets(problem, groups: groups, slack: PlanningInputs.usualSlack)
    let shape = FlowShape(problem, groups: groups, targets: bounds)
    var network = MinMoves(shape, progress: progress)
    // Feasible targets have a flow: t¹ itself is one.
    let isComplete = network.run()
    precondition(isComplete, "the targets have no flow")
    let sharing = PairSharing(shape, network.flow)

    var table: [UInt16] = []
    table.reserveCapacity(problem.partitions * problem.replicas)
    var (moves, crossings) = (0, 0)
    for p in 0..<problem.partitions {
        for (node, isNew) in zip(sharing.rows[p], sharing.isNew[p]) where isNew {
            moves += 1
            if shape.copyCost[p * shape.countries + shape.country(node)] > shape.moveCost { crossings += 1 }
        }
        let row = sharing.rows[p].map { shape.original[Int($0)] }
        // Each partition begins with another of its nodes, so that whoever favours the first spreads the favour; the
        // order depends on nothing but the node and the partition, so that an epoch does not change it.
        let keyed = row.map { (key: SplitMix64.scatter(UInt64(p) << 20 ^ problem.identities[$0]), node: $0) }
        table += keyed.sorted { ($0.key, $0.node) < ($1.key, $1.node) }.map { UInt16($0.node) }
    }
    let certificate = FlowCertificate(shape: shape, flow: network.flow, potential: network.potential)
    return Solution(
        assignment: Assignment(replicas: problem.replicas, nodes: table), targets: targets, moves: moves,
        crossings: crossings, certificate: certificate)
}

/// The assignment alone.
package func assign(_ problem: PlacementProblem) throws(InfeasiblePlacement) -> Assignment {
    try solve(problem).assignment
}
