// What one seed stands for: a cluster, a load, and the things that go wrong.

import Ring
import World

/// A cluster that scenarios are played on. The rings are ordinary ring files.
enum SimulatedRing {
    /// `germanOnly`: the residency rule of the german placement; a mutant leaves it out.
    static func text(nodes: Int, acceptors: Int, germanOnly: Bool = true) -> String {
        let places = [
            ("de", "fra"), ("us", "iad"), ("jp", "tyo"), ("de", "ber"), ("us", "sfo"), ("de", "muc"), ("jp", "osa"),
        ]
        var text = """
            cluster = "simulated"
            partitions = 8
            [defaults]
            placement = "world"
            [placement.world]
            rule = "any:3"
            min_countries = 3
            max_per_country = 1
            [country.de]
            location = [50.11, 8.68]
            [country.us]
            location = [38.95, -77.45]
            [country.jp]
            location = [35.68, 139.69]
            [bucket.latest]
            placement = "world"
            conflict = "last-write-wins"

            """
        let german = (0..<nodes).count { places[$0].0 == "de" }
        if german > 1 {
            text += """
                [placement.german]
                rule = "de:\(german - 1)"
                \(germanOnly ? "only = [\"de\"]" : "")
                [bucket.patients]
                placement = "german"

                """
        }
        let names = (0..<nodes).map { "\(places[$0].0)-\(places[$0].1)-\($0)" }
        text += "[names]\nacceptors = [\(names.prefix(acceptors).map { "\"\($0)\"" }.joined(separator: ", "))]\n"
        for index in 0..<nodes {
            let (country, zone) = places[index]
            text += """
                [[node]]
                id = "\(names[index])"
                country = "\(country)"
                zone = "\(zone)"
                peer = "10.0.0.\(index + 1):7171"
                http = "10.0.0.\(index + 1):7071"
                capacity = "1TB"

                """
        }
        return text
    }
}

/// Something that goes wrong, or right again.
enum Fault: Hashable, Sendable {
    case crash(node: Int)
    case start(node: Int)
    /// The disk is lost with the node: it comes back empty.
    case wipe(node: Int)
    /// These ordered pairs can't hear each other; replaces what was cut before.
    case cut([DirectedLink])
    case heal
    /// Everything this node does takes so many times as long.
    case slow(node: Int, factor: Int64)
    /// The node's wall clock is off by this.
    case skew(node: Int, milliseconds: Int64)
    /// Its process stands still for so long, and then goes on as if nothing had been.
    case stop(node: Int, Span)
    /// Some node is asked to move the namestore's votes to other nodes.
    case reconfigure
    /// The node's store of names is lost, and nothing else.
    case loseNames(node: Int)
    /// A bit of one of its records flips.
    case damageNames(node: Int)
}

struct DirectedLink: Hashable, Sendable {
    let from: Int
    let to: Int
}

struct Scenario: Sendable {
    let seed: UInt64
    let nodes: Int
    let clients: Int
    let keys: Int
    /// Request loops and shards of each node.
    let loops: Int
    let shards: Int
    /// How many of the requests break their connection.
    let resets: Double
    /// The longest that a disk at its ease takes to sync.
    let slowestSync: Span
    /// In order of time.
    let faults: [(at: Span, fault: Fault)]
    /// Faults and load end then.
    let length: Span
    let names: NamePlan
    /// One way, between each two nodes, instead of what lies between their countries; and nothing else takes time.
    var delays: [[Span]]?

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        nodes = [3, 3, 5, 6, 7].randomElement(using: &random) ?? 3
        clients = Int.random(in: 3...8, using: &random)
        keys = Int.random(in: 2...10, using: &random)
        loops = Int.random(in: 1...3, using: &random)
        shards = Int.random(in: 1...3, using: &random)
        resets = [0, 0, 0.001, 0.01].randomElement(using: &random) ?? 0
        length = .seconds(Int64.random(in: 6...12, using: &random))
        var faults = Scenario.faults(nodes: nodes, length: length, &random)
        slowestSync = .milliseconds(random.chance(0.3) ? 80 : 3)
        if random.chance(0.25) { faults += Scenario.powerCut(nodes: nodes, length: length, &random) }
        var nameRandom = random.fork()
        names = NamePlan(nodes: nodes, &nameRandom)
        faults += Scenario.nameFaults(nodes: nodes, length: length, &nameRandom)
        self.faults = faults.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
            .map(\.element)
    }

    /// A run that plays names alone.
    init(
        seed: UInt64, nodes: Int, clients: Int, names: NamePlan, slowestSync: Span,
        faults: [(at: Span, fault: Fault)], length: Span
    ) {
        self.seed = seed
        self.nodes = nodes
        self.clients = clients
        self.names = names
        self.slowestSync = slowestSync
        self.faults = faults
        self.length = length
        (keys, loops, shards, resets) = (1, 1, 1, 0)
    }

    private static func faults(nodes: Int, length: Span, _ random: inout SeededRandom) -> [(at: Span, fault: Fault)] {
        var faults: [(at: Span, fault: Fault)] = []
        func time() -> Span { .milliseconds(Int64.random(in: 200...(length.nanoseconds / 1_000_000), using: &random)) }
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            let node = Int.random(in: 0..<nodes, using: &random)
            let at = time()
            switch Int.random(in: 0..<14, using: &random) {
            case 0...3:
                faults.append((at, .crash(node: node)))
                faults.append((at + .milliseconds(Int64.random(in: 50...4_000, using: &random)), .start(node: node)))
            case 4...6:
                faults.append((at, .cut(cut(nodes, &random))))
                faults.append((at + .milliseconds(Int64.random(in: 300...6_000, using: &random)), .heal))
            case 7: faults.append((at, .slow(node: node, factor: Int64.random(in: 5...200, using: &random))))
            case 8:
                faults.append((at, .skew(node: node, milliseconds: Int64.random(in: -60_000...60_000, using: &random))))
            case 9, 10:
                faults.append((at, .stop(node: node, .milliseconds(Int64.random(in: 100...6_000, using: &random)))))
            // One lost disk a run: no more than what a write at two replicas is promised to outlive.
            default: if !faults.contains(where: { $0.fault.isWipe }) { faults.append((at, .wipe(node: node))) }
            }
        }
        return faults
    }

    /// All nodes at the same moment: what no replica has synced nobody has.
    private static func powerCut(
        nodes: Int, length: Span, _ random: inout SeededRandom
    ) -> [(at: Span, fault: Fault)] {
        let at = Span.milliseconds(Int64.random(in: 1_000...(length.nanoseconds / 1_000_000), using: &random))
        return (0..<nodes).flatMap { node -> [(at: Span, fault: Fault)] in
            let pause = Span.milliseconds(Int64.random(in: 100...2_000, using: &random))
            return [(at, .crash(node: node)), (at + pause, .start(node: node))]
        }
    }

    /// Two-sided, one-way, or a bridge: one node hears both sides, which don't hear each other.
    private static func cut(_ nodes: Int, _ random: inout SeededRandom) -> [DirectedLink] {
        let order = (0..<nodes).shuffled(using: &random)
        let size = Int.random(in: 1..<nodes, using: &random)
        var left = Array(order[..<size])
        let right = Array(order[size...])
        let kind = Int.random(in: 0..<3, using: &random)
        if kind == 2, left.count > 1 { left.removeLast() }
        let oneWay = left.flatMap { a in right.map { DirectedLink(from: a, to: $0) } }
        return kind == 1 ? oneWay : oneWay + oneWay.map { DirectedLink(from: $0.to, to: $0.from) }
    }
}

extension Fault {
    var isWipe: Bool { if case .wipe = self { true } else { false } }
}
