// What `survive` asks for: enough replicas outside any one country (zone, node) that reads and writes go on.

package import Ring

/// R and W of a placement: the most that any bucket with that placement asks for.
package struct QuorumNeed: Hashable, Sendable {
    package let read: Int
    package let write: Int

    package init(_ placement: Placement, defaults: BucketProperties, buckets: [Bucket]) {
        let users = ([defaults] + buckets.map(\.properties)).filter { $0.placement == placement.name }
        // A placement without buckets is judged by the levels that a new bucket would have.
        let levels = users.isEmpty ? [defaults] : users
        read = levels.map { $0.read.needed(ofReplicas: placement.replicas) }.max() ?? 1
        write = levels.map { $0.write.needed(ofReplicas: placement.replicas) }.max() ?? 1
    }

    package var most: Int { max(read, write) }
}

extension SurvivalBounds {
    /// u = N − max(R, W) per country, or per zone. Nil where even that much is nothing: no spread can help then.
    init?(_ placement: Placement, need: QuorumNeed) {
        guard let survive = placement.survive else {
            self.init()
            return
        }
        let spare = placement.replicas - need.most
        guard spare >= 1 else { return nil }
        switch survive {
        case .node: self.init()
        case .zone: self.init(maxPerZone: spare)
        case .country: self.init(maxPerCountry: spare)
        }
    }
}

extension PlacementProblem {
    /// The problem with the bounds of `survive` where the topology allows them, without where not: an operator who
    /// wishes for the impossible gets a cluster and a loud warning (`RingCheck`), not a refusal.
    package static func make(
        _ placement: Placement, draft: RingDraft, held: HeldTable = .none
    ) -> (problem: PlacementProblem, survives: Bool) {
        func problem(_ bounds: SurvivalBounds) -> PlacementProblem {
            PlacementProblem(
                placement: placement, partitions: draft.partitions, nodes: draft.nodes, tightened: bounds,
                slack: draft.planning.slack, held: held)
        }
        let need = QuorumNeed(placement, defaults: draft.defaults, buckets: draft.buckets)
        guard let bounds = SurvivalBounds(placement, need: need) else { return (problem(SurvivalBounds()), false) }
        let tightened = problem(bounds)
        if bounds == SurvivalBounds() || Feasibility.isFeasible(tightened) { return (tightened, true) }
        return (problem(SurvivalBounds()), false)
    }
}
