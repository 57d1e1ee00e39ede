// What one seed stands for: a cluster, a load, and the things that go wrong.

import HintedHandoff
import Live
import World

struct DirectedLink: Hashable, Sendable {
    let from: Int
    let to: Int
}

struct Scenario: Sendable {
    let seed: UInt64
    let nodes: Int
    let ring: SimulatedRing.Shape
    let clients: Int
    let keys: Int
    /// Those of typed keys, beside the others.
    private(set) var typedClients = 0
    private(set) var typedKeys = 0
    /// Request loops and shards of each node.
    let loops: Int
    let shards: Int
    /// How many of the requests break their connection.
    let resets: Double
    /// The longest that a disk at its ease takes to sync.
    let slowestSync: Span
    let strikes: [Fault.Strike]
    /// A disk is lost, damaged, or put back as it was.
    var forgets: Bool { strikes.contains { Fault.all[$0.fault].losesData } }
    /// Faults and load end then.
    let length: Span
    private(set) var names: NamePlan
    /// What people do at the sites of the nodes, if these have any.
    var social: SocialPlan?
    /// Requests that a gateway takes at once, and what waits for a storage thread: in most runs few, so that it comes
    /// to that.
    var places = Workload.places
    var mailbox = Workload.mailboxBounds
    /// Entries of a version vector that a write may lead to, and room for hints: in some runs so little that it is used
    /// up.
    var mintedEntries = Limits.mintedVersionEntries
    var hintSpace = HintSpace()
    /// Some listen. (One run in three, so that the others have less to do.)
    var listens: Bool { clients > 0 && seed % 3 == 0 }
    static let listeners = 4
    /// For live reads: little, so that contents are dropped and changes forgotten.
    var live = LiveRoom(contentBytes: 2_000, ringKeys: 8)
    /// One way, between each two nodes, instead of what lies between their countries; and nothing else takes time.
    var delays: [[Span]]?

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        nodes = [3, 3, 5, 6, 7].randomElement(using: &random) ?? 3
        ring = SimulatedRing.Shape(
            nodes: nodes, acceptors: NamePlan.acceptors(of: nodes, &random), hasSingle: random.chance(0.3),
            hasWide: nodes >= 5 && random.chance(0.3))
        clients = Int.random(in: 3...8, using: &random)
        keys = Int.random(in: 3...12, using: &random)
        loops = Int.random(in: 1...3, using: &random)
        shards = Int.random(in: 1...3, using: &random)
        resets = [0, 0, 0.001, 0.01].randomElement(using: &random) ?? 0
        length = .seconds(Int64.random(in: 5...8, using: &random))
        slowestSync = .milliseconds(random.chance(0.3) ? 80 : 3)
        strikes = Fault.draw(nodes: nodes, length: length, &random)
        names = NamePlan(&random)
        if random.chance(0.15) { mintedEntries = 4 }
        if random.chance(0.2) { hintSpace = HintSpace(perNode: 400, total: 600) }
        names.useLinks = random.chance(0.25)
        if random.chance(0.6) {
            typedClients = Int.random(in: 2...4, using: &random)
            typedKeys = Int.random(in: 1...4, using: &random)
        }
    }

    /// A run without a load of data.
    init(
        seed: UInt64, nodes: Int, acceptors: Int, names: NamePlan, slowestSync: Span, strikes: [Fault.Strike],
        length: Span, site: SimulatedRing.Site? = nil
    ) {
        self.seed = seed
        self.nodes = nodes
        ring = SimulatedRing.Shape(nodes: nodes, acceptors: acceptors, site: site)
        self.names = names
        self.slowestSync = slowestSync
        self.strikes = strikes
        self.length = length
        (clients, keys, loops, shards, resets) = (0, 1, 1, 1, 0)
    }
}
