// TOML 1.0 (toml.io/en/v1.0.0): headers, key/value pairs and values.
//
// Our own, because ring files need the position of every key for their errors, and must not be able to stop the
// process: the libraries at hand give positions of syntax errors only, or assert on malformed text.

import World

struct TOMLParser {
    private var scanner: TOMLScanner
    private let root = TOMLTable(.header, at: .start)

    private init(_ text: String) { scanner = TOMLScanner(text) }

    static func parse(_ text: String) throws(TOMLError) -> TOMLTable {
        var parser = TOMLParser(text)
        try parser.document()
        return parser.root
    }

    private mutating func document() throws(TOMLError) {
        var table = root
        while true {
            try scanner.skipToContent()
            guard let byte = scanner.current else { return }
            if byte == UInt8(ascii: "[") {
                table = try header()
            } else {
                try pair(in: table, depth: 0)
            }
            try scanner.endOfLine()
        }
    }

    // MARK: Tables

    private mutating func header() throws(TOMLError) -> TOMLTable {
        let start = scanner.position
        scanner.advance()
        let isArray = scanner.current == UInt8(ascii: "[")
        if isArray { scanner.advance() }
        let keys = try scanner.dottedKey()
        for _ in 0..<(isArray ? 2 : 1) {
            guard scanner.current == UInt8(ascii: "]") else {
                throw scanner.error("expected \(isArray ? "]]" : "]") after the table's name")
            }
            scanner.advance()
        }
        var table = root
        for key in keys.dropLast() { table = try descend(from: table, key, at: start) }
        guard let last = keys.last else { throw scanner.error("expected a key") }
        return isArray ? try element(last, of: table, at: start) : try explicit(last, in: table, at: start)
    }

    /// One step of a header's way.
    private func descend(from table: TOMLTable, _ key: TOMLScanner.Key, at start: TextPosition) throws(TOMLError)
        -> TOMLTable
    {
        guard let entry = table[key.name] else {
            let child = TOMLTable(.implied, at: start)
            table.append(key.name, at: key.position, TOMLNode(value: .table(child), position: start))
            return child
        }
        switch entry.node.value {
        case .table(let child) where child.origin != .inline: return child
        case .tables(let elements): if let last = elements.last { return last }
        default: break
        }
        throw TOMLError(position: key.position, message: "\(key.name) is no table that could be added to")
    }

    private func explicit(_ key: TOMLScanner.Key, in table: TOMLTable, at start: TextPosition) throws(TOMLError)
        -> TOMLTable
    {
        guard let entry = table[key.name] else {
            let child = TOMLTable(.header, at: start)
            table.append(key.name, at: key.position, TOMLNode(value: .table(child), position: start))
            return child
        }
        guard case .table(let child) = entry.node.value, child.origin == .implied else {
            throw TOMLError(position: key.position, message: "\(key.name) is defined twice")
        }
        child.origin = .header
        child.position = start
        return child
    }

    private func element(_ key: TOMLScanner.Key, of table: TOMLTable, at start: TextPosition) throws(TOMLError)
        -> TOMLTable
    {
        let child = TOMLTable(.header, at: start)
        guard let entry = table[key.name] else {
            table.append(key.name, at: key.position, TOMLNode(value: .tables([child]), position: start))
            return child
        }
        guard case .tables(let elements) = entry.node.value else {
            throw TOMLError(position: key.position, message: "\(key.name) is no array of tables")
        }
        table.replace(key.name, .tables(elements + [child]))
        return child
    }

    private mutating func pair(in table: TOMLTable, depth: Int) throws(TOMLError) {
        let keys = try scanner.dottedKey()
        guard scanner.current == UInt8(ascii: "=") else { throw scanner.error("expected = after the key") }
        scanner.advance()
        scanner.skipBlanks()
        var table = table
        for key in keys.dropLast() {
            if let entry = table[key.name] {
                guard case .table(let child) = entry.node.value, child.origin == .dotted else {
                    throw scanner.error("\(key.name) is defined already", at: key.position)
                }
                table = child
            } else {
                let child = TOMLTable(.dotted, at: key.position)
                table.append(key.name, at: key.position, TOMLNode(value: .table(child), position: key.position))
                table = child
            }
        }
        guard let last = keys.last else { throw scanner.error("expected a key") }
        guard table[last.name] == nil else { throw scanner.error("\(last.name) is defined twice", at: last.position) }
        let node = try value(depth: depth + 1)
        table.append(last.name, at: last.position, node)
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(TOMLError) -> TOMLNode {
        let start = scanner.position
        guard depth <= Limits.tomlDepth else { throw scanner.error("values are nested too deep") }
        guard let byte = scanner.current else { throw scanner.error("expected a value") }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            return TOMLNode(value: .string(try scanner.string()), position: start)
        case UInt8(ascii: "["):
            return TOMLNode(value: .array(try elements(depth: depth)), position: start)
        case UInt8(ascii: "{"):
            return TOMLNode(value: .table(try inlineTable(depth: depth)), position: start)
        default:
            var word = scanner.bareWord()
            guard !word.isEmpty else { throw scanner.error("expected a value") }
            if word.utf8.count == 10, TOMLScalar.isDate(word), scanner.current == 0x20,
                let next = scanner.peek(1), (0x30...0x39).contains(next)
            {
                // A date and a time with a blank between.
                scanner.advance()
                word += " " + scanner.bareWord()
            }
            guard let value = TOMLScalar.read(word) else {
                throw scanner.error("\(word) is no value; a string needs quotes", at: start)
            }
            return TOMLNode(value: value, position: start)
        }
    }

    private mutating func elements(depth: Int) throws(TOMLError) -> [TOMLNode] {
        scanner.advance()
        var elements: [TOMLNode] = []
        while true {
            try scanner.skipToContent()
            if scanner.current == UInt8(ascii: "]") { break }
            elements.append(try value(depth: depth + 1))
            try scanner.skipToContent()
            if scanner.current == UInt8(ascii: ",") {
                scanner.advance()
            } else if scanner.current != UInt8(ascii: "]") {
                throw scanner.error("expected , or ] in the array")
            }
        }
        scanner.advance()
        return elements
    }

    private mutating func inlineTable(depth: Int) throws(TOMLError) -> TOMLTable {
        let table = TOMLTable(.inline, at: scanner.position)
        scanner.advance()
        scanner.skipBlanks()
        while scanner.current != UInt8(ascii: "}") {
            try pair(in: table, depth: depth)
            scanner.skipBlanks()
            if scanner.current == UInt8(ascii: ",") {
                scanner.advance()
                scanner.skipBlanks()
                guard scanner.current != UInt8(ascii: "}") else {
                    throw scanner.error("expected a key after the comma")
                }
            } else if scanner.current != UInt8(ascii: "}") {
                throw scanner.error("expected , or } in the inline table")
            }
        }
        scanner.advance()
        return table
    }
}
