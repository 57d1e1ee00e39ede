// The members of one operation as they are taken out of its JSON object, each with an error that says what is wrong.

import Causality
import JSON
import World

/// Reads a body of one of the patch languages into what it lists.
enum PatchBody {
    /// - levels: of arrays and objects around a value that is to be stored.
    static func json(
        _ body: [UInt8], levels: Int, atMost most: Int = Limits.requestOperationBytes
    ) throws(PatchError) -> JSONValue {
        guard body.count <= most else {
            throw PatchError(.tooLarge, "the body of such a request has at most \(most) bytes")
        }
        do throws(JSONError) { return try JSONValue.decode(body, depth: Limits.pathSteps + levels) } catch {
            throw PatchError(.malformed, "the body is no JSON: \(error)")
        }
    }

    /// Each element of an array, with the number of the one that is at fault in the error.
    static func list<Element>(
        _ value: JSONValue, _ read: (inout OperationFields) throws(PatchError) -> Element
    ) throws(PatchError) -> [Element] {
        guard let elements = value.array else { throw PatchError(.malformed, "the body is no array of operations") }
        guard elements.count <= Limits.requestOperations else {
            throw PatchError(.tooLarge, "a request has at most \(Limits.requestOperations) operations")
        }
        var list: [Element] = []
        list.reserveCapacity(elements.count)
        for (number, element) in elements.enumerated() {
            do throws(PatchError) {
                var fields = try OperationFields(element)
                list.append(try read(&fields))
            } catch { throw error.of(number) }
        }
        return list
    }
}

struct OperationFields {
    private(set) var op = ""
    private var rest: [JSONValue.Member]

    init(_ value: JSONValue) throws(PatchError) {
        guard case .object(let members) = value else { throw PatchError(.malformed, "an operation is a JSON object") }
        rest = members
        op = try string("op")
    }

    /// Nil where it is absent.
    mutating func take(_ name: String) -> JSONValue? {
        guard let place = rest.firstIndex(where: { $0.name.isSpelled(name) }) else { return nil }
        return rest.remove(at: place).value
    }

    mutating func value(_ name: String = "value") throws(PatchError) -> JSONValue {
        guard let value = take(name) else { throw missing(name) }
        return value
    }

    mutating func string(_ name: String) throws(PatchError) -> String {
        guard let text = try value(name).string else { throw PatchError(.malformed, "\"\(name)\" is no string") }
        return text
    }

    mutating func path(_ name: String = "path") throws(PatchError) -> Path { try Path(pointer: try string(name)) }

    /// A dot; nil where it is absent.
    mutating func id(_ name: String) throws(PatchError) -> Dot? {
        guard let value = take(name) else { return nil }
        guard let dot = value.string.flatMap({ Dot(spelled: $0) }) else {
            throw PatchError(.malformed, "\"\(name)\" is no id as in \"de-1~1795401009350:42\"")
        }
        return dot
    }

    /// A number of elements or scalar values; nil where it is absent.
    mutating func count(_ name: String) throws(PatchError) -> Int? {
        guard let value = take(name) else { return nil }
        guard let count = value.int else { throw PatchError(.malformed, "\"\(name)\" is no whole number") }
        guard (0...Limits.positions).contains(count) else {
            throw PatchError(.notApplicable, "\"\(name)\" is not from 0 to \(Limits.positions)")
        }
        return count
    }

    /// One of an index, `-` for the end, and an id behind which it is.
    mutating func position(_ name: String) throws(PatchError) -> Position {
        if let dot = try id("after") {
            guard take(name) == nil else { throw both(name, "after") }
            return .after(dot)
        }
        if let at = rest.first(where: { $0.name.isSpelled(name) })?.value, at == .string("-") {
            _ = take(name)
            return .end
        }
        guard let at = try count(name) else { throw missing("\(name)\" or \"after") }
        return .at(at)
    }

    mutating func element() throws(PatchError) -> ElementPlace {
        if let dot = try id("id") {
            guard take("from") == nil else { throw both("from", "id") }
            return .id(dot)
        }
        guard let at = try count("from") else { throw missing("from\" or \"id") }
        return .at(at)
    }

    /// Nothing is left that was not taken.
    func expectNothingMore() throws(PatchError) {
        guard let stranger = rest.first else { return }
        throw PatchError(.malformed, "\(op.excerpt) takes no \"\(stranger.name.excerpt)\"")
    }

    private func missing(_ names: String) -> PatchError {
        PatchError(.malformed, "\(op.isEmpty ? "an operation" : op.excerpt) needs \"\(names)\"")
    }

    private func both(_ one: String, _ other: String) -> PatchError {
        PatchError(.malformed, "\(op) takes one of \"\(one)\" and \"\(other)\"")
    }
}

extension String {
    /// Its beginning, for an error: what a stranger sent is not sent back to him whole.
    var excerpt: String { String(String.UnicodeScalarView(unicodeScalars.prefix(32))) }
}
