// Paths as text: JSON Pointer (RFC 6901), with the ids of list elements as further steps.
//
// A step that begins with @ and spells a dot (`/todo/@de-1~1795401009350:42/done`) is the element that this dot made;
// the tilde in it is no escape. A name that reads so is spelled with ~2 for its @. RFC 6901 gives ~2 no meaning, and
// no other name is read differently from there: `/@type` is a field.

import Causality
import World

extension Path {
    package init(pointer text: String) throws(PatchError) {
        guard text.utf8.count <= Limits.pathBytes else {
            throw PatchError(.malformed, "a path has at most \(Limits.pathBytes) bytes")
        }
        guard let first = text.utf8.first else {
            self.init()
            return
        }
        guard first == UInt8(ascii: "/") else {
            throw PatchError(.malformed, "the path \"\(text)\" is not empty and does not begin with /")
        }
        // By bytes: a combining character behind a / would hide it.
        let tokens = text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard tokens.count <= Limits.pathSteps else {
            throw PatchError(.malformed, "a path has at most \(Limits.pathSteps) steps")
        }
        var steps: [Step] = []
        for token in tokens { steps.append(try Step(token: Substring(token))) }
        self.init(steps)
    }

    package var pointer: String { steps.map { "/" + $0.token }.joined() }

    var parent: Path { Path(steps.dropLast()) }

    func appending(_ step: Step) -> Path { Path(steps + [step]) }

    /// Whether `other` lies inside, at any depth.
    func isProperPrefix(of other: Path) -> Bool { steps.count < other.steps.count && other.steps.starts(with: steps) }
}

extension Path.Step {
    // Names are told apart by their bytes. Swift takes "é" in one code point and in two for equal.

    package static func == (a: Path.Step, b: Path.Step) -> Bool {
        switch (a, b) {
        case (.name(let a), .name(let b)): a.isSpelled(b)
        case (.id(let a), .id(let b)): a == b
        case (.end, .end): true
        default: false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .name(let name): for byte in name.utf8 { hasher.combine(byte) }
        case .id(let dot): hasher.combine(dot)
        case .end: hasher.combine(0)
        }
    }

    fileprivate init(token: Substring) throws(PatchError) {
        if token.utf8.elementsEqual("-".utf8) {
            self = .end
            return
        }
        if token.utf8.first == UInt8(ascii: "@"), let dot = Dot(spelled: token.dropFirst()) {
            self = .id(dot)
            return
        }
        var name: [UInt8] = []
        var rest = token.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "~") else {
                name.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "0"): name.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): name.append(UInt8(ascii: "/"))
            case UInt8(ascii: "2"): name.append(UInt8(ascii: "@"))
            default:
                throw PatchError(
                    .malformed, "the step \"\(token)\" has a ~ that is not ~0, ~1 or ~2, and is no id of an element")
            }
        }
        self = .name(String(decoding: name, as: UTF8.self))
    }

    fileprivate var token: String {
        switch self {
        case .end: return "-"
        case .id(let dot): return "@\(dot)"
        case .name(let name):
            var token: [UInt8] = []
            for (place, byte) in name.utf8.enumerated() {
                switch byte {
                case UInt8(ascii: "~"): token += Array("~0".utf8)
                case UInt8(ascii: "/"): token += Array("~1".utf8)
                case UInt8(ascii: "@") where place == 0: token += Array("~2".utf8)
                default: token.append(byte)
                }
            }
            return String(decoding: token, as: UTF8.self)
        }
    }

    /// What the step says where a list stands: digits without a leading zero.
    var index: Int? {
        guard case .name(let digits) = self else { return nil }
        return UInt64(plain: digits.utf8).flatMap(Int.init(exactly:))
    }

    /// The field that the step says where a map stands: there `-` is one like any other.
    var field: String? {
        switch self {
        case .name(let name): name
        case .end: "-"
        case .id: nil
        }
    }
}
