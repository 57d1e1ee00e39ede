// What is kept of a person: the user, whose record makes the account; its credential and sessions. Where siblings have
// come together the higher generation wins, then what is less of an account: nothing that was closed opens again by a
// merge.

import JSON
import World

/// Every record has its format's version as `v`; one that is not known is no record.
private let version = JSONValue.int(1)

extension JSONValue {
    /// A record of version 1.
    static func record(_ members: [(String, JSONValue)]) -> JSONValue {
        .object([Member("v", version)] + members.map { Member($0.0, $0.1) })
    }
    var isRecord: Bool { self["v"]?.int == 1 }
    func text(_ name: String) -> String? { self[name]?.string }
    func time(_ name: String) -> WallTime? {
        self[name]?.int.flatMap { $0 >= 0 ? WallTime(milliseconds: UInt64($0)) : nil }
    }
    func flag(_ name: String) -> Bool { self[name] == .bool(true) }
    static func time(_ time: WallTime) -> JSONValue { .int(Int(clamping: time.milliseconds)) }
    static func time(_ time: WallTime?) -> JSONValue { time.map { JSONValue.time($0) } ?? .null }
}

/// `social.users`: that there is somebody of this name.
struct User: SocialRecord, Equatable {
    enum State: String, Sendable { case active, suspended, deleted }

    var state: State
    let home: Home?
    /// Of the name in the namestore.
    let generation: UInt64
    let since: WallTime

    init(state: State, home: Home?, generation: UInt64, since: WallTime) {
        self.state = state
        self.home = home
        self.generation = generation
        self.since = since
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let state = json.text("state").flatMap(State.init), let since = json.time("since"),
            let generation = json["generation"]?.int, generation >= 0
        else { return nil }
        self.init(state: state, home: json.text("home"), generation: UInt64(generation), since: since)
    }

    var json: JSONValue {
        .record([
            ("state", .string(state.rawValue)), ("home", .optional(home)),
            ("generation", .int(Int(clamping: generation))), ("since", .time(since)),
        ])
    }

    private var rank: Int { state == .deleted ? 2 : state == .suspended ? 1 : 0 }

    static func merged(_ a: User, _ b: User) -> User {
        if a.generation != b.generation { return a.generation > b.generation ? a : b }
        if a.rank != b.rank { return a.rank > b.rank ? a : b }
        return a.since <= b.since ? a : b
    }
}

/// `social.accounts` / credential.
struct Credential: SocialRecord, Equatable {
    let phc: String
    /// A new password raises it: sessions that were begun under another are over.
    let version: Int
    /// Of the name in the namestore.
    let generation: UInt64

    init(phc: String, version: Int, generation: UInt64) {
        self.phc = phc
        self.version = version
        self.generation = generation
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let phc = json.text("phc"), let version = json["version"]?.int,
            let generation = json["generation"]?.int, generation >= 0
        else { return nil }
        self.init(phc: phc, version: version, generation: UInt64(generation))
    }

    var json: JSONValue {
        .record([
            ("phc", .string(phc)), ("version", .int(version)), ("generation", .int(Int(clamping: generation))),
        ])
    }

    static func merged(_ a: Credential, _ b: Credential) -> Credential {
        if a.generation != b.generation { return a.generation > b.generation ? a : b }
        if a.version != b.version { return a.version > b.version ? a : b }
        return a.phc.isSpelledBefore(b.phc) ? a : b
    }
}

/// `social.sessions`: who a cookie is of.
struct Session: SocialRecord, Equatable {
    let name: String
    let home: Home?
    let generation: UInt64
    let credentialVersion: Int
    /// When it was written: it is written anew each day that it is used.
    let since: WallTime

    init(name: String, home: Home?, generation: UInt64, credentialVersion: Int, since: WallTime) {
        self.name = name
        self.home = home
        self.generation = generation
        self.credentialVersion = credentialVersion
        self.since = since
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let name = json.text("name"), let generation = json["generation"]?.int, generation >= 0,
            let credential = json["credential"]?.int, let since = json.time("since")
        else { return nil }
        self.init(
            name: name, home: json.text("home"), generation: UInt64(generation), credentialVersion: credential,
            since: since)
    }

    var json: JSONValue {
        .record([
            ("name", .string(name)), ("home", .optional(home)), ("generation", .int(Int(clamping: generation))),
            ("credential", .int(credentialVersion)), ("since", .time(since)),
        ])
    }

    static func merged(_ a: Session, _ b: Session) -> Session {
        if a.credentialVersion != b.credentialVersion { return a.credentialVersion < b.credentialVersion ? a : b }
        return a.since >= b.since ? a : b
    }
}

/// `social.accounts` / session: what the person is shown of one of the own sessions.
struct SessionLabel: SocialRecord, Equatable {
    let label: String
    let since: WallTime

    init(label: String, since: WallTime) {
        self.label = label
        self.since = since
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let label = json.text("label"), let since = json.time("since") else { return nil }
        self.init(label: label, since: since)
    }

    var json: JSONValue { .record([("label", .string(label)), ("since", .time(since))]) }
    static func merged(_ a: SessionLabel, _ b: SessionLabel) -> SessionLabel { a.since >= b.since ? a : b }
}

/// `social.owners`: how a name was claimed, to give it up or claim it again.
struct OwnedName: SocialRecord, Equatable {
    /// The owner token's text.
    let owner: String
    let generation: UInt64
    /// Digits of earlier owners, the last ones: what they posted here was deleted, and stays so however late they ask
    /// again.
    private(set) var former: [String] = []

    init(owner: String, generation: UInt64) {
        self.owner = owner
        self.generation = generation
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let owner = json.text("owner"), let generation = json["generation"]?.int, generation >= 0
        else { return nil }
        self.init(owner: owner, generation: UInt64(generation))
        former = (json["former"]?.array ?? []).prefix(Limits.socialFormerOwners).compactMap(\.string)
    }

    var json: JSONValue {
        .record([
            ("owner", .string(owner)), ("generation", .int(Int(clamping: generation))),
            ("former", .array(former.map { .string($0) })),
        ])
    }

    static func merged(_ a: OwnedName, _ b: OwnedName) -> OwnedName {
        let isFirst = a.generation == b.generation ? a.owner.isSpelledBefore(b.owner) : a.generation > b.generation
        return isFirst ? a.following(b) : b.following(a)
    }

    /// With what an earlier record of the name knows.
    func following(_ earlier: OwnedName?) -> OwnedName {
        guard let earlier else { return self }
        var all = self
        for digits in earlier.former + [OwnedName.digits(earlier.owner)] + former
        where !digits.isSpelled(OwnedName.digits(owner)) {
            all.former.removeAll { $0.isSpelled(digits) }
            all.former.append(digits)
        }
        all.former.removeFirst(max(0, all.former.count - Limits.socialFormerOwners))
        return all
    }

    private static func digits(_ owner: String) -> String { String(owner.prefix(16)) }

    enum Claimant { case present, former, stranger }

    /// What an owner is to the name, where something of `generation` stands.
    func claimant(_ owner: String, at generation: UInt64) -> Claimant {
        if former.contains(where: { $0.isSpelled(OwnedName.digits(owner)) }) { return .former }
        guard self.owner.isSpelled(owner), self.generation <= generation else { return .stranger }
        // A later one has it, who has not come to write so.
        return self.generation == generation ? .present : .former
    }
}
