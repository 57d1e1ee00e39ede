// What if something were lost, or bought: at once, and after the replicas have been made whole again.

package import Ring
import RingFile
import Solver
import World

/// One thing that an operator imagines.
package enum Imagined: Hashable, Sendable, CustomStringConvertible {
    case lose(FailureDomain, String)
    /// Nodes of one size in one zone.
    case add(count: Int, country: String, zone: String, capacityBytes: UInt64)

    /// `country:de`, `zone:de/fra1`, `node:de-fra-1`. Nil for what is none of these.
    package static func loss(_ text: String) -> Imagined? {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, let kind = FailureDomain(rawValue: String(halves[0])), !halves[1].isEmpty else {
            return nil
        }
        return .lose(kind, String(halves[1]))
    }

    /// `3:de/fra1:8TB`. Nil for what is not of this form.
    package static func addition(_ text: String) -> Imagined? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let count = Int(parts[0]), (1...Limits.nodes).contains(count),
            let capacity = Units.bytes(parts[2]), capacity > 0
        else { return nil }
        let place = parts[1].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard place.count == 2, RingNames.isLabel(place[1]) else { return nil }
        return .add(count: count, country: place[0], zone: place[1], capacityBytes: capacity)
    }

    package var description: String {
        switch self {
        case .lose(let kind, let name): "without \(kind.rawValue) \(name)"
        case .add(let count, let country, let zone, let bytes):
            "with \(count) more node\(count == 1 ? "" : "s") of \(Quantity.bytes(Double(bytes))) in \(country)/\(zone)"
        }
    }
}

package struct WhatIf: Sendable {
    /// One placement, at once and afterwards.
    package struct Verdict: Hashable, Sendable {
        package let placement: String
        package let atOnce: LossEffect
        package let read: Int
        package let write: Int
        package let replicas: Int
        /// Why the rule can no longer be kept; nil if it can.
        package let infeasible: String?
        /// Replicas to make anew, or to move.
        package let moves: Int
    }

    package let imagined: [Imagined]
    package let verdicts: [Verdict]
    package let fullestBefore: (node: String, fill: Double)?
    /// After the rebuild; what stands under an infeasible rule stays where it is left.
    package let fullestAfter: (node: String, fill: Double)?
    package let fullAt: Double
    package let rebuildBytes: Double
    package let crossBorderBytes: Double
    package let euros: Double?
    package let seconds: Double?
    package let bottleneck: TransferBottleneck?
    package let isTimePartial: Bool
    package let sizeNote: String?

    package var isFine: Bool {
        verdicts.allSatisfy { $0.infeasible == nil && $0.atOnce.isHarmless } && (fullestAfter?.fill ?? 0) <= fullAt
    }

    /// - Throws: `RingDocumentError` where something imagined does not exist or leaves no node.
    package init(
        _ layout: Layout, shares: [Double], _ imagined: [Imagined],
        progress: @escaping (String, Double) -> Void = { _, _ in }
    ) throws(RingDocumentError) {
        let change = try ImaginedChange(layout, imagined)
        let before = layout.state
        var after = layout.draft
        after.nodes = change.nodes
        // The same bytes as before, so that fills compare.
        after.planning.dataBytes = UInt64(layout.dataBytes)
        var infeasible: [String?] = []
        for at in after.placements.indices {
            let (problem, _) = PlacementProblem.make(after.placements[at], draft: after)
            do throws(InfeasiblePlacement) {
                try Feasibility.check(problem, SlotGroups(problem))
                infeasible.append(nil)
            } catch { infeasible.append(error.message) }
        }
        let kept = infeasible.indices.filter { infeasible[$0] == nil }
        var rebuilt = after
        rebuilt.placements = kept.map { after.placements[$0] }
        let planned: Layout
        do {
            planned = try Layout.solve(
                draft: rebuilt, shares: kept.map { shares[$0] }, from: before, progress: progress)
        } catch { throw RingDocumentError(error.placements.map(\.message).joined(separator: "; ")) }
        let plan = Plan(from: before, to: planned)

        self.imagined = imagined
        verdicts = layout.placed.indices.map { at in
            let placed = layout.placed[at]
            let effort = plan.efforts.first { $0.placement == placed.rule.name }
            return Verdict(
                placement: placed.rule.name, atOnce: layout.loss(at, of: change.lost), read: placed.need.read,
                write: placed.need.write, replicas: placed.rule.replicas, infeasible: infeasible[at],
                moves: effort?.moves ?? 0)
        }
        fullestBefore = layout.fullest().map { (layout.draft.nodes[$0.node].id.name, $0.fill) }
        fullestAfter = WhatIf.fullest(
            layout, planned, stuck: infeasible.indices.filter { infeasible[$0] != nil }, lost: change.lost)
        fullAt = layout.draft.planning.fullAt
        rebuildBytes = plan.bytes
        crossBorderBytes = plan.traffic.filter { $0.from != $0.to }.reduce(0) { $0 + $1.bytes }
        euros = plan.euros
        seconds = plan.seconds
        bottleneck = plan.bottleneck
        isTimePartial = plan.isTimePartial
        sizeNote = layout.sizeNote
    }

    private static func fullest(
        _ layout: Layout, _ planned: Layout, stuck: [Int], lost: Set<Int>
    ) -> (node: String, fill: Double)? {
        var bytes = planned.bytesByNode()
        for placement in stuck {
            for (node, load) in layout.loads(placement).enumerated() where !lost.contains(node) {
                let id = layout.draft.nodes[node].id
                guard let at = planned.draft.nodes.firstIndex(where: { $0.id == id }) else { continue }
                bytes[at] += Double(load) * layout.copyBytes[placement]
            }
        }
        let fills = planned.draft.nodes.indices.filter { planned.draft.nodes[$0].capacityBytes > 0 }.map { at in
            (node: planned.draft.nodes[at].id.name, fill: bytes[at] / Double(planned.draft.nodes[at].capacityBytes))
        }
        return fills.max { $0.fill < $1.fill }
    }
}

/// The nodes after an imagined change, and which of the old ones it takes.
private struct ImaginedChange {
    var nodes: [RingNode]
    var lost: Set<Int> = []

    init(_ layout: Layout, _ imagined: [Imagined]) throws(RingDocumentError) {
        nodes = layout.draft.nodes
        for entry in imagined {
            switch entry {
            case .lose(let kind, let name):
                guard let domain = layout.domains(kind).first(where: { $0.name == name }) else {
                    let known = layout.domains(kind).map(\.name)
                    let some = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", …" : "")
                    throw RingDocumentError(
                        "there is no \(kind.rawValue) \(name) that stores anything; there are: \(some)")
                }
                lost.formUnion(domain.nodes)
            case .add(let count, let country, let zone, let capacity):
                guard let home = layout.draft.countries.first(where: { $0.id == country }) else {
                    throw RingDocumentError("the ring file has no [country.\(country)] to add nodes to")
                }
                try add(count, home, zone, capacity)
            }
        }
        let gone = Set(lost.map { layout.draft.nodes[$0].id })
        nodes = nodes.filter { !gone.contains($0.id) }.sorted { $0.id < $1.id }
        guard nodes.contains(where: \.takesReplicas) else {
            throw RingDocumentError("nothing would be left that stores anything")
        }
    }

    /// New nodes are as fast and as reliable as the best known of their country: they would be bought today.
    private mutating func add(
        _ count: Int, _ home: Country, _ zone: String, _ capacity: UInt64
    ) throws(RingDocumentError) {
        guard nodes.count + count <= Limits.nodes else {
            throw RingDocumentError("a ring may have \(Limits.nodes) nodes")
        }
        let peers = nodes.filter { $0.country == home.id && $0.capacityBytes > 0 }
        var number = 1
        for _ in 0..<count {
            while nodes.contains(where: { $0.id.name == "new-\(home.id)-\(number)" }) { number += 1 }
            guard let id = NodeID("new-\(home.id)-\(number)"), let address = HostPort(host: "new", port: 1) else {
                continue
            }
            nodes.append(
                RingNode(
                    id: id, country: home.id, zone: zone, peer: address, http: address, capacityBytes: capacity,
                    state: .new, location: home.location, mbit: peers.compactMap(\.mbit).max(),
                    afr: peers.compactMap(\.afr).min()))
        }
    }
}
