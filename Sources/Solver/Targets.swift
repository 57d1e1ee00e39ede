// A, continued: from the fairest fill to the bounds [lo, hi] that each node's number of replicas must keep.

/// How many replicas each node should get, at least and at most.
package struct Targets: Hashable, Sendable {
    /// t¹: the fairest fill in whole replicas. By node index, as the others.
    package let whole: [Int]
    /// y: the fairest fill in fractions of `unitsPerReplica`.
    package let units: [Int]
    let unitsPerReplica: Int
    package let low: [Int]
    package let high: [Int]

    /// Grants of the fractional run: enough for a precise y, few enough to take no time.
    private static let fractionalGrants = 1 << 17

    /// - Parameter slack: how far fills may differ from the fairest: a share.
    /// - Precondition: the rule is feasible.
    package init(_ problem: PlacementProblem, groups: SlotGroups, slack share: Double) {
        var fill = FairFill(problem, groups: groups, scale: problem.partitions)
        _ = fill.run()
        let whole = fill.granted
        let replicas = problem.partitions * problem.replicas
        let fine = min(256, max(4, Targets.fractionalGrants / replicas))
        var fractional = FairFill(problem, groups: groups, scale: problem.partitions * fine)
        _ = fractional.run()

        // Slack in millionths, so that the floors and ceilings below are exact.
        let million = 1_000_000
        let slack = Int((min(1, max(0, share)) * Double(million)).rounded())
        let fullest = whole.indices.filter { problem.weights[$0] > 0 }.max {
            UInt64(whole[$0]).multipliedFullWidth(by: problem.weights[$1])
                < UInt64(whole[$1]).multipliedFullWidth(by: problem.weights[$0])
        }
        var low: [Int] = []
        var high: [Int] = []
        for node in whole.indices {
            guard problem.weights[node] > 0, let fullest else {
                low.append(0)
                high.append(0)
                continue
            }
            let y = fractional.granted[node]
            let floor = y * (million - slack) / (fine * million)
            let ceiling = (y * (million + slack) + fine * million - 1) / (fine * million)
            // λ · capacity: what the node would hold if it were as full as the fullest of the fairest fill.
            let asFull = Targets.scale(whole[fullest], by: problem.weights[node], over: problem.weights[fullest])
            let capped = asFull * Double(million + slack) / Double(million)
            // One part in 10^12 covers the rounding of the two products; a true fraction is never that near to a whole.
            let atMost = Int(min(Double(problem.partitions), (capped * (1 + 1e-12)).rounded(.down)))
            low.append(min(floor, whole[node]))
            high.append(max(whole[node], min(ceiling, atMost)))
        }
        self.whole = whole
        self.units = fractional.granted
        self.unitsPerReplica = fine
        self.low = low
        self.high = high
    }

    private static func scale(_ units: Int, by weight: UInt64, over other: UInt64) -> Double {
        Double(units) * Double(weight) / Double(other)
    }

    /// y in replicas: the ideal that reports compare with.
    package func ideal(_ node: Int) -> Double { Double(units[node]) / Double(unitsPerReplica) }
}

private func < (a: (high: UInt64, low: UInt64), b: (high: UInt64, low: UInt64)) -> Bool {
    a.high != b.high ? a.high < b.high : a.low < b.low
}
