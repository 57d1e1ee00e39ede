// What a value that a request brings may be, wherever it is put: how deep, how long the paths in it, and what may stand
// behind the members that choose a kind.

import JSON
import World

extension JSONValue {
    /// An object of one member that says of which kind a value is, and how it begins.
    enum ChosenKind: String {
        case text = "$text"
        case counter = "$counter"
        case set = "$set"
        case flag = "$flag"
    }

    var chosenKind: (kind: ChosenKind, value: JSONValue)? {
        guard case .object(let members) = self, members.count == 1,
            let kind = ChosenKind(rawValue: members[0].name)
        else { return nil }
        return (kind, members[0].value)
    }

    /// The value as it would be put at `path`.
    func check(at path: Path) throws(PatchError) {
        try check(level: path.steps.count, pathBytes: path.pointer.utf8.count)
    }

    /// - pathBytes: of what leads here. The step into a list counts for its slash: ids are not known before they are
    ///   minted.
    private func check(level: Int, pathBytes: Int) throws(PatchError) {
        guard level <= Limits.pathSteps else {
            throw PatchError(.notApplicable, "the value would lie deeper than \(Limits.pathSteps) levels")
        }
        guard pathBytes <= Limits.pathBytes else {
            throw PatchError(.notApplicable, "the path of a field in the value has more than \(Limits.pathBytes) bytes")
        }
        if let chosen = chosenKind { return try JSONValue.check(chosen.value, as: chosen.kind) }
        switch self {
        case .array(let elements):
            for element in elements { try element.check(level: level + 1, pathBytes: pathBytes + 1) }
        case .object(let members):
            for member in members {
                try member.value.check(level: level + 1, pathBytes: pathBytes + 1 + member.name.utf8.count)
            }
        default: break
        }
    }

    private static func check(_ value: JSONValue, as kind: ChosenKind) throws(PatchError) {
        switch (kind, value) {
        case (.text, .string), (.flag, .bool): return
        case (.counter, _): _ = try value.amount(of: kind.rawValue)
        case (.set, .array(let elements)): for element in elements { try element.checkElement() }
        case (.text, _): throw PatchError(.notApplicable, "$text takes a string")
        case (.flag, _): throw PatchError(.notApplicable, "$flag takes true or false")
        case (.set, _): throw PatchError(.notApplicable, "$set takes an array")
        }
    }

    /// As an element of a set.
    func checkElement() throws(PatchError) {
        guard encode().count <= Limits.elementBytes else {
            throw PatchError(.notApplicable, "an element of a set has at most \(Limits.elementBytes) bytes")
        }
    }

    /// As what a counter holds or is raised by.
    func amount(of name: String) throws(PatchError) -> Int64 {
        guard let amount = int else {
            // A whole number that is too long for an integer was read as a floating one.
            throw double.map { abs($0) >= 0x1p53 } == true
                ? PatchError.amount(name) : PatchError(.malformed, "\(name) takes a whole number")
        }
        guard amount.magnitude <= UInt(Limits.counterTotal) else { throw PatchError.amount(name) }
        return Int64(amount)
    }
}

extension PatchError {
    fileprivate static func amount(_ name: String) -> PatchError {
        PatchError(.notApplicable, "\(name) lies beyond ±2^62, which is as far as counters go")
    }
}
