// What a client says over a WebSocket (docs/LIVE.md): one JSON object to a text frame, known by its first member's
// name.
//
//     {"hello":{"writer":"0f…"}}
//     {"watch":1,"key":"docs/plan","since":"…","changes":true,"ids":true}      {"unwatch":1}
//     {"do":1,"number":17,"ops":[…],"context":"…","again":true,"after":"de-1~1795401009350:42"}
//     {"say":1,"data":…}

import DataTypes
import JSON
import Live
import World

enum SocketMessage {
    /// Who speaks: it names the requests that say no other writer.
    case hello(Writer)
    /// `key`: as in a path behind /v1/live/.
    case watch(Int, key: String, since: String?, DocumentForm)
    case unwatch(Int)
    case operate(Int, SocketOperation)
    case say(Int, data: [UInt8])
}

/// A request on the typed key of a watch.
struct SocketOperation {
    let number: UInt64
    /// The operations, as JSON.
    let body: [UInt8]
    let context: String?
    let isAgain: Bool
    let after: String?
    /// Where it is not the one that the connection began with: what a page that is gone has left.
    let writer: Writer?
}

extension SocketMessage {
    /// - bytes: of a whole text frame.
    init(decoding bytes: [UInt8]) throws(Problem) {
        let value: JSONValue
        // Around the operations stand the message and their list.
        do throws(JSONError) { value = try JSONValue.decode(bytes, depth: Limits.pathSteps + 4) } catch {
            throw .malformed("a message that is no JSON: \(error)")
        }
        guard case .object(let members) = value else { throw .malformed("a message is a JSON object") }
        var fields = SocketFields(rest: members)
        if let hello = fields.take("hello") {
            self = .hello(try SocketMessage.writer(hello["writer"]))
        } else if let number = try fields.number("watch") {
            guard let key = try fields.string("key") else { throw .malformed("a watch needs a \"key\"") }
            var form = DocumentForm()
            form.tellsChanges = try fields.flag("changes")
            form.showsIDs = try fields.flag("ids")
            self = .watch(number, key: key, since: try fields.string("since"), form)
        } else if let number = try fields.number("unwatch") {
            self = .unwatch(number)
        } else if let watch = try fields.number("do") {
            self = .operate(watch, try SocketMessage.operation(&fields))
        } else if let watch = try fields.number("say") {
            guard let data = fields.take("data") else { throw .malformed("what is said is \"data\"") }
            self = .say(watch, data: data.encode())
        } else {
            throw .malformed("a message has one of hello, watch, unwatch, do, say")
        }
        try fields.expectNothingMore()
    }

    private static func operation(_ fields: inout SocketFields) throws(Problem) -> SocketOperation {
        guard let number = try fields.number("number"), number > 0 else {
            throw .malformed("a request has a \"number\" from 1 to 2^53")
        }
        guard let operations = fields.take("ops") else { throw .malformed("a request has \"ops\"") }
        return SocketOperation(
            number: UInt64(number), body: operations.encode(), context: try fields.string("context"),
            isAgain: try fields.flag("again"), after: try fields.string("after"),
            writer: try fields.take("writer").map { (value) throws(Problem) in try writer(value) })
    }

    private static func writer(_ value: JSONValue?) throws(Problem) -> Writer {
        guard let writer = value?.string.flatMap({ Writer(spelled: $0) }) else {
            throw .malformed("a writer is 32 digits of 0-9 and a-f")
        }
        return writer
    }
}

/// The members of a message that nobody has taken yet.
private struct SocketFields {
    var rest: [JSONValue.Member]

    mutating func take(_ name: String) -> JSONValue? {
        guard let place = rest.firstIndex(where: { $0.name == name }) else { return nil }
        return rest.remove(at: place).value
    }

    /// Nil where it is absent.
    mutating func string(_ name: String) throws(Problem) -> String? {
        guard let value = take(name) else { return nil }
        guard let string = value.string else { throw .malformed("\"\(name)\" is no string") }
        return string
    }

    /// False where it is absent.
    mutating func flag(_ name: String) throws(Problem) -> Bool {
        guard let value = take(name) else { return false }
        guard case .bool(let isSet) = value else { throw .malformed("\"\(name)\" is true or false") }
        return isSet
    }

    /// What JavaScript can count; nil where it is absent.
    mutating func number(_ name: String) throws(Problem) -> Int? {
        guard let value = take(name) else { return nil }
        guard let number = value.int, (0...Int(Limits.requestNumber)).contains(number) else {
            throw .malformed("\"\(name)\" is no number from 0 to 2^53")
        }
        return number
    }

    func expectNothingMore() throws(Problem) {
        guard let stranger = rest.first else { return }
        throw .malformed("a message with an unknown member \(RequestTarget.quoted(stranger.name))")
    }
}
