// What goes wrong with names: beside data, and in runs that play names alone.

import NameStore
import World

extension Scenario {
    /// A run that plays names alone: the same cluster without a load of data, and more goes wrong in it. `mutant`: the
    /// faults that it needs to show itself happen often.
    init(namesOf seed: UInt64, for mutant: Mutant? = nil) {
        var random = SeededRandom(seed: seed ^ 0x6E61_6D65)
        var rates = FaultRates(&random)
        var names = NamePlan(&random)
        names.clients = Int.random(in: 2...5, using: &random)
        names.pause = .milliseconds(120)
        var slowestSync = Span.milliseconds(random.chance(0.2) ? 60 : 3)
        mutant?.emphasise(&rates, &names, &slowestSync)
        let length = Span.seconds(5)
        var strikes: [Fault.Strike] = []
        func add(_ fault: String, every: Span?, lasting: Span = .zero) {
            guard let every else { return }
            var at = rates.calm + random.exponential(mean: every)
            while at < length {
                let node = Int.random(in: 0..<rates.nodes, using: &random)
                strikes.append(
                    Fault.Strike(fault: fault, at: at, node: node, lasts: random.exponential(mean: lasting)))
                at = at + random.exponential(mean: every)
            }
        }
        add("the network is cut", every: rates.partitions, lasting: .seconds(1))
        add("a node crashes", every: rates.crashes, lasting: .milliseconds(700))
        add("all nodes lose power", every: rates.crashes.map { $0 * 10 })
        add("a node stands still", every: rates.pauses, lasting: .milliseconds(800))
        add("a store of names is lost", every: rates.wipes)
        add("a record of a name is damaged", every: rates.damages)
        add("the votes are moved", every: rates.reconfigurations)
        self.init(
            seed: seed, nodes: rates.nodes, acceptors: NamePlan.acceptors(of: rates.nodes, &random), names: names,
            slowestSync: slowestSync, strikes: strikes, length: length)
    }

    /// Nothing goes wrong, nobody asks, and every delay is exactly half of `roundTrips`, in ms; a sync takes one.
    static func quiet(_ roundTrips: [[Int64]], acceptors: Int, _ names: NamePlan) -> Scenario {
        var scenario = Scenario(
            seed: 1, nodes: roundTrips.count, acceptors: acceptors, names: names, slowestSync: .milliseconds(1),
            strikes: [],
            length: .seconds(1))
        scenario.delays = roundTrips.map { row in row.map { .microseconds($0 * 500) } }
        return scenario
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
