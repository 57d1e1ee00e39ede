// `application/vnd.atoll.ops+json`: an array of operations in our own vocabulary.
//
// | op                   | members                                                                       |
// |----------------------|-------------------------------------------------------------------------------|
// | `set`, `test`        | `path`, `value`                                                               |
// | `remove`             | `path`                                                                        |
// | `increment`          | `path`, `by` (1)                                                              |
// | `add`, `discard`     | `path` of a set, `value`                                                      |
// | `enable`, `disable`  | `path` of a flag                                                              |
// | `insert`             | `path` of a list, `at` or `after`, `values`                                   |
// | `splice`             | `path` of a text, `at` or `after`, `delete` (0), `text` ("")                  |
// | `move`               | `path` of a list, `from` or `id`, `to` or `after`                             |
//
// `at`, `to` and `from` are indexes, or for the first two "-", the end; `to` is counted without the element that
// moves, as in RFC 6902. `after` and `id` are dots. A member that an operation does not take is refused: in a language
// that grows, one that is overlooked would be a request half done.

package import JSON
import World

extension Operation {
    package static func decode(_ body: [UInt8]) throws(PatchError) -> [Operation] {
        try decode(try PatchBody.json(body, levels: 2))
    }

    /// From JSON that was read with what is around it; its size was bounded there.
    package static func decode(_ value: JSONValue) throws(PatchError) -> [Operation] {
        try PatchBody.list(value) { (fields) throws(PatchError) in
            let operation = try Operation(&fields)
            try fields.expectNothingMore()
            return operation
        }
    }

    private init(_ fields: inout OperationFields) throws(PatchError) {
        switch fields.op {
        case "set":
            let path = try fields.path()
            self = .set(path, try fields.checkedValue(at: path))
        case "test":
            let path = try fields.path()
            self = .test(path, try fields.value())
        case "remove": self = .remove(try fields.path())
        case "increment":
            self = .increment(try fields.path(), by: try fields.take("by")?.amount(of: "\"by\"") ?? 1)
        case "add": self = .add(try fields.path(), try fields.setElement())
        case "discard": self = .discard(try fields.path(), try fields.setElement())
        case "enable": self = .enable(try fields.path())
        case "disable": self = .disable(try fields.path())
        case "insert":
            let path = try fields.path()
            self = .insert(path, try fields.position("at"), try fields.elements(of: path))
        case "splice":
            self = .splice(
                try fields.path(), try fields.position("at"), delete: try fields.count("delete") ?? 0,
                text: try fields.insertedText())
        case "move": self = .move(try fields.path(), try fields.element(), to: try fields.position("to"))
        default: throw PatchError(.malformed, "there is no operation \"\(fields.op.excerpt)\"")
        }
    }
}

extension OperationFields {
    mutating func checkedValue(at path: Path) throws(PatchError) -> JSONValue {
        let value = try value()
        try value.check(at: path)
        return value
    }

    fileprivate mutating func setElement() throws(PatchError) -> JSONValue {
        let value = try value()
        try value.checkElement()
        return value
    }

    fileprivate mutating func elements(of list: Path) throws(PatchError) -> [JSONValue] {
        let values = try value("values")
        guard let elements = values.array else { throw PatchError(.malformed, "\"values\" is no array") }
        guard values.encode().count <= Limits.insertedTextBytes else {
            throw PatchError(.notApplicable, "one insert brings at most \(Limits.insertedTextBytes) bytes")
        }
        try values.check(at: list)
        return elements
    }

    fileprivate mutating func insertedText() throws(PatchError) -> String {
        guard let value = take("text") else { return "" }
        guard let text = value.string else { throw PatchError(.malformed, "\"text\" is no string") }
        guard text.utf8.count <= Limits.insertedTextBytes else {
            throw PatchError(.notApplicable, "one splice brings at most \(Limits.insertedTextBytes) bytes")
        }
        return text
    }
}
