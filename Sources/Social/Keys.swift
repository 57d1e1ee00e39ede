// Where everything of the social layer lies (docs/SOCIAL.md has the table): one function for each kind of key.
//
// A person's secrets and texts lie where the person lives: a *home* is a placement of the ring file, and the buckets of
// residents bear its country behind `@`. What all must see to keep names apart is the user's name alone.

import Crypto
import Keys
import Ring
import World

/// Where a person's data may lie: a country of `[social] homes`; nil is everywhere.
typealias Home = String

enum SocialKeys {
    static func user(_ name: String) -> StoredKey? { key("social.users", name) }
    static func credential(_ name: String, _ home: Home?) -> StoredKey? {
        key(at(home, "social.accounts"), name, "credential")
    }
    /// `digest`: of the session's cookie, in hexadecimal.
    static func accountSession(_ name: String, _ digest: String, _ home: Home?) -> StoredKey? {
        key(at(home, "social.accounts"), name, accountSessions + digest)
    }
    static func device(_ name: String, _ digest: String, _ home: Home?) -> StoredKey? {
        key(at(home, "social.accounts"), name, "device/" + digest)
    }
    static func inboxKey(_ name: String, _ home: Home?) -> StoredKey? {
        key(at(home, "social.accounts"), name, "inbox-key")
    }
    static func accountDraft(_ name: String, _ id: String, _ home: Home?) -> StoredKey? {
        key(at(home, "social.accounts"), name, accountDrafts + id)
    }
    static let accountDrafts = "draft/"
    static func accountDrafts(of name: String, _ home: Home?) -> SocialRange {
        SocialRange(bucket: at(home, "social.accounts"), partition: name, prefix: accountDrafts)
    }
    static let accountSessions = "session/"
    static func accountSessions(of name: String, _ home: Home?) -> SocialRange {
        SocialRange(bucket: at(home, "social.accounts"), partition: name, prefix: accountSessions)
    }
    static func session(_ digest: String) -> StoredKey? { key("social.sessions", digest) }
    static func profile(_ name: String) -> StoredKey? { key("social.profiles", name) }

    /// An intent lies under its name and the digest of its token: two who want the same name have one each.
    static func work(_ name: String, _ token: String, _ home: Home?) -> StoredKey? {
        key(at(home, "social.work"), slot(of: name), name + "!" + token)
    }
    static func works(of name: String, _ home: Home?) -> SocialRange {
        SocialRange(bucket: at(home, "social.work"), partition: slot(of: name), prefix: name + "!")
    }
    static func works(inSlot slot: Int, _ home: Home?) -> SocialRange {
        SocialRange(bucket: at(home, "social.work"), partition: slotName(slot))
    }
    static func owner(_ name: String) -> StoredKey? { key("social.owners", name) }

    static func head(_ path: PostPath, _ home: Home?) -> StoredKey? { key(at(home, "social.posts"), path.text, "head") }
    /// Of a post's own: when it is deleted, and its title stands for another one with the same bytes, that one keeps
    /// them. What an id has of its request's token is the same whenever the request comes.
    static func body(_ path: PostPath, _ post: PostID, _ digest: String, _ home: Home?) -> StoredKey? {
        key(at(home, "social.posts"), path.text, "body/\(post.request)-\(digest)")
    }

    static func timeline(_ source: Source) -> SocialRange {
        SocialRange(bucket: "social.timelines", partition: source.text)
    }
    static func timeline(_ source: Source, _ post: PostID) -> StoredKey? {
        key("social.timelines", source.text, post.text)
    }
    /// What stands in no list, for the author's own export and farewell. It is where the posts are: of a resident's
    /// unlisted title nothing leaves the country.
    static func unlisted(_ name: String, _ home: Home?) -> SocialRange {
        SocialRange(bucket: at(home, "social.posts"), partition: name + "!unlisted")
    }
    static func unlisted(_ name: String, _ post: PostID, _ home: Home?) -> StoredKey? {
        key(at(home, "social.posts"), name + "!unlisted", post.text)
    }
    static func publicTimeline(_ hour: Hour, _ shard: Int) -> SocialRange {
        SocialRange(bucket: "social.public", partition: "\(hour.text)/\(shard)")
    }
    static func publicPost(_ hour: Hour, _ shard: Int, _ post: PostID) -> StoredKey? {
        key("social.public", "\(hour.text)/\(shard)", post.text)
    }
    /// Which shards of an hour have anything.
    static func publicSlot(_ hour: Hour) -> StoredKey? { key("social.slots", "public", hour.text) }
    static let publicSlots = SocialRange(bucket: "social.slots", partition: "public")
    static func inbox(_ name: String) -> SocialRange { SocialRange(bucket: "social.inbox", partition: name) }
    static func inbox(_ name: String, _ post: PostID) -> StoredKey? { key("social.inbox", name, post.text) }

    static func following(_ name: String) -> SocialRange { SocialRange(bucket: "social.following", partition: name) }
    static func following(_ name: String, _ source: Source) -> StoredKey? {
        key("social.following", name, source.text)
    }
    static func followers(_ source: Source, shard: Int) -> SocialRange {
        SocialRange(bucket: "social.followers", partition: source.text + "!" + String(shard, radix: 16))
    }
    static func follower(_ source: Source, _ name: String) -> StoredKey? {
        key("social.followers", source.text + "!" + String(shard(of: name), radix: 16), name)
    }
    static func counts(_ source: Source) -> StoredKey? { key("social.counts", source.text) }

    static func draft(_ id: String, _ home: Home?) -> StoredKey? { key(at(home, "social.drafts"), id) }
    /// Feeds that are followed, by the first byte of their id.
    static func feed(_ id: String) -> StoredKey? { key("social.feeds", String(id.prefix(2)), id) }
    static func feeds(inSlot slot: Int) -> SocialRange {
        SocialRange(bucket: "social.feeds", partition: slotName(slot))
    }
    static func item(_ feed: String, _ post: PostID) -> StoredKey? { key("social.items", feed, "item/" + post.text) }
    static func seen(_ feed: String) -> SocialRange {
        SocialRange(bucket: "social.items", partition: feed, prefix: "seen/")
    }
    static func seen(_ feed: String, _ hash: String) -> StoredKey? { key("social.items", feed, "seen/" + hash) }
    static func report(_ month: String, _ id: String) -> StoredKey? { key("social.reports", month, id) }
    static func reports(_ month: String) -> SocialRange { SocialRange(bucket: "social.reports", partition: month) }
    /// No month is called so.
    static func suspended(_ name: String) -> StoredKey? { key("social.reports", "suspended", name) }
    static let suspensions = SocialRange(bucket: "social.reports", partition: "suspended")

    // MARK: Parts

    static func shard(of name: String) -> Int {
        Int(SocialDigest(Array(name.utf8)).bytes[1]) % Limits.socialShardsOfSource
    }

    static func slot(of name: String) -> String { slotName(Int(SocialDigest(Array(name.utf8)).bytes[0])) }
    static func slotName(_ slot: Int) -> String { (slot < 16 ? "0" : "") + String(slot, radix: 16) }

    private static func at(_ home: Home?, _ bucket: String) -> String { home.map { "\(bucket)@\($0)" } ?? bucket }

    /// Nil if it is longer than keys are: all parts of paths and names are bounded below that.
    private static func key(_ bucket: String, _ partition: String, _ sort: String? = nil) -> StoredKey? {
        try? StoredKey(
            bucket: Array(bucket.utf8), partitionKey: Array(partition.utf8), sortKey: sort.map { Array($0.utf8) })
    }
}

/// SHA-256 of something of the social layer.
struct SocialDigest: Hashable, Sendable {
    let bytes: [UInt8]

    init(_ parts: [UInt8]...) {
        var hash = SHA256()
        for part in parts { hash.update(data: part) }
        bytes = Array(hash.finalize())
    }

    /// 64 digits.
    var text: String { hexadecimal(bytes) }
}

/// An hour of the public timeline: `2026-11-26T05`, UTC. Text order is time order.
struct Hour: Hashable, Comparable, Sendable {
    /// Since 1970.
    let number: UInt64

    init(_ time: WallTime) { number = time.milliseconds / 3_600_000 }
    init(number: UInt64) { self.number = number }

    static func < (a: Hour, b: Hour) -> Bool { a.number < b.number }
    var before: Hour { Hour(number: number - min(1, number)) }
    var next: Hour { Hour(number: number + 1) }
    var start: WallTime { WallTime(milliseconds: number * 3_600_000) }
    var text: String { String(CivilTime(start).rfc3339.prefix(13)) }

    /// Nil if it is none.
    init?(_ text: String) {
        guard let time = CivilTime.wall(rfc3339: text + ":00:00Z") else { return nil }
        self.init(time)
    }
}
