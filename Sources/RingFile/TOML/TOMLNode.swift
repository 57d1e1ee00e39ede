// A TOML document as read: every value and every key knows where it stands, so that any later complaint can say so.

/// A place in a text: line and column from 1, columns in characters (Unicode scalars).
struct TextPosition: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int
    static let start = TextPosition(line: 1, column: 1)

    static func < (a: TextPosition, b: TextPosition) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// Why a text is not TOML 1.0, and where.
struct TOMLError: Error, Hashable, Sendable {
    let position: TextPosition
    let message: String
}

/// A value and where it begins.
struct TOMLNode {
    enum Value {
        case string(String)
        case integer(Int)
        case float(Double)
        case boolean(Bool)
        /// A date, time or both, as written: its parts are not checked, since no ring file has any.
        case date(String)
        case array([TOMLNode])
        /// `[[name]]`, once for each.
        case tables([TOMLTable])
        case table(TOMLTable)
    }
    var value: Value
    let position: TextPosition

    /// The value's kind in an error message.
    var kind: String {
        switch value {
        case .string: "a string"
        case .integer: "a number"
        case .float: "a number with a fraction"
        case .boolean: "true or false"
        case .date: "a date"
        case .array, .tables: "an array"
        case .table: "a table"
        }
    }
}

/// Keys in the order of the text. A class, because headers reach into tables that were begun far above.
final class TOMLTable {
    /// How a table came to be, which decides who may still add to it (TOML 1.0, "Table").
    enum Origin {
        /// On the way of a header; a header of its own may still come.
        case implied
        case header
        /// On the way of a dotted key; closed to headers.
        case dotted
        /// Written in braces; closed to all.
        case inline
    }
    struct Entry {
        let key: String
        let keyPosition: TextPosition
        var node: TOMLNode
    }

    private(set) var entries: [Entry] = []
    /// By the key's bytes: two spellings that Unicode calls equal are two keys. Only ever asked.
    private var index: [[UInt8]: Int] = [:]
    var origin: Origin
    var position: TextPosition

    init(_ origin: Origin, at position: TextPosition) {
        self.origin = origin
        self.position = position
    }

    subscript(key: String) -> Entry? { index[Array(key.utf8)].map { entries[$0] } }

    /// - Precondition: no entry has that key yet.
    func append(_ key: String, at position: TextPosition, _ node: TOMLNode) {
        index[Array(key.utf8)] = entries.count
        entries.append(Entry(key: key, keyPosition: position, node: node))
    }

    func replace(_ key: String, _ value: TOMLNode.Value) {
        if let at = index[Array(key.utf8)] { entries[at].node.value = value }
    }
}
