// Who keeps a key: the assigned nodes, then the fallbacks in order.

package import World

/// The nodes of one partition under one placement.
package struct PreferenceList: Hashable, Sendable {
    /// The n nodes assigned.
    package let primaries: [NodeID]
    /// At most `Limits.replicas` others, in the order in which they should be asked to keep hints.
    package let fallbacks: [NodeID]

    init(primaries: [NodeID], fallbacks: [NodeID]) {
        self.primaries = primaries
        self.fallbacks = fallbacks
    }
}

extension RingDocument {
    /// Empty where the document has no such placement or partition.
    package func preferenceList(placement: String, partition: Int) -> PreferenceList {
        guard let at = placementIndex(placement), (0..<partitions).contains(partition) else {
            return PreferenceList(primaries: [], fallbacks: [])
        }
        let row = contents.draft.assignments[at][partition]
        let fallbacks = contents.index.fallbacks[at].row(partition, of: contents.draft, placement: at)
        return PreferenceList(
            primaries: row.map { contents.draft.nodes[Int($0)].id },
            fallbacks: fallbacks.map { contents.draft.nodes[Int($0)].id })
    }
}

/// Fallbacks of one placement. Every partition orders the candidates anew by a weighted rendezvous hash, so that the
/// hints for one dead node go to many; among them, those come first whose country, then zone, keeps the fewest
/// replicas.
struct FallbackTable: Sendable {
    private let width: Int
    private let table: [UInt16]

    init(_ draft: RingDraft, placement: Int) {
        let candidates = FallbackTable.candidates(draft, placement: placement)
        let row = draft.assignments[placement].replicas
        // Primaries may include nodes that are no candidates (draining), so the width is the least that any row has.
        let width = max(0, min(Limits.replicas, candidates.count - row))
        guard draft.partitions * draft.nodes.count <= Limits.fallbackTablePairs else {
            self.width = -1
            table = []
            return
        }
        var table: [UInt16] = []
        table.reserveCapacity(width * draft.partitions)
        var ranking = FallbackRanking(draft, placement: placement, candidates: candidates)
        for partition in 0..<draft.partitions { table += ranking.row(partition, width: width) }
        self.width = width
        self.table = table
    }

    func row(_ partition: Int, of draft: RingDraft, placement: Int) -> ArraySlice<UInt16> {
        if width >= 0 { return table[(partition * width)..<((partition + 1) * width)] }
        let candidates = FallbackTable.candidates(draft, placement: placement)
        let width = max(0, min(Limits.replicas, candidates.count - draft.assignments[placement].replicas))
        var ranking = FallbackRanking(draft, placement: placement, candidates: candidates)
        return ranking.row(partition, width: width)[...]
    }

    private static func candidates(_ draft: RingDraft, placement: Int) -> [Int] {
        let rule = draft.placements[placement]
        return draft.nodes.indices.filter {
            draft.nodes[$0].takesReplicas && rule.allows(country: draft.nodes[$0].country)
        }
    }
}

/// One pass over the candidates per row, with its scratch space kept between rows.
private struct FallbackRanking {
    private struct Candidate {
        let node: Int
        let country: Int
        let zone: Int
        let hash: UInt64
        let weight: Double
        var distance = 0.0
        var isTaken = false
    }

    private let assignment: Assignment
    private var candidates: [Candidate]
    private let domains: [(country: Int, zone: Int)]
    private var countryLoad: [Int]
    private var zoneLoad: [Int]

    init(_ draft: RingDraft, placement: Int, candidates: [Int]) {
        assignment = draft.assignments[placement]
        let map = DomainMap(draft.nodes)
        domains = draft.nodes.indices.map { (map.country[$0], map.zone[$0]) }
        countryLoad = Array(repeating: 0, count: map.countries.count)
        zoneLoad = Array(repeating: 0, count: map.zones.count)
        self.candidates = candidates.map { at in
            Candidate(
                node: at, country: map.country[at], zone: map.zone[at], hash: StableHash(draft.nodes[at].id.name).value,
                weight: Double(draft.nodes[at].capacityBytes))
        }
    }

    mutating func row(_ partition: Int, width: Int) -> [UInt16] {
        let primaries = assignment[partition]
        for node in primaries { count(Int(node), 1) }
        for at in candidates.indices {
            candidates[at].isTaken = primaries.contains(UInt16(candidates[at].node))
            let hash = SplitMix64.scatter(candidates[at].hash ^ SplitMix64.scatter(UInt64(partition)))
            // -log2 of the hash as a fraction of 2^64, exact at powers of two and linear between them: an exponential
            // variable near enough, and the same bits on every machine.
            let zeros = hash.leadingZeroBitCount
            let mantissa = zeros == 64 ? 0 : Double(((hash << UInt64(zeros)) << 1) >> 11) * 0x1p-53
            candidates[at].distance = (Double(zeros) + 1 - mantissa) / candidates[at].weight
        }
        var row: [UInt16] = []
        while row.count < width, let best = next() {
            candidates[best].isTaken = true
            count(candidates[best].node, 1)
            row.append(UInt16(candidates[best].node))
        }
        for node in primaries { count(Int(node), -1) }
        for node in row { count(Int(node), -1) }
        return row
    }

    private mutating func count(_ node: Int, _ change: Int) {
        countryLoad[domains[node].country] += change
        zoneLoad[domains[node].zone] += change
    }

    private func next() -> Int? {
        var best: Int?
        for at in candidates.indices where !candidates[at].isTaken {
            guard let b = best else {
                best = at
                continue
            }
            let (x, y) = (candidates[at], candidates[b])
            let (xs, ys) = ((countryLoad[x.country], zoneLoad[x.zone]), (countryLoad[y.country], zoneLoad[y.zone]))
            if xs < ys || (xs == ys && x.distance < y.distance) { best = at }
        }
        return best
    }
}
