// What the tests of requests share: JSON from text, random values, and bytes that were tampered with.

import JSON
import World

@testable import DataTypes

func json(_ text: String) throws -> JSONValue { try JSONValue.decode(Array(text.utf8), depth: 80) }

/// A byte or a few are put in, taken out, changed or doubled.
func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    let signs = Array(#"{}[]",:\/~@-0123456789eE.;= aopt"#.utf8)
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        let byte =
            random.chance(0.8)
            ? signs[Int.random(in: 0..<signs.count, using: &random)] : UInt8.random(in: 0...255, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes.insert(byte, at: place)
        case 1: bytes.remove(at: place)
        case 2: bytes[place] = byte
        default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 9)], at: place)
        }
    }
    return bytes
}

/// Small JSON values with few names, so that paths meet.
struct RandomJSON {
    static let names = ["a", "b", "-", "0", "é", "e\u{301}", "x/y", "~", ""]

    static func value(_ random: inout SeededRandom, depth: Int = 3) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 5), using: &random) {
        case 0: .null
        case 1: .bool(random.chance(0.5))
        case 2: .int(Int.random(in: -2...2, using: &random))
        case 3: .number(Double(Int.random(in: -4...4, using: &random)) / 2)
        case 4: .string(name(&random))
        case 5:
            .array((0..<Int.random(in: 0...3, using: &random)).map { _ in value(&random, depth: depth - 1) })
        default: map(&random, depth: depth)
        }
    }

    static func map(_ random: inout SeededRandom, depth: Int = 3) -> JSONValue {
        var members: [JSONValue.Member] = []
        for name in names where random.chance(0.3) {
            members.append(JSONValue.Member(name, value(&random, depth: depth - 1)))
        }
        return .object(members)
    }

    static func name(_ random: inout SeededRandom) -> String { names[Int.random(in: 0..<names.count, using: &random)] }

    /// A path into `document`, which often leads somewhere.
    static func path(_ document: JSONValue, _ random: inout SeededRandom) -> Path {
        var steps: [Path.Step] = []
        var value: JSONValue? = document
        while random.chance(0.75), steps.count < 5 {
            switch value {
            case .array(let elements)? where random.chance(0.9):
                let index = Int.random(in: 0...elements.count, using: &random)
                steps.append(index == elements.count && random.chance(0.5) ? .end : .name(String(index)))
            case .object(let members)? where !members.isEmpty && random.chance(0.8):
                let name = members[Int.random(in: 0..<members.count, using: &random)].name
                steps.append(name == "-" ? .end : .name(name))
            default:
                let name = name(&random)
                steps.append(name == "-" ? .end : .name(name))
            }
            value = document.value(at: Path(steps))
        }
        return Path(steps)
    }
}
