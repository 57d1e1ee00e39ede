// How full each node is: one bar for each, by country, with the ideal line and a ghost of before.

import RingFile

package enum FillBars {
    private static let left = 190.0
    private static let right = 96.0
    private static let bar = 14.0
    private static let step = 22.0
    private static let plot = 560.0

    package static func draw(_ plan: Plan, cluster: String) -> String {
        let groups = plan.countries.map { country in
            (country, nodes: plan.crew.members.indices.filter { plan.crew.members[$0].country == country.name })
        }
        let rows = groups.map { $0.0.name }.count
        let height = 84 + Double(plan.nodes.count) * step + Double(rows) * 34 + 40
        var svg = SVG(width: left + plot + right, height: height)
        svg.text("How full each node of \(cluster) is", 20, 32, size: 18, bold: true)
        legend(&svg, hasGhosts: plan.nodes.contains { $0.before > 0 })

        // Over a whole disk the axis goes on as far as it must.
        let most = max(1, plan.nodes.map { max($0.fill ?? 0, $0.fillBefore ?? 0, $0.ideal ?? 0) }.max() ?? 1)
        func x(_ share: Double) -> Double { left + share / most * plot }
        let top = 76.0
        let bottom = height - 34
        for percent in stride(from: 0, through: Int((most * 100).rounded(.down)), by: most > 2 ? 50 : 20) {
            let at = x(Double(percent) / 100)
            svg.line(at, top, at, bottom, SVG.Colour.grid)
            svg.text("\(percent)%", at, bottom + 18, .middle, size: 11, colour: SVG.Colour.faint)
        }
        var y = top + 8
        for (country, members) in groups {
            svg.text(country.name, 20, y + 14, size: 14, bold: true)
            svg.text(
                country.fill.map { "\(Quantity.percent($0)) of \(Quantity.bytes(country.capacityBytes))" } ?? "",
                left - 10, y + 14, .end, size: 11, colour: SVG.Colour.faint)
            y += 26
            for member in members {
                node(plan.nodes[member], &svg, y, x, plan)
                y += step
            }
            y += 8
        }
        svg.line(x(plan.fullAt), top, x(plan.fullAt), bottom, SVG.Colour.warning, width: 1.5, dashes: "5 4")
        svg.text(
            "full_at \(Quantity.percent(plan.fullAt, digits: 0))", x(plan.fullAt), top - 4, .middle, size: 11,
            colour: SVG.Colour.warning)
        return svg.document(title: "Fill of each node of \(cluster)")
    }

    private static func node(_ row: Plan.Row, _ svg: inout SVG, _ y: Double, _ x: (Double) -> Double, _ plan: Plan) {
        svg.text(shortened(row.name), left - 10, y + 11, .end, colour: row.isGone ? SVG.Colour.faint : SVG.Colour.ink)
        let fill = row.fill ?? 0
        let words =
            "\(row.name): \(Quantity.percent(fill)) of \(Quantity.bytes(row.capacityBytes)), "
            + "ideal \(Quantity.percent(row.ideal ?? 0)), \(row.before) → \(row.after) replicas"
        if row.before > 0 {
            svg.rectangle(left, y - 2, x(row.fillBefore ?? 0) - left, bar + 4, SVG.Colour.ghost, title: words)
        }
        let isTooFull = fill > plan.fullAt + 1e-9
        svg.rectangle(
            left, y + 2, x(fill) - left, bar - 4, isTooFull ? SVG.Colour.warning : SVG.Colour.fill, title: words)
        if let ideal = row.ideal, ideal > 0 {
            svg.line(x(ideal), y - 3, x(ideal), y + bar + 3, SVG.Colour.ink, width: 2)
        }
        let label =
            row.isGone
            ? "gone"
            : row.capacityBytes == 0 ? "gateway" : Quantity.percent(fill) + change(row)
        svg.text(label, left + plot + 8, y + 11, size: 11, colour: SVG.Colour.faint)
    }

    private static func change(_ row: Plan.Row) -> String {
        let change = row.after - row.before
        return row.before == 0 || change == 0 ? "" : " (\(change > 0 ? "+" : "−")\(Quantity.count(abs(change))))"
    }

    private static func shortened(_ name: String) -> String {
        name.count <= 26 ? name : String(name.prefix(12)) + "…" + String(name.suffix(13))
    }

    private static func legend(_ svg: inout SVG, hasGhosts: Bool) {
        var x = 20.0
        svg.rectangle(x, 46, 22, 10, SVG.Colour.fill)
        svg.text("now", x + 28, 55, size: 11)
        x += 70
        if hasGhosts {
            svg.rectangle(x, 44, 22, 14, SVG.Colour.ghost)
            svg.text("before", x + 28, 55, size: 11)
            x += 84
        }
        svg.line(x + 4, 43, x + 4, 59, SVG.Colour.ink, width: 2)
        svg.text("ideal", x + 12, 55, size: 11)
    }
}
