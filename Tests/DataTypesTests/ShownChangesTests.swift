// What turns one shown value into the next: done by somebody who knows nothing but JSON, it gives exactly that.

import JSON
import Testing
import World

@testable import DataTypes

@Suite struct ShownChangesTests {
    private func changes(_ old: String, _ new: String, under most: Int = .max) throws -> String? {
        ShownChanges.between(try json(old), try json(new), under: most).map { String(decoding: $0, as: UTF8.self) }
    }

    private func json(_ text: String) throws -> JSONValue { try JSONValue.decode(Array(text.utf8)) }

    @Test func whatChangedIsSaidOnce() throws {
        let cases = [
            ("1", "1", ""),
            ("1", "2", #"{"op":"set","path":"","value":2}"#),
            (
                #"{"a":1,"b":2}"#, #"{"b":2,"c":{"d":[]}}"#,
                #"{"op":"remove","path":"/a"},{"op":"set","path":"/c","value":{"d":[]}}"#
            ),
            (
                #"{"a/b":{"~":1,"@x":1}}"#, #"{"a/b":{"~":2,"@x":2}}"#,
                #"{"op":"set","path":"/a~1b/~0","value":2},{"op":"set","path":"/a~1b/~2x","value":2}"#
            ),
            (
                #""one two, and three of them""#, #""one two! and three of them""#,
                #"{"op":"splice","path":"","at":7,"delete":1,"text":"!"}"#
            ),
            (
                #""one 😀 two, and three of them""#, #""one 😁 two, and three of them""#,
                #"{"op":"splice","path":"","at":4,"delete":1,"text":"😁"}"#
            ),
            (
                #""aaaaaaaaaaaaaaaaaaaaaaaaaaaaa""#, #""aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa""#,
                #"{"op":"splice","path":"","at":29,"text":"aa"}"#
            ),
            (#"{"t":"todo"}"#, #"{"t":"done"}"#, #"{"op":"set","path":"/t","value":"done"}"#),
            ("[1,2,3]", "[1,3]", #"{"op":"remove","path":"/1"}"#),
            ("[1,2,3]", "[1,4,5,2,3]", #"{"op":"insert","path":"","at":1,"values":[4,5]}"#),
            ("[1,2,3,4]", "[1,3,4,2]", #"{"op":"move","path":"","from":1,"to":3}"#),
            ("[1,2,3,4]", "[4,1,2,3]", #"{"op":"move","path":"","from":3,"to":0}"#),
            (#"[{"n":1,"t":"x"}]"#, #"[{"n":2,"t":"x"}]"#, #"{"op":"set","path":"/0/n","value":2}"#),
            (
                "[1,2,3,4,5]", "[9,5]",
                #"{"op":"set","path":"/0","value":9},{"op":"remove","path":"/1"},{"op":"remove","path":"/1"},{"op":"remove","path":"/1"}"#
            ),
            (#"{"a":[1]}"#, #"{"a":{"b":1}}"#, #"{"op":"set","path":"/a","value":{"b":1}}"#),
        ]
        for (old, new, expected) in cases { #expect(try changes(old, new) == expected, "\(old) to \(new)") }
        // One letter of two code points, and the same of one: Swift takes them for equal.
        let (one, two) = (JSONValue.object(["é": .string("é")]), JSONValue.object(["e\u{301}": .string("é")]))
        let split = try #require(ShownChanges.between(one, two, under: .max))
        #expect(try PlainReader.apply(split, to: one).encode() == two.encode())
    }

    @Test func moreThanIsWantedIsNothing() throws {
        let bytes = #"{"op":"set","path":"/a","value":2}"#.utf8.count
        #expect(try changes(#"{"a":1}"#, #"{"a":2}"#, under: bytes) == nil)
        #expect(try changes(#"{"a":1}"#, #"{"a":2}"#, under: bytes + 1) != nil)
        #expect(try changes("1", "1", under: 1) == "")
    }

    /// Requests and merges at random, on three replicas: each time what a reader is shown, in both forms.
    @Test func aReaderOfPlainJSONFollowsAnyDocument() throws {
        var (shorter, kinds) = (0, Set<String>())
        for seed in 1...400 as ClosedRange<UInt64> {
            var dice = SeededRandom(seed: seed)
            var replicas = (0..<3).map { Minter(number: $0) }
            var shown: [JSONValue?] = [nil, nil]
            for _ in 0..<40 {
                let at = Int.random(in: 0..<3, using: &dice)
                if dice.chance(0.25) {
                    try replicas[at].object.join(replicas[Int.random(in: 0..<3, using: &dice)].object)
                } else {
                    let operation = RandomOperation.draw(replicas[at].value, &dice)
                    do { try replicas[at].mint(operation) } catch is TypedProblem { continue }
                }
                guard dice.chance(0.7) else { continue }
                let object = replicas[0].object
                for (form, new) in [object.value(), object.valueWithIDs()?.value].enumerated() {
                    defer { shown[form] = new }
                    guard let old = shown[form], let new else { continue }
                    let changes = try #require(ShownChanges.between(old, new, under: .max))
                    let read = try PlainReader.apply(changes, to: old)
                    try must(
                        read.encode() == new.encode(),
                        "seed \(seed): \(old.text()) to \(new.text()) by \(String(decoding: changes, as: UTF8.self))")
                    if changes.count < new.encode().count { shorter += 1 }
                    let list = [UInt8(ascii: "[")] + changes + [UInt8(ascii: "]")]
                    for operation in try JSONValue.decode(list).array ?? [] {
                        kinds.insert(operation["op"]?.string ?? "")
                    }
                    // The vocabulary of requests, but for its bound on their number.
                    if try JSONValue.decode(list).array?.isEmpty == false { _ = try Operation.decode(list) }
                }
            }
        }
        #expect(shorter > 1_000)
        #expect(kinds == ["set", "remove", "insert", "splice", "move"])
    }
}

/// Of all kinds, at places that may be anything by now.
private enum RandomOperation {
    static func draw(_ value: JSONValue?, _ dice: inout SeededRandom) -> Operation {
        func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: 0..<choices.count, using: &dice)] }
        let text = Path(pick(["/t", "/m/t"]))
        let list = Path(pick(["/l", "/m/l"]))
        let length = value.flatMap { list.found(in: $0)?.array?.count } ?? 0
        let size = value.flatMap { text.found(in: $0)?.string?.unicodeScalars.count } ?? 0
        let place = Int.random(in: 0...length, using: &dice)
        switch Int.random(in: 0..<14, using: &dice) {
        case 0:
            return .set(
                Path(pick(["/r", "/m/r", "/m/m/r", "/@r"])), pick([.int(7), .string("ä"), .null, .bool(true)]))
        case 1:
            return .set(
                Path(pick(["/o", "/m/o"])), .object(["x": .array([.int(1), .object(["$text": .string("é")])])]))
        case 2: return .remove(Path(pick(["/r", "/m", "/m/m", "/l", "/t"])))
        case 3: return .increment(Path(pick(["/c", "/m/c"])), by: 3)
        case 4: return .add(Path("/s"), .string(pick(["a", "b", "é", "e\u{301}"])))
        case 5: return .discard(Path("/s"), .string(pick(["a", "b", "é"])))
        case 6: return .enable(Path("/f"))
        case 7: return .disable(Path("/f"))
        case 8, 9:
            let at = Int.random(in: 0...size, using: &dice)
            return .splice(
                text, .at(at), delete: min(size - at, Int.random(in: 0..<3, using: &dice)),
                text: pick(["", "a", "sea", "😀", "😁é", "\u{301}"]))
        case 10:
            return .insert(
                list, .at(place), pick([[.int(1)], [.int(2), .object(["n": .int(1)])], [.array([.string("x")])]]))
        case 11: return .move(list, .at(place), to: .at(Int.random(in: 0...length, using: &dice)))
        case 12: return .remove(list.appending(.name("\(place)")))
        default: return .set(list.appending(.name("\(place)")).appending(.name("n")), .int(5))
        }
    }
}

extension Path {
    fileprivate func found(in value: JSONValue) -> JSONValue? {
        steps.reduce(value) { found, step in
            if case .name(let name) = step { found?[name] } else { nil }
        }
    }
}

/// Does operations on JSON as somebody would who has read docs/LIVE.md and nothing else.
private enum PlainReader {
    static func apply(_ operations: [UInt8], to value: JSONValue) throws -> JSONValue {
        let list = try JSONValue.decode([UInt8(ascii: "[")] + operations + [UInt8(ascii: "]")])
        return try (list.array ?? []).reduce(value) { value, operation in
            let path = try #require(operation["path"]?.string)
            let steps = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst().map
            {
                String(decoding: Array($0), as: UTF8.self).replacing("~1", with: "/").replacing("~2", with: "@")
                    .replacing("~0", with: "~")
            }
            return try #require(try put(value, steps[...]) { old in try perform(operation, old) })
        }
    }

    private static func perform(_ operation: JSONValue, _ old: JSONValue?) throws -> JSONValue? {
        func number(_ name: String) -> Int? { operation[name]?.int }
        switch operation["op"]?.string {
        case "set":
            let new: JSONValue = try #require(operation["value"])
            return new
        case "remove":
            _ = try #require(old)
            return nil
        case "insert":
            var list = try #require(old?.array)
            list.insert(contentsOf: try #require(operation["values"]?.array), at: try #require(number("at")))
            return .array(list)
        case "move":
            var list = try #require(old?.array)
            let element = list.remove(at: try #require(number("from")))
            list.insert(element, at: try #require(number("to")))
            return .array(list)
        case "splice":
            var text = Array(try #require(old?.string).unicodeScalars)
            let at = try #require(number("at"))
            let put = Array((operation["text"]?.string ?? "").unicodeScalars)
            text.replaceSubrange(at..<at + (number("delete") ?? 0), with: put)
            var whole = String.UnicodeScalarView()
            whole.append(contentsOf: text)
            return .string(String(whole))
        default: throw Violation(description: "what is \(operation.text())?")
        }
    }

    private static func put(
        _ value: JSONValue?, _ steps: ArraySlice<String>, _ change: (JSONValue?) throws -> JSONValue?
    ) throws -> JSONValue? {
        guard let step = steps.first else { return try change(value) }
        if case .array(var list)? = value {
            let place = try #require(Int(step))
            let new = try put(list[place], steps.dropFirst(), change)
            if let new { list[place] = new } else { list.remove(at: place) }
            return .array(list)
        }
        guard case .object(var members)? = value else { throw Violation(description: "nothing at \(step)") }
        let place = members.firstIndex { $0.name.isSpelled(step) }
        let new = try put(place.map { members[$0].value }, steps.dropFirst(), change)
        if let place { members.remove(at: place) }
        if let new {
            members.append(JSONValue.Member(step, new))
            members.sort { $0.name.isSpelledBefore($1.name) }
        }
        return .object(members)
    }
}
