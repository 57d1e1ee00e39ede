// What a run asks of the namestore, and how its messages fare: drawn from a seed, or set by a test.

import NameStore
import World

struct NamePlan: Sendable {
    var clients = 2
    var names = 2
    var owners = 3
    /// Mean pause of a client between two requests.
    var pause = Span.milliseconds(150)
    var timeout = Span.seconds(2)
    var pace = Pace()
    /// The namestore counts on nothing of what carries its messages: they are lost, doubled, and overtake one another.
    var loss = 0.01
    var duplication = 0.02
    /// Share of each delay that varies from message to message.
    var jitter = 0.5
    /// They go over the links, as a server's do, in order with what else is said there.
    var useLinks = false

    /// How many nodes the ring file names as acceptors: the first ones.
    static func acceptors(of nodes: Int, _ random: inout SeededRandom) -> Int {
        [3, 5].filter { $0 <= nodes }.randomElement(using: &random) ?? 3
    }

    /// Beside data.
    init(_ random: inout SeededRandom) {
        clients = Int.random(in: 1...3, using: &random)
        names = Int.random(in: 1...3, using: &random)
        owners = Int.random(in: 2...3, using: &random)
        pace.leastForFast = random.chance(0.3) ? 3 : 5
        // As impatient as a run is short.
        pace.resumption = .seconds(2)
        loss = random.chance(0.3) ? 0.15 : 0.01
        duplication = random.chance(0.3) ? 0.2 : 0.02
        jitter = random.chance(0.5) ? 0.2 : 2.0
    }

    /// For a quiet network.
    init(names: Int, jitter: Double) {
        (self.names, self.jitter) = (names, jitter)
        (clients, loss, duplication) = (0, 0, 0)
    }
}
