// What is measured in a far network: in seconds with `make test`, which holds each figure to a bound, and at length
// with `make wan`, which prints it beside what it is to reach (docs/BENCHMARKS.md).

import Foundation
import Testing

/// A figure, what it is to reach in the long form, and what it must not exceed in the short one on a busy machine.
struct FarFigure {
    let what: String
    let unit: String
    let target: Double
    let bound: Double

    static let freshWrite = FarFigure(
        what: "a country cut off and healed: a fresh write is there", unit: "s", target: 2, bound: 8)
    static let lastHint = FarFigure(
        what: "a country cut off and healed: all hints are home", unit: "s", target: 10, bound: 25)
    static let healedForeground = FarFigure(
        what: "p99 of clients from the heal to the last hint, to before", unit: "x", target: 1.5, bound: 10)
    static let farDisk = FarFigure(
        what: "a lost disk is whole again, 220 ms away", unit: "s", target: 15, bound: 40)
    static let nearDisk = FarFigure(
        what: "a lost disk is whole again, loopback", unit: "s", target: 5, bound: 20)
    static let diskForeground = FarFigure(
        what: "p99 of clients while it is filled from afar, to before", unit: "x", target: 1.5, bound: 10)
    static let firstOfThree = FarFigure(
        what: "3 acceptors: first registration after a start", unit: "rt", target: 2, bound: 4.5)
    static let laterOfThree = FarFigure(
        what: "3 acceptors: later registrations", unit: "rt", target: 2, bound: 4.5)
    static let firstOfFive = FarFigure(
        what: "5 acceptors, four near: first registration", unit: "rt", target: 1.1, bound: 4.5)
    static let laterOfFive = FarFigure(
        what: "5 acceptors, four near: later registrations", unit: "rt", target: 1.1, bound: 2.5)
    static let firstOfFiveFar = FarFigure(
        what: "5 acceptors, from the far country: first registration", unit: "rt", target: 2, bound: 4.5)
    static let laterOfFiveFar = FarFigure(
        what: "5 acceptors, from the far country: later registrations", unit: "rt", target: 2, bound: 4.5)
    static let standingLinks = FarFigure(
        what: "the network is back: connections that stood carry again", unit: "s", target: 1, bound: 5)
    static let brokenLinks = FarFigure(
        what: "the network is back: broken connections are made again", unit: "s", target: 1, bound: 8)

    static let screenMedian = FarFigure(
        what: "a post, from the click to a screen 220 ms away: p50", unit: "s", target: 0.7, bound: 3)
    static let screenLast = FarFigure(
        what: "a post, from the click to a screen 220 ms away: p99", unit: "s", target: 2, bound: 8)
    static let farPost = FarFigure(
        what: "a post, from the click to its answer: p99", unit: "s", target: 0.8, bound: 6)

    /// Notes what was measured; `isGivenUp` if it would have been more.
    func note(_ value: Double, isGivenUp: Bool = false, _ remark: String = "") {
        if let directory = FarLength.directory {
            let row = FarFigure.row(
                what, (isGivenUp ? "> " : "") + text(value), text(target),
                isGivenUp || value > target ? "no" : "yes", remark)
            FarFigure.append(row, to: directory + "/table.txt")
        } else {
            print("far network: \(what): \(text(value)) \(remark)")
            #expect(!isGivenUp && value <= bound, "\(what): \(text(value)), not \(text(bound)) \(remark)")
        }
    }

    private func text(_ value: Double) -> String { String(format: "%.2f %@", value, unit) }

    private static func row(_ cells: String...) -> String {
        let widths = [62, 12, 10, 8, 0]
        let padded = zip(cells, widths).enumerated().map { column, cell in
            let blanks = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return column == 0 ? cell.0 + blanks : blanks + cell.0
        }
        return padded.joined(separator: "  ").trimmingCharacters(in: .whitespaces) + "\n"
    }

    private static func append(_ row: String, to path: String) {
        let old =
            (try? String(contentsOfFile: path, encoding: .utf8))
            ?? Self.row("what", "measured", "to reach", "reached", "")
        try? (old + row).write(toFile: path, atomically: true, encoding: .utf8)
    }
}

/// How long, and how much: `ATOLL_WAN` names the directory for the table and the picture, and asks for the long form.
struct FarLength {
    static let directory = ProcessInfo.processInfo.environment["ATOLL_WAN"]
    static let current = directory == nil ? short : long

    /// Seconds of load before anything happens to it, and of the cut.
    let calm: Double
    let cut: Double
    let writesPerSecond: Double
    let readsPerSecond: Double
    /// Keys on a disk that is lost, far away and on the loopback.
    let farKeys: Int
    let nearKeys: Int
    /// Seconds without a network after which connections are to carry again: several, as it depends on the moment.
    let outages: [Double]
    /// Posts that are looked for on a screen.
    let posts: Int
    /// Seconds after which it is not waited any longer.
    let patience: Double

    static let short = FarLength(
        calm: 1.5, cut: 3, writesPerSecond: 100, readsPerSecond: 50, farKeys: 40, nearKeys: 1_000, outages: [5],
        posts: 3,
        patience: 60)
    static let long = FarLength(
        calm: 10, cut: 30, writesPerSecond: 500, readsPerSecond: 200, farKeys: 100_000, nearKeys: 100_000,
        outages: [30, 13, 7], posts: 50,
        patience: 120)
}
