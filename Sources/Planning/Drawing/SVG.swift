// A picture as text: the few elements of SVG that the drawings need, with everything from outside escaped.

import RingFile

struct SVG {
    /// Colours that are told apart in print, in the dark and by most eyes (Okabe and Ito's palette).
    enum Colour {
        static let ink = "#1f2933"
        static let faint = "#8a96a3"
        static let grid = "#e3e8ee"
        static let paper = "#ffffff"
        static let fill = "#0072b2"
        static let ghost = "#b9c4cf"
        static let ideal = "#d55e00"
        static let warning = "#d55e00"
        static let series = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7a6a00", "#444444"]
    }

    enum Anchor: String { case start, middle, end }

    let width: Double
    let height: Double
    private var body = ""

    /// Pixels.
    init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    static func number(_ value: Double) -> String {
        var text = Quantity.fixed(value, 2)
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    static func escape(_ text: String) -> String {
        var out = ""
        for character in text {
            switch character {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            default: out.append(character)
            }
        }
        return out
    }

    mutating func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ colour: String, title: String? = nil
    ) {
        let attributes =
            "x=\"\(SVG.number(x))\" y=\"\(SVG.number(y))\" width=\"\(SVG.number(max(0, width)))\" "
            + "height=\"\(SVG.number(max(0, height)))\" fill=\"\(colour)\""
        body +=
            title.map { "<rect \(attributes)><title>\(SVG.escape($0))</title></rect>\n" } ?? "<rect \(attributes)/>\n"
    }

    mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, width: Double = 1,
        dashes: String? = nil
    ) {
        body +=
            "<line x1=\"\(SVG.number(x1))\" y1=\"\(SVG.number(y1))\" x2=\"\(SVG.number(x2))\" y2=\"\(SVG.number(y2))\" "
            + "stroke=\"\(colour)\" stroke-width=\"\(SVG.number(width))\""
            + (dashes.map { " stroke-dasharray=\"\($0)\"" } ?? "") + "/>\n"
    }

    mutating func polyline(_ points: [(x: Double, y: Double)], _ colour: String, width: Double = 2) {
        let list = points.map { "\(SVG.number($0.x)),\(SVG.number($0.y))" }.joined(separator: " ")
        body +=
            "<polyline points=\"\(list)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"\(SVG.number(width))\" "
            + "stroke-linejoin=\"round\"/>\n"
    }

    /// A filled shape from an SVG path.
    mutating func path(_ path: String, _ colour: String, opacity: Double, title: String) {
        body +=
            "<path d=\"\(path)\" fill=\"\(colour)\" fill-opacity=\"\(SVG.number(opacity))\">"
            + "<title>\(SVG.escape(title))</title></path>\n"
    }

    mutating func text(
        _ text: String, _ x: Double, _ y: Double, _ anchor: Anchor = .start, size: Double = 12,
        colour: String = Colour.ink, bold: Bool = false
    ) {
        body +=
            "<text x=\"\(SVG.number(x))\" y=\"\(SVG.number(y))\" text-anchor=\"\(anchor.rawValue)\" "
            + "font-size=\"\(SVG.number(size))\" fill=\"\(colour)\"\(bold ? " font-weight=\"600\"" : "")>"
            + "\(SVG.escape(text))</text>\n"
    }

    /// The whole document, a title for readers that do not see it first.
    func document(title: String) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(SVG.number(width))" height="\(SVG.number(height))" \
        viewBox="0 0 \(SVG.number(width)) \(SVG.number(height))" role="img" \
        font-family="system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif">
        <title>\(SVG.escape(title))</title>
        <rect width="100%" height="100%" fill="\(Colour.paper)"/>
        \(body)</svg>

        """
    }
}
