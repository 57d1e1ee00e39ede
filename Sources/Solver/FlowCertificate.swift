// B. The proof of fewest moves, checked by other code than what made it.
//
// By the duality of linear programs a flow is cheapest if and only if there are potentials with which no residual arc
// has negative reduced cost. This file enumerates the arcs from the rules alone, one after the other in plain loops.

package struct FlowCertificate: Sendable {
    let shape: FlowShape
    let flow: FlowState
    let potential: [Int]

    /// What is wrong with the flow or the potentials; nil if the proof holds.
    package func flaw() -> String? {
        var checker = Checker(self)
        checker.run()
        return checker.flaw
    }

    /// Arcs of the network, each with its residual: what it speaks of.
    package var arcs: Int { shape.arcCount }

    /// Moves times `moveCost`, crossed borders times `borderCost`, and replicas above the fairest fill.
    var cost: Int {
        var cost = flow.excess.reduce(0) { $0 + Int($1) }
        let copies = shape.copyCost
        for zone in 0..<shape.zones where shape.directZone[zone] < 0 {
            for p in 0..<shape.partitions where flow.intoHub[zone * shape.partitions + p] == 1 {
                cost += copies[p * shape.countries + Int(shape.zoneCountry[zone])]
            }
        }
        for node in 0..<shape.nodes where shape.directNode[node] >= 0 {
            let country = Int(shape.zoneCountry[Int(shape.nodeZone[node])])
            for p in 0..<shape.partitions where flow.onNode[p * shape.directNodes + Int(shape.directNode[node])] == 1 {
                if !shape.isHeld(p, node) { cost += copies[p * shape.countries + country] }
            }
        }
        return cost
    }
}

private struct Checker {
    let shape: FlowShape
    let flow: FlowState
    let potential: [Int]
    var flaw: String?
    /// Inflow less outflow by node of the network.
    var balance: [Int]

    init(_ certificate: FlowCertificate) {
        shape = certificate.shape
        flow = certificate.flow
        potential = certificate.potential
        balance = Array(repeating: 0, count: shape.count)
    }

    /// One arc with its flow: bounds, balance, and reduced cost in both directions.
    mutating func arc(_ tail: Int, _ head: Int, flow used: Int, cap: Int, cost: Int) {
        guard flaw == nil else { return }
        balance[tail] -= used
        balance[head] += used
        let reduced = cost + potential[tail] - potential[head]
        if used < 0 || used > cap { flaw = "an arc carries \(used) of \(cap)" }
        if used < cap, reduced < 0 { flaw = "an arc with room has reduced cost \(reduced)" }
        if used > 0, reduced > 0 { flaw = "a used arc has reduced cost \(reduced)" }
    }

    mutating func run() {
        guard potential.count == shape.count else {
            flaw = "there are \(potential.count) potentials for \(shape.count) nodes"
            return
        }
        for p in 0..<shape.partitions where flaw == nil { partition(p) }
        for pair in shape.pairZone.indices { self.pair(pair) }
        var lows = 0
        for node in 0..<shape.nodes {
            let zone = Int(shape.nodeZone[node])
            if shape.directNode[node] < 0 {
                arc(shape.firstHub + zone, shape.firstNode + node, flow: Int(flow.fromHub[node]), cap: Int.max, cost: 0)
            }
            arc(shape.firstNode + node, shape.sink, flow: Int(flow.toSink[node]), cap: Int(shape.low[node]), cost: 0)
            arc(
                shape.firstNode + node, shape.overflow, flow: Int(flow.toOverflow[node]),
                cap: Int(shape.fair[node] - shape.low[node]), cost: 0)
            arc(
                shape.firstNode + node, shape.overflow, flow: Int(flow.excess[node]),
                cap: Int(shape.high[node] - shape.fair[node]), cost: 1)
            lows += Int(shape.low[node])
        }
        let total = shape.partitions * shape.replicas
        arc(shape.overflow, shape.sink, flow: flow.overflowToSink, cap: total - lows, cost: 0)
        guard flaw == nil else { return }
        if balance[shape.sink] != total { flaw = "\(balance[shape.sink]) of \(total) replicas are placed" }
        for node in balance.indices where node != shape.sink {
            let (p, local) = node < shape.firstPair ? node.quotientAndRemainder(dividingBy: shape.block) : (0, Int.max)
            let supply =
                local < shape.groups ? Int(shape.groupSupply[local] - flow.unsent[p * shape.groups + local]) : 0
            if balance[node] + supply != 0 { flaw = "the flow is not conserved" }
        }
    }

    mutating func partition(_ p: Int) {
        let base = p * shape.block
        for c in 0..<shape.countries {
            let into = base + shape.groups + c
            let out = into + shape.countries
            for group in 0..<shape.groups {
                arc(
                    base + group, into, flow: Int(flow.toCountry[(p * shape.groups + group) * shape.countries + c]),
                    cap: Int(shape.groupLimit[group * shape.countries + c]), cost: 0)
            }
            arc(into, out, flow: Int(flow.inCountry[p * shape.countries + c]), cap: Int(shape.countryCap), cost: 0)
            let copy = shape.copyCost[p * shape.countries + c]
            for zone in shape.countryZones[c] {
                let direct = Int(shape.directZone[zone])
                if direct < 0 {
                    if shape.pair(p, zone) < 0 {
                        arc(
                            out, shape.firstHub + zone, flow: Int(flow.intoHub[zone * shape.partitions + p]), cap: 1,
                            cost: copy)
                    }
                    continue
                }
                let middle = base + shape.groups + 2 * shape.countries + direct
                arc(
                    out, middle, flow: Int(flow.inDirectZone[p * shape.directZones.count + direct]),
                    cap: Int(shape.zoneCap[zone]), cost: 0)
                for node in shape.zoneNodes[zone] {
                    arc(
                        middle, shape.firstNode + node,
                        flow: Int(flow.onNode[p * shape.directNodes + Int(shape.directNode[node])]), cap: 1,
                        cost: shape.isHeld(p, node) ? 0 : copy)
                }
            }
        }
    }

    mutating func pair(_ pair: Int) {
        let p = Int(shape.pairPartition[pair])
        let zone = Int(shape.pairZone[pair])
        let c = Int(shape.zoneCountry[zone])
        arc(
            p * shape.block + shape.groups + shape.countries + c, shape.firstPair + pair,
            flow: Int(flow.inPair[pair]), cap: 1, cost: 0)
        arc(
            shape.firstPair + pair, shape.firstHub + zone, flow: Int(flow.intoHub[zone * shape.partitions + p]), cap: 1,
            cost: shape.copyCost[p * shape.countries + c])
        for entry in Int(shape.heldStart[p])..<Int(shape.heldStart[p + 1])
        where shape.nodeZone[Int(shape.heldNode[entry])] == Int32(zone) {
            arc(
                shape.firstPair + pair, shape.firstNode + Int(shape.heldNode[entry]), flow: Int(flow.kept[entry]),
                cap: 1,
                cost: 0)
        }
    }
}

extension FlowShape {
    var arcCount: Int {
        let slots = partitions * countries * (groups + 1)
        let zoneArcs = zones * partitions + directNodes * partitions
        return slots + zoneArcs + pairZone.count + heldNode.count + 4 * nodes + 1
    }
}
