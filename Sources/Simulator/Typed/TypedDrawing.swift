// A request on a typed key, drawn: the JSON that a client sends, and what it adds and removes.

import Causality
import DataTypes
import JSON
import Keys
import World

/// What a client has last seen of a key.
struct TypedView {
    let context: CausalContext
    let object: TypedObject?
}

struct TypedDrawing {
    let key: TypedKey
    /// What the request's positions and ids are of; nil for one without a context.
    let view: TypedView?
    private(set) var additions: [TypedAddition] = []
    private(set) var removals: [TypedRemoval] = []

    init(_ key: TypedKey, _ view: TypedView?) {
        self.key = key
        self.view = view
    }

    private mutating func add(_ content: TypedContent, _ place: Int) {
        additions.append(TypedAddition(place: place, content: content))
    }

    // MARK: Whole requests

    mutating func call(
        _ supply: inout TypedSupply, _ random: inout SeededRandom
    ) -> (kind: TypedCall.Kind, body: [UInt8]) {
        let isDocument = key.bucket == .document
        switch random.unit() {
        case ..<0.08:
            removals.append(.everything(under: ""))
            return (.put, whole(&supply, &random).encode())
        case ..<0.14:
            removals.append(.everything(under: ""))
            return (.delete, [])
        case ..<0.2 where isDocument: return (.mergePatch, mergePatch(&supply, &random).encode())
        case ..<0.25 where isDocument: return (.jsonPatch, JSONValue.array([jsonPatch(&supply, &random)]).encode())
        case ..<0.28 where isDocument:
            removals.append(.everything(under: "/m"))
            return (.operations, JSONValue.array([operation("remove", "/m")]).encode())
        default:
            let count = isDocument && random.chance(0.25) ? Int.random(in: 2...3, using: &random) : 1
            let places = key.places.indices.shuffled(using: &random).prefix(count)
            return (.operations, JSONValue.array(places.map { change($0, &supply, &random) }).encode())
        }
    }

    /// All of a key, or of some of its fields.
    private mutating func whole(_ supply: inout TypedSupply, _ random: inout SeededRandom) -> JSONValue {
        guard key.bucket == .document else { return value(0, &supply, &random) }
        var (fields, inner): ([JSONValue.Member], [JSONValue.Member]) = ([], [])
        for place in key.places.indices where random.chance(0.4) {
            let steps = key.places[place].pointer.split(separator: "/").map(String.init)
            let member = JSONValue.Member(steps.last ?? "", value(place, &supply, &random))
            if steps.count == 2 { inner.append(member) } else { fields.append(member) }
        }
        if !inner.isEmpty { fields.append(JSONValue.Member("m", .object(inner))) }
        return .object(fields)
    }

    /// RFC 7396: a register is set, and at times the map below goes.
    private mutating func mergePatch(_ supply: inout TypedSupply, _ random: inout SeededRandom) -> JSONValue {
        let number = supply.next()
        guard let place = key.places.firstIndex(where: { $0.pointer == "/r" }) else { return .object([]) }
        removals.append(.everything(under: "/r"))
        add(.register(number), place)
        guard random.chance(0.4) else { return .object(["r": .int(number)]) }
        removals.append(.everything(under: "/m"))
        return .object(["r": .int(number), "m": .null])
    }

    /// RFC 6902: a register is set.
    private mutating func jsonPatch(_ supply: inout TypedSupply, _ random: inout SeededRandom) -> JSONValue {
        let number = supply.next()
        let pointer = random.chance(0.5) ? "/r" : "/m/r"
        guard let place = key.places.firstIndex(where: { $0.pointer == pointer }) else { return .array([]) }
        removals.append(.everything(under: pointer))
        add(.register(number), place)
        return operation("add", pointer, ["value": .int(number)])
    }

    // MARK: One place

    private func operation(_ op: String, _ path: String, _ more: KeyValuePairs<String, JSONValue> = [:]) -> JSONValue {
        .object(
            [JSONValue.Member("op", .string(op)), JSONValue.Member("path", .string(path))]
                + more.map { JSONValue.Member($0.key, $0.value) })
    }

    /// The value that a place is set to; in a document with its kind chosen.
    private mutating func value(_ place: Int, _ supply: inout TypedSupply, _ random: inout SeededRandom) -> JSONValue {
        let chosen: (kind: String?, value: JSONValue)
        switch key.places[place].kind {
        case .counter:
            let power = supply.power(key, place)
            if let power { add(.amount(power: power), place) }
            chosen = ("$counter", .int(power.map(TypedContent.amount) ?? 0))
        case .flag:
            add(.flag, place)
            chosen = ("$flag", .bool(true))
        case .register:
            let number = supply.next()
            add(.register(number), place)
            chosen = (nil, .int(number))
        case .set:
            let element = TypedDrawing.element(&random)
            add(.element(element), place)
            chosen = ("$set", .array([.string(element)]))
        case .list:
            let number = supply.next()
            add(.item(number), place)
            chosen = (nil, .array([.int(number)]))
        case .text: chosen = ("$text", .string(word(place, &supply)))
        }
        guard let kind = chosen.kind, key.bucket == .document else { return chosen.value }
        return .object([JSONValue.Member(kind, chosen.value)])
    }

    private static func element(_ random: inout SeededRandom) -> String { "e\(Int.random(in: 0..<5, using: &random))" }

    private mutating func word(_ place: Int, _ supply: inout TypedSupply) -> String {
        let number = supply.next()
        add(.word(number), place)
        return String(String.UnicodeScalarView(TypedContent.scalars(ofWord: number)))
    }

    private mutating func change(
        _ place: Int, _ supply: inout TypedSupply, _ random: inout SeededRandom
    ) -> JSONValue {
        let pointer = key.places[place].pointer
        if random.chance(0.08) {
            removals.append(.everything(under: pointer))
            guard random.chance(0.5) else { return operation("remove", pointer) }
            return operation("set", pointer, ["value": value(place, &supply, &random)])
        }
        switch key.places[place].kind {
        case .counter:
            guard let power = supply.power(key, place) else { return operation("increment", pointer, ["by": .int(0)]) }
            add(.amount(power: power), place)
            return operation("increment", pointer, ["by": .int(TypedContent.amount(power))])
        case .flag:
            if random.chance(0.5) {
                removals.append(.content(TypedAddition(place: place, content: .flag)))
            } else {
                add(.flag, place)
            }
            return operation(additions.last?.place == place ? "enable" : "disable", pointer)
        case .register:
            removals.append(.everything(under: pointer))
            return operation("set", pointer, ["value": value(place, &supply, &random)])
        case .set:
            let element = TypedDrawing.element(&random)
            let addition = TypedAddition(place: place, content: .element(element))
            let isAdded = random.chance(0.6)
            if isAdded { additions.append(addition) } else { removals.append(.content(addition)) }
            return operation(isAdded ? "add" : "discard", pointer, ["value": .string(element)])
        case .list: return changeList(place, pointer, &supply, &random)
        case .text: return changeText(place, pointer, &supply, &random)
        }
    }

    private mutating func changeList(
        _ place: Int, _ pointer: String, _ supply: inout TypedSupply, _ random: inout SeededRandom
    ) -> JSONValue {
        let items = view?.object.map { TypedDrawing.elements($0, key.places[place].path) } ?? []
        guard let chosen = items.indices.randomElement(using: &random), random.chance(0.55) else {
            let number = supply.next()
            add(.item(number), place)
            let at = items.isEmpty || random.chance(0.5) ? nil : Int.random(in: 0...items.count, using: &random)
            let isFirst = random.chance(0.3)
            return operation(
                "insert", pointer,
                ["at": at.map(JSONValue.int) ?? (isFirst ? .int(0) : .string("-")), "values": .array([.int(number)])])
        }
        let id = items[chosen].id
        let isByID = random.chance(0.5)
        guard random.chance(0.5) else {
            let to = Int.random(in: 0..<items.count, using: &random)
            return isByID
                ? operation("move", pointer, ["id": .string("\(id)"), "to": .int(to)])
                : operation("move", pointer, ["from": .int(chosen), "to": .int(to)])
        }
        if let number = items[chosen].content.int {
            removals.append(.content(TypedAddition(place: place, content: .item(number))))
        }
        return operation("remove", isByID ? "\(pointer)/@\(id)" : "\(pointer)/\(chosen)")
    }

    private mutating func changeText(
        _ place: Int, _ pointer: String, _ supply: inout TypedSupply, _ random: inout SeededRandom
    ) -> JSONValue {
        let scalars = (view?.object?.value(at: key.places[place].path)?.string ?? "").unicodeScalars.map { $0 }
        guard view != nil, !scalars.isEmpty else {
            let at: JSONValue = random.chance(0.5) ? .int(0) : .string("-")
            return operation("splice", pointer, ["at": at, "text": .string(word(place, &supply))])
        }
        // Between words, so that each stays whole; what is deleted begins and ends anywhere.
        let isDeletion = random.chance(0.3)
        let ends = (0...scalars.count).filter { at in
            isDeletion || at == 0 || at == scalars.count
                || TypedContent.word(of: scalars[at - 1]) != TypedContent.word(of: scalars[at])
        }
        let at = ends.randomElement(using: &random) ?? 0
        let deletes = isDeletion || random.chance(0.2)
        let count = deletes ? min(Int.random(in: 1...5, using: &random), scalars.count - at) : 0
        if count > 0 { removals.append(.characters(place: place, Set(scalars[at..<at + count]))) }
        let text = isDeletion ? "" : word(place, &supply)
        if at > 0, random.chance(0.3), let view, let object = view.object {
            let elements = TypedDrawing.elements(object, key.places[place].path)
            return operation(
                "splice", pointer,
                ["after": .string("\(elements[at - 1].id)"), "delete": .int(count), "text": .string(text)])
        }
        return operation("splice", pointer, ["at": .int(at), "delete": .int(count), "text": .string(text)])
    }

    /// Of a text or a list, with their ids, in order.
    private static func elements(_ object: TypedObject, _ path: Path) -> [(id: Dot, content: JSONValue)] {
        let runs = object.runs(at: path)
        let actors = runs?["actors"]?.array ?? []
        var elements: [(id: Dot, content: JSONValue)] = []
        for run in runs?["runs"]?.array ?? [] {
            guard let run = run.array, run.count == 3, let place = run[0].int, let counter = run[1].int,
                let first = Dot(spelled: "\(actors[place].string ?? ""):\(counter)")
            else { continue }
            let contents = run[2].string.map { $0.unicodeScalars.map { JSONValue.string(String($0)) } } ?? [run[2]]
            for (offset, content) in contents.enumerated() {
                elements.append((Dot(actor: first.actor, counter: first.counter + UInt64(offset)), content))
            }
        }
        return elements
    }
}

/// Of what is unique, what has not been used.
struct TypedSupply {
    private var number = 0
    private var powers: [TypedPower: Int] = [:]

    private struct TypedPower: Hashable {
        let key: [UInt8]
        let place: Int
    }

    mutating func next() -> Int {
        number += 1
        return number
    }

    /// Nil where a counter has no room for more that can be told apart.
    mutating func power(_ key: TypedKey, _ place: Int) -> Int? {
        let power = powers[TypedPower(key: key.key.bytes, place: place), default: 0]
        guard power < TypedContent.powers else { return nil }
        powers[TypedPower(key: key.key.bytes, place: place)] = power + 1
        return power
    }
}
