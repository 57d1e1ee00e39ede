// `application/json-patch+json` (RFC 6902): its six operations, and what they make of a plain JSON document.
//
// What they come to on a typed object depends on what stands there: `PatchLowering`.

package import JSON
import World

/// One operation of a JSON patch.
package enum PatchStep: Hashable, Sendable {
    /// Into a map or before an element of a list, whose parent must stand.
    case add(Path, JSONValue)
    /// Something must stand there, as with the next ones.
    case remove(Path)
    case replace(Path, JSONValue)
    case move(from: Path, to: Path)
    case copy(from: Path, to: Path)
    case test(Path, JSONValue)

    package static func decode(_ body: [UInt8]) throws(PatchError) -> [PatchStep] {
        try PatchBody.list(try PatchBody.json(body, levels: 2)) { (fields) throws(PatchError) in
            try PatchStep(&fields)
        }
    }

    /// Members that RFC 6902 does not know are overlooked, as it wants (section 4).
    private init(_ fields: inout OperationFields) throws(PatchError) {
        let path = try fields.path()
        switch fields.op {
        case "add": self = .add(path, try fields.checkedValue(at: path))
        case "replace": self = .replace(path, try fields.checkedValue(at: path))
        case "test": self = .test(path, try fields.value())
        case "copy": self = .copy(from: try fields.path("from"), to: path)
        case "move":
            let from = try fields.path("from")
            guard !from.isProperPrefix(of: path) else {
                throw PatchError(.notApplicable, "nothing can be moved into itself")
            }
            self = .move(from: from, to: path)
        case "remove":
            guard !path.steps.isEmpty else {
                throw PatchError(.notApplicable, "the whole document is removed by DELETE, not by a patch")
            }
            self = .remove(path)
        default: throw PatchError(.malformed, "RFC 6902 has no operation \"\(fields.op.excerpt)\"")
        }
    }
}

/// What the copies of one patch bring all together: otherwise a short patch could double a document again and again.
struct CopiedBytes {
    private var count = 0

    /// `value` is put at `path` as well.
    mutating func add(_ value: JSONValue, at path: Path) throws(PatchError) {
        try value.check(at: path)
        count += value.encode().count
        guard count <= Limits.requestOperationBytes else {
            throw PatchError(.notApplicable, "the copies of a patch have at most \(Limits.requestOperationBytes) bytes")
        }
    }
}

extension PatchStep {
    /// What becomes of a plain document; all steps are done, or an error names the one that cannot be.
    package static func apply(_ steps: [PatchStep], to document: JSONValue) throws(PatchError) -> JSONValue {
        var document = document
        var copied = CopiedBytes()
        for (number, step) in steps.enumerated() {
            do throws(PatchError) { try step.apply(to: &document, &copied) } catch { throw error.of(number) }
        }
        return document
    }

    private func apply(to document: inout JSONValue, _ copied: inout CopiedBytes) throws(PatchError) {
        switch self {
        case .add(let path, let value): try document.add(value, at: path)
        case .remove(let path): _ = try document.remove(at: path)
        case .replace(let path, let value):
            _ = try document.found(at: path)
            try document.edit(path.steps[...]) { (target) throws(PatchError) in target = value }
        case .copy(let from, let to):
            let value = try document.found(at: from)
            try copied.add(value, at: to)
            try document.add(value, at: to)
        case .move(let from, let to):
            // Onto itself, which may be the whole document.
            guard from != to else {
                _ = try document.found(at: from)
                return
            }
            let value = try document.remove(at: from)
            try value.check(at: to)
            try document.add(value, at: to)
        case .test(let path, let value):
            guard try document.found(at: path).isEqual(to: value) else {
                throw PatchError(.testFailed, "something else stands at \"\(path.pointer)\"")
            }
        }
    }
}

extension PatchError {
    static func nothing(at path: Path) -> PatchError {
        PatchError(.notApplicable, "nothing stands at \"\(path.pointer)\"")
    }

    static func noPlace(_ path: Path) -> PatchError {
        PatchError(.notApplicable, "\"\(path.pointer)\" is neither a field of a map nor a place in a list")
    }
}

extension JSONValue {
    func value(at path: Path) -> JSONValue? {
        var value = self
        for step in path.steps {
            switch value {
            case .array(let elements):
                guard let index = step.index, index < elements.count else { return nil }
                value = elements[index]
            case .object:
                guard let member = step.field.flatMap({ value[$0] }) else { return nil }
                value = member
            default: return nil
            }
        }
        return value
    }

    fileprivate func found(at path: Path) throws(PatchError) -> JSONValue {
        guard let value = value(at: path) else { throw .nothing(at: path) }
        return value
    }

    /// Changes what stands behind `steps`, which must be there.
    fileprivate mutating func edit(
        _ steps: ArraySlice<Path.Step>, _ change: (inout JSONValue) throws(PatchError) -> Void
    ) throws(PatchError) {
        guard let step = steps.first else { return try change(&self) }
        // Taken out while it is changed, so that nothing beside it is copied.
        switch self {
        case .array(var elements):
            guard let index = step.index, index < elements.count else { throw .nothing(at: Path(Array(steps))) }
            self = .null
            try elements[index].edit(steps.dropFirst(), change)
            self = .array(elements)
        case .object(var members):
            guard let place = members.place(of: step) else { throw .nothing(at: Path(Array(steps))) }
            self = .null
            var value = members[place].value
            let name = members[place].name
            members[place] = Member(name, .null)
            try value.edit(steps.dropFirst(), change)
            members[place] = Member(name, value)
            self = .object(members)
        default: throw .nothing(at: Path(Array(steps)))
        }
    }

    fileprivate mutating func add(_ value: JSONValue, at path: Path) throws(PatchError) {
        guard let step = path.steps.last else {
            self = value
            return
        }
        _ = try found(at: path.parent)
        try edit(path.steps.dropLast()) { (parent) throws(PatchError) in
            switch parent {
            case .array(var elements):
                parent = .null
                let index = step == .end ? elements.count : step.index
                guard let index, index <= elements.count else { throw .noPlace(path) }
                elements.insert(value, at: index)
                parent = .array(elements)
            case .object(var members):
                parent = .null
                guard let name = step.field else { throw .noPlace(path) }
                if let place = members.place(of: step) {
                    members[place] = Member(name, value)
                } else {
                    members.append(Member(name, value))
                }
                parent = .object(members)
            default: throw .noPlace(path)
            }
        }
    }

    /// Returning what stood there.
    fileprivate mutating func remove(at path: Path) throws(PatchError) -> JSONValue {
        let value = try found(at: path)
        try edit(path.steps.dropLast()) { (parent) throws(PatchError) in
            switch (parent, path.steps.last) {
            case (.array(var elements), let step?):
                guard let index = step.index else { return }
                parent = .null
                elements.remove(at: index)
                parent = .array(elements)
            case (.object(var members), let step?):
                guard let place = members.place(of: step) else { return }
                parent = .null
                members.remove(at: place)
                parent = .object(members)
            default: return
            }
        }
        return value
    }
}

extension [JSONValue.Member] {
    fileprivate func place(of step: Path.Step) -> Int? {
        step.field.flatMap { name in firstIndex { $0.name.isSpelled(name) } }
    }
}
