// B. The flow itself: what runs over each arc, and which arcs have room left.
//
// A node's arcs are numbered from 0, forward ones first. An arc without room is -1; its reverse has room where it
// carries something. Reverse arcs into partitions are found through lists of what a hub or node carries, so a scan
// costs what there is, not what there could be.

import World

struct FlowState: Sendable {
    /// [partition * groups + group]
    var unsent: [Int32]
    /// [(partition * groups + group) * countries + country]
    private(set) var toCountry: [Int8]
    /// [partition * countries + country]
    private(set) var inCountry: [Int8]
    /// Replicas in direct zones: [partition * directZones + zone].
    private(set) var inDirectZone: [Int8]
    /// [partition * directNodes + node], 0 or 1.
    private(set) var onNode: [Int8]
    /// [hub zone * partitions + partition], 0 or 1: a new replica.
    private(set) var intoHub: [Int8]
    /// By pair: replicas, kept or new.
    private(set) var inPair: [Int8]
    /// By held entry in a hub zone, 0 or 1.
    private(set) var kept: [Int8]
    /// By node: what it takes from its hub, feeds to the sink, and to the overflow.
    private(set) var fromHub: [Int32]
    private(set) var toSink: [Int32]
    private(set) var toOverflow: [Int32]
    /// Into the overflow above the fairest fill.
    private(set) var excess: [Int32]
    private(set) var overflowToSink = 0
    private let overflowCap: Int
    /// By zone: partitions with a new replica in the hub. By node of a direct zone: its partitions.
    private(set) var hubPartitions: [[Int32]]
    private(set) var nodePartitions: [[Int32]]
    /// By direct node: 1 where the partition holds it. [partition * directNodes + node]
    private let isHeld: [Int8]
    /// Zones are tried in another order by each partition, so that zones meet in all combinations.
    private let turn: [Int32]

    init(_ shape: FlowShape) {
        func zeros<T: FixedWidthInteger>(_ count: Int) -> [T] { Array(repeating: 0, count: count) }
        let q = shape.partitions
        unsent = (0..<q).flatMap { _ in shape.groupSupply }
        toCountry = zeros(q * shape.groups * shape.countries)
        inCountry = zeros(q * shape.countries)
        inDirectZone = zeros(q * shape.directZones.count)
        onNode = zeros(q * shape.directNodes)
        let hasHub = shape.directZones.count < shape.zones
        intoHub = zeros(hasHub ? q * shape.zones : 0)
        inPair = zeros(shape.pairZone.count)
        kept = zeros(shape.heldNode.count)
        fromHub = zeros(shape.nodes)
        toSink = zeros(shape.nodes)
        toOverflow = zeros(shape.nodes)
        excess = zeros(shape.nodes)
        overflowCap = q * shape.replicas - shape.low.reduce(0) { $0 + Int($1) }
        hubPartitions = Array(repeating: [], count: shape.zones)
        nodePartitions = Array(repeating: [], count: shape.nodes)
        var isHeld: [Int8] = zeros(q * shape.directNodes)
        for (entry, node) in shape.heldNode.enumerated() where shape.directNode[Int(node)] >= 0 {
            isHeld[Int(shape.heldPartition[entry]) * shape.directNodes + Int(shape.directNode[Int(node)])] = 1
        }
        self.isHeld = isHeld
        turn = (0..<q).map { Int32(truncatingIfNeeded: SplitMix64.scatter(UInt64($0)) >> 34) }
    }

    func forEachUnsent(_ shape: FlowShape, _ body: (Int) -> Void) {
        for partition in 0..<shape.partitions {
            for group in 0..<shape.groups where unsent[partition * shape.groups + group] > 0 {
                body(partition * shape.block + group)
            }
        }
    }

    /// Element `arc` of a range, begun at the partition's turn.
    @inline(__always) func turned(_ partition: Int, _ arc: Int, _ range: Range<Int>) -> Int {
        let at = arc + Int(turn[partition]) % range.count
        return range.lowerBound + (at < range.count ? at : at - range.count)
    }

    // MARK: Arcs

    @inline(__always) func degree(_ shape: FlowShape, _ x: Int) -> Int {
        if x < shape.firstPair {
            let local = x % shape.block
            if local < shape.groups { return shape.countries }
            if local < shape.groups + shape.countries { return 1 + shape.groups }
            if local < shape.groups + 2 * shape.countries {
                return shape.countryZones[local - shape.groups - shape.countries].count + 1
            }
            let zone = Int(shape.directZones[local - shape.groups - 2 * shape.countries])
            return shape.zoneNodes[zone].count + 1
        }
        if x < shape.firstHub {
            let p = Int(shape.pairPartition[x - shape.firstPair])
            return 2 + Int(shape.heldStart[p + 1] - shape.heldStart[p])
        }
        if x < shape.firstNode {
            let zone = x - shape.firstHub
            return shape.zoneNodes[zone].count + hubPartitions[zone].count
        }
        if x < shape.overflow {
            let node = x - shape.firstNode
            return shape.directNode[node] >= 0
                ? 3 + nodePartitions[node].count : 4 + Int(shape.holdsStart[node + 1] - shape.holdsStart[node])
        }
        return x == shape.overflow ? 1 + 2 * shape.nodes : 0
    }

    /// Where arc `arc` of node `x` leads, -1 if it has no room, and what it costs.
    @inline(__always) func arc(_ shape: FlowShape, _ x: Int, _ arc: Int) -> (head: Int, cost: Int) {
        if x < shape.firstPair {
            let (p, local) = x.quotientAndRemainder(dividingBy: shape.block)
            if local < shape.groups { return groupArc(shape, p, local, arc) }
            if local < shape.groups + shape.countries {
                return countryInArc(shape, p, local - shape.groups, arc)
            }
            if local < shape.groups + 2 * shape.countries {
                return countryOutArc(shape, p, local - shape.groups - shape.countries, arc)
            }
            return directZoneArc(shape, p, local - shape.groups - 2 * shape.countries, arc)
        }
        if x < shape.firstHub { return pairArc(shape, x - shape.firstPair, arc) }
        if x < shape.firstNode { return hubArc(shape, x - shape.firstHub, arc) }
        if x < shape.overflow { return nodeArc(shape, x - shape.firstNode, arc) }
        if arc == 0 { return (overflowToSink < overflowCap ? shape.sink : -1, 0) }
        let node = arc - 1
        if node < shape.nodes { return (toOverflow[node] > 0 ? shape.firstNode + node : -1, 0) }
        return (excess[node - shape.nodes] > 0 ? shape.firstNode + node - shape.nodes : -1, -1)
    }

    @inline(__always) private func groupArc(_ shape: FlowShape, _ p: Int, _ group: Int, _ arc: Int) -> (Int, Int) {
        let c = turned(p, arc, 0..<shape.countries)
        let used = toCountry[(p * shape.groups + group) * shape.countries + c]
        let hasRoom = Int32(used) < shape.groupLimit[group * shape.countries + c]
        return (hasRoom ? p * shape.block + shape.groups + c : -1, 0)
    }

    @inline(__always) private func countryInArc(_ shape: FlowShape, _ p: Int, _ c: Int, _ arc: Int) -> (Int, Int) {
        if arc == 0 {
            let hasRoom = Int32(inCountry[p * shape.countries + c]) < shape.countryCap
            return (hasRoom ? p * shape.block + shape.groups + shape.countries + c : -1, 0)
        }
        let group = arc - 1
        let used = toCountry[(p * shape.groups + group) * shape.countries + c]
        return (used > 0 ? p * shape.block + group : -1, 0)
    }

    @inline(__always) private func countryOutArc(_ shape: FlowShape, _ p: Int, _ c: Int, _ arc: Int) -> (Int, Int) {
        let zones = shape.countryZones[c]
        if arc == zones.count {
            return (inCountry[p * shape.countries + c] > 0 ? p * shape.block + shape.groups + c : -1, 0)
        }
        let zone = turned(p, arc, zones)
        let direct = Int(shape.directZone[zone])
        if direct >= 0 {
            let used = inDirectZone[p * shape.directZones.count + direct]
            let head = p * shape.block + shape.groups + 2 * shape.countries + direct
            return (Int32(used) < shape.zoneCap[zone] ? head : -1, 0)
        }
        let pair = shape.pair(p, zone)
        if pair >= 0 { return (inPair[pair] < 1 ? shape.firstPair + pair : -1, 0) }
        let head = intoHub[zone * shape.partitions + p] == 0 ? shape.firstHub + zone : -1
        return (head, shape.copyCost[p * shape.countries + c])
    }

    @inline(__always) private func directZoneArc(_ shape: FlowShape, _ p: Int, _ direct: Int, _ arc: Int) -> (Int, Int)
    {
        let zone = Int(shape.directZones[direct])
        let c = Int(shape.zoneCountry[zone])
        let nodes = shape.zoneNodes[zone]
        if arc == nodes.count {
            let used = inDirectZone[p * shape.directZones.count + direct]
            return (used > 0 ? p * shape.block + shape.groups + shape.countries + c : -1, 0)
        }
        let node = turned(p, arc, nodes)
        let at = p * shape.directNodes + Int(shape.directNode[node])
        let cost = isHeld[at] == 1 ? 0 : shape.copyCost[p * shape.countries + c]
        return (onNode[at] == 0 ? shape.firstNode + node : -1, cost)
    }

    @inline(__always) private func pairArc(_ shape: FlowShape, _ pair: Int, _ arc: Int) -> (Int, Int) {
        let p = Int(shape.pairPartition[pair])
        let zone = Int(shape.pairZone[pair])
        let c = Int(shape.zoneCountry[zone])
        if arc == 0 {
            let hasRoom = intoHub[zone * shape.partitions + p] == 0
            return (hasRoom ? shape.firstHub + zone : -1, shape.copyCost[p * shape.countries + c])
        }
        let first = Int(shape.heldStart[p])
        let entries = Int(shape.heldStart[p + 1]) - first
        if arc <= entries {
            let entry = first + arc - 1
            let node = Int(shape.heldNode[entry])
            return (shape.nodeZone[node] == Int32(zone) && kept[entry] == 0 ? shape.firstNode + node : -1, 0)
        }
        return (inPair[pair] > 0 ? p * shape.block + shape.groups + shape.countries + c : -1, 0)
    }

    @inline(__always) private func hubArc(_ shape: FlowShape, _ zone: Int, _ arc: Int) -> (Int, Int) {
        let nodes = shape.zoneNodes[zone]
        if arc < nodes.count { return (shape.firstNode + nodes.lowerBound + arc, 0) }
        let p = Int(hubPartitions[zone][arc - nodes.count])
        let c = Int(shape.zoneCountry[zone])
        let pair = shape.pair(p, zone)
        let head = pair >= 0 ? shape.firstPair + pair : p * shape.block + shape.groups + shape.countries + c
        return (head, -shape.copyCost[p * shape.countries + c])
    }

    @inline(__always) private func nodeArc(_ shape: FlowShape, _ node: Int, _ arc: Int) -> (Int, Int) {
        if arc == 0 { return (toSink[node] < shape.low[node] ? shape.sink : -1, 0) }
        if arc == 1 { return (toOverflow[node] < shape.fair[node] - shape.low[node] ? shape.overflow : -1, 0) }
        if arc == 2 { return (excess[node] < shape.high[node] - shape.fair[node] ? shape.overflow : -1, 1) }
        let zone = Int(shape.nodeZone[node])
        let direct = Int(shape.directNode[node])
        if direct >= 0 {
            let p = Int(nodePartitions[node][arc - 3])
            let isFree = isHeld[p * shape.directNodes + direct] == 1
            let head = p * shape.block + shape.groups + 2 * shape.countries + Int(shape.directZone[zone])
            return (head, isFree ? 0 : -shape.copyCost[p * shape.countries + Int(shape.zoneCountry[zone])])
        }
        if arc == 3 { return (fromHub[node] > 0 ? shape.firstHub + zone : -1, 0) }
        let entry = Int(shape.holds[Int(shape.holdsStart[node]) + arc - 4])
        guard kept[entry] == 1 else { return (-1, 0) }
        return (shape.firstPair + shape.pair(Int(shape.heldPartition[entry]), zone), 0)
    }

    // MARK: Changes, each by one unit

    mutating func changeGroup(_ shape: FlowShape, _ p: Int, _ group: Int, _ c: Int, _ by: Int8) {
        toCountry[(p * shape.groups + group) * shape.countries + c] += by
    }
    mutating func changeCountry(_ shape: FlowShape, _ p: Int, _ c: Int, _ by: Int8) {
        inCountry[p * shape.countries + c] += by
    }
    mutating func changeDirectZone(_ shape: FlowShape, _ p: Int, _ direct: Int, _ by: Int8) {
        inDirectZone[p * shape.directZones.count + direct] += by
    }
    mutating func changePair(_ pair: Int, _ by: Int8) { inPair[pair] += by }
    mutating func changeKept(_ entry: Int, _ by: Int8) { kept[entry] += by }
    mutating func changeFromHub(_ node: Int, _ by: Int32) { fromHub[node] += by }
    mutating func changeToSink(_ node: Int, _ by: Int32) { toSink[node] += by }
    mutating func changeToOverflow(_ node: Int, _ by: Int32) { toOverflow[node] += by }
    mutating func changeExcess(_ node: Int, _ by: Int32) { excess[node] += by }
    mutating func changeOverflow(_ by: Int) { overflowToSink += by }

    mutating func enterHub(_ shape: FlowShape, _ p: Int, _ zone: Int) {
        intoHub[zone * shape.partitions + p] = 1
        hubPartitions[zone].append(Int32(p))
    }
    mutating func leaveHub(_ shape: FlowShape, _ zone: Int, _ at: Int) {
        let p = Int(hubPartitions[zone][at])
        intoHub[zone * shape.partitions + p] = 0
        hubPartitions[zone].swapAt(at, hubPartitions[zone].count - 1)
        hubPartitions[zone].removeLast()
    }
    mutating func enterNode(_ shape: FlowShape, _ p: Int, _ node: Int) {
        onNode[p * shape.directNodes + Int(shape.directNode[node])] = 1
        nodePartitions[node].append(Int32(p))
    }
    mutating func leaveNode(_ shape: FlowShape, _ node: Int, _ at: Int) {
        let p = Int(nodePartitions[node][at])
        onNode[p * shape.directNodes + Int(shape.directNode[node])] = 0
        nodePartitions[node].swapAt(at, nodePartitions[node].count - 1)
        nodePartitions[node].removeLast()
    }
}
