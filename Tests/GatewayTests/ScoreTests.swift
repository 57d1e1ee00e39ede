// The replica score: worse in any term is a higher cost; and what a gateway makes of it.

import Ring
import Testing
import World

@testable import Gateway

@Suite struct ReplicaScoreTests {
    private func cost(_ replica: ReplicaFigures, far: Double = 0, weights: ScoreWeights = ScoreWeights()) -> Double {
        ReplicaScore(weights: weights, gateways: 3).cost(replica, unseenServiceMs: 1, unseenTripMs: 1, farMs: far)
    }

    private func random(_ dice: inout SeededRandom) -> ReplicaFigures {
        var replica = ReplicaFigures()
        replica.serviceMs = 0.1 + dice.unit() * 20
        replica.roundTripMs = dice.unit() * 200
        replica.errorRate = dice.unit()
        replica.lagMs = dice.unit() * 2_000
        replica.outstanding = Int.random(in: 0...50, using: &dice)
        replica.reportedInFlight = Int.random(in: 0...50, using: &dice)
        return replica
    }

    @Test func isMonotoneInEveryTerm() {
        var dice = SeededRandom(seed: 1)
        let worsen: [(String, (inout ReplicaFigures, Double) -> Void)] = [
            ("service", { $0.serviceMs = ($0.serviceMs ?? 0) + $1 }),
            ("trip", { $0.roundTripMs = ($0.roundTripMs ?? 0) + $1 }),
            ("errors", { $0.errorRate += $1 / 100 }), ("lag", { $0.lagMs += 500 + $1 }),
            ("outstanding", { replica, _ in replica.outstanding += 1 }),
            ("in flight", { replica, _ in replica.reportedInFlight += 1 }),
        ]
        for _ in 0..<500 {
            let replica = random(&dice)
            for (term, change) in worsen {
                var worse = replica
                change(&worse, 0.01 + dice.unit() * 10)
                #expect(cost(worse) > cost(replica), "\(term): \(replica)")
            }
            #expect(cost(replica, far: 10) > cost(replica))
        }
    }

    @Test func eachWeightRulesItsTermAlone() {
        var replica = ReplicaFigures()
        (replica.serviceMs, replica.roundTripMs, replica.errorRate, replica.lagMs) = (2, 30, 0.5, 700)
        let none = ScoreWeights(replicationDelay: 0, responseTime: 0, distance: 0, errorRate: 0)
        #expect(cost(replica, weights: none) == 0)
        #expect(
            cost(replica, weights: ScoreWeights(replicationDelay: 1, responseTime: 0, distance: 0, errorRate: 0)) == 200
        )
        #expect(
            cost(replica, weights: ScoreWeights(replicationDelay: 0, responseTime: 1, distance: 0, errorRate: 0)) == 2)
        #expect(
            cost(replica, weights: ScoreWeights(replicationDelay: 0, responseTime: 0, distance: 1, errorRate: 0)) == 30)
        #expect(
            cost(replica, weights: ScoreWeights(replicationDelay: 0, responseTime: 0, distance: 0, errorRate: 1)) == 750
        )
    }

    @Test func aSmallLagCostsNothing() {
        var (fresh, behind) = (ReplicaFigures(), ReplicaFigures())
        (fresh.lagMs, behind.lagMs) = (0, 499)
        #expect(cost(fresh) == cost(behind))
    }

    /// One outstanding request stands for as many as there are gateways only where the others are as busy.
    @Test func aQueueIsMeasuredByWhatIsUsual() {
        func score(waiting: UInt32, outstanding: Int) -> ReplicaScore {
            var score = ReplicaScore(weights: ScoreWeights(), gateways: 40)
            for _ in 0..<5_000 { score.note(replica(waiting: waiting, outstanding: outstanding)) }
            return score
        }
        func replica(waiting: UInt32, outstanding: Int) -> ReplicaFigures {
            var replica = ReplicaFigures()
            replica.isAvailable = true
            replica.answered(after: .milliseconds(4), serviceMicroseconds: 4_000, inFlight: waiting)
            replica.outstanding = outstanding
            return replica
        }
        func ratio(_ score: ReplicaScore, _ a: ReplicaFigures, _ b: ReplicaFigures) -> Double {
            func cost(_ replica: ReplicaFigures) -> Double {
                score.cost(replica, unseenServiceMs: 1, unseenTripMs: 1, farMs: 0)
            }
            return cost(a) / cost(b)
        }
        let (busy, idle) = (replica(waiting: 0, outstanding: 1), replica(waiting: 0, outstanding: 0))
        let (alone, among) = (score(waiting: 2, outstanding: 2), score(waiting: 20, outstanding: 1))
        #expect(abs(ratio(alone, busy, idle) - 1.25 * 1.25 * 1.25) < 0.01)
        #expect(abs(ratio(among, busy, idle) - 8) < 0.1)
        // A usual queue is no reason to cross an ocean, be it as long as it may.
        let crowded = score(waiting: 2_000, outstanding: 200)
        #expect(ratio(crowded, replica(waiting: 2_000, outstanding: 0), idle) < 8.1)
    }

    /// What one replica claims of its queue, whatever that is, leaves the others apart by theirs.
    @Test func aQueueThatNobodyCanHaveIsNotBelieved() {
        func replica(waiting: UInt32) -> ReplicaFigures {
            var replica = ReplicaFigures()
            replica.isAvailable = true
            replica.answered(after: .milliseconds(4), serviceMicroseconds: 4_000, inFlight: waiting)
            return replica
        }
        #expect(replica(waiting: .max).reportedInFlight == Limits.mailboxRequests)
        var score = ReplicaScore(weights: ScoreWeights(), gateways: 3)
        for number in 0..<9_000 { score.note(replica(waiting: number % 3 == 0 ? .max : 10)) }
        func cost(_ waiting: UInt32) -> Double {
            score.cost(replica(waiting: waiting), unseenServiceMs: 1, unseenTripMs: 1, farMs: 0)
        }
        #expect(cost(10_000) > 5 * cost(10))
    }

    @Test func averagesFollowWhatIsMeasured() {
        var replica = ReplicaFigures()
        replica.answered(after: .milliseconds(50), serviceMicroseconds: 2_000, inFlight: 7)
        #expect(
            replica.serviceMs == 2 && replica.roundTripMs == 48 && replica.reportedInFlight == 7
                && replica.responseMs == 50)
        for _ in 0..<30 { replica.answered(after: .milliseconds(10), serviceMicroseconds: 4_000, inFlight: 0) }
        #expect(abs((replica.serviceMs ?? 0) - 4) < 0.01 && abs((replica.roundTripMs ?? 0) - 6) < 0.01)
        replica.failed()
        #expect(abs(replica.errorRate - 0.3) < 1e-9)
        for _ in 0..<50 { replica.failed() }
        #expect(replica.errorRate > 0.99 && replica.errorRate <= 1)
        for _ in 0..<50 { replica.answered(after: .milliseconds(10), serviceMicroseconds: 4_000, inFlight: 0) }
        #expect(replica.errorRate < 0.01)
        // A replica that reports more service than the whole took has a trip of nothing, not less.
        replica.answered(after: .milliseconds(1), serviceMicroseconds: .max, inFlight: .max)
        #expect((replica.roundTripMs ?? -1) >= 0)
    }
}

@Suite struct DirectoryTests {
    private let de = NodeID(literal: "de-1")
    private let jp = NodeID(literal: "jp-1")
    private let us = NodeID(literal: "us-1")

    private func directory(at identity: NodeID) throws -> ReplicaDirectory {
        var directory = ReplicaDirectory(identity: identity, ring: try Cluster.three(), random: SeededRandom(seed: 1))
        for node in [de, jp, us] { directory.change(node) { $0.isAvailable = true } }
        return directory
    }

    @Test func untilSomethingIsKnownTheNearestIsFirst() throws {
        var fromGermany = try directory(at: de)
        let ranked = fromGermany.rank([jp, us, de], near: nil)
        #expect(ranked == [de, us, jp])
        var fromJapan = try directory(at: jp)
        let nearest = fromJapan.rank([de, us, jp], near: nil).first
        #expect(nearest == jp)
    }

    @Test func aClientsPlaceCounts() throws {
        var directory = try directory(at: de)
        let osaka = try #require(Coordinates(latitude: 34.69, longitude: 135.50))
        let (without, with) = (directory.rank([us, jp], near: nil), directory.rank([us, jp], near: osaka))
        #expect(without == [us, jp] && with == [jp, us])
    }

    @Test func whoCannotBeReachedComesLast() throws {
        var directory = try directory(at: de)
        directory.change(de) { $0.isAvailable = false }
        let ranked = directory.rank([de, us, jp], near: nil)
        #expect(ranked == [us, jp, de])
    }

    @Test func equalOnesTakeTurns() throws {
        var directory = try directory(at: de)
        for node in [de, jp, us] {
            directory.change(node) { $0.answered(after: .milliseconds(10), serviceMicroseconds: 100, inFlight: 0) }
        }
        var first: [NodeID: Int] = [:]
        for _ in 0..<300 { first[directory.rank([de, jp, us], near: nil)[0], default: 0] += 1 }
        #expect(first.count == 3 && first.values.allSatisfy { $0 > 60 })
    }

    @Test func aCrowdedReplicaLosesItsTurn() throws {
        var directory = try directory(at: de)
        for node in [de, jp, us] {
            directory.change(node) { $0.answered(after: .milliseconds(10), serviceMicroseconds: 5_000, inFlight: 0) }
        }
        directory.change(jp) { $0.outstanding = 30 }
        let ranked = directory.rank([jp, us], near: nil)
        #expect(ranked == [us, jp])
    }
}

@Suite struct GeographyTests {
    private func place(_ latitude: Double, _ longitude: Double) throws -> Coordinates {
        try #require(Coordinates(latitude: latitude, longitude: longitude))
    }

    /// Great-circle distances as published for these city pairs, km.
    @Test(arguments: [
        (50.11, 8.68, 38.95, -77.45, 6_560.0), (50.11, 8.68, 35.68, 139.69, 9_330),
        (38.95, -77.45, 35.68, 139.69, 10_870),
        (52.52, 13.40, 48.14, 11.58, 504), (-33.87, 151.21, -34.61, -58.38, 11_800),
    ])
    func distancesAreThoseOfTheEarth(_ a: Double, _ b: Double, _ c: Double, _ d: Double, _ km: Double) throws {
        let distance = Geography.distanceKm(try place(a, b), try place(c, d))
        #expect(abs(distance - km) < 0.02 * km, "\(distance)")
    }

    @Test func isAMetricWithinTheGlobe() throws {
        var dice = SeededRandom(seed: 1)
        func anywhere() throws -> Coordinates { try place(dice.unit() * 180 - 90, dice.unit() * 360 - 180) }
        let half = 6_371.0 * .pi
        for _ in 0..<300 {
            let (a, b, c) = (try anywhere(), try anywhere(), try anywhere())
            let (ab, bc, ac) = (Geography.distanceKm(a, b), Geography.distanceKm(b, c), Geography.distanceKm(a, c))
            #expect(ab >= 0 && ab <= half + 1 && abs(ab - Geography.distanceKm(b, a)) < 1e-6)
            #expect(ac <= ab + bc + 1e-6)
            #expect(Geography.distanceKm(a, a) < 1e-6)
        }
        #expect(abs(Geography.distanceKm(try place(0, 0), try place(0, 180)) - half) < 1)
        #expect(abs(Geography.distanceKm(try place(90, 0), try place(-90, 77)) - half) < 1)
    }

    @Test func lightTakesItsTime() throws {
        let trip = Geography.roundTripMs(try place(50.11, 8.68), try place(38.95, -77.45))
        #expect((85...110).contains(trip))
    }
}
