// C. Spread: of tables with equal fills and equal moves one whose partitions lie in as many countries, then zones, then
// racks as they can.
//
// The flow leaves open which partitions meet in which place, and likes to fill a place with all replicas of one. So
// wherever one partition has two more replicas in a domain than another, the two exchange a node. Where nothing is
// held this ends in the optimum, as long as the rule itself is not in the way: let p have two more in a domain than q;
// both have N in all, so q has one more somewhere else, and handing one over each way brings both nearer to the mean.
// When no such pair is left, each domain holds ⌊t/Q⌋ or ⌈t/Q⌉ replicas of every partition, which no table with these
// fills betters. The same holds for zones within countries and for racks within zones.
//
// Where something is held only exchanges that need no other number of moves are made, and what is left is not always
// the least. They may cross more borders than the flow does: a border is crossed once, replicas lie together for good.

struct Spread {
    private let shape: FlowShape
    /// By partition: nodes in the shape's numbers.
    private(set) var rows: [[Int32]]
    private(set) var hasChanged = false
    /// Partitions that take a new replica: no exchange between others is free.
    private let loose: [Int32]

    /// Partners that a partition tries in one domain where an exchange would cost moves or break the rule.
    private static let tries = 64
    /// Rounds of `keepOthers`: most is done in the first.
    private static let rounds = 4

    init(_ shape: FlowShape, _ rows: [[Int32]]) {
        self.shape = shape
        self.rows = rows
        loose = rows.indices.filter { p in rows[p].contains { !shape.isHeld(p, Int($0)) } }.map(Int32.init)
    }

    mutating func run() {
        guard !loose.isEmpty, shape.replicas > 1 else { return }
        // From the largest domain to the smallest: an exchange never brings replicas nearer at a larger one.
        for domains in [shape.nodeCountry, shape.nodeZone, shape.nodeRack] {
            while levelOut(domains) {}
        }
        for _ in 0..<Spread.rounds where !keepOthers() { return }
    }

    private func count(_ p: Int32, _ domain: Int32, _ domains: [Int32]) -> Int {
        rows[Int(p)].count { domains[Int($0)] == domain }
    }

    // MARK: Levelling

    /// True if any exchange was made.
    private mutating func levelOut(_ domains: [Int32]) -> Bool {
        var isCrowded = Array(repeating: false, count: Int(domains.max() ?? -1) + 1)
        for p in loose {
            let row = rows[Int(p)]
            for (at, node) in row.enumerated() where domains[Int(node)] >= 0 {
                if row[..<at].contains(where: { domains[Int($0)] == domains[Int(node)] }) {
                    isCrowded[Int(domains[Int(node)])] = true
                }
            }
        }
        var exchanged = false
        for domain in isCrowded.indices where isCrowded[domain] {
            if levelOut(Int32(domain), domains) { exchanged = true }
        }
        return exchanged
    }

    private mutating func levelOut(_ domain: Int32, _ domains: [Int32]) -> Bool {
        var byCount: [[Int32]] = Array(repeating: [], count: shape.replicas + 1)
        for p in loose { byCount[count(p, domain, domains)].append(p) }
        // What stands before the start has left its list.
        var start = Array(repeating: 0, count: shape.replicas + 1)
        var exchanged = false
        for high in stride(from: shape.replicas, through: 2, by: -1) {
            var at = 0
            while at < byCount[high].count {
                let p = byCount[high][at]
                at += 1
                guard count(p, domain, domains) == high else { continue }
                var tries = Spread.tries
                search: for low in 0...(high - 2) {
                    var next = start[low]
                    while next < byCount[low].count, tries > 0 {
                        let q = byCount[low][next]
                        next += 1
                        guard count(q, domain, domains) == low else {
                            if next == start[low] + 1 { start[low] = next }
                            continue
                        }
                        tries -= 1
                        guard exchange(Int(p), Int(q), domain, domains) else { continue }
                        byCount[high - 1].append(p)
                        byCount[low + 1].append(q)
                        exchanged = true
                        break search
                    }
                }
            }
        }
        return exchanged
    }

    /// The exchange of a node inside `domain` for one outside that puts the replicas of both most apart.
    private mutating func exchange(_ p: Int, _ q: Int, _ domain: Int32, _ domains: [Int32]) -> Bool {
        var best: (change: Int, i: Int, j: Int)?
        for i in rows[p].indices where domains[Int(rows[p][i])] == domain {
            for j in rows[q].indices where domains[Int(rows[q][j])] != domain {
                let change = shape.nearing(rows[p], i, rows[q], j)
                if change < best?.change ?? 0, isFree(p, i, q, j) { best = (change, i, j) }
            }
        }
        guard let best else { return false }
        swap(p, best.i, q, best.j)
        return true
    }

    /// Whether the exchange keeps rules and moves.
    private func isFree(_ p: Int, _ i: Int, _ q: Int, _ j: Int) -> Bool {
        let (a, b) = (rows[p][i], rows[q][j])
        return !rows[p].contains(b) && !rows[q].contains(a) && shape.fits(rows[p], taking: b, for: a)
            && shape.fits(rows[q], taking: a, for: b) && shape.movesAsMany(p, a, q, b)
    }

    private mutating func swap(_ p: Int, _ i: Int, _ q: Int, _ j: Int) {
        (rows[p][i], rows[q][j]) = (rows[q][j], rows[p][i])
        hasChanged = true
    }

    // MARK: Who gives a replica up

    /// A partition that gave up a replica and took a new one may hand the new one to another partition that keeps a
    /// replica on the node it left, and stay there itself: as many moves, but another gives up its place.
    private mutating func keepOthers() -> Bool {
        var holders: [[Int32]] = Array(repeating: [], count: shape.nodes)
        for p in rows.indices { for node in rows[p] { holders[Int(node)].append(Int32(p)) } }
        var exchanged = false
        for q32 in loose {
            let q = Int(q32)
            for entry in Int(shape.heldStart[q])..<Int(shape.heldStart[q + 1]) {
                let left = shape.heldNode[entry]
                guard !rows[q].contains(left) else { continue }
                if giveUp(left, for: q, holders[Int(left)]) { exchanged = true }
            }
        }
        return exchanged
    }

    private mutating func giveUp(_ node: Int32, for q: Int, _ holders: [Int32]) -> Bool {
        var best: (change: Int, p: Int, i: Int, j: Int)?
        // Each begins elsewhere in the list, so that not all ask the same few.
        for at in 0..<min(Spread.tries, holders.count) {
            let p = Int(holders[(q + at) % holders.count])
            // Lists of holders are as old as the round.
            guard p != q, let i = rows[p].firstIndex(of: node) else { continue }
            for j in rows[q].indices where !shape.isHeld(q, Int(rows[q][j])) {
                let change = shape.nearing(rows[p], i, rows[q], j)
                if change < best?.change ?? 0, isFree(p, i, q, j) { best = (change, p, i, j) }
            }
        }
        guard let best else { return false }
        swap(best.p, best.i, q, best.j)
        return true
    }
}
