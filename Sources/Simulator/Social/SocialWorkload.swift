// People at the sites of a simulated cluster: they register, post, change, take away, follow and read, want the same
// names, titles and links as others, and send again what nobody has answered, at whatever node. All of them share what
// they know: who is registered, which links are out, and what every answer so far has promised.

import World

/// What somebody wants to have, under a token that makes it repeatable.
struct SocialAttempt {
    enum Kind: Equatable {
        /// A name.
        case person(String)
        /// A post of somebody's; nil: the site makes its path.
        case title(by: String, String?)
        /// A post by nobody, likewise.
        case slug(String?)
    }

    enum Outcome: Equatable {
        case unknown
        /// It stands: no answer may take that back.
        case stands(path: String)
        /// It stands under a path for the time being.
        case isProvisional(path: String)
        case isTaken
    }

    let kind: Kind
    let token: String
    /// What is posted: nobody else posts the same. Of a person: the password.
    let text: String
    let home: String?
    var outcome = Outcome.unknown
    /// All links to it that somebody was told of. There may be two: a request that is on its way through two nodes, one
    /// of which reaches no namestore, stands provisionally beside its title until that is found out.
    var links: Set<String> = []
    /// So often it was sent, and so many of these wait for an answer.
    var sent = 0
    var inFlight = 0
    /// Where it stands for the time being, if one country was told to have it: one disk, it may be.
    var lonelyLink: String?
    /// It alone was wanted under its path when somebody was told that this is deleted.
    var isDeleted = false

    var isPost: Bool { if case .person = kind { false } else { true } }
    var author: String? { if case .title(let author, _) = kind { author } else { nil } }

    /// The link that it has, or wants to have, if that is known.
    var path: String? {
        switch outcome {
        case .stands(let path), .isProvisional(let path): path
        case .unknown, .isTaken: wanted
        }
    }

    private var wanted: String? {
        switch kind {
        case .title(let author, let title?): "\(author)/\(title)"
        case .slug(let slug): slug
        case .person, .title: nil
        }
    }

    /// Those links, and what they lead to.
    var allLinks: Set<String> { links.union([wanted].compactMap { $0 }) }

    var isGiven: Bool { outcome != .unknown && outcome != .isTaken }
    var standing: String? { if case .stands(let path) = outcome { path } else { nil } }
}

/// One request, as somebody sends it.
enum SocialCall {
    case attempt(Int)
    case login(String)
    case read(Int, isForEdit: Bool)
    /// When all is over.
    case look(String)
    /// Under the path that it was read at.
    case edit(Int, at: String, text: String, context: String)
    case delete(Int)
    case follow(String, String, isOn: Bool)
    case list(SocialList)
}

enum SocialList: Equatable {
    case everybody, user(String), inbox(String), following(String)
}

/// What somebody follows, as far as answers tell.
struct SocialFollowing {
    var isOn = false
    var inFlight = 0
    /// Several requests at once, or one that nobody knows of: it may be either.
    var isOpen = false
}

struct SocialWorkload {
    struct Request {
        let call: SocialCall
        let node: Int
        let sentAt: Instant
    }

    let plan: SocialPlan
    private let hasHomes: Bool
    private static let names = ["ann", "bob", "cid"]
    private static let titles = ["a", "b", "c"]
    private static let slugs = ["ann", "one", "two"]

    var attempts: [SocialAttempt] = []
    var requests: [UInt64: Request] = [:]
    private var lastRequest: UInt64 = 0
    /// By name: the session's token of who is registered.
    var sessions: [String: String] = [:]
    /// Texts that may stand under a link.
    var texts: [String: Set<String>] = [:]
    /// Deletions that somebody has asked for, by link.
    var deletions: [String: Int] = [:]
    /// Links that were given, and for how many attempts.
    var given: [String: Set<Int>] = [:]
    /// The highest revision that somebody was told of, by post.
    var revisions: [String: Int] = [:]
    var following: [String: SocialFollowing] = [:]
    var answers = 0
    var promises = 0

    init(_ plan: SocialPlan, homes: Bool) {
        self.plan = plan
        hasHomes = homes
        for name in SocialWorkload.names { for _ in 0..<plan.rivals { want(.person(name)) } }
    }

    // MARK: Wanting

    @discardableResult
    mutating func want(_ kind: SocialAttempt.Kind) -> Int {
        let number = attempts.count
        var home: String?
        // All who want a name want it for the same place: nobody is refused for having said another one before.
        if case .person(let name) = kind, hasHomes, name == "ann" { home = "de" }
        let text = if case .person = kind { "a long sentence \(number)" } else { "written as number \(number)." }
        attempts.append(
            SocialAttempt(kind: kind, token: "token-of-an-attempt-\(1_000_000 + number)", text: text, home: home))
        if let path = attempts[number].path { texts[path, default: []].insert(text) }
        return number
    }

    /// Who is registered and logged in.
    var people: [String] { SocialWorkload.names.filter { sessions[$0] != nil } }
    /// Who is registered: by the attempts that were told so.
    var registered: [Int] {
        attempts.indices.filter { attempts[$0].standing != nil && !attempts[$0].isPost }
    }

    /// The next thing that somebody does.
    mutating func next(_ random: inout SeededRandom) -> [SocialCall] {
        let drawn = draw(&random)
        // A double click, or somebody impatient: at two nodes at once.
        if case .attempt? = drawn.first, random.chance(0.2) { return drawn + drawn }
        return drawn
    }

    private mutating func draw(_ random: inout SeededRandom) -> [SocialCall] {
        let waiting = attempts.indices.filter { attempts[$0].outcome == .unknown && attempts[$0].inFlight == 0 }
        let strangers = waiting.filter { !attempts[$0].isPost }
        if !strangers.isEmpty, random.chance(people.isEmpty ? 0.8 : 0.15) {
            return strangers.randomElement(using: &random).map { [.attempt($0)] } ?? []
        }
        let homeless = registered.compactMap { name(of: $0) }.filter { sessions[$0] == nil }
        if let name = homeless.randomElement(using: &random) { return [.login(name)] }
        let links = attempts.indices.filter { attempts[$0].isPost && attempts[$0].isGiven }
        let draw = random.unit()
        switch draw {
        case ..<0.22: return write(&random)
        case ..<0.30:
            return [
                .attempt(want(.slug(random.chance(0.5) ? nil : SocialWorkload.slugs.randomElement(using: &random))))
            ]
        case ..<0.45:
            // Once more, whether it is known what became of it or not.
            let again = random.chance(0.7) ? waiting : attempts.indices.filter { attempts[$0].sent > 0 }
            return again.randomElement(using: &random).map { [.attempt($0)] } ?? []
        case ..<0.62: return links.randomElement(using: &random).map { [.read($0, isForEdit: false)] } ?? []
        case ..<0.70: return links.randomElement(using: &random).map { [.read($0, isForEdit: true)] } ?? []
        case ..<0.79: return links.randomElement(using: &random).map { [.delete($0)] } ?? []
        case ..<0.88:
            guard let who = people.randomElement(using: &random), let whom = people.randomElement(using: &random),
                who != whom
            else { return [] }
            return [.follow(who, whom, isOn: random.chance(0.75))]
        default:
            guard let who = people.randomElement(using: &random) else { return [.list(.everybody)] }
            return [.everybody, .user(who), .inbox(who)].randomElement(using: &random).map { [.list($0)] } ?? []
        }
    }

    /// Some want the same title at once.
    private mutating func write(_ random: inout SeededRandom) -> [SocialCall] {
        guard let author = people.randomElement(using: &random) else { return [] }
        let title = random.chance(0.1) ? nil : SocialWorkload.titles.randomElement(using: &random)
        let rivals = random.chance(0.3) ? plan.rivals : 1
        return (0..<rivals).map { _ in .attempt(want(.title(by: author, title))) }
    }

    func name(of attempt: Int) -> String? {
        if case .person(let name) = attempts[attempt].kind { name } else { nil }
    }

    // MARK: Sending

    mutating func sent(_ call: SocialCall, to node: Int, at now: Instant) -> UInt64 {
        lastRequest += 1
        requests[lastRequest] = Request(call: call, node: node, sentAt: now)
        switch call {
        case .attempt(let number):
            attempts[number].sent += 1
            attempts[number].inFlight += 1
        case .edit(let number, _, let text, _):
            for path in attempts[number].allLinks { texts[path, default: []].insert(text) }
        case .delete(let number): for path in attempts[number].allLinks { deletions[path, default: 0] += 1 }
        case .follow(let who, let whom, _):
            let isAlone = following["\(who)>\(whom)"]?.inFlight ?? 0 == 0
            following["\(who)>\(whom)", default: SocialFollowing()].inFlight += 1
            if !isAlone { following["\(who)>\(whom)"]?.isOpen = true }
        default: break
        }
        return lastRequest
    }

    /// A node has died with what was asked of its site.
    mutating func siteLost(_ node: Int) {
        for number in requests.keys.sorted() where requests[number]?.node == node {
            if let request = requests.removeValue(forKey: number) { unanswered(request.call) }
        }
    }

    /// Nobody knows whether it was done.
    mutating func unanswered(_ call: SocialCall) {
        switch call {
        case .attempt(let number): attempts[number].inFlight -= 1
        case .follow(let who, let whom, _):
            following["\(who)>\(whom)"]?.inFlight -= 1
            following["\(who)>\(whom)"]?.isOpen = true
        default: break
        }
    }
}
