// Aligned columns for people.

struct Table {
    enum Alignment { case left, right }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: [(String, Alignment)]) { self.columns = columns.map { (title: $0.0, alignment: $0.1) } }

    mutating func add(_ cells: [String]) { rows.append(cells) }

    var text: String {
        let widths = columns.indices.map { i in
            ([columns[i].title] + rows.map { $0[i] }).map(\.count).max() ?? 0
        }
        func line(_ cells: [String]) -> String {
            let padded = cells.indices.map { i in
                let space = String(repeating: " ", count: max(0, widths[i] - cells[i].count))
                return columns[i].alignment == .left ? cells[i] + space : space + cells[i]
            }
            var text = padded.joined(separator: "  ")
            while text.last == " " { text.removeLast() }
            return text
        }
        return ([line(columns.map(\.title))] + rows.map(line)).joined(separator: "\n")
    }
}
