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
    /// Of the text.
    let context: [UInt8]

    /// Nil of what is no draft. What a draft is of lies under a key of its own: whoever writes along over a WebSocket
    /// has the text's alone.
    init?(_ id: String, _ document: Document, meta: Document) {
        guard let author = meta.value?.text("author") else { return nil }
        self.id = id
        self.author = author
        title = meta.value?.text("title") ?? ""
        text = document.value?.text("text") ?? ""
        context = document.context
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

    private static func metaKey(_ key: StoredKey) -> StoredKey? {
        try? StoredKey(bucket: key.bucket, partitionKey: key.partitionKey, sortKey: Array("meta".utf8))
    }

    /// The id, and the invitation.
    static func create(
        _ viewer: Visitor, title: String, text: String, random: ArraySlice<UInt8>
    ) -> Flow<(id: String, invitation: String)> {
        let digest = SocialDigest(Array("draft".utf8), Array(random)).text
        let id = (viewer.home.map { "\($0)." } ?? "") + digest.prefix(32)
        let invitation = String(digest.suffix(32))
        guard let key = key(id), let metaKey = metaKey(key), text.utf8.count <= Limits.socialTextBytes,
            title.utf8.count <= Limits.socialTitleBytes
        else {
            return .refused(tooLong)
        }
        return .with { core in
            let value = JSONValue.object(["text": .object(["$text": .string(text)])])
            let meta = JSONValue.object([
                "author": .string(viewer.name), "title": .string(title), "since": .time(core.now.wall),
                "invitation": .string(mark(invitation)), "secret": .string(invitation),
            ])
            let line = SessionLabel(label: title.isEmpty ? "Untitled" : title, since: core.now.wall)
            let note: Flow<Void> =
                SocialKeys.accountDraft(viewer.name, id, viewer.home).map {
                    Cluster.write($0, line, ttl: Limits.socialDraft, .quorum).map { _ in }
                } ?? .done
            return Cluster.operate(metaKey, TypedCall(.put, meta.encode()), .quorum)
                .then { _ in Cluster.operate(key, TypedCall(.put, value.encode()), .quorum) }.then { _ in note }
                .map { (id, invitation) }
        }
    }

    /// Those that somebody has begun, with the titles that they began with.
    static func all(of viewer: Visitor) -> Flow<[(id: String, label: SessionLabel)]> {
        let range = SocialKeys.accountDrafts(of: viewer.name, viewer.home)
        let listed: Flow<Listing<SessionLabel>> = Cluster.list(range, limit: Limits.socialPageMost, .one)
        return listed.map { listing in
            listing.items.map { (String($0.sort.dropFirst(SocialKeys.accountDrafts.count)), $0.record) }
                .sorted { $0.1.since > $1.1.since }
        }
    }

    private static let tooLong = Problem.badInput(
        "a draft has up to \(Limits.socialTextBytes >> 10) KiB, its title \(Limits.socialTitleBytes) bytes")

    private static func mark(_ invitation: String) -> String {
        SocialDigest(Array("invitation".utf8), Array(invitation.utf8)).text
    }

    /// For its author, and for whoever has the invitation.
    ///
    /// - isFresh: the reader has just written: a quorum is asked, which has it.
    static func open(
        _ id: String, _ viewer: Visitor?, invitation: String?, isFresh: Bool
    ) -> Flow<(draft: SharedDraft, key: StoredKey, invitation: String?)> {
        guard let key = key(id), let metaKey = metaKey(key) else { return .refused(.noSuchDraft) }
        return Flow<[Document]>.all([found(key, isFresh), found(metaKey, isFresh)]).then { both in
            guard both.count == 2, let draft = SharedDraft(id, both[0], meta: both[1]) else {
                return .refused(.noSuchDraft)
            }
            let meta = both[1].value
            if viewer?.name == draft.author { return .value((draft, key, meta?.text("secret"))) }
            guard let invitation, meta?.text("invitation")?.isSpelled(mark(invitation)) == true else {
                return .refused(.notInvited)
            }
            // With its author's account a draft goes for all.
            return Reading.activeUser(draft.author).orElse { problem in
                problem.status == 503 ? .refused(problem) : .refused(.noSuchDraft)
            }.map { _ in (draft, key, nil) }
        }
    }

    /// With the account.
    static func deleteAll(of name: String, _ home: Home?) -> Flow<Void> {
        let range = SocialKeys.accountDrafts(of: name, home)
        let listed: Flow<Listing<SessionLabel>> = Cluster.list(range, limit: 200, .strict)
        return listed.then { listing in
            let ends = listing.items.compactMap { item -> Flow<Void>? in
                let id = String(item.sort.dropFirst(SocialKeys.accountDrafts.count))
                guard let key = key(id), let metaKey = metaKey(key),
                    let line = SocialKeys.accountDraft(name, id, home)
                else { return nil }
                let both = [key, metaKey].map { Cluster.operate($0, TypedCall(.delete), .quorum).map { _ in } }
                return Flow<[Void]>.all(both).then { _ in Cluster.delete(line, .strict) }
            }
            return Flow<[Void]>.all(ends, width: 8).then { _ in
                listing.hasMore && !ends.isEmpty ? deleteAll(of: name, home) : .done
            }
        }
    }

    private static func found(_ key: StoredKey, _ isFresh: Bool) -> Flow<Document> {
        Cluster.document(key, isFresh ? .quorum : .one).then {
            $0.value == nil ? Cluster.document(key, .strict) : .value($0)
        }
    }

    /// Without script: what a form has in the place of what it was given. Only what was changed is told, so that what
    /// others wrote meanwhile stays.
    static func save(
        _ draft: SharedDraft, _ key: StoredKey, title: String?, text: String, context: [UInt8]?
    ) -> Flow<Void> {
        guard text.utf8.count <= Limits.socialTextBytes else { return .refused(tooLong) }
        var rename: Flow<Void> = .done
        if let title, title.utf8.count <= Limits.socialTitleBytes, title != draft.title, let metaKey = metaKey(key) {
            rename = Cluster.merge(metaKey, .object(["title": .string(title)]), .quorum)
        }
        guard let splice = Splice(from: draft.text, to: text) else { return rename }
        // The difference is to the text as it stands: against another than the form was made of it would take away
        // what others have written since.
        guard context.map({ $0 == draft.context }) ?? true else { return rename.then { .refused(.editConflict) } }
        return rename.then {
            Cluster.operate(
                key, TypedCall(.operations, JSONValue.array([splice.json]).encode()), context: draft.context, .quorum
            ).map { _ in }
        }
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
