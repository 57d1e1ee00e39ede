// Aligned columns for people.

struct Table {
    enum Alignment { case left, right }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: [(String, Alignment)]) { self.columns = columns.map { (title: $0.0, alignment: $0.1) } }

    mutating func add(_ cells: [String]) { rows.append(cells) }

    /// What a terminal shows of a cell: colours take no room.
    private static func width(_ cell: String) -> Int {
        guard cell.utf8.contains(0x1B) else { return cell.count }
        var (width, isEscape) = (0, false)
        for character in cell {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape { width += 1 }
            if isEscape, character == "m" { isEscape = false }
        }
        return width
    }

    var isEmpty: Bool { rows.isEmpty }

    var text: String {
        let widths = columns.indices.map { i in
            ([columns[i].title] + rows.map { $0[i] }).map(Table.width).max() ?? 0
        }
        return ([columns.map(\.title)] + rows).map { line($0, widths) }.joined(separator: "\n")
    }

    /// What terminals and letters to colleagues show without breaking lines.
    static let columns = 100

    /// A last column of words goes on below itself where it would run over the edge.
    private func line(_ cells: [String], _ widths: [Int]) -> String {
        let padded = cells.indices.map { i in
            let space = String(repeating: " ", count: max(0, widths[i] - Table.width(cells[i])))
            return columns[i].alignment == .left ? cells[i] + space : space + cells[i]
        }
        var text = padded.joined(separator: "  ")
        while text.last == " " { text.removeLast() }
        let indentation = widths.dropLast().reduce(0) { $0 + $1 + 2 }
        guard let last = cells.last, columns.last?.alignment == .left, Table.width(text) > Table.columns,
            Table.columns - indentation >= 20
        else { return text }
        var lines: [String] = []
        for word in last.split(separator: " ") {
            if let line = lines.last, Table.width(line) + 1 + Table.width(String(word)) <= Table.columns - indentation {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }
        let margin = String(repeating: " ", count: indentation)
        let head = padded.dropLast().map { $0 + "  " }.joined()
        return head + lines.joined(separator: "\n" + margin)
    }
}
