// Round trips and messages, counted in virtual time: the fast ballot, its collisions, dead acceptors, and countries
// that lie far apart.

import NameStore
import Testing
import World

@testable import Simulator

/// A quiet network, asked one thing at a time.
private struct Quiet {
    var model: NamesModel
    let settings: NamesSettings

    /// `roundTrips`: in ms between each two nodes; a sync takes 1 ms.
    init(_ roundTrips: [[Int64]], acceptors: Int, names: Int, jitter: Double = 0) {
        var settings = NamesSettings(seed: 1)
        settings.nodes = roundTrips.count
        settings.acceptors = acceptors
        settings.names = names
        settings.clients = 4
        settings.requests = 0
        settings.delays = roundTrips.map { row in row.map { Span.microseconds($0 * 500) } }
        settings.jitter = jitter
        settings.loss = 0
        settings.duplication = 0
        settings.quickestSync = .milliseconds(1)
        settings.slowestSync = .milliseconds(1)
        settings.partitions = nil
        settings.crashes = nil
        settings.pauses = nil
        self.settings = settings
        model = NamesModel(settings)
        settle(.seconds(8))
    }

    static func uniform(_ nodes: Int, roundTrip: Int64) -> [[Int64]] {
        (0..<nodes).map { a in (0..<nodes).map { $0 == a ? 0 : roundTrip } }
    }

    mutating func settle(_ span: Span) {
        let end = model.now.instant + span
        while model.step(upTo: end) {}
        model.advance(to: end)
    }

    var messages: Int { model.report.messages }

    /// Registers name number `name` for `owner` through node number `node`; the time it took.
    mutating func register(_ name: Int, owner: Int = 0, through node: Int, client: Int = 0) -> (NamesReturn?, Span) {
        let start = model.now.instant
        ask(name, owner: owner, through: node, client: client)
        while model.clients[client].asked != nil, model.step(upTo: start + .seconds(10)) {}
        return (model.history[name].last?.answer, model.now.instant - start)
    }

    mutating func ask(_ name: Int, owner: Int, through node: Int, client: Int) {
        model.ask(client, .register(owner: owner, id: model.sequence, expected: nil), name, at: node)
    }
}

@Suite struct NamesLatencyTests {
    /// Five acceptors: one request to each, one answer and one hint; done when the fourth has answered.
    @Test func aFirstRegistrationTakesOneRoundTrip() {
        var quiet = Quiet(Quiet.uniform(5, roundTrip: 40), acceptors: 5, names: 20)
        for name in 0..<20 {
            let before = quiet.messages
            let (answer, time) = quiet.register(name, through: name % 5)
            #expect(answer == .registered(1))
            #expect(time == .milliseconds(41), "40 ms there and back and 1 ms to sync")
            quiet.settle(.seconds(1))
            #expect(quiet.messages - before == 15)
        }
    }

    /// The nearest four of five: the fifth may be as far as it likes.
    @Test func theFarthestAcceptorIsNotWaitedFor() {
        var trips = Quiet.uniform(5, roundTrip: 30)
        for other in 0..<4 { (trips[other][4], trips[4][other]) = (400, 400) }
        var quiet = Quiet(trips, acceptors: 5, names: 3)
        _ = quiet.register(0, through: 0)
        quiet.settle(.seconds(2))
        #expect(quiet.register(1, through: 1).1 == .milliseconds(31))
    }

    @Test func aNameThatIsTakenIsKnownToBeAfterOneRoundTrip() {
        var quiet = Quiet(Quiet.uniform(5, roundTrip: 40), acceptors: 5, names: 1)
        _ = quiet.register(0, owner: 0, through: 0)
        quiet.settle(.seconds(1))
        let (answer, time) = quiet.register(0, owner: 1, through: 3)
        #expect(answer == .taken(1))
        #expect(time <= .milliseconds(41))
    }

    /// Through another node, which has not heard of it: yours, and not registered anew.
    @Test(arguments: [3, 5]) func theSameOwnerAgainIsToldThatItHasTheName(_ acceptors: Int) {
        var quiet = Quiet(Quiet.uniform(7, roundTrip: 40), acceptors: acceptors, names: 14)
        for name in 0..<14 {
            #expect(quiet.register(name, through: name % 7).0 == .registered(1))
            quiet.settle(.seconds(1))
            #expect(quiet.register(name, through: (name + 3) % 7).0 == .alreadyYours(1))
        }
    }

    /// At once, before any hint of the first request has arrived anywhere, and after the node that carried it has died.
    @Test(arguments: [3, 5]) func oneRequestIsToldThatItMadeTheRegistration(_ acceptors: Int) {
        var quiet = Quiet(Quiet.uniform(7, roundTrip: 40), acceptors: acceptors, names: 14)
        for name in 0..<14 {
            #expect(quiet.register(name, through: name % 6).0 == .registered(1))
            #expect(quiet.register(name, through: (name + 3) % 6).0 == .alreadyYours(1))
        }
        quiet.model.crash(0)
        for name in 0..<14 { #expect(quiet.register(name, through: 6).0 == .alreadyYours(1)) }
    }

    /// The same request, sent again: it is told what it was told.
    @Test(arguments: [3, 5]) func aRequestThatIsSentAgainHearsTheSame(_ acceptors: Int) {
        var quiet = Quiet(Quiet.uniform(7, roundTrip: 40), acceptors: acceptors, names: 7)
        for name in 0..<7 {
            for node in [name, (name + 2) % 7, (name + 4) % 7] {
                quiet.model.ask(0, .register(owner: 0, id: 99, expected: nil), name, at: node)
                let end = quiet.model.now.instant + .seconds(10)
                while quiet.model.clients[0].asked != nil, quiet.model.step(upTo: end) {}
                #expect(quiet.model.history[name].last?.answer == .registered(1))
            }
        }
    }

    /// All at the same instant through different nodes: one wins, every other one is told so, and nobody is told
    /// "unknown".
    @Test(arguments: [3, 5]) func aCollisionFallsBackSafely(_ acceptors: Int) {
        var trips = Quiet.uniform(5, roundTrip: 40)
        // Not all alike, or every acceptor would get the same request first.
        for a in 0..<5 { for b in 0..<5 where a != b { trips[a][b] += Int64((a * 7 + b * 3) % 11) } }
        var quiet = Quiet(trips, acceptors: acceptors, names: 25, jitter: 0.3)
        for name in 0..<25 {
            for client in 0..<4 { quiet.ask(name, owner: client, through: (name + client) % 5, client: client) }
            let end = quiet.model.now.instant + .seconds(5)
            while quiet.model.clients.contains(where: { $0.asked != nil }), quiet.model.step(upTo: end) {}
            let answers = quiet.model.history[name].map(\.answer)
            #expect(answers.count { $0 == .registered(1) } == 1, "\(answers)")
            #expect(answers.count { $0 == .taken(1) } == 3, "\(answers)")
            quiet.settle(.seconds(1))
        }
    }

    /// No leader and no election: with a minority dead no registration fails, and none takes longer than the healthy
    /// one by more than the hedge delay.
    @Test(arguments: [(3, [2]), (5, [1, 4])]) func deadAcceptorsCostNoMoreThanTheHedge(_ acceptors: Int, _ dead: [Int])
    {
        let trip = Span.milliseconds(40)
        var quiet = Quiet(Quiet.uniform(acceptors, roundTrip: 40), acceptors: acceptors, names: 30)
        for name in 0..<5 { #expect(quiet.register(name, through: 0).0 == .registered(1)) }
        for node in dead { quiet.model.crash(node) }
        // The two round trips of the classic ballot, each with its sync, after one and a quarter and a margin.
        let healthy = trip * 2 + .milliseconds(2)
        let hedge = trip + trip / 4 + .milliseconds(12)
        var slowest = Span.zero
        for name in 5..<30 {
            let (answer, time) = quiet.register(name, through: 0)
            #expect(answer == .registered(1))
            slowest = max(slowest, time)
            if name > 5 { #expect(time <= healthy + .milliseconds(1), "once it is known, nobody waits for the dead") }
        }
        #expect(slowest <= healthy + hedge, "\(slowest.inMilliseconds) ms")
    }

    /// Five acceptors in three countries. The median must be no more than a tenth above the round trip to the nearest
    /// fast quorum, from wherever it is asked.
    @Test func farCountriesTakeTheRoundTripToTheFastQuorum() {
        let trips: [[Int64]] = [
            [0, 30, 90, 150, 220],
            [30, 0, 90, 150, 220],
            [90, 90, 0, 30, 150],
            [150, 150, 30, 0, 150],
            [220, 220, 150, 150, 0],
        ]
        var quiet = Quiet(trips, acceptors: 5, names: 250, jitter: 0.02)
        for node in 0..<5 {
            var times: [Span] = []
            for turn in 0..<50 {
                let (answer, time) = quiet.register(node * 50 + turn, through: node)
                #expect(answer == .registered(1))
                times.append(time)
                quiet.settle(.milliseconds(700))
            }
            times.sort()
            let quorum = trips[node].sorted()[3]
            #expect(
                times[25].inMilliseconds <= 1.1 * Double(quorum), "from node \(node): \(times[25].inMilliseconds) ms")
        }
    }
}
