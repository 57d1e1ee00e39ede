// C. Exchanges: two partitions hand each other one node. Fills stay as they are; what else must stay is asked for here.

extension FlowShape {
    func isHeld(_ p: Int, _ node: Int) -> Bool {
        heldNode[Int(heldStart[p])..<Int(heldStart[p + 1])].contains(Int32(node))
    }

    @inline(__always) func country(_ node: Int32) -> Int { Int(zoneCountry[Int(nodeZone[Int(node)])]) }

    /// Whether a partition with these nodes keeps its rule if it takes `new` for `old`.
    func fits(_ row: [Int32], taking new: Int32, for old: Int32) -> Bool {
        let zone = nodeZone[Int(new)]
        guard zone != nodeZone[Int(old)] else { return true }
        guard row.count(where: { nodeZone[Int($0)] == zone }) < Int(zoneCap[Int(zone)]) else { return false }
        let (from, to) = (country(old), country(new))
        guard from != to else { return true }
        let leaving = row.count { country($0) == from }
        let arriving = row.count { country($0) == to }
        guard leaving > atLeast[from], arriving < Int(countryCap) else { return false }
        guard leaving == 1, arriving > 0 else { return true }
        // One country less.
        let used = row.indices.count { at in !row[..<at].contains { country($0) == country(row[at]) } }
        return used > minCountries
    }

    /// Whether p with b and q with a, instead of the other way round, means as many moves.
    func movesAsMany(_ p: Int, _ a: Int32, _ q: Int, _ b: Int32) -> Bool {
        func isMove(_ partition: Int, _ node: Int32) -> Int { isHeld(partition, Int(node)) ? 0 : 1 }
        return isMove(p, a) + isMove(q, b) == isMove(p, b) + isMove(q, a)
    }

    /// The same, and as many crossed borders.
    func costsTheSame(_ p: Int, _ a: Int32, _ q: Int, _ b: Int32) -> Bool {
        func cost(_ partition: Int, _ node: Int32) -> Int {
            isHeld(partition, Int(node)) ? 0 : copyCost[partition * countries + country(node)]
        }
        return cost(p, a) + cost(q, b) == cost(p, b) + cost(q, a)
    }

    /// How much two replicas of one partition have in common: the country counts most, then the zone, then the rack. A
    /// partition has at most 120 pairs, so that no number of one outweighs one of the other.
    @inline(__always) func nearness(_ a: Int32, _ b: Int32) -> Int {
        let (x, y) = (nodeZone[Int(a)], nodeZone[Int(b)])
        if x == y { return 1 << 32 + 1 << 16 + (nodeRack[Int(a)] >= 0 && nodeRack[Int(a)] == nodeRack[Int(b)] ? 1 : 0) }
        return zoneCountry[Int(x)] == zoneCountry[Int(y)] ? 1 << 32 : 0
    }

    /// How much nearer to each other the replicas of p and q would be if they exchanged their nodes at i and j; below 0
    /// where they would lie more apart.
    func nearing(_ p: [Int32], _ i: Int, _ q: [Int32], _ j: Int) -> Int {
        var sum = 0
        for at in p.indices where at != i { sum += nearness(q[j], p[at]) - nearness(p[i], p[at]) }
        for at in q.indices where at != j { sum += nearness(p[i], q[at]) - nearness(q[j], q[at]) }
        return sum
    }
}
