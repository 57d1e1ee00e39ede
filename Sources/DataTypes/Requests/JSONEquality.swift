// When two JSON values are equal, for `test` (RFC 6902, 4.6): numbers by what they are worth, strings by their code
// points, objects whatever the order of their members.

import JSON
import World

extension JSONValue {
    func isEqual(to other: JSONValue) -> Bool {
        switch (self, other) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.int(let a), .int(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.int(let a), .number(let b)), (.number(let b), .int(let a)): Int(exactly: b) == a
        case (.string(let a), .string(let b)): a.isSpelled(b)
        case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy { $0.isEqual(to: $1) }
        case (.object(let a), .object(let b)):
            a.count == b.count
                && zip(a.inOrder, b.inOrder).allSatisfy { $0.name.isSpelled($1.name) && $0.value.isEqual(to: $1.value) }
        default: false
        }
    }
}

extension [JSONValue.Member] {
    fileprivate var inOrder: [JSONValue.Member] { sorted { $0.name.isSpelledBefore($1.name) } }
}
