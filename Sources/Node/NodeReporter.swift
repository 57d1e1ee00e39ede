// What a node says of itself once a second, from what its parts have counted and measured.

import Gateway
package import Ring
package import Storage
package import Vnodes
package import World

/// What one storage thread has measured.
package struct StorageLoad: Sendable {
    /// Moving average of the time a request takes here without its wait, ms.
    package private(set) var serviceMs = 0.0
    /// The same from its arrival to its answer, its wait and its batch's commit included, ms.
    package private(set) var responseMs = 0.0
    package var replicationDelay = DelayAverage()
    /// Of a batch.
    private static let weight = 0.05

    package init() {}

    /// `response`: of what somebody waits for; nil if nobody does.
    mutating func note(serviceMs service: Double, responseMs response: Double?) {
        serviceMs += StorageLoad.weight * (service - serviceMs)
        if let response { responseMs += StorageLoad.weight * (response - responseMs) }
    }
}

extension [StorageLoad] {
    /// The slowest thread's.
    package func replicationDelayMs(at now: Instant) -> Double {
        map { $0.replicationDelay.milliseconds(at: now) }.max() ?? 0
    }
}

/// What clients' requests of one loop, or of all, have come to since the start.
package struct AnswerFigures: Sendable {
    package private(set) var reached: UInt64 = 0
    /// Told why not, whatever replicas there are: too large, too many at once, there already.
    private(set) var refused: UInt64 = 0
    /// Without their level's replicas.
    package private(set) var failed: UInt64 = 0

    package init() {}

    mutating func note(_ outcome: ClientOutcome) {
        switch outcome {
        case .object, .written, .operated, .inserted, .list: reached += 1
        case .failed(.quorumNotReached, _), .failed(.behind, _): failed += 1
        case .failed: refused += 1
        }
    }

    package static func + (a: AnswerFigures, b: AnswerFigures) -> AnswerFigures {
        var sum = a
        sum.reached += b.reached
        sum.refused += b.refused
        sum.failed += b.failed
        return sum
    }
}

/// What the parts of a node say when they are asked.
package struct NodeFigures: Sendable {
    /// Of each shard.
    package var shards: [StorageLoad]
    /// Since the start.
    package var answers: AnswerFigures
    /// Kept for other nodes.
    package var hints: Int
    package var disk: DiskGauge

    package init(shards: [StorageLoad], answers: AnswerFigures, hints: Int, disk: DiskGauge) {
        self.shards = shards
        self.answers = answers
        self.hints = hints
        self.disk = disk
    }
}

package struct NodeReporter: Sendable {
    private let revision: String
    private let ringEpoch: UInt64
    private let location: Coordinates?
    /// At the last report.
    private var counted = AnswerFigures()
    /// A moving average over the seconds between two reports.
    private var errorRate = 0.0
    private static let weight = 0.3
    /// Of the average, after a time in which nobody asked for anything.
    private static let idleShare = 0.9

    package init(_ identity: NodeID, revision: String, ring: RingDocument) {
        self.revision = revision
        ringEpoch = ring.epoch
        location = ring.node(identity)?.location
    }

    package mutating func report(_ figures: NodeFigures, at now: Instant) -> NodeReport {
        note(figures.answers)
        var report = NodeReport()
        report.revision = revision
        report.ringEpoch = ringEpoch
        report.location = location
        report.responseMs = figures.shards.map(\.responseMs).max() ?? 0
        report.replicationDelayMs = figures.shards.replicationDelayMs(at: now)
        report.hints = figures.hints
        report.diskFree = figures.disk.space.share
        report.isDiskFull = figures.disk.isFull
        report.errorRate = errorRate
        return report
    }

    private mutating func note(_ answers: AnswerFigures) {
        let answered = Double(answers.reached + answers.refused - counted.reached - counted.refused)
        let failed = Double(answers.failed - counted.failed)
        counted = answers
        guard answered + failed > 0 else { return errorRate *= NodeReporter.idleShare }
        errorRate += NodeReporter.weight * (failed / (answered + failed) - errorRate)
    }
}
