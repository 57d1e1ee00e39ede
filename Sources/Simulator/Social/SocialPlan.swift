// Runs in which people use the sites of the nodes: how much they do, and what goes wrong meanwhile.

import Live
import NameStore
import World

struct SocialPlan: Sendable {
    /// Mean time between two requests of all people together.
    var pause = Span.milliseconds(70)
    /// How many want each name, each title, each short link.
    var rivals = 2
}

extension Scenario {
    /// A run with people alone. `mutant` changes nothing but what is planted: these runs have all that it takes.
    init(socialOf seed: UInt64) {
        var random = SeededRandom(seed: seed ^ 0x736F_6369_616C)
        let site: SimulatedRing.Site = random.chance(0.25) ? .homes : .everywhere
        let nodes = site == .homes ? 5 : 3
        let length = Span.seconds(Int64.random(in: 9...14, using: &random))
        // In most runs people can register in peace.
        let calm = Span.milliseconds(random.chance(0.7) ? 4_000 : 200)
        var strikes = Fault.draw(nodes: nodes, length: length - calm, &random)
            // What residents write lies on one node alone.
            .filter { site != .homes || !Fault.all[$0.fault].losesData }
            .map { Fault.Strike(fault: $0.fault, at: calm + $0.at, node: $0.node, lasts: $0.lasts) }
        // In the middle of what somebody does: names are held, and their nodes are no more.
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            strikes.append(
                Fault.Strike(
                    fault: "a node crashes", at: calm + .milliseconds(Int64.random(in: 500...8_000, using: &random)),
                    node: Int.random(in: 0..<nodes, using: &random),
                    lasts: .milliseconds(Int64.random(in: 50...3_000, using: &random))))
        }
        var names = NamePlan(&random)
        (names.clients, names.names) = (0, 0)
        self.init(
            seed: seed, nodes: nodes, acceptors: 3, names: names, slowestSync: .milliseconds(3), strikes: strikes,
            length: length, site: site)
        var plan = SocialPlan()
        plan.pause = .milliseconds(Int64.random(in: 40...120, using: &random))
        plan.rivals = Int.random(in: 1...3, using: &random)
        social = plan
        // As a server has them: a page of a timeline asks for many things at once.
        places = Limits.requestsInFlight
        mailbox = WorkBounds()
        live = LiveRoom()
    }
}
