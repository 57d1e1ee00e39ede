// The id of an event: with it, any node resumes a connection where it broke off.
//
// For each watch of the connection, in the order in which they were asked for, one part, joined by commas. Of a key it
// is its context, in base64, just as in `Atoll-Context`. Of a range it names for some of the primaries how far their
// changes were sent: `de-fra-1~1795401009350.0.4711`, joined by semicolons: node, life, shard, position. Where values
// end with time, `@1795401058205` follows: what had ended by then was sent. A part that says nothing is a hyphen: all
// is sent.
//
// Ids come back from anywhere. One that was invented can only make its bearer miss what it pretends to have seen.

import Causality
import JSON
package import World

package struct EventID: Hashable, Sendable {
    enum Part: Hashable {
        case nothing
        /// A context's bytes, for the key of the watch to be checked against.
        case context([UInt8])
        /// Ascending by node, each once; and the time by which ends of values were told of, if any ends.
        case marks([Mark], until: WallTime? = nil)
    }

    struct Mark: Hashable, Sendable {
        let node: NodeID
        let at: ChangeMark
    }

    let parts: [Part]

    /// Throws if it is none that Atoll gave, or not for so many watches.
    package init(_ text: String, watches: Int) throws(DecodingFailure) {
        guard text.utf8.count <= Limits.liveIDBytes else { throw .overlong }
        let texts = text.utf8.split(separator: 0x2C, maxSplits: watches, omittingEmptySubsequences: false)
        guard texts.count == watches else { throw .malformed("an id for other watches") }
        var parts: [Part] = []
        for text in texts { parts.append(try Part(String(text) ?? "")) }
        self.parts = parts
    }
}

extension EventID.Part {
    fileprivate init(_ text: String) throws(DecodingFailure) {
        guard text != "-" else {
            self = .nothing
            return
        }
        guard text.utf8.contains(0x7E) else {
            guard let bytes = Base64.decode(text), !bytes.isEmpty else { throw .malformed("an id that is none") }
            self = .context(bytes)
            return
        }
        let halves = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let until = halves.count > 1 ? EventID.Mark.number(halves[1]) : nil
        guard halves.count == 1 || until != nil else { throw .malformed("an id that is none") }
        var marks: [EventID.Mark] = []
        for one in halves[0].split(separator: ";", maxSplits: Limits.replicas, omittingEmptySubsequences: false) {
            guard let mark = EventID.Mark(one), marks.last.map({ $0.node < mark.node }) ?? true else {
                throw .malformed("an id that is none")
            }
            marks.append(mark)
        }
        self = .marks(marks, until: until.map(WallTime.init))
    }

    var text: String {
        switch self {
        case .nothing: "-"
        case .context(let bytes): Base64.text(of: bytes)
        case .marks(let marks, let until):
            marks.isEmpty
                ? "-" : marks.map(\.text).joined(separator: ";") + (until.map { "@\($0.milliseconds)" } ?? "")
        }
    }
}

extension EventID.Mark {
    fileprivate init?(_ text: Substring) {
        let halves = text.split(separator: "~", omittingEmptySubsequences: false)
        guard halves.count == 2, let node = NodeID(String(halves[0])) else { return nil }
        let numbers = halves[1].split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count == 3, let life = EventID.Mark.number(numbers[0]),
            let shard = EventID.Mark.number(numbers[1]), shard <= UInt64(Limits.liveShards),
            let position = EventID.Mark.number(numbers[2])
        else { return nil }
        self.init(node: node, at: ChangeMark(life: life, shard: Int(shard), position: position))
    }

    /// Digits alone: `UInt64` would take a sign.
    fileprivate static func number(_ text: Substring) -> UInt64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(text) : nil
    }

    fileprivate var text: String { "\(node)~\(at.life).\(at.shard).\(at.position)" }
}

extension Base64 {
    static func text(of bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.append(base64: bytes)
        return String(decoding: text, as: UTF8.self)
    }
}
