// What a node says of itself follows what its parts count.

@testable import Gateway
import Ring
import Storage
import Testing
import Vnodes
import World

@testable import Node

@Suite struct NodeReporterTests {
    private var reporter: NodeReporter
    private var answers = AnswerFigures()

    init() throws { reporter = NodeReporter(Bench.de, revision: "v1", ring: try Bench.ring().document) }

    private mutating func report(
        answered: UInt64 = 0, failed: UInt64 = 0, shards: [StorageLoad] = [], free: Double = 0.5
    ) -> NodeReport {
        // A refusal is an answer as good as any.
        let account = Account(tally: Tally(), level: .one, reached: true)
        for number in 0..<answered { answers.note(number % 2 == 0 ? .object(nil, account) : .failed(.exists, nil)) }
        for _ in 0..<failed { answers.note(.failed(.quorumNotReached(mayTakeEffect: false), nil)) }
        let disk = DiskGauge(DiskSpace(share: free, bytes: 1 << 40), at: .origin)
        return reporter.report(NodeFigures(shards: shards, answers: answers, hints: 7, disk: disk), at: .origin)
    }

    @Test mutating func itNamesItsSoftwareItsRingAndItsPlace() throws {
        let report = report()
        #expect(report.revision == "v1" && report.hints == 7)
        #expect(report.ringEpoch == (try Bench.ring()).document.epoch)
        #expect(report.location == Coordinates(latitude: 50.11, longitude: 8.68))
    }

    @Test mutating func theSlowestShardSpeaksForAll() {
        var (quick, slow) = (StorageLoad(), StorageLoad())
        quick.note(serviceMs: 1, responseMs: 10)
        slow.note(serviceMs: 1, responseMs: 100)
        let both = report(shards: [quick, slow])
        #expect(both.responseMs == slow.responseMs)
        let none = report()
        #expect(none.responseMs == 0 && none.replicationDelayMs == 0)
    }

    @Test mutating func aFullDiskIsTold() {
        let roomy = report(free: 0.5)
        #expect(roomy.diskFree == 0.5 && !roomy.isDiskFull)
        let full = report(free: 0.09)
        #expect(full.diskFree == 0.09 && full.isDiskFull)
    }

    /// A moving average of what came since the last report; a quiet time lets it fall.
    @Test mutating func theErrorRateFollowsTheLastSeconds() {
        let first = report(answered: 50, failed: 50).errorRate
        #expect(abs(first - 0.15) < 1e-9)
        let second = report(answered: 100).errorRate
        #expect(abs(second - 0.105) < 1e-9)
        let quiet = report().errorRate
        #expect(abs(quiet - 0.0945) < 1e-9)
        var all = 0.0
        for _ in 0..<100 { all = report(failed: 10).errorRate }
        #expect(all > 0.999)
    }
}
