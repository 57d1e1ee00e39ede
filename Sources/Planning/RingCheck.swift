// Whether a deployment can do what its file asks: each rule feasible or not and why, and what survives which loss.

import Quorums
import Ring
package import RingFile
import Solver
import World

package struct RingCheck: Sendable {
    /// One placement: its bottleneck, or what survives.
    package struct Verdict: Hashable, Sendable {
        package let placement: String
        package let rule: String
        package let replicas: Int
        package let read: Int
        package let write: Int
        /// Nil if the rule can be kept.
        package let infeasible: String?
        /// By kind of domain, the worst of all losses; empty where infeasible.
        package let worst: [Worst]
        /// Partitions that have all their replicas in one domain though the rule would let them lie apart.
        package let together: [Together]
    }

    package struct Together: Hashable, Sendable {
        package let domain: FailureDomain
        package let partitions: Int
    }

    package struct Worst: Hashable, Sendable {
        /// How many domains of this kind hold any of the placement's replicas.
        package let domains: Int
        package let effect: LossEffect
    }

    package struct Tier: Hashable, Sendable {
        package let country: String
        package let zones: Int
        package let nodes: Int
        package let gateways: Int
        package let draining: Int
        package let capacityBytes: Double
    }

    package let cluster: String
    package let partitions: Int
    package let countries: [Tier]
    package let verdicts: [Verdict]
    /// What an operator must not overlook. Empty: exit 0.
    package let warnings: [String]
    package let notes: [String]

    package var isFine: Bool { warnings.isEmpty && verdicts.allSatisfy { $0.infeasible == nil } }

    /// - Parameter state: judge these tables instead of those that would be made from nothing.
    package init(
        _ file: RingSpecification, state: RingState? = nil, progress: @escaping (String, Double) -> Void = { _, _ in }
    ) throws {
        var verdicts: [Verdict] = []
        var warnings: [String] = []
        var notes: [String] = []
        for at in file.draft.placements.indices {
            var one = file.draft
            let rule = one.placements[at]
            one.placements = [rule]
            let need = QuorumNeed(rule, defaults: file.draft.defaults, buckets: file.draft.buckets)
            do throws(InfeasibleLayout) {
                let layout: Layout
                if let state {
                    let whole = try RingCheck.read(state, file)
                    layout = Layout(draft: one, shares: [file.dataShares[at]], placed: [whole.placed[at]])
                } else {
                    layout = try Layout.solve(draft: one, shares: [file.dataShares[at]], from: nil, progress: progress)
                }
                let judged = RingCheck.judge(layout, into: &warnings, &notes)
                let together = RingCheck.together(layout)
                notes += together.filter { $0.partitions > 0 }.map { RingCheck.sentence($0, rule, of: layout) }
                verdicts.append(RingCheck.verdict(rule, need, infeasible: nil, worst: judged, together))
            } catch {
                let message = error.placements.first?.message ?? ""
                verdicts.append(RingCheck.verdict(rule, need, infeasible: message, worst: [], []))
            }
        }
        cluster = file.draft.cluster
        partitions = file.draft.partitions
        countries = RingCheck.tiers(file.draft)
        self.verdicts = verdicts
        self.warnings = warnings + RingCheck.topologyWarnings(file.draft)
        self.notes = notes
    }

    /// The mismatch of a state and a file is told before any verdict; see `Layout.read`.
    private static func read(_ state: RingState, _ file: RingSpecification) throws(InfeasibleLayout) -> Layout {
        do { return try Layout.read(state, file) } catch let error as InfeasibleLayout { throw error } catch {
            throw InfeasibleLayout(placements: [InfeasiblePlacement(placement: "", message: "\(error)")])
        }
    }

    private static func verdict(
        _ rule: Placement, _ need: QuorumNeed, infeasible: String?, worst: [Worst], _ together: [Together]
    ) -> Verdict {
        Verdict(
            placement: rule.name, rule: rule.sentence, replicas: rule.replicas, read: need.read, write: need.write,
            infeasible: infeasible, worst: worst, together: together)
    }

    private static func tiers(_ draft: RingDraft) -> [Tier] {
        let map = DomainMap(draft.nodes)
        return draft.countries.map { country in
            let inside = draft.nodes.indices.filter { draft.nodes[$0].country == country.id }
            let storing = inside.filter { draft.nodes[$0].capacityBytes > 0 }
            return Tier(
                country: country.id, zones: Set(storing.map { map.zone[$0] }).count, nodes: storing.count,
                gateways: inside.count - storing.count,
                draining: storing.count { draft.nodes[$0].state == .drain },
                capacityBytes: storing.reduce(0) { $0 + Double(draft.nodes[$1].capacityBytes) })
        }
    }

    private static func topologyWarnings(_ draft: RingDraft) -> [String] {
        var warnings: [String] = []
        let acceptors = draft.nameAcceptors.compactMap { id in draft.nodes.first { $0.id == id }?.country }
        if (1...2).contains(acceptors.count) {
            warnings.append(
                acceptors.count == 1
                    ? "1 name acceptor survives no loss at all: while it is away no name can be registered; 3 survive the "
                        + "loss of one"
                    : "2 name acceptors survive no loss at all: 3 survive that of one")
        }
        for country in Set(acceptors).sorted() where Set(acceptors).count > 1 {
            let left = acceptors.count { $0 != country }
            if left < QuorumSize.majority(of: acceptors.count) {
                warnings.append(
                    "losing \(country) leaves \(left) of \(acceptors.count) name acceptors, no majority: "
                        + "no name could be registered")
            }
        }
        return warnings
    }
}

// MARK: What survives

extension RingCheck {
    private static func judge(
        _ layout: Layout, into warnings: inout [String], _ notes: inout [String]
    ) -> [Worst] {
        let placed = layout.placed[0]
        let name = placed.rule.name
        var worst: [Worst] = []
        for kind in FailureDomain.allCases {
            let touched = layout.losses(0, kind).filter { $0.fewestLeft < placed.rule.replicas }
            guard let effect = touched.max(by: { severity($0) < severity($1) }) else { continue }
            worst.append(Worst(domains: touched.count, effect: effect))
        }
        let looks = looksSafeAgainst(layout)
        for entry in worst where !entry.effect.isHarmless {
            let message = "placement \(name): " + RingCheck.sentence(entry.effect, placed.rule, placed.need)
            if entry.effect.domain == looks {
                warnings.append(message + RingCheck.advice(layout, entry.effect.domain))
            } else {
                notes.append(message)
            }
        }
        if placed.need.read + placed.need.write <= placed.rule.replicas {
            notes.append(
                "placement \(name): R + W = \(placed.need.read + placed.need.write) of \(placed.rule.replicas) "
                    + "replicas: a read may miss the last write until the copies have met")
        }
        return worst
    }

    private static func severity(_ effect: LossEffect) -> (Int, Int, Int) {
        (effect.withoutCopy, effect.withoutWrite, effect.withoutRead)
    }

    /// The domain whose loss an operator would expect to be survived: the one that `survive` names, else the largest
    /// over which every partition is spread.
    private static func looksSafeAgainst(_ layout: Layout) -> FailureDomain {
        switch layout.placed[0].rule.survive {
        case .country: return .country
        case .zone: return .zone
        case .node: return .node
        case nil: break
        }
        let table = layout.placed[0].table
        func isSpread(_ domain: [Int]) -> Bool {
            (0..<table.partitions).allSatisfy { partition in
                let row = table[partition]
                return row.contains { domain[Int($0)] != domain[Int(row.first ?? 0)] }
            }
        }
        if isSpread(layout.domains.country) { return .country }
        return isSpread(layout.domains.zone) ? .zone : .node
    }

    static func sentence(_ effect: LossEffect, _ rule: Placement, _ need: QuorumNeed) -> String {
        var parts: [String] = []
        func share(_ count: Int) -> String { Quantity.percent(count, of: effect.partitions) }
        if effect.withoutCopy > 0 { parts.append("\(share(effect.withoutCopy)) of its data for good") }
        if effect.withoutWrite > 0 { parts.append("writes (W=\(need.write)) to \(share(effect.withoutWrite))") }
        if effect.withoutRead > 0 { parts.append("reads (R=\(need.read)) of \(share(effect.withoutRead))") }
        let list =
            parts.count < 2
            ? parts.joined() : parts.dropLast().joined(separator: ", ") + " and " + (parts.last ?? "")
        return "losing \(effect.domain.rawValue) \(effect.name) loses \(list); "
            + "\(effect.fewestLeft) of \(rule.replicas) replicas would be left"
    }

    /// What to do about it.
    private static func advice(_ layout: Layout, _ domain: FailureDomain) -> String {
        let placed = layout.placed[0]
        let n = placed.rule.replicas
        let spare = n - placed.need.most
        guard spare > 0 else {
            return ". With \(n) replica\(n == 1 ? "" : "s") and R=\(placed.need.read), W=\(placed.need.write) none may "
                + "be missing: more replicas or lower levels are needed"
        }
        let wanted = (n + spare - 1) / spare
        guard domain != .node else { return "" }
        let name = domain.rawValue
        let allowed = layout.draft.nodes.indices.filter { placed.problem.weights[$0] > 0 }
        let there = Set(allowed.map { domain == .country ? layout.domains.country[$0] : layout.domains.zone[$0] }).count
        let atMost = "at most \(spare) of its \(n) replicas may stand in one \(name)"
        if there < wanted {
            return ". To survive it \(atMost), which takes \(wanted) \(domain.plural); there are \(there)"
        }
        return ". To survive it \(atMost): set survive = \"\(name)\" or max_per_\(name) = \(spare)"
    }
}

// MARK: What lies together

extension RingCheck {
    /// For countries and zones, where the rule leaves a choice between several.
    private static func together(_ layout: Layout) -> [Together] {
        let (rule, problem, table) = (layout.placed[0].rule, layout.placed[0].problem, layout.placed[0].table)
        guard rule.replicas > 1 else { return [] }
        // A country that the rule gives all replicas leaves only its zones.
        let forced = rule.atLeast.first { $0.count == rule.replicas }?.country
        let nodes = layout.draft.nodes.indices.filter {
            problem.weights[$0] > 0 && (forced == nil || layout.draft.nodes[$0].country == forced)
        }
        let kinds: [(FailureDomain, [Int])] = [(.country, layout.domains.country), (.zone, layout.domains.zone)]
        return kinds.compactMap { kind, domain in
            guard nodes.contains(where: { domain[$0] != domain[nodes[0]] }) else { return nil }
            let partitions = (0..<table.partitions).count { p in
                table[p].allSatisfy { domain[Int($0)] == domain[Int(table[p].first ?? 0)] }
            }
            return Together(domain: kind, partitions: partitions)
        }
    }

    private static func sentence(_ together: Together, _ rule: Placement, of layout: Layout) -> String {
        let count = "\(Quantity.count(together.partitions)) of \(Quantity.count(layout.draft.partitions))"
        let remedy =
            together.domain == .country ? "min_countries = 2" : "max_per_zone = \(rule.replicas - 1)"
        return "placement \(rule.name): \(count) partitions have all \(rule.replicas) replicas in one "
            + "\(together.domain.rawValue), though the rule would let them lie apart: equal fills leave no room, or moves "
            + "would be needed; \(remedy) rules it out"
    }
}

extension Placement {
    /// The whole rule in a line: `de:2 any:1, min 2 countries, max 1 per zone, survives a country`.
    var sentence: String {
        var parts = [rule]
        if minCountries > 1 { parts.append("min \(minCountries) countries") }
        if let maxPerCountry, maxPerCountry < replicas { parts.append("max \(maxPerCountry) per country") }
        if let maxPerZone, maxPerZone < replicas { parts.append("max \(maxPerZone) per zone") }
        if let only { parts.append("only in \(only.joined(separator: ", "))") }
        if let survive { parts.append("survives a \(survive.rawValue)") }
        return parts.joined(separator: ", ")
    }
}
