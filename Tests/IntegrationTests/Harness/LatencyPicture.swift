// Latency over time, as an SVG: one panel each for writes and reads, with the median and the 99th percentile of each
// half second, and lines for what happened meanwhile.

import Foundation

struct LatencyPicture {
    private let samples: [PacedLoad.Sample]
    private let marks: [(what: String, at: Double)]
    private let begin: Double
    private let end: Double

    private static let slice = 0.5
    private static let (width, height) = (1_000.0, 620.0)
    private static let (left, right) = (70.0, 980.0)
    /// The bounds of the latency axis in ms: decades, as answers take an ocean or a time limit.
    private static let (least, most) = (10.0, 10_000.0)

    /// `marks`: what happened when, on the stopwatch.
    init(samples: [PacedLoad.Sample], marks: [(what: String, at: Double)]) {
        self.samples = samples
        self.marks = marks
        begin = samples.map(\.due).min() ?? 0
        end = max(samples.map(\.due).max() ?? 1, begin + 1)
    }

    private func x(_ time: Double) -> Double {
        LatencyPicture.left + (time - begin) / (end - begin) * (LatencyPicture.right - LatencyPicture.left)
    }

    private func y(_ milliseconds: Double, _ panel: ClosedRange<Double>) -> Double {
        let (least, most) = (LatencyPicture.least, LatencyPicture.most)
        let share = log10(min(max(milliseconds, least), most) / least) / log10(most / least)
        return panel.upperBound - share * (panel.upperBound - panel.lowerBound)
    }

    var svg: String {
        let panels: [(PacedLoad.Kind, String, ClosedRange<Double>)] = [
            (.write, "Writes (quorum)", 90...320), (.read, "Reads (quorum)", 360...570),
        ]
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(LatencyPicture.width) \(LatencyPicture.height)" \
            font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="12" fill="#222">
            <rect width="100%" height="100%" fill="white"/>
            <text x="\(LatencyPicture.left)" y="24" font-size="16">Latency of clients in Germany and the USA while Japan is cut off</text>
            """,
            legend,
        ]
        for (kind, _, panel) in panels { parts.append(grid(panel) + curves(kind, panel)) }
        parts.append(markLines(from: 78, to: 570) + timeAxis(570))
        for (_, title, panel) in panels {
            parts.append(
                """
                <text x="\(LatencyPicture.right)" y="\(panel.lowerBound + 20)" text-anchor="end" font-weight="bold" \
                stroke="white" stroke-width="6" paint-order="stroke">\(title)</text>
                """)
        }
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private var legend: String {
        let entries = [
            ("#1f5fa8", "median of half a second"), ("#e07b00", "99th percentile"), ("#c00020", "not answered"),
        ]
        return entries.enumerated().map { place, entry in
            let x = 70 + Double(place) * 210
            return """
                <rect x="\(x)" y="38" width="18" height="5" fill="\(entry.0)"/><text x="\(x + 24)" y="45">\(entry.1)</text>
                """
        }.joined(separator: "\n")
    }

    private func grid(_ panel: ClosedRange<Double>) -> String {
        [10.0, 100, 1_000, 10_000].map { value in
            let y = y(value, panel)
            let label = value < 1_000 ? "\(Int(value)) ms" : "\(Int(value / 1_000)) s"
            return """
                <line x1="\(LatencyPicture.left)" x2="\(LatencyPicture.right)" y1="\(y)" y2="\(y)" stroke="#ddd"/>
                <text x="\(LatencyPicture.left - 8)" y="\(y + 4)" text-anchor="end">\(label)</text>
                """
        }.joined(separator: "\n")
    }

    private func curves(_ kind: PacedLoad.Kind, _ panel: ClosedRange<Double>) -> String {
        let slices = Dictionary(grouping: samples.of(kind)) { Int(($0.due - begin) / LatencyPicture.slice) }
            .sorted { $0.key < $1.key }
        func curve(_ share: Double, _ colour: String) -> String {
            let points = slices.compactMap { slice, samples in
                samples.percentile(share).map {
                    String(
                        format: "%.1f,%.1f", x(begin + (Double(slice) + 0.5) * LatencyPicture.slice), y($0 * 1e3, panel)
                    )
                }
            }
            return """
                <polyline points="\(points.joined(separator: " "))" fill="none" stroke="\(colour)" stroke-width="1.5"/>
                """
        }
        let failures = samples.of(kind).filter { !$0.isAnswered }.map {
            String(
                format: "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#c00020\"/>", x($0.due),
                x($0.due), panel.upperBound - 8, panel.upperBound)
        }
        return ([curve(0.99, "#e07b00"), curve(0.5, "#1f5fa8")] + failures).joined(separator: "\n")
    }

    private func markLines(from top: Double, to bottom: Double) -> String {
        marks.enumerated().map { place, mark in
            let x = x(mark.at)
            // Neighbours in rows of their own, so that their words do not overlap.
            let row = top - Double(place % 3) * 13
            let isLeft = x > LatencyPicture.right - 150
            return """
                <line x1="\(x)" x2="\(x)" y1="\(row)" y2="\(bottom)" stroke="#555" stroke-dasharray="4 3"/>
                <text x="\(isLeft ? x - 4 : x + 4)" y="\(row + 4)" text-anchor="\(isLeft ? "end" : "start")" fill="#555">\(mark.what)</text>
                """
        }.joined(separator: "\n")
    }

    private func timeAxis(_ y: Double) -> String {
        let step = end - begin > 60 ? 10.0 : end - begin > 20 ? 5 : 1
        let ticks = stride(from: 0.0, through: end - begin, by: step).map { time in
            let x = x(begin + time)
            return """
                <line x1="\(x)" x2="\(x)" y1="\(y)" y2="\(y + 5)" stroke="#222"/>
                <text x="\(x)" y="\(y + 19)" text-anchor="middle">\(Int(time))</text>
                """
        }
        let axis = """
            <line x1="\(LatencyPicture.left)" x2="\(LatencyPicture.right)" y1="\(y)" y2="\(y)" stroke="#222"/>
            <text x="\((LatencyPicture.left + LatencyPicture.right) / 2)" y="\(y + 38)" text-anchor="middle">seconds</text>
            """
        return (ticks + [axis]).joined(separator: "\n")
    }
}
