// What an object of a typed key shows, place by place, in the terms of the checker.

import DataTypes
import JSON
import World

struct TypedSight {
    private(set) var contents: Set<TypedAddition> = []
    /// Of a text, in order.
    private(set) var texts: [Int: [Unicode.Scalar]] = [:]
    /// What no requests can have led to.
    private(set) var problems: [String] = []

    init(_ object: TypedObject?, _ places: [TypedPlace]) {
        guard let object else { return }
        for (number, place) in places.enumerated() {
            if let value = object.value(at: place.path) { look(at: value, number, place, object) }
        }
    }

    func shows(_ addition: TypedAddition) -> Bool { contents.contains(addition) }

    private mutating func look(at value: JSONValue, _ number: Int, _ place: TypedPlace, _ object: TypedObject) {
        switch place.kind {
        case .counter: count(value.int ?? 0, number, place)
        case .flag: if value == .bool(true) { see(.flag, number, place) }
        case .register:
            // What a request set that took effect twice stands twice, until another sets the register.
            for set in object.conflicts(at: place.path) {
                contents.insert(TypedAddition(place: number, content: .register(set.int ?? -1)))
            }
        case .set: for element in value.array ?? [] { see(.element(element.string ?? ""), number, place) }
        case .list: for item in value.array ?? [] { see(.item(item.int ?? -1), number, place) }
        case .text: read(Array((value.string ?? "").unicodeScalars), number, place)
        }
    }

    private mutating func see(_ content: TypedContent, _ number: Int, _ place: TypedPlace) {
        if !contents.insert(TypedAddition(place: number, content: content)).inserted {
            problems.append("\(content) stands twice at \"\(place.pointer)\"")
        }
    }

    /// Takes the sum apart, from the least power on.
    private mutating func count(_ sum: Int, _ number: Int, _ place: TypedPlace) {
        var left = sum
        for power in 0..<TypedContent.powers {
            guard left & (3 << (2 * power)) != 0 else { continue }
            left -= TypedContent.amount(power)
            guard left & (3 << (2 * power)) == 0 else { break }
            see(.amount(power: power), number, place)
        }
        if left != 0 { problems.append("the sum \(sum) at \"\(place.pointer)\" is none of what was added once") }
    }

    /// A word is there in one piece, but for what was deleted of it.
    private mutating func read(_ scalars: [Unicode.Scalar], _ number: Int, _ place: TypedPlace) {
        texts[number] = scalars
        var ended: Set<Int> = []
        for (at, scalar) in scalars.enumerated() {
            let word = TypedContent.word(of: scalar)
            if at > 0, TypedContent.word(of: scalars[at - 1]) == word {
                if scalars[at - 1] >= scalar {
                    problems.append("word \(word) at \"\(place.pointer)\" stands twice, or not in order")
                }
                continue
            }
            if at > 0 { ended.insert(TypedContent.word(of: scalars[at - 1])) }
            if ended.contains(word) {
                problems.append("word \(word) at \"\(place.pointer)\" stands twice or in pieces")
            } else {
                see(.word(word), number, place)
            }
        }
    }
}
