// Deployments for the planning tests: a fleet in a line, rules, some data.

import Testing
import World

@testable import Planning
@testable import Ring
@testable import RingFile

struct Deployment {
    var file: RingSpecification

    /// - Parameters:
    ///   - spec: see `Fleet`; weights are capacities in terabytes.
    ///   - mbit: of every node.
    init(
        _ spec: String, _ placements: [Placement], partitions: Int = 64, data: UInt64? = 1_000_000_000_000,
        growth: Growth? = nil, links: [CountryLink] = [], mbit: Double? = 1_000, afr: Double? = nil,
        shares: [Double]? = nil
    ) {
        var draft = RingDraft()
        draft.cluster = "testing"
        draft.partitions = partitions
        draft.nodes = Fleet(spec).nodes.map { node in
            var node = node
            node.capacityBytes *= 1_000_000_000_000
            node.mbit = mbit
            node.afr = afr
            return node
        }
        draft.countries = DomainMap(draft.nodes).countries.map { Country(id: $0) }
        draft.placements = placements.sorted { $0.name < $1.name }
        draft.defaults.placement = placements[0].name
        draft.planning = PlanningInputs(slack: 0, dataBytes: data, growth: growth, links: links)
        let rest = draft.placements.map { $0.name == placements[0].name ? 1.0 : 0 }
        file = RingSpecification(
            draft: draft, dataShares: shares ?? rest, fileName: "RING.toml", placementPositions: [:])
    }

    func solve(from state: RingState? = nil) throws -> Layout { try Layout.solve(file, from: state) }
}

extension Placement {
    static func named(
        _ name: String, _ replicas: Int, countries: Int = 1, perCountry: Int? = nil, perZone: Int? = nil,
        atLeast: [CountryCount] = [], only: [String]? = nil, survive: Survival? = nil
    ) -> Placement {
        Placement(
            name: name, replicas: replicas, atLeast: atLeast, minCountries: countries, maxPerCountry: perCountry,
            maxPerZone: perZone, only: only, survive: survive)
    }
}
