// What a plan sends from country to country: senders on the left, receivers on the right, bands as thick as the bytes.

import RingFile

package enum CountryFlows {
    private static let width = 860.0
    private static let left = 150.0
    private static let right = 710.0
    private static let block = 14.0
    private static let gap = 18.0
    private static let tall = 380.0

    package static func draw(_ plan: Plan, cluster: String) -> String {
        let flows = plan.traffic.filter { $0.bytes > 0 }
        guard !flows.isEmpty else { return empty(cluster) }
        let names = plan.countries.map(\.name).filter { name in flows.contains { $0.from == name || $0.to == name } }
        let total = flows.reduce(0) { $0 + $1.bytes }
        func sum(_ name: String, _ end: KeyPath<Plan.Traffic, String>) -> Double {
            flows.filter { $0[keyPath: end] == name }.reduce(0) { $0 + $1.bytes }
        }
        let senders = names.filter { sum($0, \.from) > 0 }
        let receivers = names.filter { sum($0, \.to) > 0 }
        // The side with more countries has more gaps; both are as tall as that one.
        let scale = tall / total
        let sides = max(senders.count, receivers.count)
        let height = 110 + tall + Double(sides - 1) * gap + 60
        var svg = SVG(width: width, height: height)
        let cost = plan.euros.map { ", \(Quantity.euros($0))" } ?? ""
        svg.text("What the plan of \(cluster) copies between countries", 20, 32, size: 18, bold: true)
        svg.text(
            "\(Quantity.count(flows.reduce(0) { $0 + $1.copies })) copies, \(Quantity.bytes(total))\(cost)", 20, 54,
            size: 12, colour: SVG.Colour.faint)
        svg.text("from", left - 10, 84, .end, size: 12, colour: SVG.Colour.faint)
        svg.text("to", right + block + 10, 84, size: 12, colour: SVG.Colour.faint)

        var fromY = starts(senders.map { sum($0, \.from) * scale }, sides: sides)
        var toY = starts(receivers.map { sum($0, \.to) * scale }, sides: sides)
        for (at, name) in senders.enumerated() {
            box(&svg, name, sum(name, \.from), scale, left - block, fromY[at], colour(name, names), isSender: true)
        }
        for (at, name) in receivers.enumerated() {
            box(&svg, name, sum(name, \.to), scale, right, toY[at], colour(name, names), isSender: false)
        }
        for flow in flows {
            guard let a = senders.firstIndex(of: flow.from), let b = receivers.firstIndex(of: flow.to) else { continue }
            let thick = flow.bytes * scale
            band(&svg, fromY[a], toY[b], thick, colour(flow.from, names), flow)
            fromY[a] += thick
            toY[b] += thick
        }
        return svg.document(title: "Copies of a plan between the countries of \(cluster)")
    }

    private static func colour(_ name: String, _ names: [String]) -> String {
        SVG.Colour.series[(names.firstIndex(of: name) ?? 0) % SVG.Colour.series.count]
    }

    private static func starts(_ heights: [Double], sides: Int) -> [Double] {
        var y = 96 + Double(sides - heights.count) * gap / 2
        return heights.map { height in
            defer { y += height + gap }
            return y
        }
    }

    private static func box(
        _ svg: inout SVG, _ name: String, _ bytes: Double, _ scale: Double, _ x: Double, _ y: Double, _ colour: String,
        isSender: Bool
    ) {
        let height = max(1, bytes * scale)
        svg.rectangle(x, y, block, height, colour, title: "\(name): \(Quantity.bytes(bytes))")
        let at = isSender ? x - 10 : x + block + 10
        svg.text(name, at, y + height / 2 - 1, isSender ? .end : .start, size: 13, bold: true)
        svg.text(
            Quantity.bytes(bytes), at, y + height / 2 + 14, isSender ? .end : .start, size: 11,
            colour: SVG.Colour.faint)
    }

    private static func band(
        _ svg: inout SVG, _ y1: Double, _ y2: Double, _ thick: Double, _ colour: String, _ flow: Plan.Traffic
    ) {
        let middle = SVG.number((left + right) / 2)
        func n(_ value: Double) -> String { SVG.number(value) }
        let path =
            "M\(n(left)),\(n(y1)) C\(middle),\(n(y1)) \(middle),\(n(y2)) \(n(right)),\(n(y2)) "
            + "L\(n(right)),\(n(y2 + thick)) C\(middle),\(n(y2 + thick)) \(middle),\(n(y1 + thick)) "
            + "\(n(left)),\(n(y1 + thick)) Z"
        let cost = flow.euros.map { ", \(Quantity.euros($0))" } ?? ""
        let words = "\(flow.from) to \(flow.to): \(flow.copies) copies, \(Quantity.bytes(flow.bytes))\(cost)"
        svg.path(path, colour, opacity: 0.4, title: words)
        if thick >= 13 {
            svg.text(Quantity.bytes(flow.bytes), left + 12, y1 + thick / 2 + 4, size: 11)
        }
    }

    private static func empty(_ cluster: String) -> String {
        var svg = SVG(width: width, height: 120)
        svg.text("What the plan of \(cluster) copies between countries", 20, 32, size: 18, bold: true)
        svg.text("Nothing is copied.", 20, 70, size: 14, colour: SVG.Colour.faint)
        return svg.document(title: "Copies of a plan between the countries of \(cluster)")
    }
}
