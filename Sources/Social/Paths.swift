// The spellings of users, slugs and titles, and the paths that they make: `/ann/` is a user, `/ann/hello/` a titled
// post, `/0f3a…/` an anonymous one. Users and slugs share the first segment, so both are claimed as `post:` too.

import Edge
import NameStore
import World

enum Spelling {
    /// `[a-z0-9][a-z0-9_-]{0,31}`, folded to lower case; nil for anything else.
    static func user(_ raw: String) -> String? {
        let text = Array(raw.utf8).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        guard (1...32).contains(text.count), isAlphanumeric(text[0]),
            text.allSatisfy({ isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2D })
        else { return nil }
        let name = String(decoding: text, as: UTF8.self)
        return reserved.contains(name) ? nil : name
    }

    /// As a user's name, with `.` and `~` too, to 64 characters.
    static func slug(_ raw: String) -> String? {
        let text = Array(raw.utf8).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        guard (1...64).contains(text.count), isAlphanumeric(text[0]),
            text.allSatisfy({ isAlphanumeric($0) || [0x5F, 0x2D, 0x2E, 0x7E].contains($0) })
        else { return nil }
        let slug = String(decoding: text, as: UTF8.self)
        return reserved.contains(slug) ? nil : slug
    }

    /// A title's segment: NFC, lower case, `-` for spaces, without what ends a segment; at most 120 bytes. Nil if
    /// nothing is left, or too much.
    static func title(_ raw: String) -> String? {
        var segment = ""
        var gap = false
        for character in raw.lowercased() {
            // A character is what people take for one: canonically equal ones are one spelling below.
            let isBlank = character.isWhitespace
            let isUnsafe = character.unicodeScalars.contains { scalar in
                scalar.value < 0x20 || scalar.value == 0x7F
                    || "/\\?#%\"<>^`{|}&=+;,:@!$'()*[]".unicodeScalars.contains(scalar)
                    || scalar.properties.isDefaultIgnorableCodePoint
            }
            if isBlank || isUnsafe || character == "-" {
                gap = true
                continue
            }
            if gap, !segment.isEmpty { segment += "-" }
            gap = false
            segment += composed(character)
        }
        // Nothing is left to strip: what was spelled once is spelled so again.
        while let last = segment.last, last == "." || last == "-" { segment.removeLast() }
        while let first = segment.first, first == "~" || first == "." || first == "-" { segment.removeFirst() }
        guard (1...120).contains(segment.utf8.count), !["raw", "revisions"].contains(segment),
            !segment.hasPrefix("feed.")
        else { return nil }
        return segment
    }

    /// Of a path below a user: a title's, or a provisional one, which stands as it is.
    static func lastSegment(_ raw: String) -> String? { raw.hasPrefix("~") ? raw : title(raw) }

    /// In Unicode's composed form (NFC).
    private static func composed(_ character: Character) -> String { Normalisation.composed(String(character)) }

    static func isAlphanumeric(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }

    /// First segments that are the site's own.
    static let reserved = ["-", "v1", "robots.txt", ".well-known", "favicon.ico", "raw", "feed"]
}

/// Where a post stands: `user/title` or `slug`.
struct PostPath: Hashable, Sendable {
    /// Nil of an anonymous post.
    let user: String?
    /// The title's segment, or the slug.
    let last: String

    init(user: String, title: String) { (self.user, last) = (user, title) }
    init(slug: String) { (user, last) = (nil, slug) }

    /// Nil if it has more than two parts, or empty ones.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self = parts.count == 2 ? PostPath(user: parts[0], title: parts[1]) : PostPath(slug: parts[0])
    }

    /// As people write it: in any spelling, with or without slashes around it. Nil if nothing can stand there.
    static func spelled(_ text: String) -> PostPath? {
        let parts = text.split(separator: "/").map(String.init)
        switch parts.count {
        case 1:
            return Spelling.slug(parts[0]).map { PostPath(slug: $0) }
        case 2:
            guard let user = Spelling.user(parts[0]), let last = Spelling.lastSegment(parts[1]) else { return nil }
            return PostPath(user: user, title: last)
        default: return nil
        }
    }

    var text: String { user.map { "\($0)/\(last)" } ?? last }

    /// With a slash behind it, percent-encoded.
    var url: String { "/" + (user.map { "\($0)/" } ?? "") + last.utf8.percentEncoded + "/" }

    /// The same post while the namestore is out of reach: below the author, or its full digest.
    var isProvisional: Bool { last.hasPrefix("~") }
    /// The whole digest is a slug like others where all shorter ones were taken.
    var mayBeProvisional: Bool { isProvisional || user == nil && last.utf8.count == 64 }

    /// What the namestore guards. A resident's title is claimed under its digest: only the name leaves the country.
    func name(hidden: Bool) -> String {
        guard let user else { return "post:" + last }
        return hidden ? "post:\(user)/#" + SocialDigest(Array(text.utf8)).text : "post:\(user)/\(last)"
    }
}

/// Somebody or something that is followed: a person, or a feed.
enum Source: Hashable, Sendable {
    case user(String)
    case feed(String)

    init?(_ text: String) {
        if text.hasPrefix("feed:") {
            let id = String(text.dropFirst(5))
            guard id.utf8.count == 32, id.utf8.allSatisfy({ Spelling.isAlphanumeric($0) }) else { return nil }
            self = .feed(id)
        } else {
            guard let name = Spelling.user(text) else { return nil }
            self = .user(name)
        }
    }

    var text: String {
        switch self {
        case .user(let name): name
        case .feed(let id): "feed:" + id
        }
    }
}

/// 16 digits in base 32: 50 bits of milliseconds, then 30 of the digest of what made the request its own. The order of
/// their texts is the order of their times.
struct PostID: Hashable, Comparable, Sendable {
    private static let digits = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    let text: String

    init(_ time: WallTime, _ digest: SocialDigest) {
        let low = digest.bytes.prefix(4).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & (1 << 30 - 1)
        text = PostID.text(time.milliseconds & (1 << 50 - 1), 10) + PostID.text(low, 6)
    }

    init?(_ text: String) {
        guard text.utf8.count == 16, text.utf8.allSatisfy({ PostID.digits.contains($0) }) else { return nil }
        self.text = text
    }

    /// The first of a moment: a bound for lists.
    init(firstOf time: WallTime) { text = PostID.text(time.milliseconds & (1 << 50 - 1), 10) + "000000" }

    var time: WallTime {
        let value = text.utf8.prefix(10).reduce(UInt64(0)) { sum, byte in
            sum << 5 | UInt64(PostID.digits.firstIndex(of: byte) ?? 0)
        }
        return WallTime(milliseconds: value)
    }

    /// Digits of the token and path: of one request two nodes may make two ids.
    var request: Substring { text.suffix(6) }

    static func < (a: PostID, b: PostID) -> Bool { a.text.isSpelledBefore(b.text) }

    private static func text(_ value: UInt64, _ count: Int) -> String {
        let bytes = (0..<count).reversed().map { digits[Int(value >> UInt64(5 * $0) & 31)] }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension String {
    /// The longest beginning of whole characters that has so many bytes at most.
    func cut(toBytes most: Int) -> String {
        guard utf8.count > most else { return self }
        var text = ""
        for character in self {
            guard text.utf8.count + String(character).utf8.count <= most else { break }
            text.append(character)
        }
        return text
    }
}
