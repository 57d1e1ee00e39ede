// The solver's question: one placement over one set of nodes, in small integers.

package import Ring
import World

/// Everything that decides an assignment. Equal problems have equal answers, on every machine.
package struct PlacementProblem: Sendable {
    /// Q.
    package let partitions: Int
    /// N.
    package let replicas: Int
    /// Lower bound per country index; 0 where the rule names none.
    package let atLeast: [Int]
    /// D.
    package let minCountries: Int
    /// u and m; N where the rule has no bound.
    package let maxPerCountry: Int
    package let maxPerZone: Int
    /// By country index: whether the rule's residency admits it.
    package let isAllowed: [Bool]
    package let domains: DomainMap
    /// By node index: a number that the nodes of one rack share; -1 where the ring file names no rack.
    package let racks: [Int32]
    /// By node index: capacity in bytes; 0 where a node takes no replicas (gateway, draining, not allowed).
    package let weights: [UInt64]
    /// By node index: a stable hash of the id, for orders that must not change when other nodes come and go.
    package let identities: [UInt64]
    /// What is held today: `heldWidth` node indexes per partition, -1 for a replica whose node is gone. Empty: nothing.
    package let heldWidth: Int
    package let held: [Int32]
    /// How far fills may differ from the fairest to save moves.
    package let slack: Double
    /// For messages.
    package let name: String

    /// - Parameter tightened: the bounds after `survive`; see `SurvivalBounds`.
    package init(
        placement: Placement, partitions: Int, nodes: [RingNode], tightened: SurvivalBounds = SurvivalBounds(),
        slack: Double = 0.02, held: HeldTable = .none
    ) {
        let domains = DomainMap(nodes, including: placement.atLeast.map(\.country))
        self.partitions = partitions
        self.replicas = placement.replicas
        self.atLeast = domains.countries.map { id in placement.atLeast.first { $0.country == id }?.count ?? 0 }
        self.minCountries = placement.minCountries
        func bound(_ a: Int?, _ b: Int?) -> Int { min(a ?? placement.replicas, b ?? placement.replicas) }
        self.maxPerCountry = min(placement.replicas, bound(placement.maxPerCountry, tightened.maxPerCountry))
        self.maxPerZone = min(placement.replicas, bound(placement.maxPerZone, tightened.maxPerZone))
        let isAllowed = domains.countries.map(placement.allows(country:))
        self.isAllowed = isAllowed
        self.weights = nodes.indices.map { at in
            nodes[at].takesReplicas && isAllowed[domains.country[at]] ? nodes[at].capacityBytes : 0
        }
        self.domains = domains
        self.racks = PlacementProblem.racks(nodes)
        self.identities = nodes.map { StableHash($0.id.name).value }
        self.heldWidth = held.width
        self.held = held.nodes
        self.slack = slack
        self.name = placement.name
    }

    /// Racks are numbered in the order of their first nodes; rack `r1` of one zone is not that of another.
    private static func racks(_ nodes: [RingNode]) -> [Int32] {
        // Only ever asked.
        var numbers: [[String]: Int32] = [:]
        return nodes.map { node in
            guard !node.rack.isEmpty else { return -1 }
            let place = [node.country, node.zone, node.rack]
            let number = numbers[place] ?? Int32(numbers.count)
            numbers[place] = number
            return number
        }
    }
}

/// The bounds that `survive` adds to a rule; nil for none.
package struct SurvivalBounds: Hashable, Sendable {
    var maxPerCountry: Int?
    var maxPerZone: Int?

    init(maxPerCountry: Int? = nil, maxPerZone: Int? = nil) {
        self.maxPerCountry = maxPerCountry
        self.maxPerZone = maxPerZone
    }
}

/// Which nodes hold which partition today, in the indexes of the new document.
package struct HeldTable: Hashable, Sendable {
    package let width: Int
    /// `width` per partition; -1 for a replica whose node is gone.
    package let nodes: [Int32]

    package static let none = HeldTable(width: 0, nodes: [])
}

/// A rule that the topology cannot satisfy. The message names the bottleneck: the min cut in words.
package struct InfeasiblePlacement: Error, Hashable, Sendable, CustomStringConvertible {
    package let placement: String
    package let message: String

    package init(placement: String, message: String) {
        self.placement = placement
        self.message = message
    }

    package var description: String { message }
}
