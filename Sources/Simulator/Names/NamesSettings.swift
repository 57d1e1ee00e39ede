// One run of the model: how many nodes, how far apart, how much goes wrong. Drawn from a seed, or set by a test.

package import NameStore
package import World

package struct NamesSettings: Sendable {
    package var seed: UInt64
    /// Nodes n0, n1, …; each has a disk and could be an acceptor.
    package var nodes = 5
    /// The first so many are named as acceptors in the ring file.
    package var acceptors = 3
    package var clients = 4
    package var names = 2
    package var owners = 3
    /// Requests that each client makes.
    package var requests = 25
    /// Mean pause of a client between two requests.
    package var pause = Span.milliseconds(120)
    package var timeout = Span.seconds(2)
    package var pace = Pace()
    /// One way, between each pair of nodes: drawn between these, or given as a matrix.
    package var nearest = Span.milliseconds(1)
    package var farthest = Span.milliseconds(40)
    package var delays: [[Span]]?
    /// Share of each delay that varies from message to message: beyond the gaps, messages overtake one another.
    package var jitter = 0.5
    package var loss = 0.02
    package var duplication = 0.03
    /// A sync takes between these.
    package var quickestSync = Span.microseconds(100)
    package var slowestSync = Span.milliseconds(4)
    /// Mean time between two faults of each kind; nil: never.
    package var partitions: Span? = .seconds(3)
    package var crashes: Span? = .seconds(3)
    package var pauses: Span? = .seconds(5)
    package var wipes: Span?
    package var corruptions: Span?
    package var reconfigurations: Span?
    /// Wipes and corruptions beyond a minority of the acceptors are left out, so that the end can be reached.
    package var keepsMajority = true
    /// Messages go through the codec.
    package var encodes = false
    /// No faults before this.
    package var calm = Span.milliseconds(600)

    package init(seed: UInt64) { self.seed = seed }

    /// A mixture of everything, drawn from the seed.
    package static func drawn(_ seed: UInt64) -> NamesSettings {
        var random = SeededRandom(seed: seed ^ 0x6E61_6D65)
        var settings = NamesSettings(seed: seed)
        settings.nodes = Int.random(in: 3...6, using: &random)
        settings.acceptors = [3, 5].filter { $0 <= settings.nodes }.randomElement(using: &random) ?? 3
        settings.clients = Int.random(in: 2...5, using: &random)
        settings.names = Int.random(in: 1...3, using: &random)
        settings.owners = Int.random(in: 2...3, using: &random)
        settings.pace.leastForFast = random.chance(0.3) ? 3 : 5
        settings.pace.resumption = .seconds(2)
        settings.farthest = .milliseconds(Int64.random(in: 2...80, using: &random))
        settings.jitter = random.chance(0.5) ? 0.2 : 2.0
        settings.loss = random.chance(0.3) ? 0.15 : 0.01
        settings.duplication = random.chance(0.3) ? 0.2 : 0.02
        settings.slowestSync = .milliseconds(random.chance(0.2) ? 60 : 3)
        settings.partitions = random.chance(0.6) ? .seconds(2) : nil
        settings.crashes = random.chance(0.6) ? .seconds(2) : nil
        settings.pauses = random.chance(0.3) ? .seconds(3) : nil
        settings.reconfigurations = random.chance(0.6) ? .milliseconds(1_200) : nil
        settings.wipes = settings.reconfigurations != nil && random.chance(0.5) ? .seconds(3) : nil
        settings.corruptions = random.chance(0.15) ? .seconds(4) : nil
        settings.encodes = random.chance(0.15)
        settings.calm = random.chance(0.2) ? .zero : .milliseconds(600)
        return settings
    }
}
