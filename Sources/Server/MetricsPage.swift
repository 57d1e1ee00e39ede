// The figures of one node in Prometheus' text format.

import World

enum MetricsPage {
    static func text(_ snapshot: NodeSnapshot) -> String {
        var text = ""
        for figure in Figure.all {
            switch figure.reading {
            case .counter(let read): figure.write("counter", [("", Double(read(snapshot)))], to: &text)
            case .gauge(let read): figure.write("gauge", [("", read(snapshot))], to: &text)
            case .counters(let read): figure.write("counter", read(snapshot).map { ($0, Double($1)) }, to: &text)
            case .gauges(let read): figure.write("gauge", read(snapshot), to: &text)
            case .histogram(let read): figure.write(read(snapshot), to: &text)
            }
        }
        return text
    }
}

extension Figure {
    fileprivate func write(_ type: String, _ values: [(labels: String, value: Double)], to text: inout String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for (labels, value) in values { text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(value)\n" }
    }

    fileprivate func write(_ buckets: LatencyBuckets, to text: inout String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) histogram\n"
        var cumulative: UInt64 = 0
        for (bound, count) in zip(LatencyBuckets.bounds, buckets.counts) {
            cumulative += count
            text += "\(name)_bucket{le=\"\(bound)\"} \(cumulative)\n"
        }
        text +=
            "\(name)_bucket{le=\"+Inf\"} \(buckets.total)\n\(name)_sum \(buckets.sum)\n\(name)_count \(buckets.total)\n"
    }
}
