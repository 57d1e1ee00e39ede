// How full the countries become, month by month, with the lines at which the disks are full and at which they would no
// longer take what a lost country leaves.

import RingFile

package enum GrowthCurves {
    private static let left = 64.0
    private static let top = 76.0
    private static let plotWidth = 620.0
    private static let plotHeight = 320.0

    package static func draw(_ forecast: CapacityForecast, cluster: String) -> String {
        var svg = SVG(width: left + plotWidth + 216, height: top + plotHeight + 96)
        svg.text("How full \(cluster) becomes", 20, 32, size: 18, bold: true)
        svg.text(
            "\(Quantity.bytes(forecast.months.first?.dataBytes ?? 0)) of client data grow to "
                + Quantity.bytes(forecast.months.last?.dataBytes ?? 0), 20, 54, colour: SVG.Colour.faint)
        // Beyond twice full nobody needs to see by how much.
        let highest = forecast.months.flatMap { $0.fills + [$0.fullest] }.max() ?? 1
        let most = min(2, max(1, (highest * 10).rounded(.up) / 10))
        let last = Double(max(1, forecast.months.count - 1))
        func x(_ month: Int) -> Double { left + Double(month) / last * plotWidth }
        func y(_ share: Double) -> Double { top + plotHeight * (1 - min(share, most) / most) }

        for percent in stride(from: 0, through: Int((most * 100).rounded()), by: 20) {
            let at = y(Double(percent) / 100)
            svg.line(left, at, left + plotWidth, at, SVG.Colour.grid)
            svg.text("\(percent)%", left - 8, at + 4, .end, size: 11, colour: SVG.Colour.faint)
        }
        let every = max(1, (forecast.months.count + 4) / 6)
        for month in stride(from: 0, to: forecast.months.count, by: every) {
            svg.line(x(month), top + plotHeight, x(month), top + plotHeight + 5, SVG.Colour.faint)
            svg.text(
                String(forecast.months[month].date.description.prefix(7)), x(month), top + plotHeight + 20, .middle,
                size: 11, colour: SVG.Colour.faint)
        }
        var labels: [(y: Double, text: String, colour: String)] = []
        level(&svg, forecast.fullAt, "full_at \(Quantity.percent(forecast.fullAt, digits: 0))", y, &labels)
        // After a loss the fullest node is fuller by a factor; seen from good days, the line lies lower by it.
        let normal = forecast.limits.first { $0.domain == nil }?.fillToday ?? 0
        for limit in forecast.limits {
            guard let kind = limit.domain, kind != .node, let fill = limit.fillToday, fill > normal else { continue }
            level(&svg, forecast.fullAt * normal / fill, "safe after losing a \(kind.rawValue)", y, &labels)
        }
        for (at, name) in forecast.countries.enumerated() {
            let colour = SVG.Colour.series[at % SVG.Colour.series.count]
            svg.polyline(forecast.months.indices.map { (x($0), y(forecast.months[$0].fills[at])) }, colour)
            if let fill = forecast.months.last?.fills[at] {
                labels.append((y(fill), "\(name) \(Quantity.percent(fill))", colour))
            }
        }
        svg.polyline(forecast.months.indices.map { (x($0), y(forecast.months[$0].fullest)) }, SVG.Colour.ink, width: 1)
        if let fullest = forecast.months.last?.fullest {
            labels.append((y(fullest), "fullest node \(Quantity.percent(fullest))", SVG.Colour.ink))
        }
        place(labels, &svg)
        footnotes(forecast, &svg)
        return svg.document(title: "Fill of \(cluster) over time")
    }

    private static func level(
        _ svg: inout SVG, _ share: Double, _ text: String, _ y: (Double) -> Double,
        _ labels: inout [(y: Double, text: String, colour: String)]
    ) {
        svg.line(left, y(share), left + plotWidth, y(share), SVG.Colour.warning, width: 1.5, dashes: "5 4")
        labels.append((y(share), text, SVG.Colour.warning))
    }

    /// Labels beside the end of their lines, moved apart where they would overlap.
    private static func place(_ labels: [(y: Double, text: String, colour: String)], _ svg: inout SVG) {
        var next = 0.0
        let sorted = labels.enumerated().sorted { ($0.element.y, $0.offset) < ($1.element.y, $1.offset) }.map(\.element)
        for label in sorted {
            let at = max(label.y + 4, next)
            svg.text(label.text, left + plotWidth + 10, at, size: 12, colour: label.colour)
            next = at + 16
        }
    }

    private static func footnotes(_ forecast: CapacityForecast, _ svg: inout SVG) {
        var at = top + plotHeight + 48
        for limit in forecast.limits where limit.fullOn != nil && (limit.domain == nil || limit.domain == .country) {
            let what = limit.domain == nil ? "Full" : "No longer safe after losing a country"
            svg.text("\(what) on \(limit.fullOn?.description ?? "")", left, at, colour: SVG.Colour.ink)
            at += 18
        }
        svg.text("The dashed lines are limits of the fullest node.", left, at, colour: SVG.Colour.faint)
        at += 18
        let stuck = forecast.limits.first { $0.domain == .country }?.cannotRebuild ?? []
        if !stuck.isEmpty {
            let names = stuck.prefix(8).joined(separator: ", ") + (stuck.count > 8 ? ", …" : "")
            svg.text(
                "Without \(names) some rule cannot be kept: nothing would be rebuilt, and no disk fills faster.", left,
                at,
                colour: SVG.Colour.faint)
        }
    }
}
