// Writes JSON front to back: values as a whole, or piece by piece where they would be large, or many.

package struct JSONWriter: Sendable {
    /// What the next thing follows.
    private enum Place { case start, sibling, key }

    package private(set) var bytes: [UInt8] = []
    private let isPretty: Bool
    private var place = Place.key
    private var depth = 0

    /// On one line, or with each member and element on a line of its own.
    package init(pretty: Bool = false) { isPretty = pretty }

    package mutating func open(_ bracket: StaticString) {
        begin()
        bytes.append(bracket)
        place = .start
        depth += 1
    }

    package mutating func close(_ bracket: StaticString) {
        depth -= 1
        if place == .sibling { breakLine() }
        bytes.append(bracket)
        place = .sibling
    }

    package mutating func member(_ name: StaticString, _ value: JSONValue) {
        key(name)
        element(value)
    }

    /// A name that is made while the program runs.
    package mutating func member(named name: String, _ value: JSONValue) {
        begin()
        string(name)
        colon()
        element(value)
    }

    /// A name whose value is written next. It stands in the program's text, and has nothing that JSON would escape.
    package mutating func key(_ name: StaticString) {
        begin()
        bytes.append(0x22)
        bytes.append(name)
        bytes.append(0x22)
        colon()
    }

    private mutating func colon() {
        bytes.append(isPretty ? ": " : ":")
        place = .key
    }

    /// An element of an array, the value of a key, or all of a text.
    package mutating func element(_ value: JSONValue) {
        switch value {
        case .array(let elements) where elements.allSatisfy(\.isScalar):
            begin()
            bytes.append("[")
            for (at, element) in elements.enumerated() {
                if at > 0 { bytes.append(isPretty ? ", " : ",") }
                scalar(element)
            }
            bytes.append("]")
        case .array(let elements):
            open("[")
            for element in elements { self.element(element) }
            close("]")
        case .object(let members):
            open("{")
            for member in members { self.member(named: member.name, member.value) }
            close("}")
        default:
            begin()
            scalar(value)
        }
        place = .sibling
    }

    /// Text where the bytes are UTF-8, base64 under `NAME_base64` where they are not.
    package mutating func member(_ name: StaticString, bytes value: [UInt8]) { member(name, bytes: value[...]) }

    /// As above.
    package mutating func member(_ name: StaticString, bytes value: ArraySlice<UInt8>) {
        begin()
        let isText = value.isUTF8
        bytes.append(0x22)
        bytes.append(name)
        bytes.append(isText ? "\"" : "_base64\"")
        colon()
        bytes.append(0x22)
        if isText { value.withUnsafeBytes { bytes.append(escaped: $0) } } else { bytes.append(base64: value) }
        bytes.append(0x22)
        place = .sibling
    }

    /// Base64.
    package mutating func member(_ name: StaticString, base64 value: [UInt8]) {
        key(name)
        bytes.append(0x22)
        bytes.append(base64: value)
        bytes.append(0x22)
        place = .sibling
    }

    /// What `write` puts into memory of `most` bytes, a value as JSON; returning how many bytes it has. `isOpen`: it is
    /// an object to which members are added before its bracket is closed.
    package mutating func element(
        atMost most: Int, isOpen: Bool, _ write: (UnsafeMutableRawBufferPointer) -> Int
    ) {
        begin()
        bytes.append(addingCapacity: most) { span in
            span.withUnsafeMutableBufferPointer { room, count in
                let rest = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: room[count...]))
                count += write(UnsafeMutableRawBufferPointer(rebasing: rest[..<most]))
            }
        }
        place = .sibling
        if isOpen { depth += 1 }
    }

    /// Ends the line, and the text.
    package mutating func endLine() { bytes.append(0x0A) }

    /// So much is about to be written.
    package mutating func reserve(_ count: Int) { bytes.reserveCapacity(bytes.count + count) }

    /// Takes out what is there so far, to be followed by a member that is written elsewhere.
    package mutating func interrupt() -> [UInt8] {
        begin()
        place = .sibling
        defer { bytes = [] }
        return bytes
    }

    private mutating func begin() {
        guard place != .key else { return }
        if place == .sibling { bytes.append(",") }
        breakLine()
    }

    private mutating func breakLine() {
        guard isPretty else { return }
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: 2 * depth))
    }

    private mutating func scalar(_ value: JSONValue) {
        switch value {
        case .bool(let bool): bytes.append(bool ? "true" : "false")
        case .int(let int): bytes.append(decimal: int)
        // JSON has no word for what is not finite. Whole numbers have no fraction: 8000000000000, not 8e+12.
        case .number(let number) where !number.isFinite: bytes.append("null")
        case .number(let number) where number.rounded() == number && abs(number) < 0x1p53: scalar(.int(Int(number)))
        case .number(let number): bytes.append(contentsOf: "\(number)".utf8)
        case .string(let text): string(text)
        case .null, .array, .object: bytes.append("null")
        }
    }

    private mutating func string(_ text: String) {
        var text = text
        bytes.append(0x22)
        text.withUTF8 { bytes.append(escaped: UnsafeRawBufferPointer($0)) }
        bytes.append(0x22)
    }
}
