// Who changes a typed key in the tests of live reads, and who reads of it without knowing of types.

import Causality
import DataTypes
import JSON
import Keys
import Testing
import World

@testable import Live

struct TypedWriter {
    let key: StoredKey
    var actor = Actor(node: Cluster.replicas[0], incarnation: 1)
    private var object = StoredObject()

    init(_ key: StoredKey) { self.key = key }

    var item: LiveItem { LiveItem(key: key.bytes, state: .object(object.encode())) }
    var context: String { Base64.text(of: CausalContext(of: object).encode(for: key.bytes)) }
    var value: JSONValue? { object.typedObject?.value() }

    /// - Parameters:
    ///   - number: of the request, if it has a name.
    ///   - second: when it is made.
    mutating func change(_ operation: String, as number: UInt64? = nil, second: UInt64 = 0) throws {
        let name = number.map { OperationName(writer: Writer(high: 0, low: 7), number: $0) }
        let time = HybridTime(wall: WallTime(milliseconds: 1_795_000_000_000 + 1_000 * second))
        let run = MintingRun(actor: actor, first: object.versions.counter(of: actor) + 1, time: time)
        let call = TypedCall(.operations, Array("[\(operation)]".utf8), name: name)
        _ = try object.carryOut(call, as: .document, context: nil, room: 1 << 20, run)
    }

    mutating func changeSomething(_ dice: inout SeededRandom) throws {
        func number(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &dice) }
        let length = value?["body"]?.string?.unicodeScalars.count ?? 0
        let count = value?["list"]?.array?.count ?? 0
        switch number(20) {
        case 0..<7:
            let word = ["sea", "😀", "\\n", "ä by the shore"][number(4)]
            try change(#"{"op":"splice","path":"/body","at":\#(number(length + 1)),"text":"\#(word)"}"#)
        case 7..<10 where length > 0:
            let at = number(length)
            let gone = min(length - at, 1 + number(3))
            try change(#"{"op":"splice","path":"/body","at":\#(at),"delete":\#(gone)}"#)
        case 10..<13: try change(#"{"op":"insert","path":"/list","at":\#(number(count + 1)),"values":[\#(number(9))]}"#)
        case 13 where count > 0: try change(#"{"op":"remove","path":"/list/\#(number(count))"}"#)
        case 14 where count > 1:
            try change(#"{"op":"move","path":"/list","from":\#(number(count)),"to":\#(number(count))}"#)
        case 15: try change(#"{"op":"set","path":"/title","value":"\#(number(1_000))"}"#)
        case 16: try change(#"{"op":"remove","path":"/title"}"#)
        case 17 where number(6) == 0: try change(#"{"op":"remove","path":""}"#)
        default: try change(#"{"op":"increment","path":"/likes"}"#)
        }
    }
}

/// Its document has fields, of which one is a list.
struct PlainReader {
    let id: UInt64
    private(set) var value: JSONValue?
    private(set) var version: String?

    init(id: UInt64) { self.id = id }

    mutating func read(_ text: String, _ told: inout [String: Int]) throws {
        var name = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("event: ") { name = String(line.dropFirst(7)) }
            guard line.hasPrefix("data: ") else { continue }
            let data = try JSONValue.decode(Array(line.dropFirst(6).utf8))
            told[name, default: 0] += 1
            switch name {
            case "document": value = data["value"]
            case "change": for operation in try #require(data["ops"]?.array) { try take(operation) }
            case "deleted": value = nil
            default: continue
            }
            version = data["version"]?.string
        }
    }

    private mutating func take(_ operation: JSONValue) throws {
        guard case .object(var members)? = value else {
            Issue.record("a change of nothing")
            return
        }
        let path = try #require(operation["path"]?.string).split(separator: "/").map(String.init)
        let name = try #require(path.first)
        let place = members.firstIndex { $0.name == name }
        let old = place.map { members[$0].value }
        let new = try path.count == 1 ? changed(old, operation) : changed(inside: old, at: Int(path[1]), operation)
        if let place { members.remove(at: place) }
        if let new { members.append(JSONValue.Member(name, new)) }
        value = .object(members.sorted { $0.name < $1.name })
    }

    private func changed(inside list: JSONValue?, at place: Int?, _ operation: JSONValue) throws -> JSONValue? {
        var list = try #require(list?.array)
        let place = try #require(place)
        if let new = try changed(list[place], operation) { list[place] = new } else { list.remove(at: place) }
        return .array(list)
    }

    private func changed(_ old: JSONValue?, _ operation: JSONValue) throws -> JSONValue? {
        let at = operation["at"]?.int ?? 0
        switch operation["op"]?.string {
        case "set": return operation["value"]
        case "remove": return nil
        case "insert":
            var list = try #require(old?.array)
            list.insert(contentsOf: try #require(operation["values"]?.array), at: at)
            return .array(list)
        case "move":
            var list = try #require(old?.array)
            let element = list.remove(at: try #require(operation["from"]?.int))
            list.insert(element, at: try #require(operation["to"]?.int))
            return .array(list)
        default:
            var text = Array(try #require(old?.string).unicodeScalars)
            let put = (operation["text"]?.string ?? "").unicodeScalars
            text.replaceSubrange(at..<at + (operation["delete"]?.int ?? 0), with: put)
            var whole = String.UnicodeScalarView()
            whole.append(contentsOf: text)
            return .string(String(whole))
        }
    }
}
