// Round trips and messages, counted in virtual time: the fast ballot, its collisions, dead acceptors, and countries
// that lie far apart.

import NameStore
import Testing
import World

@testable import Simulator

/// A quiet network, asked one thing at a time.
private struct Quiet {
    var cluster: SimulatedCluster

    /// `roundTrips`: in ms between each two nodes; a sync takes 1 ms, and nothing else any time.
    init(_ roundTrips: [[Int64]], acceptors: Int, names: Int, jitter: Double = 0) throws {
        var plan = NamePlan(names: names, jitter: jitter)
        plan.clients = 4
        cluster = try SimulatedCluster(scenario: .quiet(roundTrips, acceptors: acceptors, plan))
        // No client asks by itself, and no message is lost.
        cluster.isFaulty = false
        try settle(.seconds(8))
    }

    static func uniform(_ nodes: Int, roundTrip: Int64) -> [[Int64]] {
        (0..<nodes).map { a in (0..<nodes).map { $0 == a ? 0 : roundTrip } }
    }

    mutating func settle(_ span: Span) throws { try cluster.run(until: cluster.now + span) }

    /// Between nodes: what a node says to its own acceptor travels nowhere.
    var messages: Int { cluster.nameMessages }

    func answers(_ name: Int) -> [NamesReturn?] { cluster.nameLoad.history[name].map(\.answer) }
    func isWaiting(_ client: Int) -> Bool { cluster.nameLoad.isWaiting(client) }

    /// Registers name number `name` for `owner` through node number `node`; the time it took.
    mutating func register(
        _ name: Int, owner: Int = 0, id: UInt64? = nil, through node: Int
    ) throws -> (NamesReturn?, Span) {
        let start = cluster.now
        try ask(name, owner: owner, id: id, through: node, client: 0)
        try answer(within: .seconds(10))
        return (answers(name).last ?? nil, cluster.now - start)
    }

    mutating func ask(_ name: Int, owner: Int, id: UInt64? = nil, through node: Int, client: Int) throws {
        let call = NamesCall.register(owner: owner, id: id ?? UInt64(cluster.nameLoad.requests + 100), expected: nil)
        try cluster.ask(cluster.nameLoad.ask(client, call, name, at: node))
    }

    mutating func answer(within span: Span) throws {
        let end = cluster.now + span
        while (0..<4).contains(where: isWaiting), cluster.now < end {
            try cluster.run(until: cluster.now + .microseconds(500))
        }
    }
}

@Suite struct NamesLatencyTests {
    /// Five acceptors: one request to each, one answer and one hint; done when the fourth has answered.
    @Test func aFirstRegistrationTakesOneRoundTrip() throws {
        var quiet = try Quiet(Quiet.uniform(5, roundTrip: 40), acceptors: 5, names: 20)
        for name in 0..<20 {
            let before = quiet.messages
            let (answer, time) = try quiet.register(name, through: name % 5)
            #expect(answer == .registered(1))
            #expect(time == .milliseconds(41), "40 ms there and back and 1 ms to sync")
            try quiet.settle(.seconds(1))
            #expect(quiet.messages - before == 12, "what it says to its own acceptor stays at home")
        }
    }

    /// The nearest four of five: the fifth may be as far as it likes.
    @Test func theFarthestAcceptorIsNotWaitedFor() throws {
        var trips = Quiet.uniform(5, roundTrip: 30)
        for other in 0..<4 { (trips[other][4], trips[4][other]) = (400, 400) }
        var quiet = try Quiet(trips, acceptors: 5, names: 3)
        _ = try quiet.register(0, through: 0)
        try quiet.settle(.seconds(2))
        #expect(try quiet.register(1, through: 1).1 == .milliseconds(31))
    }

    @Test func aNameThatIsTakenIsKnownToBeAfterOneRoundTrip() throws {
        var quiet = try Quiet(Quiet.uniform(5, roundTrip: 40), acceptors: 5, names: 1)
        _ = try quiet.register(0, owner: 0, through: 0)
        try quiet.settle(.seconds(1))
        let (answer, time) = try quiet.register(0, owner: 1, through: 3)
        #expect(answer == .taken(1))
        #expect(time <= .milliseconds(41))
    }

    /// Through another node, which has not heard of it: yours, and not registered anew.
    @Test(arguments: [3, 5]) func theSameOwnerAgainIsToldThatItHasTheName(_ acceptors: Int) throws {
        var quiet = try Quiet(Quiet.uniform(7, roundTrip: 40), acceptors: acceptors, names: 14)
        for name in 0..<14 {
            #expect(try quiet.register(name, through: name % 7).0 == .registered(1))
            try quiet.settle(.seconds(1))
            #expect(try quiet.register(name, through: (name + 3) % 7).0 == .alreadyYours(1))
        }
    }

    /// At once, before any hint of the first request has arrived anywhere, and after the node that carried it has died.
    @Test(arguments: [3, 5]) func oneRequestIsToldThatItMadeTheRegistration(_ acceptors: Int) throws {
        var quiet = try Quiet(Quiet.uniform(7, roundTrip: 40), acceptors: acceptors, names: 14)
        for name in 0..<14 {
            #expect(try quiet.register(name, through: name % 6).0 == .registered(1))
            #expect(try quiet.register(name, through: (name + 3) % 6).0 == .alreadyYours(1))
        }
        quiet.cluster.crash(0)
        for name in 0..<14 { #expect(try quiet.register(name, through: 6).0 == .alreadyYours(1)) }
    }

    /// The same request, sent again: it is told what it was told.
    @Test(arguments: [3, 5]) func aRequestThatIsSentAgainHearsTheSame(_ acceptors: Int) throws {
        var quiet = try Quiet(Quiet.uniform(7, roundTrip: 40), acceptors: acceptors, names: 7)
        for name in 0..<7 {
            for node in [name, (name + 2) % 7, (name + 4) % 7] {
                #expect(try quiet.register(name, id: 99, through: node).0 == .registered(1))
            }
        }
    }

    /// All at the same instant through different nodes: one wins, every other one is told so, and nobody is told
    /// "unknown".
    @Test(arguments: [3, 5]) func aCollisionFallsBackSafely(_ acceptors: Int) throws {
        var trips = Quiet.uniform(5, roundTrip: 40)
        // Not all alike, or every acceptor would get the same request first.
        for a in 0..<5 { for b in 0..<5 where a != b { trips[a][b] += Int64((a * 7 + b * 3) % 11) } }
        var quiet = try Quiet(trips, acceptors: acceptors, names: 25, jitter: 0.3)
        for name in 0..<25 {
            for client in 0..<4 { try quiet.ask(name, owner: client, through: (name + client) % 5, client: client) }
            try quiet.answer(within: .seconds(5))
            let answers = quiet.answers(name)
            #expect(answers.count { $0 == .registered(1) } == 1, "\(answers)")
            #expect(answers.count { $0 == .taken(1) } == 3, "\(answers)")
            try quiet.settle(.seconds(1))
        }
    }

    /// No leader and no election: with a minority dead no registration fails, and none takes longer than the healthy
    /// one by more than the hedge delay.
    @Test(arguments: [(3, [2]), (5, [1, 4])]) func deadAcceptorsCostNoMoreThanTheHedge(_ acceptors: Int, _ dead: [Int])
        throws
    {
        let trip = Span.milliseconds(40)
        var quiet = try Quiet(Quiet.uniform(acceptors, roundTrip: 40), acceptors: acceptors, names: 30)
        for name in 0..<5 { #expect(try quiet.register(name, through: 0).0 == .registered(1)) }
        for node in dead { quiet.cluster.crash(node) }
        // The two round trips of the classic ballot, each with its sync, after one and a quarter and a margin.
        let healthy = trip * 2 + .milliseconds(2)
        let hedge = trip + trip / 4 + .milliseconds(12)
        var slowest = Span.zero
        for name in 5..<30 {
            let (answer, time) = try quiet.register(name, through: 0)
            #expect(answer == .registered(1))
            slowest = max(slowest, time)
            if name > 5 { #expect(time <= healthy + .milliseconds(1), "once it is known, nobody waits for the dead") }
        }
        #expect(slowest <= healthy + hedge, "\(slowest.inMilliseconds) ms")
    }

    /// The very first registration through each node: how far the acceptors are is known before anybody asks, so it
    /// takes the shorter way at once, and waits for no hedge.
    @Test(arguments: [3, 5]) func theFirstRegistrationKnowsTheWay(_ acceptors: Int) throws {
        // Three far apart, and two more beside the first two.
        let places = [0, 1, 2, 0, 1]
        let countries: [[Int64]] = [[1, 90, 220], [90, 1, 150], [220, 150, 1]]
        let trips = (0..<acceptors).map { a in
            (0..<acceptors).map { b in a == b ? 0 : countries[places[a]][places[b]] }
        }
        var quiet = try Quiet(trips, acceptors: acceptors, names: acceptors)
        for node in 0..<acceptors {
            let (answer, time) = try quiet.register(node, through: node)
            let sorted = trips[node].sorted()
            let (majority, fast) = (sorted[acceptors / 2], sorted[(3 * acceptors + 3) / 4 - 1])
            #expect(answer == .registered(1))
            #expect(
                time <= .milliseconds(min(2 * majority + 2, fast <= 2 * majority ? fast + 1 : .max)),
                "from node \(node): \(time.inMilliseconds) ms")
        }
    }

    /// Five acceptors in three countries. The median must be no more than a tenth above the round trip to the nearest
    /// fast quorum, from wherever it is asked.
    @Test func farCountriesTakeTheRoundTripToTheFastQuorum() throws {
        let trips: [[Int64]] = [
            [0, 30, 90, 150, 220],
            [30, 0, 90, 150, 220],
            [90, 90, 0, 30, 150],
            [150, 150, 30, 0, 150],
            [220, 220, 150, 150, 0],
        ]
        var quiet = try Quiet(trips, acceptors: 5, names: 250, jitter: 0.02)
        for node in 0..<5 {
            var times: [Span] = []
            for turn in 0..<50 {
                let (answer, time) = try quiet.register(node * 50 + turn, through: node)
                #expect(answer == .registered(1))
                times.append(time)
                try quiet.settle(.milliseconds(700))
            }
            times.sort()
            let quorum = trips[node].sorted()[3]
            #expect(
                times[25].inMilliseconds <= 1.1 * Double(quorum), "from node \(node): \(times[25].inMilliseconds) ms")
        }
    }
}
