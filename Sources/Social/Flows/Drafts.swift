// Drafts: texts that are written together, as documents of the cluster. Whoever has the invitation, 128 random bits
// that its digest is kept of, reads and writes along.

import DataTypes
import Edge
import JSON
import Keys
import World

struct SharedDraft: Sendable {
    let id: String
    let author: String
    let title: String
    let text: String
    let context: [UInt8]
    let time: WallTime

    /// Nil of what is no draft.
    init?(_ id: String, _ document: Document) {
        guard let meta = document.value?["meta"], let author = meta.text("author") else { return nil }
        self.id = id
        self.author = author
        title = meta.text("title") ?? ""
        text = document.value?.text("text") ?? ""
        context = document.context
        time = meta.time("since") ?? WallTime(milliseconds: 0)
    }
}

enum Drafts {
    /// `HOME.ID`, so that a link alone says where it lies; or the id alone.
    static func key(_ id: String) -> StoredKey? {
        let parts = id.split(separator: ".").map(String.init)
        guard (1...2).contains(parts.count), let last = parts.last, last.utf8.count == 32,
            last.utf8.allSatisfy(Spelling.isAlphanumeric)
        else { return nil }
        return SocialKeys.draft(last, parts.count == 2 ? parts[0] : nil)
    }

    /// The id, and the invitation.
    static func create(
        _ viewer: Visitor, title: String, text: String, random: ArraySlice<UInt8>
    ) -> Flow<(id: String, invitation: String)> {
        let digest = SocialDigest(Array("draft".utf8), Array(random)).text
        let id = (viewer.home.map { "\($0)." } ?? "") + digest.prefix(32)
        let invitation = String(digest.suffix(32))
        guard let key = key(id), text.utf8.count <= Limits.socialTextBytes, title.utf8.count <= 400 else {
            return .refused(.badInput("a draft is too long"))
        }
        return .with { core in
            let value = JSONValue.object([
                "text": .object(["$text": .string(text)]),
                "meta": .object([
                    "author": .string(viewer.name), "title": .string(title), "since": .time(core.now.wall),
                    "invitation": .string(mark(invitation)), "secret": .string(invitation),
                ]),
            ])
            return Cluster.operate(key, TypedCall(.put, value.encode()), .quorum).map { _ in (id, invitation) }
        }
    }

    private static func mark(_ invitation: String) -> String {
        SocialDigest(Array("invitation".utf8), Array(invitation.utf8)).text
    }

    /// For its author, and for whoever has the invitation.
    static func open(
        _ id: String, _ viewer: Visitor?, invitation: String?
    ) -> Flow<(draft: SharedDraft, key: StoredKey, invitation: String?)> {
        guard let key = key(id) else { return .refused(.noSuchDraft) }
        let document = Cluster.document(key, .one).then { (document: Document) -> Flow<Document> in
            document.value == nil ? Cluster.document(key, .strict) : .value(document)
        }
        return document.then { document in
            guard let draft = SharedDraft(id, document) else { return .refused(.noSuchDraft) }
            let meta = document.value?["meta"]
            if viewer?.name == draft.author { return .value((draft, key, meta?.text("secret"))) }
            guard let invitation, meta?.text("invitation")?.isSpelled(mark(invitation)) == true else {
                return .refused(.notInvited)
            }
            return .value((draft, key, nil))
        }
    }

    /// Without script: what a form has in the place of what it was given. Only what was changed is told, so that what
    /// others wrote meanwhile stays.
    static func save(_ draft: SharedDraft, _ key: StoredKey, title: String?, text: String, context: [UInt8]) -> Flow<
        Void
    > {
        guard text.utf8.count <= Limits.socialTextBytes else { return .refused(.badInput("a draft is too long")) }
        var operations: [JSONValue] = []
        if let title, title.utf8.count <= 400, title != draft.title {
            operations.append(
                .object(["op": .string("set"), "path": .string("/meta/title"), "value": .string(title)]))
        }
        if let splice = Splice(from: draft.text, to: text) { operations.append(splice.json) }
        guard !operations.isEmpty else { return .done }
        // Places are counted in the text as it stands: one that has changed since the form was made is merged by the
        // difference to it, not to the form's.
        return Cluster.operate(
            key, TypedCall(.operations, JSONValue.array(operations).encode()), context: draft.context, .quorum
        ).map { _ in }
    }
}

/// From one text to another: what differs, between what both begin and end with. Counted in UTF-16 units, as operations
/// on texts are unless told otherwise.
struct Splice {
    let at: Int
    let delete: Int
    let text: String

    init?(from old: String, to new: String) {
        let (a, b) = (Array(old.unicodeScalars), Array(new.unicodeScalars))
        guard a != b else { return nil }
        var start = 0
        while start < a.count, start < b.count, a[start] == b[start] { start += 1 }
        var tail = 0
        while tail < a.count - start, tail < b.count - start, a[a.count - 1 - tail] == b[b.count - 1 - tail] {
            tail += 1
        }
        func units(_ scalars: ArraySlice<Unicode.Scalar>) -> Int {
            scalars.reduce(0) { $0 + ($1.value > 0xFFFF ? 2 : 1) }
        }
        at = units(a[..<start])
        delete = units(a[start..<(a.count - tail)])
        var text = String.UnicodeScalarView()
        text.append(contentsOf: b[start..<(b.count - tail)])
        self.text = String(text)
    }

    var json: JSONValue {
        .object([
            "op": .string("splice"), "path": .string("/text"), "at": .int(at), "delete": .int(delete),
            "text": .string(text),
        ])
    }
}
