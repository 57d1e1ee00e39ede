// C. Who exactly: which new replica goes to which node, so that any two nodes share about equally many partitions and
// the loss of one is made good by many. First the replicas of each partition are spread (`Spread`).
//
// Stage B leaves open which node of a hub zone takes which new replica. They are given out greedily to the node that
// shares least with the partition's others, then new replicas are swapped between partitions wherever that lowers
// Σ shared²: first inside each country, where hardly any rule is in the way, then everywhere. The flow likes to put the
// same zones together again and again; the loss of one of them would then weigh on few others, and the rules would
// force more moves than the fills do. Swaps touch neither fills nor moves, crossed borders nor rules, and bring no
// replicas nearer to each other.

struct PairSharing {
    private let shape: FlowShape
    /// By partition: nodes in the shape's numbers, and which of them are new there.
    private(set) var rows: [[Int32]]
    private(set) var isNew: [[Bool]]
    /// [a * nodes + b]: partitions that a and b share.
    private var shared: [UInt16]

    /// Rounds of swaps: past the third nothing worth its time is gained.
    private static let rounds = 3
    private static let triesPerReplica = 6

    init(_ shape: FlowShape, _ flow: FlowState) {
        self.shape = shape
        rows = Array(repeating: [], count: shape.partitions)
        isNew = Array(repeating: [], count: shape.partitions)
        shared = Array(repeating: 0, count: shape.nodes * shape.nodes)
        for (entry, kept) in flow.kept.enumerated() where kept == 1 {
            rows[Int(shape.heldPartition[entry])].append(shape.heldNode[entry])
            isNew[Int(shape.heldPartition[entry])].append(false)
        }
        for node in 0..<shape.nodes where shape.directNode[node] >= 0 {
            for p in flow.nodePartitions[node] {
                rows[Int(p)].append(Int32(node))
                isNew[Int(p)].append(!shape.isHeld(Int(p), node))
            }
        }
        for p in rows.indices { count(p, 1) }
        fillHubs(flow)
        spread()
        swap()
    }

    private mutating func spread() {
        var spread = Spread(shape, rows)
        spread.run()
        guard spread.hasChanged else { return }
        for p in rows.indices { count(p, -1) }
        rows = spread.rows
        for p in rows.indices {
            count(p, 1)
            isNew[p] = rows[p].map { !shape.isHeld(p, Int($0)) }
        }
    }

    private mutating func count(_ p: Int, _ by: Int) {
        for (at, a) in rows[p].enumerated() {
            for b in rows[p][(at + 1)...] { link(a, b, by) }
        }
    }

    @inline(__always) private mutating func link(_ a: Int32, _ b: Int32, _ by: Int) {
        let (x, y) = (Int(a) * shape.nodes + Int(b), Int(b) * shape.nodes + Int(a))
        shared[x] = UInt16(Int(shared[x]) + by)
        shared[y] = UInt16(Int(shared[y]) + by)
    }

    // MARK: Hubs

    private mutating func fillHubs(_ flow: FlowState) {
        var quota = flow.fromHub
        var pending: [(partition: Int32, zone: Int32)] = []
        for zone in flow.hubPartitions.indices {
            for p in flow.hubPartitions[zone] { pending.append((p, Int32(zone))) }
        }
        pending.sort { ($0.partition, $0.zone) < ($1.partition, $1.zone) }
        for (p32, zone) in pending {
            let p = Int(p32)
            var best = -1
            var bestKey = (Int.max, Int32.max)
            for node in shape.zoneNodes[Int(zone)] where quota[node] > 0 {
                let together = rows[p].reduce(0) { $0 + Int(shared[Int($1) * shape.nodes + node]) }
                // Among equals the one that still needs most: the last ones are then not left with no choice.
                let key = (together, -quota[node])
                if key < bestKey {
                    bestKey = key
                    best = node
                }
            }
            assert(best >= 0, "a hub took more replicas than it gave out")
            guard best >= 0 else { continue }
            quota[best] -= 1
            for other in rows[p] { link(other, Int32(best), 1) }
            rows[p].append(Int32(best))
            isNew[p].append(true)
        }
    }

    // MARK: Swaps

    private struct Place {
        let partition: Int32
        let at: Int32
    }

    private mutating func swap() {
        guard shape.replicas > 1 else { return }
        var byCountry: [[Place]] = Array(repeating: [], count: shape.countries)
        for p in rows.indices {
            for at in rows[p].indices where isNew[p][at] {
                byCountry[shape.country(rows[p][at])].append(Place(partition: Int32(p), at: Int32(at)))
            }
        }
        let all = byCountry.count { !$0.isEmpty } > 1 ? [byCountry.flatMap { $0 }] : []
        // A fixed sequence of partners (Knuth's MMIX multiplier): chance decides nothing.
        var state: UInt64 = 0x2545_F491_4F6C_DD1D
        for _ in 0..<PairSharing.rounds {
            var gained = 0
            for places in byCountry + all where places.count > 1 {
                for place in places {
                    for _ in 0..<PairSharing.triesPerReplica {
                        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                        gained += trySwap(place, places[Int((state >> 33) % UInt64(places.count))])
                    }
                }
            }
            if gained == 0 { return }
        }
    }

    /// 1 if the two places exchanged their nodes.
    private mutating func trySwap(_ x: Place, _ y: Place) -> Int {
        let (p, q) = (Int(x.partition), Int(y.partition))
        let (a, b) = (rows[p][Int(x.at)], rows[q][Int(y.at)])
        guard p != q, a != b, !rows[p].contains(b), !rows[q].contains(a),
            shape.fits(rows[p], taking: b, for: a), shape.fits(rows[q], taking: a, for: b),
            shape.costsTheSame(p, a, q, b),
            shape.nearing(rows[p], Int(x.at), rows[q], Int(y.at)) <= 0
        else { return 0 }
        // With both taken out, compare what putting them back either way would add to Σ shared².
        link(p, a, but: x.at, -1)
        link(q, b, but: y.at, -1)
        let straight = weight(p, a, but: x.at) + weight(q, b, but: y.at)
        let crossed = weight(p, b, but: x.at) + weight(q, a, but: y.at)
        let isBetter = crossed < straight
        link(p, isBetter ? b : a, but: x.at, 1)
        link(q, isBetter ? a : b, but: y.at, 1)
        guard isBetter else { return 0 }
        rows[p][Int(x.at)] = b
        rows[q][Int(y.at)] = a
        return 1
    }

    /// Σ (2s + 1) over the pairs that `node` would make in partition p: the growth of Σ s².
    private func weight(_ p: Int, _ node: Int32, but at: Int32) -> Int {
        var sum = 0
        for (other, neighbour) in rows[p].enumerated() where other != Int(at) {
            sum += 2 * Int(shared[Int(node) * shape.nodes + Int(neighbour)]) + 1
        }
        return sum
    }

    private mutating func link(_ p: Int, _ node: Int32, but at: Int32, _ by: Int) {
        for (other, neighbour) in rows[p].enumerated() where other != Int(at) { link(node, neighbour, by) }
    }
}
