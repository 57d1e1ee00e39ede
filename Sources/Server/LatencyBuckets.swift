// A histogram in the form that Prometheus scrapes: fixed bounds, cumulative counts when printed.

import World

struct LatencyBuckets: Sendable {
    /// Upper bounds in seconds: 100 µs to 10 s, about three to a decade. A synced write takes 0.2 ms on a good disk,
    /// the default timeout is 5 s.
    static let bounds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    private(set) var counts = [UInt64](repeating: 0, count: LatencyBuckets.bounds.count + 1)
    private(set) var sum = 0.0

    init() {}

    init(sumOf all: [LatencyBuckets]) {
        for buckets in all { add(buckets) }
    }

    mutating func observe(_ span: Span) {
        let seconds = span.inSeconds
        sum += seconds
        counts[LatencyBuckets.bounds.firstIndex { seconds <= $0 } ?? LatencyBuckets.bounds.count] += 1
    }

    private mutating func add(_ other: LatencyBuckets) {
        for i in counts.indices { counts[i] += other.counts[i] }
        sum += other.sum
    }

    var total: UInt64 { counts.reduce(0, +) }
}
