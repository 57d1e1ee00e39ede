// When the disks are full: as the data grows, in good days and after a loss, and what to buy where before that.
//
// Fills are those of the fairest layout (stage A of the solver) in whole replicas: what the cluster would settle to.
// They grow in proportion to the data, so one layout for each fleet tells all months.

package import Ring
import World

package struct CapacityForecast: Sendable {
    package struct Month: Hashable, Sendable {
        package let date: CalendarDate
        package let dataBytes: Double
        /// In the order of `countries`: bytes over capacity of all its nodes.
        package let fills: [Double]
        /// The fullest node's.
        package let fullest: Double
    }

    /// Nothing lost, or the worst loss of one kind.
    package struct Limit: Hashable, Sendable {
        /// Nil for good days.
        package let domain: FailureDomain?
        /// The loss that leaves the fullest disks.
        package let worst: String?
        /// The fullest node's fill today, after that loss and the rebuild. Nil where no loss of this kind can be
        /// rebuilt.
        package let fillToday: Double?
        /// The day on which the fullest node reaches `full_at`. Nil: not within `Limits.forecastMonths`.
        package let fullOn: CalendarDate?
        /// Losses after which a rule cannot be kept: nothing is rebuilt then, and disks fill no faster.
        package let cannotRebuild: [String]
        /// What to buy so that `full_at` is not reached before the last month.
        package let purchases: [Purchase]
        /// Whether even a ring of `Limits.nodes` nodes would not do.
        package let isOutOfReach: Bool
    }

    package struct Purchase: Hashable, Sendable {
        package let nodes: Int
        package let country: String
        package let zone: String
        package let capacityBytes: UInt64
    }

    package let countries: [String]
    package let months: [Month]
    package let limits: [Limit]
    package let fullAt: Double
    package let growth: Growth?
    package let sizeNote: String?

    /// - Parameters:
    ///   - start: the day on which the data is as large as the ring file says.
    ///   - months: how far to look, at least 1.
    package init(_ layout: Layout, shares: [Double], start: CalendarDate, months horizon: Int) {
        let curve = GrowthCurve(dataBytes: layout.dataBytes, growth: layout.draft.planning.growth)
        fullAt = layout.draft.planning.fullAt
        growth = layout.draft.planning.growth
        sizeNote = layout.sizeNote

        let fleet = FleetFills(layout.draft, shares: shares, dataBytes: layout.dataBytes)
        let today = fleet.fills(of: layout.draft.nodes)
        let names = layout.domains(.country).map(\.name)
        let inside = layout.domains(.country).map(\.nodes)
        countries = names
        months = (0...horizon).map { month in
            let data = curve.bytes(atMonth: month)
            let factor = layout.dataBytes > 0 ? data / layout.dataBytes : 0
            return Month(
                date: start.adding(months: month), dataBytes: data,
                fills: inside.map { nodes in
                    let capacity = nodes.reduce(0.0) { $0 + Double(layout.draft.nodes[$1].capacityBytes) }
                    let bytes = nodes.reduce(0.0) { $0 + (today?.bytes[$1] ?? 0) }
                    return bytes / capacity * factor
                },
                fullest: (today?.fullest ?? 0) * factor)
        }

        var buyer = Buyer(
            fleet, growth: layout.dataBytes > 0 ? curve.bytes(atMonth: horizon) / layout.dataBytes : 1)
        var limits: [Limit] = []
        limits.append(
            CapacityForecast.limit(
                nil, [LostDomain(kind: .node, name: "", nodes: [])], layout, fleet, &buyer, curve, start))
        for kind in FailureDomain.allCases {
            limits.append(
                CapacityForecast.limit(
                    kind, CapacityForecast.candidates(layout, kind), layout, fleet, &buyer, curve, start))
        }
        self.limits = limits
    }

    private static func limit(
        _ kind: FailureDomain?, _ losses: [LostDomain], _ layout: Layout, _ fleet: FleetFills, _ buyer: inout Buyer,
        _ curve: GrowthCurve, _ start: CalendarDate
    ) -> Limit {
        var worst: (name: String, fill: Double)?
        var stuck: [String] = []
        for loss in losses {
            let gone = Set(loss.nodes)
            let left = layout.draft.nodes.indices.filter { !gone.contains($0) }.map { layout.draft.nodes[$0] }
            guard let fills = fleet.fills(of: left) else {
                stuck.append(loss.name)
                continue
            }
            if worst.map({ fills.fullest > $0.fill }) ?? true { worst = (loss.name, fills.fullest) }
            buyer.buy(for: left)
        }
        let bought = buyer.take()
        return Limit(
            domain: kind, worst: kind == nil ? nil : worst?.name, fillToday: worst?.fill,
            fullOn: worst.flatMap { curve.date(of: layout.draft.planning.fullAt / $0.fill, from: start) },
            cannotRebuild: stuck, purchases: bought.purchases, isOutOfReach: bought.isOutOfReach)
    }

    /// Nodes of one zone and size are alike: one of each stands for all.
    private static func candidates(_ layout: Layout, _ kind: FailureDomain) -> [LostDomain] {
        let all = layout.domains(kind)
        guard kind == .node else { return all }
        // Only ever asked.
        var seen: Set<[UInt64]> = []
        return all.filter { domain in
            let node = domain.nodes[0]
            return seen.insert([UInt64(layout.domains.zone[node]), layout.draft.nodes[node].capacityBytes]).inserted
        }
    }
}

/// Data by month.
struct GrowthCurve: Sendable {
    let dataBytes: Double
    let growth: Growth?

    func bytes(atMonth month: Int) -> Double {
        switch growth {
        case .ratio(let share): dataBytes * (0..<month).reduce(1.0) { factor, _ in factor * (1 + share) }
        case .bytes(let bytes): dataBytes + Double(bytes) * Double(month)
        case nil: dataBytes
        }
    }

    /// The day on which the data is `factor` times today's; between two months it grows evenly. Nil if never, or later
    /// than anybody plans.
    func date(of factor: Double, from start: CalendarDate) -> CalendarDate? {
        if factor <= 1 { return start }
        guard dataBytes > 0 else { return nil }
        var before = dataBytes
        for month in 1...Limits.forecastMonths {
            let after = bytes(atMonth: month)
            guard after > before else { return nil }
            if after >= factor * dataBytes {
                return start.adding(months: month - 1, fraction: (factor * dataBytes - before) / (after - before))
            }
            before = after
        }
        return nil
    }
}

extension CapacityForecast {
    /// Whether `full_at` is reached within the months, in good days or after a loss.
    package var reachesLimit: Bool {
        let end = months.last?.date
        return limits.contains { limit in limit.fullOn.map { full in end.map { full <= $0 } ?? true } ?? false }
    }
}
