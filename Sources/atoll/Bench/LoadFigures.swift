// What a load run counts: answers by operation and status, and how long they took.

import Histogram

struct LoadFigures: Sendable {
    /// Nanoseconds from when a request was due (sent, in a closed loop) to the end of its answer, three digits.
    typealias Latencies = Histogram<UInt64>

    struct OfOperation: Sendable {
        var latencies = LoadFigures.emptyLatencies
        var statuses = [Int](repeating: 0, count: LoadFigures.statusCodes)
        /// Requests whose connection ended before the answer.
        var lost = 0
        var timedOut = 0
        /// Requests whose answer was no HTTP.
        var malformed = 0
        /// Answers that came before the run's end.
        var inTime = 0

        var requests: Int { statuses.reduce(0, +) + lost + timedOut + malformed }
        var errors: Int { statuses.indices.reduce(lost + timedOut + malformed) { $1 >= 400 ? $0 + statuses[$1] : $0 } }

        mutating func add(_ other: OfOperation) {
            latencies.add(other.latencies)
            for index in statuses.indices { statuses[index] += other.statuses[index] }
            lost += other.lost
            timedOut += other.timedOut
            malformed += other.malformed
            inTime += other.inTime
        }
    }

    enum Failure { case lost, timedOut, malformed }

    static let statusCodes = 1_000
    static var emptyLatencies: Latencies {
        // From 1 ns to 2 min; it grows where that is not enough.
        var empty = Latencies(lowestDiscernibleValue: 1, highestTrackableValue: 120_000_000_000)
        empty.autoResize = true
        return empty
    }

    private(set) var get = OfOperation()
    private(set) var put = OfOperation()
    /// When the last answer came, ns on the generator's clock.
    private(set) var lastAnswer: UInt64 = 0
    /// Open loop: requests that were due before the end and found no free connection until it.
    var unsent = 0

    subscript(operation: LoadOperation) -> OfOperation {
        get { operation == .get ? get : put }
        _modify { if operation == .get { yield &get } else { yield &put } }
    }

    /// The two operations together.
    var all: OfOperation {
        var sum = get
        sum.add(put)
        return sum
    }

    /// Answers that are errors don't count into the latencies: a fast refusal is no fast service.
    mutating func note(
        _ operation: LoadOperation, status: Int, due: UInt64, now: UInt64, isInTime: Bool
    ) {
        lastAnswer = now
        self[operation].statuses[min(status, LoadFigures.statusCodes - 1)] += 1
        guard status < 400 else { return }
        self[operation].latencies.record(now > due ? now - due : 0)
        if isInTime { self[operation].inTime += 1 }
    }

    mutating func note(_ operation: LoadOperation, _ failure: Failure) {
        switch failure {
        case .lost: self[operation].lost += 1
        case .timedOut: self[operation].timedOut += 1
        case .malformed: self[operation].malformed += 1
        }
    }

    mutating func add(_ other: LoadFigures) {
        get.add(other.get)
        put.add(other.put)
        lastAnswer = max(lastAnswer, other.lastAnswer)
        unsent += other.unsent
    }
}
