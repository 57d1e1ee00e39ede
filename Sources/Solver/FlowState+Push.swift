// B. Sending one unit over an arc.

extension FlowState {
    /// - Precondition: the arc has room. Numbering as in `arc`.
    mutating func push(_ shape: FlowShape, _ x: Int, _ arc: Int) {
        if x < shape.firstPair {
            let (p, local) = x.quotientAndRemainder(dividingBy: shape.block)
            if local < shape.groups {
                changeGroup(shape, p, local, turned(p, arc, 0..<shape.countries), 1)
            } else if local < shape.groups + shape.countries {
                let c = local - shape.groups
                if arc == 0 { changeCountry(shape, p, c, 1) } else { changeGroup(shape, p, arc - 1, c, -1) }
            } else if local < shape.groups + 2 * shape.countries {
                pushCountryOut(shape, p, local - shape.groups - shape.countries, arc)
            } else {
                pushDirectZone(shape, p, local - shape.groups - 2 * shape.countries, arc)
            }
        } else if x < shape.firstHub {
            pushPair(shape, x - shape.firstPair, arc)
        } else if x < shape.firstNode {
            pushHub(shape, x - shape.firstHub, arc)
        } else if x < shape.overflow {
            pushNode(shape, x - shape.firstNode, arc)
        } else if arc == 0 {
            changeOverflow(1)
        } else if arc <= shape.nodes {
            changeToOverflow(arc - 1, -1)
        } else {
            changeExcess(arc - 1 - shape.nodes, -1)
        }
    }

    private mutating func pushCountryOut(_ shape: FlowShape, _ p: Int, _ c: Int, _ arc: Int) {
        let zones = shape.countryZones[c]
        guard arc < zones.count else { return changeCountry(shape, p, c, -1) }
        let zone = turned(p, arc, zones)
        if shape.directZone[zone] >= 0 { return changeDirectZone(shape, p, Int(shape.directZone[zone]), 1) }
        let pair = shape.pair(p, zone)
        if pair >= 0 { changePair(pair, 1) } else { enterHub(shape, p, zone) }
    }

    private mutating func pushDirectZone(_ shape: FlowShape, _ p: Int, _ direct: Int, _ arc: Int) {
        let nodes = shape.zoneNodes[Int(shape.directZones[direct])]
        guard arc < nodes.count else { return changeDirectZone(shape, p, direct, -1) }
        enterNode(shape, p, turned(p, arc, nodes))
    }

    private mutating func pushPair(_ shape: FlowShape, _ pair: Int, _ arc: Int) {
        let p = Int(shape.pairPartition[pair])
        let first = Int(shape.heldStart[p])
        if arc == 0 {
            enterHub(shape, p, Int(shape.pairZone[pair]))
        } else if arc <= Int(shape.heldStart[p + 1]) - first {
            changeKept(first + arc - 1, 1)
        } else {
            changePair(pair, -1)
        }
    }

    private mutating func pushHub(_ shape: FlowShape, _ zone: Int, _ arc: Int) {
        let nodes = shape.zoneNodes[zone]
        if arc < nodes.count {
            changeFromHub(nodes.lowerBound + arc, 1)
        } else {
            leaveHub(shape, zone, arc - nodes.count)
        }
    }

    private mutating func pushNode(_ shape: FlowShape, _ node: Int, _ arc: Int) {
        if arc == 0 {
            changeToSink(node, 1)
        } else if arc == 1 {
            changeToOverflow(node, 1)
        } else if arc == 2 {
            changeExcess(node, 1)
        } else if shape.directNode[node] >= 0 {
            leaveNode(shape, node, arc - 3)
        } else if arc == 3 {
            changeFromHub(node, -1)
        } else {
            changeKept(Int(shape.holds[Int(shape.holdsStart[node]) + arc - 4]), -1)
        }
    }
}
