// What one loop of the generator sends and when: a value, fed with the time.

import World

/// Which part of the whole belongs to one loop: number `index` of `count`.
struct LoadShare: Sendable {
    let index: Int
    let count: Int

    func part(of total: Int) -> Int { total / count + (index < total % count ? 1 : 0) }
}

struct LoadSchedule {
    private enum Work {
        /// Every key of the share once.
        case load(next: Int)
        case closed
        /// Request number `next` is due at `first` + `next` · `interval`, whatever became of those before it. One that
        /// finds no free connection is sent late and measured from when it was due: otherwise a server that stalls
        /// would be asked less, and its stall would count once instead of for all who would have come (coordinated
        /// omission).
        case open(next: Int, first: UInt64, interval: Double)
    }

    private var work: Work
    private let keys: Int
    private let step: Int
    /// Of a workload that asks for each key once: the next one.
    private var fresh: Int
    private let workload: BenchWorkload
    private let choice: KeyChoice
    private var random: SeededRandom
    private let measuredFrom: UInt64
    /// When nothing more is sent; nil where a number of requests ends the run.
    let end: UInt64?
    private var left: Int?

    /// Writes every key once.
    init(loading plan: LoadPlan, share: LoadShare) {
        work = .load(next: share.index)
        (keys, step, fresh) = (plan.keys, share.count, 0)
        (workload, choice) = (.put, .uniform(count: 1))
        random = SeededRandom(seed: 0)
        (measuredFrom, end, left) = (0, nil, nil)
    }

    /// The plan's run, its warm-up first. Times in nanoseconds.
    init(_ plan: LoadPlan, _ choice: KeyChoice, share: LoadShare, start: UInt64, random: SeededRandom) {
        switch plan.arrival {
        case .closed: work = .closed
        case .open(let rate):
            let interval = 1e9 / rate
            work = .open(
                next: 0, first: start + UInt64(Double(share.index) * interval), interval: interval * Double(share.count)
            )
        }
        (keys, step, fresh) = (plan.keys, share.count, share.index)
        workload = plan.workload
        self.choice = choice
        self.random = random
        measuredFrom = start + plan.warmUp
        switch plan.extent {
        case .duration(let span): (end, left) = (measuredFrom + span, nil)
        case .requests(let count): (end, left) = (nil, share.part(of: count))
        }
    }

    /// The next request, if one is due.
    mutating func next(now: UInt64) -> LoadConnection.Request? {
        guard !isOver(now: now) else { return nil }
        switch work {
        case .load(let key):
            work = .load(next: key + step)
            return .init(operation: .put, key: key, due: now, counts: true)
        case .closed: return request(due: now)
        case .open(let number, let first, let interval):
            guard let due = nextDue, due <= now else { return nil }
            work = .open(next: number + 1, first: first, interval: interval)
            return request(due: due)
        }
    }

    private mutating func request(due: UInt64) -> LoadConnection.Request {
        let counts = due >= measuredFrom
        if counts, let before = left { left = before - 1 }
        guard !workload.takesKeysOnce else {
            defer { fresh += step }
            return .init(operation: .put, key: fresh, due: due, counts: counts)
        }
        return .init(
            operation: workload.next(&random), key: choice.next(&random), due: due, counts: counts)
    }

    /// Open loop: when the next request is due.
    var nextDue: UInt64? {
        guard case .open(let number, let first, let interval) = work else { return nil }
        return first + UInt64(Double(number) * interval)
    }

    /// Nothing more will be sent.
    func isOver(now: UInt64) -> Bool {
        if case .load(let key) = work { return key >= keys }
        return left == 0 || end.map { now >= $0 } ?? false
    }

    func isInTime(_ now: UInt64) -> Bool { end.map { now < $0 } ?? true }

    /// Open loop: measured requests that were due before the end and never sent.
    var unsent: Int {
        guard case .open(let number, let first, let interval) = work, let end else { return 0 }
        let from = max(Double(number), (Double(measuredFrom) - Double(first)) / interval)
        return max(0, Int((Double(end - first) / interval - from).rounded(.up)))
    }
}
