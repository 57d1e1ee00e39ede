// What goes wrong in a simulated cluster, and how it is right again.
//
// To add a fault, add one entry to `Fault.all`: what it is called, how often it is drawn against the others, how long
// it lasts, what it does and what ends it. All else (drawing it, ending it when the cluster heals, counting it, the
// test that it is played) goes by this list.

import Storage
import World

struct Fault: Sendable {
    /// One that was drawn.
    struct Strike: Sendable {
        /// In `Fault.all`.
        let fault: Int
        /// Since the start.
        let at: Span
        let node: Int
        let lasts: Span

        init(fault: Int, at: Span, node: Int, lasts: Span) {
            (self.fault, self.at, self.node, self.lasts) = (fault, at, node, lasts)
        }

        /// By the fault's name.
        init(fault name: String, at: Span, node: Int, lasts: Span) {
            guard let fault = Fault.all.firstIndex(where: { $0.name == name }) else {
                preconditionFailure("there is no fault \"\(name)\"")
            }
            self.init(fault: fault, at: at, node: node, lasts: lasts)
        }
    }

    let name: String
    fileprivate let weight: Int
    /// In milliseconds.
    fileprivate let lasts: ClosedRange<Int64>
    /// Data is lost with it: no more than one of these a run, what a write at two replicas is promised to outlive.
    let losesData: Bool
    let begin: @Sendable (inout SimulatedCluster, Strike) throws -> Void
    let end: @Sendable (inout SimulatedCluster, Strike) throws -> Void

    private init(
        _ name: String, weight: Int, lasts: ClosedRange<Int64>, losesData: Bool = false,
        begin: @escaping @Sendable (inout SimulatedCluster, Strike) throws -> Void,
        end: @escaping @Sendable (inout SimulatedCluster, Strike) throws -> Void = { _, _ in }
    ) {
        self.name = name
        self.weight = weight
        self.lasts = lasts
        self.losesData = losesData
        self.begin = begin
        self.end = end
    }

    static let all: [Fault] = [
        Fault("a node crashes", weight: 4, lasts: 50...4_000) {
            $0.crash($1.node)
        } end: {
            try $0.start($1.node)
        },
        Fault("all nodes lose power", weight: 2, lasts: 100...2_000) { cluster, _ in
            for node in cluster.machines.indices { cluster.crash(node) }
        } end: { cluster, _ in
            for node in cluster.machines.indices { cluster.startSoon(node, within: .seconds(2)) }
        },
        Fault("a node is restarted", weight: 2, lasts: 50...3_000) {
            try $0.stopCleanly($1.node)
        } end: {
            try $0.start($1.node)
        },
        Fault("a node stands still", weight: 2, lasts: 100...8_000) { $0.pause($1.node, for: $1.lasts) },
        // The others turn it away, and it turns away the others.
        Fault("a node has another ring", weight: 1, lasts: 500...4_000) {
            try $0.restart($1.node, hasMisprint: true)
        } end: {
            try $0.restart($1.node, hasMisprint: false)
        },
        Fault("a node is slow", weight: 1, lasts: 1_000...8_000) { cluster, strike in
            cluster.machines[strike.node].slowness = Int64.random(in: 5...200, using: &cluster.random)
        } end: {
            $0.machines[$1.node].slowness = 1
        },
        Fault("the network is cut", weight: 4, lasts: 300...6_000) { cluster, _ in
            cluster.cut = Set(cluster.drawCut())
            cluster.networkChanged()
        } end: { cluster, _ in
            cluster.cut = []
            cluster.networkChanged()
        },
        Fault("a wall clock jumps", weight: 2, lasts: 500...8_000) { cluster, strike in
            cluster.machines[strike.node].skewMs = Int64.random(in: -60_000...60_000, using: &cluster.random)
        } end: { cluster, strike in
            // Some are never set right.
            if cluster.random.chance(0.5) { cluster.machines[strike.node].skewMs = 0 }
        },
        Fault("a disk is slow", weight: 2, lasts: 500...6_000) { cluster, strike in
            cluster.machines[strike.node].disk.slowness = Int64.random(in: 10...400, using: &cluster.random)
        } end: {
            $0.machines[$1.node].disk.slowness = 1
        },
        Fault("a disk is full", weight: 2, lasts: 500...6_000) { cluster, strike in
            cluster.setSpace(strike.node, .short(&cluster.random))
        } end: { cluster, strike in
            // Some are given more only when all faults end.
            let isScarce = cluster.random.chance(0.5)
            cluster.setSpace(strike.node, isScarce ? .scarce(&cluster.random) : .ample(&cluster.random))
        },
        Fault("a disk is lost", weight: 2, lasts: 0...2_000, losesData: true) {
            try $0.wipe($1.node)
        } end: {
            try $0.start($1.node)
        },
        Fault("a disk is damaged", weight: 2, lasts: 0...0, losesData: true) { cluster, strike in
            let damage = StorageFailure(.corruption, "a block's checksum is wrong")
            // Of both stores, that of the objects is the more likely one.
            if cluster.random.chance(0.8) {
                let isLarge = cluster.random.chance(0.3)
                cluster.machines[strike.node].disk.objects.fail(damage, large: isLarge)
            } else {
                cluster.machines[strike.node].disk.hints.failure = damage
            }
        },
        // As old as the fault lasts.
        Fault("an older copy of a disk is put back", weight: 2, lasts: 200...6_000, losesData: true) {
            $0.takeCopy($1.node)
        } end: {
            try $0.putCopyBack($1.node)
        },
        // Some node is asked to move the namestore's votes to others.
        Fault("the votes are moved", weight: 3, lasts: 0...0) { cluster, _ in try cluster.reconfigure() },
        Fault("a store of names is lost", weight: 1, lasts: 0...0) {
            $0.crash($1.node)
            $0.wipeNames($1.node)
            try $0.start($1.node)
        },
        Fault("a record of a name is damaged", weight: 1, lasts: 0...0) {
            $0.crash($1.node)
            try $0.damageNames($1.node)
            try $0.start($1.node)
        },
        Fault("two nodes have each other's disks", weight: 1, lasts: 300...4_000) {
            $0.swapDisks($1.node)
        } end: {
            cluster, _ in
            try cluster.putDisksRight()
        },
    ]

    /// Those of one run.
    static func draw(nodes: Int, length: Span, _ random: inout SeededRandom) -> [Strike] {
        var strikes: [Strike] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let fault = drawOne(&random)
            let at = Int64.random(in: 200...(length.nanoseconds / 1_000_000), using: &random)
            let node = Int.random(in: 0..<nodes, using: &random)
            let lasts = Int64.random(in: all[fault].lasts, using: &random)
            guard !all[fault].losesData || !strikes.contains(where: { all[$0.fault].losesData }) else { continue }
            strikes.append(Strike(fault: fault, at: .milliseconds(at), node: node, lasts: .milliseconds(lasts)))
        }
        return strikes
    }

    private static let weights = all.reduce(0) { $0 + $1.weight }

    private static func drawOne(_ random: inout SeededRandom) -> Int {
        var left = Int.random(in: 0..<weights, using: &random)
        for (place, fault) in all.enumerated() {
            if left < fault.weight { return place }
            left -= fault.weight
        }
        return 0
    }
}

extension SimulatedCluster {
    mutating func begin(_ strike: Fault.Strike) throws {
        trace.add(4, now, UInt64(strike.fault), UInt64(strike.node))
        ledger.add(fault: strike.fault)
        underWay.append(strike)
        schedule(.faultEnds(underWay.count - 1), after: strike.lasts)
        try Fault.all[strike.fault].begin(&self, strike)
    }

    mutating func end(_ place: Int) throws {
        guard let strike = underWay[place].take() else { return }
        try Fault.all[strike.fault].end(&self, strike)
    }

    /// Two sides, one side that the other does not hear, two sides and a bridge between them, one alone, any links.
    fileprivate mutating func drawCut() -> [DirectedLink] {
        let nodes = machines.indices
        let pairs = nodes.flatMap { a in nodes.filter { $0 != a }.map { DirectedLink(from: a, to: $0) } }
        let one = Int.random(in: nodes, using: &random)
        let order = nodes.shuffled(using: &random)
        let left = Set(order.prefix(Int.random(in: 1..<nodes.count, using: &random)))
        let isAcross = { (link: DirectedLink) in left.contains(link.from) != left.contains(link.to) }
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: return pairs.filter(isAcross)
        case 2: return pairs.filter { left.contains($0.from) && isAcross($0) }
        case 3: return pairs.filter { $0.from != one && $0.to != one && isAcross($0) }
        case 4: return pairs.filter { $0.from == one || $0.to == one }
        default: return pairs.filter { _ in random.chance(0.35) }
        }
    }
}
