// `social.posts` / head: all that is known of a post but its bytes. Bodies lie beside it under their digests, are never
// changed, and are written first: a head never names what is not there.

import Edge
import JSON
import World

struct Head: SocialRecord, Equatable {
    enum State: String, Sendable { case live, hidden, deleted }

    /// A body that the post has had.
    struct Revision: Equatable, Sendable {
        let rev: Int
        let body: String
        let size: Int
        let time: WallTime
    }

    let id: PostID
    /// Nil: nobody says who.
    let author: String?
    let title: String
    var state: State
    /// Of the name in the namestore; 0 while it is provisional.
    let generation: UInt64
    var rev: Int
    let time: WallTime
    var edited: WallTime?
    /// A media type.
    var type: String
    var size: Int
    /// SHA-256 in hexadecimal.
    var body: String
    /// The text's beginning, or nothing.
    var summary: String
    /// The oldest first, without the present one; the last 50.
    var revisions: [Revision] = []
    let isListed: Bool
    let expires: WallTime?
    /// Of the token that may edit an anonymous post.
    let editor: String?
    /// Another body of the same revision, written unseen: an edit conflict.
    var conflict: String?
    /// Where it moved to: once the namestore was back the title was claimed.
    var movedTo: String?
    /// The title that it was to have is somebody else's.
    var wasTaken = false

    init(
        id: PostID, author: String?, title: String, generation: UInt64, time: WallTime, content: PostContent,
        isListed: Bool, expires: WallTime?, editor: String?
    ) {
        self.id = id
        self.author = author
        self.title = title
        state = .live
        self.generation = generation
        rev = 1
        self.time = time
        type = content.type
        size = content.size
        body = content.digest
        summary = content.summary
        self.isListed = isListed
        self.expires = expires
        self.editor = editor
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let id = json.text("id").flatMap(PostID.init), let title = json.text("title"),
            let state = json.text("state").flatMap(State.init), let generation = json["generation"]?.int,
            generation >= 0, let rev = json["rev"]?.int, let time = json.time("time"), let type = json.text("type"),
            let size = json["size"]?.int, let body = json.text("body"), let summary = json.text("summary")
        else { return nil }
        self.id = id
        author = json.text("author")
        self.title = title
        self.state = state
        self.generation = UInt64(generation)
        self.rev = rev
        self.time = time
        edited = json.time("edited")
        self.type = type
        self.size = size
        self.body = body
        self.summary = summary
        revisions = (json["revisions"]?.array ?? []).prefix(Limits.socialRevisions).compactMap { revision in
            guard let rev = revision["rev"]?.int, let body = revision.text("body"), let time = revision.time("time"),
                let size = revision["size"]?.int
            else { return nil }
            return Revision(rev: rev, body: body, size: size, time: time)
        }
        isListed = json.flag("listed")
        expires = json.time("expires")
        editor = json.text("editor")
        conflict = json.text("conflict")
        movedTo = json.text("moved_to")
        wasTaken = json.flag("was_taken")
    }

    var json: JSONValue {
        .record([
            ("id", .string(id.text)), ("author", .optional(author)), ("title", .string(title)),
            ("state", .string(state.rawValue)), ("generation", .int(Int(clamping: generation))), ("rev", .int(rev)),
            ("time", .time(time)), ("edited", .time(edited)), ("type", .string(type)), ("size", .int(size)),
            ("body", .string(body)), ("summary", .string(summary)),
            (
                "revisions",
                .array(
                    revisions.map {
                        .object([
                            "rev": .int($0.rev), "body": .string($0.body), "size": .int($0.size),
                            "time": .time($0.time),
                        ])
                    })
            ),
            ("listed", .bool(isListed)), ("expires", .time(expires)), ("editor", .optional(editor)),
            ("conflict", .optional(conflict)), ("moved_to", .optional(movedTo)), ("was_taken", .bool(wasTaken)),
        ])
    }

    private var rank: Int { state == .deleted ? 2 : state == .hidden ? 1 : 0 }

    /// By higher generation; deleted before hidden before live; higher revision; smaller id. Two bodies of one revision
    /// stand side by side until an edit has seen both. Where it has moved to it is looked for, whatever became of it.
    static func merged(_ a: Head, _ b: Head) -> Head {
        if a.generation != b.generation { return a.generation > b.generation ? a : b }
        var one = preferred(a, b)
        one.movedTo = [a.movedTo, b.movedTo].compactMap { $0 }.min { $0.isSpelledBefore($1) }
        return one
    }

    private static func preferred(_ a: Head, _ b: Head) -> Head {
        if a.rank != b.rank { return a.rank > b.rank ? a : b }
        if a.rev != b.rev { return a.rev > b.rev ? a : b }
        if a.id != b.id { return a.id < b.id ? a : b }
        if a.body == b.body {
            var one = a
            one.conflict = [a.conflict, b.conflict].compactMap { $0 }.min { $0.isSpelledBefore($1) }
            one.wasTaken = a.wasTaken || b.wasTaken
            return one
        }
        var (first, second) = a.body.isSpelledBefore(b.body) ? (a, b) : (b, a)
        first.conflict = [first.conflict, second.body, second.conflict].compactMap { $0 }
            .filter { !$0.isSpelled(first.body) }.min { $0.isSpelledBefore($1) }
        return first
    }

    func isShown(at wall: WallTime) -> Bool { state == .live && !(expires.map { $0 <= wall } ?? false) }

    /// With a new body in the place of the present one.
    func edited(_ content: PostContent, at time: WallTime) -> Head {
        var head = self
        head.revisions.append(Revision(rev: rev, body: body, size: size, time: edited ?? self.time))
        head.revisions.removeFirst(max(0, head.revisions.count - Limits.socialRevisions))
        head.rev += 1
        head.edited = time
        head.type = content.type
        head.size = content.size
        head.body = content.digest
        head.summary = content.summary
        head.conflict = nil
        return head
    }
}

/// What is posted.
struct PostContent: Sendable {
    /// Empty where only what is said of them is at hand.
    let bytes: [UInt8]
    let type: String
    let size: Int
    let digest: String
    let summary: String

    init(type: String, size: Int, digest: String, summary: String) {
        bytes = []
        self.type = type
        self.size = size
        self.digest = digest
        self.summary = summary
    }

    init(_ bytes: [UInt8], type: String) {
        self.bytes = bytes
        self.type = type
        size = bytes.count
        digest = SocialDigest(bytes).text
        summary = PostContent.isText(type) ? PostContent.summary(bytes, type) : ""
    }

    static func isText(_ type: String) -> Bool {
        let essence = type.mediaType
        return essence == "text/plain" || essence == "text/markdown"
    }

    /// The first 280 characters on one line.
    private static func summary(_ bytes: [UInt8], _ type: String) -> String {
        // No character has more than a few bytes; one that has is cut off.
        var start = String(decoding: bytes.prefix(8 * Limits.socialSummaryCharacters), as: UTF8.self)
        if type.mediaType == "text/markdown" { start = PlainWords.of(markdown: start) }
        var text = ""
        var gap = false
        var count = 0
        for character in start {
            if character.isWhitespace || character == "\u{FFFD}" && count > 0 {
                gap = true
                continue
            }
            if gap, !text.isEmpty { text += " " }
            gap = false
            text.append(character)
            count += 1
            if count == Limits.socialSummaryCharacters { break }
        }
        return text
    }
}

enum MediaType {
    /// What a client may call its bytes: a type and a subtype of the characters of a token, and little else.
    static func isWellFormed(_ type: String) -> Bool {
        let essence = type.mediaType
        let parts = essence.split(separator: "/", omittingEmptySubsequences: false)
        let isToken = { (part: Substring) in
            !part.isEmpty && part.utf8.allSatisfy { Spelling.isAlphanumeric($0) || "!#$&-^_.+".utf8.contains($0) }
        }
        return type.utf8.count <= 120 && parts.count == 2 && parts.allSatisfy(isToken)
            && type.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x2C }
    }
}
