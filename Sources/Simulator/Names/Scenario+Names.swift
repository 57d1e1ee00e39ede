// What goes wrong with names: beside data, and in runs that play names alone.

import NameStore
import World

extension Scenario {
    /// The faults of names in a run that plays everything.
    static func nameFaults(
        nodes: Int, length: Span, _ random: inout SeededRandom
    ) -> [(at: Span, fault: Fault)] {
        var faults: [(at: Span, fault: Fault)] = []
        if random.chance(0.6) { faults += arrivals(of: .reconfigure, every: .seconds(2), until: length, &random) }
        let node = Int.random(in: 0..<nodes, using: &random)
        let at = Span(nanoseconds: Int64(random.unit() * Double(length.nanoseconds)))
        if !faults.isEmpty, random.chance(0.2) { faults += [(at, .loseNames(node: node))] }
        if random.chance(0.1) { faults += [(at, .damageNames(node: node))] }
        return faults
    }

    /// A run that plays names alone: the same cluster without a load of data, and more goes wrong in it. `mutant`: the
    /// faults that it needs to show itself happen often.
    init(namesOf seed: UInt64, for mutant: Mutant? = nil) {
        var random = SeededRandom(seed: seed ^ 0x6E61_6D65)
        var rates = FaultRates(&random)
        var names = NamePlan(nodes: rates.nodes, &random)
        names.clients = Int.random(in: 2...5, using: &random)
        names.pause = .milliseconds(120)
        var slowestSync = Span.milliseconds(random.chance(0.2) ? 60 : 3)
        mutant?.emphasise(&rates, &names, &slowestSync)
        let length = Span.seconds(5)
        var faults: [(at: Span, fault: Fault)] = []
        func add(_ every: Span?, _ draw: (inout SeededRandom) -> [(after: Span, fault: Fault)]) {
            guard let every else { return }
            for (at, _) in Scenario.arrivals(of: .heal, every: every, until: length, &random) {
                faults += draw(&random).map { (at + rates.calm + $0.after, $0.fault) }
            }
        }
        let nodes = rates.nodes
        func node(_ random: inout SeededRandom) -> Int { Int.random(in: 0..<nodes, using: &random) }
        add(rates.partitions) {
            [(.zero, .cut(Scenario.anyCut(nodes, &$0))), ($0.exponential(mean: .seconds(1)), .heal)]
        }
        add(rates.crashes) { random in
            // Now and then everything at once: a country without power.
            let all = random.chance(0.1)
            let hit = (0..<nodes).filter { _ in all || random.chance(1 / Double(nodes)) }
            return hit.flatMap { node -> [(after: Span, fault: Fault)] in
                let back = random.exponential(mean: .milliseconds(700))
                return [(.zero, .crash(node: node)), (back, .start(node: node))]
            }
        }
        add(rates.pauses) { [(.zero, .stop(node: node(&$0), $0.exponential(mean: .milliseconds(800))))] }
        add(rates.wipes) { [(.zero, .loseNames(node: node(&$0)))] }
        add(rates.damages) { [(.zero, .damageNames(node: node(&$0)))] }
        add(rates.reconfigurations) { _ in [(.zero, .reconfigure)] }
        self.init(
            seed: seed, nodes: nodes, clients: 0, names: names, slowestSync: slowestSync,
            faults: faults.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
                .map(\.element),
            length: length)
    }

    /// Nothing goes wrong, nobody asks, and every delay is exactly half of `roundTrips`, in ms; a sync takes one.
    static func quiet(_ roundTrips: [[Int64]], _ names: NamePlan) -> Scenario {
        var scenario = Scenario(
            seed: 1, nodes: roundTrips.count, clients: 0, names: names, slowestSync: .milliseconds(1), faults: [],
            length: .seconds(1))
        scenario.delays = roundTrips.map { row in row.map { .microseconds($0 * 500) } }
        return scenario
    }

    private static func arrivals(
        of fault: Fault, every mean: Span, until length: Span, _ random: inout SeededRandom
    ) -> [(at: Span, fault: Fault)] {
        var arrivals: [(at: Span, fault: Fault)] = []
        var at = random.exponential(mean: mean)
        while at < length {
            arrivals.append((at, fault))
            at = at + random.exponential(mean: mean)
        }
        return arrivals
    }

    /// Two sides, one alone, one mute or deaf, a bridge between two sides, any links.
    private static func anyCut(_ nodes: Int, _ random: inout SeededRandom) -> [DirectedLink] {
        let pairs = (0..<nodes).flatMap { a in (0..<nodes).filter { $0 != a }.map { DirectedLink(from: a, to: $0) } }
        let one = Int.random(in: 0..<nodes, using: &random)
        let side = (0..<nodes).map { _ in random.chance(0.5) }
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return pairs.filter { side[$0.from] != side[$0.to] }
        case 1: return pairs.filter { $0.from == one || $0.to == one }
        case 2:
            let inward = random.chance(0.5)
            return pairs.filter { (inward ? $0.to : $0.from) == one }
        case 3: return pairs.filter { $0.from != one && $0.to != one && side[$0.from] != side[$0.to] }
        default: return pairs.filter { _ in random.chance(0.35) }
        }
    }
}

/// How often what goes wrong, in a run of names alone: the mean time between two; nil: never.
struct FaultRates {
    var nodes: Int
    var partitions: Span?
    var crashes: Span?
    var pauses: Span?
    var wipes: Span?
    var damages: Span?
    var reconfigurations: Span?
    /// Nothing goes wrong before this.
    var calm: Span

    init(_ random: inout SeededRandom) {
        nodes = Int.random(in: 3...6, using: &random)
        partitions = random.chance(0.6) ? .seconds(2) : nil
        crashes = random.chance(0.6) ? .seconds(2) : nil
        pauses = random.chance(0.3) ? .seconds(3) : nil
        reconfigurations = random.chance(0.6) ? .milliseconds(1_200) : nil
        wipes = reconfigurations != nil && random.chance(0.5) ? .seconds(3) : nil
        damages = random.chance(0.15) ? .seconds(4) : nil
        calm = random.chance(0.2) ? .zero : .milliseconds(600)
    }
}
