// Proof instead of trust: a table keeps its rules, its fills lie within their bounds, and no other moves less.

import Ring
import Solver
import World

package struct Verification: Sendable {
    package struct Verdict: Hashable, Sendable {
        package let placement: String
        package let replicas: Int
        /// Partitions that break the rule, and the first of them in words.
        package let violations: Int
        package let firstViolation: String?
        /// Nodes outside [lo, hi].
        package let outOfBounds: Int
        /// Moves of this table, and the fewest that the certificate proves.
        package let moves: Int
        package let fewest: Int
        package let bound: Int
        /// What is wrong with the certificate; nil if no residual arc has negative reduced cost.
        package let flaw: String?
        package let arcs: Int
        /// Bytes over capacity of the fullest node over the mean of all.
        package let fullestOverMean: Double
        package let survives: Bool

        package var isProven: Bool {
            violations == 0 && outOfBounds == 0 && moves == fewest && flaw == nil
        }
    }

    package let verdicts: [Verdict]
    package var isProven: Bool { verdicts.allSatisfy(\.isProven) }

    /// - Parameters:
    ///   - best: solved from what was held.
    ///   - given: the tables to judge; nil for the solver's own.
    package init(_ best: Layout, given: Layout? = nil) {
        verdicts = best.placed.indices.map { at in
            let (placed, problem) = (best.placed[at], best.placed[at].problem)
            let table = given?.placed[at].table ?? placed.table
            let violations = problem.violations(of: table)
            var loads = Array(repeating: 0, count: best.draft.nodes.count)
            for node in table.nodes { loads[Int(node)] += 1 }
            let certificate = placed.solution?.certificate
            let capacity = problem.weights.reduce(0.0) { $0 + Double($1) }
            let mean = Double(table.nodes.count) / max(1, capacity)
            let fullest =
                loads.indices.filter { problem.weights[$0] > 0 }
                .map { Double(loads[$0]) / Double(problem.weights[$0]) / mean }.max() ?? 0
            return Verdict(
                placement: placed.rule.name, replicas: table.nodes.count, violations: violations.count,
                firstViolation: violations.first.map { "partition \($0.partition): \($0.message)" },
                outOfBounds: loads.indices.count {
                    loads[$0] < placed.targets.low[$0] || loads[$0] > placed.targets.high[$0]
                },
                moves: problem.movesNeeded(for: table), fewest: placed.solution?.moves ?? 0,
                bound: problem.lowerBound(placed.targets),
                flaw: certificate == nil ? "there is none" : certificate?.flaw(),
                arcs: certificate?.arcs ?? 0, fullestOverMean: fullest, survives: placed.survives)
        }
    }
}

extension PlacementProblem {
    /// Replicas of `table` on nodes that do not hold them, counted from the tables alone.
    func movesNeeded(for table: Assignment) -> Int {
        (0..<partitions).reduce(0) { sum, p in
            let old = held[(p * heldWidth)..<((p + 1) * heldWidth)]
            return sum + table[p].count { !old.contains(Int32($0)) }
        }
    }
}
