// What a client says of the representation that it has already, and which part of one it wants (RFC 9110, 13 and 14):
// of what has a strong entity tag and no date.

import World

package enum Conditions {
    /// Whether `If-None-Match` names this tag: as one of a list, weakly compared (13.1.2), or as `*`, any.
    package static func isKnown(_ tag: String, to head: RequestHead) -> Bool {
        guard let list = head.fields.list(.ifNoneMatch) else { return false }
        if list.trimmed == "*" { return true }
        let quote = UInt8(ascii: "\"")
        var rest = list.utf8[...]
        // A tag may hold a comma, so its quotes bound it. What is no tag ends the list.
        while true {
            rest = rest.drop { [0x20, 0x09, UInt8(ascii: ",")].contains($0) }
            if rest.starts(with: "W/".utf8) { rest = rest.dropFirst(2) }
            guard rest.first == quote, let end = rest.dropFirst().firstIndex(of: quote) else { return false }
            if rest[...end].elementsEqual(tag.utf8) { return true }
            rest = rest[rest.index(after: end)...]
        }
    }
}

/// Which bytes of a body are asked for.
package enum AskedRange: Equatable, Sendable {
    case all
    /// Not empty, and within the body.
    case part(Range<Int>)
    /// Some that it does not have.
    case beyond

    /// Of a body of `count` bytes with this tag. What is no range of bytes is left out of account, and so are several
    /// at once, as a server may (14.2): players ask for one. `If-Range` must be the very tag (13.1.5).
    package init(_ head: RequestHead, tag: String, count: Int) {
        self = .all
        guard head.method == .get, head.fields.isSingle(.range), let text = head.fields.first(.range),
            head.fields.first(.ifRange).map({ $0.trimmed == tag }) ?? true
        else { return }
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].trimmed.lowercased() == "bytes" else { return }
        let bounds = parts[1].trimmed.split(separator: "-", omittingEmptySubsequences: false)
        guard bounds.count == 2 else { return }
        switch (AskedRange.number(bounds[0]), AskedRange.number(bounds[1])) {
        case (let first?, let last?) where first <= last: within(first, min(last, count - 1), count)
        case (let first?, nil) where bounds[1].isEmpty: within(first, count - 1, count)
        case (nil, let length?) where bounds[0].isEmpty: within(count - min(length, count), count - 1, count)
        default: return
        }
    }

    private mutating func within(_ first: Int, _ last: Int, _ count: Int) {
        self = first < count ? .part(first..<(last + 1)) : .beyond
    }

    /// What no number here can hold is beyond every body.
    private static func number(_ digits: Substring) -> Int? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(digits) ?? .max
    }
}
