// One table of a ring file, read key by key: each reading checks the type, and what was never asked for is an error.

import Ring
import World

/// A value with the place to blame.
struct Located<T> {
    let value: T
    let position: TextPosition
}

struct RingFileTable {
    let file: String
    /// What messages call this table: `[bucket.patients]`.
    let name: String
    /// Where its header stands.
    var position: TextPosition { table.position }
    private let table: TOMLTable
    private var known: [String] = []

    /// In the order of the text.
    var keys: [String] { table.entries.map(\.key) }

    private init(file: String, name: String, _ table: TOMLTable) {
        self.file = file
        self.name = name
        self.table = table
    }

    /// The root table of a text.
    init(_ text: String, file: String) throws(RingFileError) {
        guard text.utf8.count <= Limits.ringFileBytes else {
            throw RingFileError(
                file: file, line: 1, column: 1,
                message: "the ring file is larger than \(Limits.ringFileBytes >> 20) MiB")
        }
        do {
            self.init(file: file, name: "the ring file", try TOMLParser.parse(text))
        } catch {
            throw RingFileError(
                file: file, line: error.position.line, column: error.position.column, message: error.message)
        }
    }

    func error(_ message: String, at position: TextPosition) -> RingFileError {
        RingFileError(file: file, line: position.line, column: position.column, message: message)
    }

    /// An error at the value of `key`, or at the table's header.
    func error(_ message: String, key: String? = nil) -> RingFileError {
        error(message, at: key.flatMap { table[$0]?.node.position } ?? position)
    }

    private mutating func value(_ key: String) -> TOMLNode? {
        known.append(key)
        return table[key]?.node
    }

    private func wrongType(_ key: String, _ found: TOMLNode, _ wanted: String) -> RingFileError {
        error("\(key) must be \(wanted), not \(found.kind)", at: found.position)
    }

    mutating func string(_ key: String) throws(RingFileError) -> String? {
        guard let found = value(key) else { return nil }
        guard case .string(let text) = found.value else { throw wrongType(key, found, "a string") }
        return text
    }

    mutating func requiredString(_ key: String) throws(RingFileError) -> String {
        guard let text = try string(key) else { throw error("\(name) needs \(key)") }
        return text
    }

    mutating func integer(_ key: String) throws(RingFileError) -> Int? {
        guard let found = value(key) else { return nil }
        guard case .integer(let number) = found.value else { throw wrongType(key, found, "a whole number") }
        return number
    }

    mutating func boolean(_ key: String) throws(RingFileError) -> Bool? {
        guard let found = value(key) else { return nil }
        guard case .boolean(let flag) = found.value else { throw wrongType(key, found, "true or false") }
        return flag
    }

    /// Any finite number.
    mutating func number(_ key: String) throws(RingFileError) -> Double? {
        guard let found = value(key) else { return nil }
        guard let number = RingFileTable.number(found) else { throw wrongType(key, found, "a number") }
        guard number.isFinite else { throw error("\(key) must be a finite number", key: key) }
        return number
    }

    private static func number(_ node: TOMLNode) -> Double? {
        switch node.value {
        case .integer(let number): Double(number)
        case .float(let number): number
        default: nil
        }
    }

    /// A string, or a number written as one: levels, capacities and shares may be either.
    mutating func stringOrNumber(_ key: String) throws(RingFileError) -> String? {
        guard let found = value(key) else { return nil }
        switch found.value {
        case .string(let text): return text
        case .integer(let number): return String(number)
        case .float(let number): return "\(number)"
        default: throw wrongType(key, found, "a string or a number")
        }
    }

    mutating func strings(_ key: String) throws(RingFileError) -> [Located<String>]? {
        guard let found = value(key) else { return nil }
        guard case .array(let elements) = found.value else { throw wrongType(key, found, "an array of strings") }
        var result: [Located<String>] = []
        for element in elements {
            guard case .string(let string) = element.value else {
                throw error("\(key) must hold strings only, not \(element.kind)", at: element.position)
            }
            result.append(Located(value: string, position: element.position))
        }
        return result
    }

    mutating func coordinates(_ key: String) throws(RingFileError) -> Coordinates? {
        guard let found = value(key) else { return nil }
        guard case .array(let pair) = found.value, pair.count == 2, let latitude = RingFileTable.number(pair[0]),
            let longitude = RingFileTable.number(pair[1])
        else { throw error("\(key) must be [latitude, longitude] in degrees", key: key) }
        guard let location = Coordinates(latitude: latitude, longitude: longitude) else {
            throw error("\(key) is out of range: latitude is -90 to 90, longitude -180 to 180", key: key)
        }
        return location
    }

    mutating func table(_ key: String) throws(RingFileError) -> RingFileTable? {
        guard let found = value(key) else { return nil }
        guard case .table(let inner) = found.value else { throw wrongType(key, found, "a table, written [\(key)]") }
        return RingFileTable(file: file, name: "[\(key)]", inner)
    }

    /// The tables inside table `key`, by name, in the order of the text.
    mutating func namedTables(_ key: String) throws(RingFileError) -> [(name: String, table: RingFileTable)] {
        guard let outer = try table(key) else { return [] }
        var result: [(String, RingFileTable)] = []
        for entry in outer.table.entries {
            guard case .table(let inner) = entry.node.value else {
                throw error(
                    "[\(key)] holds tables, such as [\(key).NAME]; \(entry.key) is none", at: entry.keyPosition)
            }
            result.append((entry.key, RingFileTable(file: file, name: "[\(key).\(entry.key)]", inner)))
        }
        return result
    }

    /// The array of tables `[[key]]`.
    mutating func tables(_ key: String) throws(RingFileError) -> [RingFileTable] {
        guard let found = value(key) else { return [] }
        switch found.value {
        case .tables(let tables):
            return tables.map { RingFileTable(file: file, name: "[[\(key)]]", $0) }
        case .array(let elements):
            var result: [RingFileTable] = []
            for element in elements {
                guard case .table(let inner) = element.value else {
                    throw error("\(key) must hold tables only, not \(element.kind)", at: element.position)
                }
                result.append(RingFileTable(file: file, name: "[[\(key)]]", inner))
            }
            return result
        default:
            throw error("\(key) must be written as [[\(key)]], once for each", at: found.position)
        }
    }

    /// Call when all keys have been read: any other is a mistake, most often of spelling.
    func finish() throws(RingFileError) {
        guard let stranger = table.entries.first(where: { entry in !known.contains { $0.isSpelled(entry.key) } }) else {
            return
        }
        let near = known.filter { editDistance($0, stranger.key) <= 2 }
            .min { editDistance($0, stranger.key) < editDistance($1, stranger.key) }
        let hint = near.map { "; did you mean \($0)?" } ?? ""
        throw error("unknown key \(stranger.key) in \(name)\(hint)", at: stranger.keyPosition)
    }
}

/// Levenshtein's distance, for suggestions; long words are not worth one.
func editDistance(_ a: String, _ b: String) -> Int {
    let (x, y) = (Array(a.utf8.prefix(40)), Array(b.utf8.prefix(40)))
    var row = Array(0...y.count)
    for i in x.indices {
        var diagonal = row[0]
        row[0] = i + 1
        for j in y.indices {
            let above = row[j + 1]
            row[j + 1] = min(row[j] + 1, above + 1, diagonal + (x[i] == y[j] ? 0 : 1))
            diagonal = above
        }
    }
    return row[y.count]
}
