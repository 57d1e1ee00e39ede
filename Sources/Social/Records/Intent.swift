// `social.work`: what somebody is about to do, with all that it takes to finish it, so that anyone can: a node that
// crashes in the middle leaves a name that is held by something, and somebody who knows what (Names.swift).

import JSON
import World

struct Intent: SocialRecord, Equatable {
    enum Kind: Equatable, Sendable {
        /// The password's hash (PHC), and where the person lives.
        case register(phc: String)
        /// A post: its head as it will be, but for the name's generation.
        case post(Head, generatesSlug: Bool)
        /// The post at this path is to go.
        case delete(PostID)
        /// The account, and all that it has.
        case deleteAccount
    }

    enum Step: Int, Sendable {
        /// Nothing is claimed, as far as is known.
        case prepared = 0
        /// What it is about stands; lists may not know of it.
        case published = 1
        /// Nothing is left to be done: what stays for a while is a receipt, for whoever sends the same again.
        case finished = 2
    }

    let kind: Kind
    /// The user, or the post's path as it is wanted.
    let subject: String
    let home: Home?
    /// The token that made it the client's own: owners of names follow from it. Secret.
    let token: String
    let since: WallTime
    var step = Step.prepared
    /// Where the post came to stand: its path, and the name's generation.
    var placed: Placed?
    /// It stands under a provisional path: its title is still to be claimed.
    var isProvisional = false
    /// How often somebody has noted that it is still being worked on (Attendance.swift).
    var attended = 0

    /// What changes as long as anybody works on it.
    struct Progress: Equatable {
        let step: Step
        let attended: Int
    }

    var progress: Progress { Progress(step: step, attended: attended) }

    struct Placed: Equatable, Sendable {
        let path: String
        let generation: UInt64
    }

    init(_ kind: Kind, subject: String, home: Home?, token: String, since: WallTime) {
        self.kind = kind
        self.subject = subject
        self.home = home
        self.token = token
        self.since = since
    }

    init?(_ json: JSONValue) {
        guard json.isRecord, let subject = json.text("subject"), let token = json.text("token"),
            let since = json.time("since"), let step = json["step"]?.int.flatMap(Step.init)
        else { return nil }
        switch json.text("kind") {
        case "register":
            guard let phc = json.text("phc") else { return nil }
            kind = .register(phc: phc)
        case "post":
            guard let head = json["head"].flatMap(Head.init) else { return nil }
            kind = .post(head, generatesSlug: json.flag("generates_slug"))
        case "delete":
            guard let post = json.text("post").flatMap(PostID.init) else { return nil }
            kind = .delete(post)
        case "delete-account": kind = .deleteAccount
        default: return nil
        }
        self.subject = subject
        home = json.text("home")
        self.token = token
        self.since = since
        self.step = step
        if let path = json.text("path"), let generation = json["generation"]?.int, generation >= 0 {
            placed = Placed(path: path, generation: UInt64(generation))
        }
        isProvisional = json.flag("provisional")
        attended = json["attended"]?.int ?? 0
    }

    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("subject", .string(subject)), ("home", .optional(home)), ("token", .string(token)),
            ("since", .time(since)), ("step", .int(step.rawValue)), ("path", .optional(placed?.path)),
            ("generation", .optional(placed.map { Int(clamping: $0.generation) })),
            ("provisional", .bool(isProvisional)), ("attended", .optional(attended == 0 ? nil : attended)),
        ]
        switch kind {
        case .register(let phc): members += [("kind", .string("register")), ("phc", .string(phc))]
        case .post(let head, let generates):
            members += [("kind", .string("post")), ("head", head.json), ("generates_slug", .bool(generates))]
        case .delete(let post): members += [("kind", .string("delete")), ("post", .string(post.text))]
        case .deleteAccount: members += [("kind", .string("delete-account"))]
        }
        return .record(members)
    }

    /// What is further; but of what stands under a provisional path the title is still to be claimed, however far the
    /// same request has come elsewhere.
    static func merged(_ a: Intent, _ b: Intent) -> Intent {
        if (a.step == .finished) != (b.step == .finished) { return a.step == .finished ? a : b }
        if a.isProvisional != b.isProvisional { return a.isProvisional ? a : b }
        if a.step != b.step { return a.step.rawValue > b.step.rawValue ? a : b }
        if a.since != b.since { return a.since < b.since ? a : b }
        if a.attended != b.attended { return a.attended > b.attended ? a : b }
        return a.json.text().isSpelledBefore(b.json.text()) ? a : b
    }

    /// Whether both ask for the same: not who asks when.
    func asks(theSameAs other: Intent) -> Bool {
        guard subject.isSpelled(other.subject), home == other.home else { return false }
        switch (kind, other.kind) {
        // The hashes differ by their salts: the password is checked by whoever asks.
        case (.register, .register), (.deleteAccount, .deleteAccount): return true
        case (.post(let a, let x), .post(let b, let y)):
            return x == y && a.body.isSpelled(b.body) && a.type.isSpelled(b.type) && a.author == b.author
                && a.isListed == b.isListed
        case (.delete(let a), .delete(let b)): return a == b
        default: return false
        }
    }
}
