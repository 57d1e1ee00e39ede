// Levels in numbers, checked against their definitions by trying every set of answers.

import Ring
import Testing
import World

@testable import Gateway

@Suite struct QuorumTests {
    private struct Case: Sendable {
        let countries: [String]
        let gateway: String
    }

    private let cases = [
        Case(countries: ["de"], gateway: "de"), Case(countries: ["de", "us", "jp"], gateway: "de"),
        Case(countries: ["de", "de", "us", "us", "us"], gateway: "us"),
        Case(countries: ["de", "de", "de", "jp"], gateway: "jp"),
        Case(countries: ["de", "us"], gateway: "us"),
        Case(countries: ["de", "de", "us", "us", "jp", "jp"], gateway: "de"),
    ]

    private func node(_ index: Int) -> NodeID { NodeID("n\(index)") ?? NodeID(literal: "n") }

    /// The definition, in other words than the code's.
    private func isReached(_ level: ConsistencyLevel, _ one: Case, _ answered: [Int]) -> Bool {
        func majority(in country: String) -> Bool {
            let all = one.countries.indices.filter { one.countries[$0] == country }
            return answered.count { all.contains($0) } * 2 > all.count
        }
        return switch level {
        case .one: !answered.isEmpty
        case .count(let n): answered.count >= n
        case .quorum: answered.count * 2 > one.countries.count
        case .all: answered.count == one.countries.count
        case .local: majority(in: one.gateway)
        case .each: Set(one.countries).allSatisfy(majority)
        }
    }

    @Test func everyLevelIsItsDefinition() throws {
        for one in cases {
            let levels: [ConsistencyLevel] =
                [.one, .quorum, .all, .local, .each] + (1...one.countries.count).map { .count($0) }
            for level in levels {
                for strict in [true, false] {
                    let quorum = try Quorum(
                        level, strict: strict, countries: one.countries, gatewayCountry: one.gateway)
                    for set in 0..<(1 << one.countries.count) {
                        let answered = one.countries.indices.filter { set & (1 << $0) != 0 }
                        var tally = Tally()
                        for index in answered {
                            tally.add(Acknowledgement(node: node(index), country: one.countries[index]))
                        }
                        #expect(
                            quorum.isReached(by: tally) == isReached(level, one, answered),
                            "\(level) \(one) \(answered)")
                    }
                }
            }
        }
    }

    @Test func hintsCountUnlessStrict() throws {
        var tally = Tally()
        tally.add(Acknowledgement(node: node(0), country: "de"))
        tally.add(Acknowledgement(node: node(9), country: "br", hintFor: node(1)))
        for strict in [true, false] {
            let quorum = try Quorum(.quorum, strict: strict, countries: ["de", "us", "jp"], gatewayCountry: "de")
            #expect(quorum.isReached(by: tally) == !strict)
            // A hint abroad is no answer of the country.
            let each = try Quorum(.each, strict: strict, countries: ["de", "us"], gatewayCountry: "de")
            #expect(!each.isReached(by: tally))
        }
        #expect(tally.hinted == 1 && tally.countries == ["br", "de"])
    }

    /// A node that has the write, and keeps it for another as well, is told of both in any order.
    @Test func hintsTakeNoPrimarysPlace() throws {
        let own = (0...1).map { Acknowledgement(node: node($0), country: "de") }
        let kept = [
            Acknowledgement(node: node(0), country: "de", hintFor: node(2)),
            Acknowledgement(node: node(9), country: "de", hintFor: node(1)),
        ]
        let strict = try Quorum(.quorum, strict: true, countries: ["de", "us", "jp"], gatewayCountry: "de")
        for hint in kept {
            for order in [[hint] + own, [own[0], hint, own[1]], [own[1], hint, own[0]], own + [hint]] {
                var tally = Tally()
                for one in order { tally.add(one) }
                #expect(strict.isReached(by: tally) && tally.hinted == 0 && tally.count == 2)
            }
        }
    }

    @Test func noNodeAndNoReplicaIsCountedTwice() {
        var tally = Tally()
        func isCounted(_ place: Int, _ country: String, for target: Int? = nil) -> Bool {
            tally.add(Acknowledgement(node: node(place), country: country, hintFor: target.map(node)))
        }
        #expect(isCounted(0, "de"))
        #expect(!isCounted(0, "de"))
        // One disk for two replicas is one copy.
        #expect(!isCounted(0, "de", for: 1))
        #expect(isCounted(5, "us", for: 1))
        #expect(!isCounted(6, "us", for: 1))
        #expect(!isCounted(5, "us", for: 2))
        #expect(tally.count == 2 && tally.contains(node(5)) && !tally.contains(node(1)))
        // The replica itself, in the place of its hint, and a second hint for it.
        #expect(isCounted(1, "us"))
        #expect(!isCounted(6, "us", for: 1))
        #expect(tally.count == 2 && !tally.contains(node(5)) && tally.containsPrimary(node(1)))
    }

    @Test func levelsThatCannotBeMetAreRefused() {
        for (level, countries) in [(.count(4), ["de", "us", "jp"]), (.count(0), ["de"]), (.local, ["us", "jp"])]
            as [(ConsistencyLevel, [String])]
        {
            #expect(throws: RequestFailure.self) {
                try Quorum(level, strict: false, countries: countries, gatewayCountry: "de")
            }
        }
    }

    @Test func nextAsksNobodyInVain() throws {
        let candidates = [(0, "us"), (1, "us"), (2, "us"), (3, "de"), (4, "jp")].map {
            Acknowledgement(node: node($0.0), country: $0.1)
        }
        let countries = candidates.map(\.country)
        func asked(_ level: ConsistencyLevel) throws -> [NodeID] {
            let quorum = try Quorum(level, strict: false, countries: countries, gatewayCountry: "jp")
            var left = candidates
            var open: [Acknowledgement] = []
            while let next = quorum.next(of: left, given: Tally(), expecting: open) {
                left.removeAll { $0 == next }
                open.append(next)
            }
            return open.map(\.node)
        }
        #expect(try asked(.one) == [node(0)])
        #expect(try asked(.quorum) == [node(0), node(1), node(2)])
        #expect(try asked(.local) == [node(4)])
        #expect(try asked(.each) == [node(0), node(1), node(3), node(4)])
        #expect(try asked(.all).count == 5)
    }
}
