// What turns one shown value of a document into the next, as operations on plain JSON: for those who follow a document
// and have the last one.
//
// Both values are walked once, whatever they are: maps by their fields, lists and sets by their places, texts by their
// scalar values. Of a text, list or set all between the first and the last difference is taken as changed; requests
// change one place of each as a rule. So a few operations of the vocabulary are enough: `set`, `remove`, `insert`,
// `splice` and `move`, with indexes, whatever the kinds. Their values are as they are shown: no object chooses a kind.

package import JSON
import World

package struct ShownChanges {
    /// The operations as JSON, with commas between; empty where the values are alike.
    private var bytes: [UInt8] = []
    private let most: Int

    /// The elements of an array of operations, done one after another; nil if that is `most` bytes or more.
    ///
    /// Members of objects ascend by the bytes of their names, as they are shown.
    package static func between(_ old: JSONValue, _ new: JSONValue, under most: Int) -> [UInt8]? {
        var changes = ShownChanges(most: most)
        changes.compare(old, new, Path())
        return changes.isTooMuch ? nil : changes.bytes
    }

    private init(most: Int) { self.most = most }

    private var isTooMuch: Bool { bytes.count >= most }

    private mutating func add(_ operation: [UInt8]) {
        if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
        bytes += operation
    }

    fileprivate static func operation(_ name: String, _ path: Path, _ members: [JSONValue.Member]) -> [UInt8] {
        let members =
            [JSONValue.Member("op", .string(name)), JSONValue.Member("path", .string(path.pointer))] + members
        return JSONValue.object(members).encode()
    }

    private static func set(_ path: Path, _ value: JSONValue) -> [UInt8] {
        operation("set", path, [JSONValue.Member("value", value)])
    }

    private mutating func compare(_ old: JSONValue, _ new: JSONValue, _ path: Path) {
        guard !isTooMuch else { return }
        switch (old, new) {
        case (.object(let a), .object(let b)): compare(a, b, path)
        case (.array(let a), .array(let b)): compare(a, b, path)
        case (.string(let a), .string(let b)):
            guard let splice = Splice(from: a, to: b) else { return }
            let (part, whole) = (splice.operation(path), ShownChanges.set(path, new))
            add(part.count < whole.count ? part : whole)
        default: if !old.isSame(as: new) { add(ShownChanges.set(path, new)) }
        }
    }

    private mutating func compare(_ old: [JSONValue.Member], _ new: [JSONValue.Member], _ path: Path) {
        var (left, right) = (old[...], new[...])
        while !isTooMuch, let name = ShownChanges.lesser(left.first?.name, right.first?.name) {
            let was = left.first.flatMap { $0.name.isSpelled(name) ? $0.value : nil }
            let now = right.first.flatMap { $0.name.isSpelled(name) ? $0.value : nil }
            let inner = path.appending(.name(name))
            if was != nil { left.removeFirst() }
            if now != nil { right.removeFirst() }
            switch (was, now) {
            case (let was?, let now?): compare(was, now, inner)
            case (nil, let now?): add(ShownChanges.set(inner, now))
            default: add(ShownChanges.operation("remove", inner, []))
            }
        }
    }

    /// By bytes; nil if there is none.
    private static func lesser(_ a: String?, _ b: String?) -> String? {
        guard let a, let b else { return a ?? b }
        return b.utf8.lexicographicallyPrecedes(a.utf8) ? b : a
    }

    private mutating func compare(_ old: [JSONValue], _ new: [JSONValue], _ path: Path) {
        let most = min(old.count, new.count)
        var start = 0
        while start < most, old[start].isSame(as: new[start]) { start += 1 }
        var same = 0
        while same < most - start, old[old.count - 1 - same].isSame(as: new[new.count - 1 - same]) { same += 1 }
        let (was, now) = (old[start..<old.count - same], new[start..<new.count - same])
        if let (from, to) = ShownChanges.move(was, now) {
            let places = [JSONValue.Member("from", .int(from)), JSONValue.Member("to", .int(to))]
            return add(ShownChanges.operation("move", path, places))
        }
        let both = start..<start + min(was.count, now.count)
        for place in both { compare(old[place], new[place], path.appending(.name("\(place)"))) }
        for _ in both.upperBound..<max(both.upperBound, was.endIndex) where !isTooMuch {
            add(ShownChanges.operation("remove", path.appending(.name("\(both.upperBound)")), []))
        }
        guard both.upperBound < now.endIndex, !isTooMuch else { return }
        let values = JSONValue.array(Array(now[both.upperBound...]))
        let members = [JSONValue.Member("at", .int(both.upperBound)), JSONValue.Member("values", values)]
        add(ShownChanges.operation("insert", path, members))
    }

    /// Of what lies between the first and the last difference the first element has gone to its end, or the last to its
    /// beginning.
    private static func move(_ was: ArraySlice<JSONValue>, _ now: ArraySlice<JSONValue>) -> (from: Int, to: Int)? {
        guard was.count == now.count, was.count > 1 else { return nil }
        func isSame(_ a: ArraySlice<JSONValue>, _ b: ArraySlice<JSONValue>) -> Bool {
            zip(a, b).allSatisfy { $0.isSame(as: $1) }
        }
        let (first, last) = (was.startIndex, was.endIndex - 1)
        if was[first].isSame(as: now[last]), isSame(was.dropFirst(), now.dropLast()) { return (first, last) }
        if was[last].isSame(as: now[first]), isSame(was.dropLast(), now.dropFirst()) { return (last, first) }
        return nil
    }
}

/// What turns one text into another: scalar values that are deleted at a place, and others that are put there.
private struct Splice {
    let at: Int
    let deleted: Int
    let text: String

    /// Nil of texts that are alike.
    init?(from old: String, to new: String) {
        // Made of one piece before, or each look would walk through them.
        let (a, b) = (ContiguousArray(old.utf8), ContiguousArray(new.utf8))
        let most = min(a.count, b.count)
        var start = 0
        while start < most, a[start] == b[start] { start += 1 }
        guard start < max(a.count, b.count) else { return nil }
        // Where they differ within a scalar value, it differs as a whole.
        while start > 0, Splice.isWithinScalar(start, a) || Splice.isWithinScalar(start, b) { start -= 1 }
        var same = 0
        while same < most - start, a[a.count - 1 - same] == b[b.count - 1 - same] { same += 1 }
        while same > 0, Splice.isWithinScalar(a.count - same, a) { same -= 1 }
        at = Splice.scalars(a[..<start])
        deleted = Splice.scalars(a[start..<a.count - same])
        text = String(decoding: b[start..<b.count - same], as: UTF8.self)
    }

    private static func isWithinScalar(_ place: Int, _ text: ContiguousArray<UInt8>) -> Bool {
        place < text.count && text[place] & 0xC0 == 0x80
    }

    private static func scalars(_ text: some Sequence<UInt8>) -> Int {
        text.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    }

    func operation(_ path: Path) -> [UInt8] {
        var members = [JSONValue.Member("at", .int(at))]
        if deleted > 0 { members.append(JSONValue.Member("delete", .int(deleted))) }
        if !text.isEmpty { members.append(JSONValue.Member("text", .string(text))) }
        return ShownChanges.operation("splice", path, members)
    }
}

extension JSONValue {
    /// Whether they are written alike. Texts are told apart by their bytes: Swift takes "é" in one code point and in
    /// two for equal.
    fileprivate func isSame(as other: JSONValue) -> Bool {
        switch (self, other) {
        case (.string(let a), .string(let b)): a.isSpelled(b)
        case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.isSame(as: $1) }
        case (.object(let a), .object(let b)):
            a.count == b.count && zip(a, b).allSatisfy { $0.name.isSpelled($1.name) && $0.value.isSame(as: $1.value) }
        default: self == other
        }
    }
}
