// A JSON value as what it becomes in an object: which kinds stand where.

import JSON
import World

/// `{"$text":""}`, `{"$counter":0}`, `{"$set":[]}` and `{"$flag":true}` choose a kind; a plain string is a register.
indirect enum Content {
    case register(Scalar)
    case counter(Int64)
    case flag(Bool)
    case set([Scalar])
    case text(String)
    case list([Content])
    case map([(name: [UInt8], content: Content)])

    init?(_ value: JSONValue) {
        switch value {
        case .array(let elements):
            let contents = elements.compactMap { Content($0) }
            guard contents.count == elements.count else { return nil }
            self = .list(contents)
        case .object(let members):
            if members.count == 1, let kind = Content.kinds.first(where: { members[0].name.isSpelled($0.name) })?.kind {
                self.init(members[0].value, as: kind)
            } else {
                self.init(members: members)
            }
        default:
            guard let scalar = Scalar(value) else { return nil }
            self = .register(scalar)
        }
    }

    /// Nil if the value is none of the kind.
    init?(_ value: JSONValue, as kind: TypedKind) {
        switch (kind, value) {
        case (.map, .object(let members)): self.init(members: members)
        case (.counter, _):
            guard let amount = value.int, amount.magnitude <= UInt64(Limits.counterTotal) else { return nil }
            self = .counter(Int64(amount))
        case (.flag, .bool(let isOn)): self = .flag(isOn)
        case (.text, .string(let text)): self = .text(text)
        case (.list, .array): self.init(value)
        case (.set, .array(let values)):
            let scalars = values.compactMap { Scalar($0) }
            guard scalars.count == values.count else { return nil }
            self = .set(Set(scalars).sorted())
        case (.register, _):
            guard let scalar = Scalar(value) else { return nil }
            self = .register(scalar)
        default: return nil
        }
    }

    private static let kinds: [(name: String, kind: TypedKind)] = [
        ("$text", .text), ("$counter", .counter), ("$set", .set), ("$flag", .flag),
    ]

    /// Of members with one name the last counts.
    private init?(members: [JSONValue.Member]) {
        var contents: [(name: [UInt8], content: Content)] = []
        var places: [[UInt8]: Int] = [:]
        for member in members {
            guard let content = Content(member.value) else { return nil }
            let name = Array(member.name.utf8)
            if let place = places[name] {
                contents[place].content = content
            } else {
                places[name] = contents.count
                contents.append((name, content))
            }
        }
        self = .map(contents)
    }

    /// Whether there is room for it below a path.
    func check(under path: ObjectPath, _ draft: Draft) throws(TypedProblem) {
        guard path.steps.count <= Limits.pathSteps, path.byteCount <= Limits.pathBytes else {
            throw draft.refuse(.malformedPath)
        }
        switch self {
        case .register, .counter, .flag, .text: break
        case .set(let values):
            let isFitting =
                values.count <= Limits.containerEntries
                && values.allSatisfy { $0.bytes.count <= Limits.elementBytes }
            guard isFitting else { throw draft.refuse(.tooMuch) }
        case .list(let contents):
            guard contents.count <= Limits.containerEntries else { throw draft.refuse(.tooMuch) }
            for content in contents { try content.check(under: path.appending(.item(.none)), draft) }
        case .map(let members):
            guard members.count <= Limits.containerEntries else { throw draft.refuse(.tooMuch) }
            for member in members { try member.content.check(under: path.appending(.name(member.name)), draft) }
        }
    }
}
