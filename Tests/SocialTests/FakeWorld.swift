// A small world for cores of the social layer: three replicas that learn of writes one after the other, a namestore,
// and what else cores ask for; all in one thread, in an order that a seed decides. What is asked is carried out as the
// real thing would, step by step, so that a core can be killed between any two steps.

import Causality
import Feeds
import JSON
import Keys
import Ring
import RingFile
import Testing
import World

@testable import DataTypes
@testable import Edge
@testable import Gateway
@testable import Live
@testable import NameStore
@testable import Social

struct FakeWorld {
    struct Node {
        var core: SocialCore
        var life = 0
        /// Live reads by their numbers: what they look at.
        var watches: [UInt64: LiveSubscription] = [:]
        var wakeAt: Instant?
    }

    /// Something that is to happen.
    struct Step {
        let node: Int
        let life: Int
        let effect: SocialCore.Effect
    }

    /// What a node that is cut off hears in the end.
    struct Silence {
        let at: Instant
        let node: Int
        let life: Int
        let input: SocialCore.Input
    }

    struct Held {
        var owner: OwnerDigest?
        var generation: UInt64
        var request: RequestID?
    }

    let ring: RingDocument
    var random: SeededRandom
    var nodes: [Node] = []
    private(set) var now = FakeWorld.now(at: .origin)
    /// Of each replica.
    var replicas: [[[UInt8]: StoredObject]] = [[:], [:], [:]]
    /// How passwords are hashed; what was hashed otherwise is weaker.
    var hashes = "fake"
    var counters: [UInt64] = [0, 0, 0]
    var clock = HybridClock()
    var names: [[UInt8]: Held] = [:]
    /// Names that a test has taken: nothing needs to stand under them.
    private(set) var planted: Set<String> = []
    var queue: [Step] = []
    /// WriteReceipt to two replicas, and still to come to the third: `(replica, key, object)`.
    var late: [(replica: Int, key: [UInt8], object: StoredObject)] = []
    var out = Outbox<SocialCore.Effect>()
    private(set) var answers: [UInt64: SiteAnswer] = [:]
    private(set) var streams: [UInt64: [UInt8]] = [:]
    var lastRequest: UInt64 = 0
    var isNamestoreUp = true
    /// Nodes whose packets to others are dropped: of quorums and names they hear nothing until the time is over.
    var cutOff: Set<Int> = []
    private var silences: [Silence] = []
    /// More passwords wait to be hashed than are let wait.
    var isHashQueueFull = false
    /// Clients of streams take what is written to them.
    var isRead = true
    /// Asked of the cluster so far, by all cores.
    private(set) var steps = 0
    /// Ranges that were asked for.
    var ranges = 0
    /// This core dies when so many steps were made.
    var kill: (node: Int, atStep: Int)?
    var seams: SocialSeams
    var fetch: (FetchJob) -> FetchOutcome = { _ in .failed(.unreachable) }

    private let origin: String?

    init(seed: UInt64, seams: SocialSeams = SocialSeams(), homes: Bool = false, origin: String? = nil) throws {
        self.origin = origin
        random = SeededRandom(seed: seed)
        self.seams = seams
        ring = try FakeWorld.rings[homes ? 1 : 0].get()
        for place in 0..<3 { nodes.append(Node(core: core(place))) }
        for place in nodes.indices { begin(place) }
    }

    /// Made once: without homes, and with one.
    private static let rings = [false, true].map { homes in Result { try ring(homes: homes) } }

    static func ring(homes: Bool) throws -> RingDocument {
        let text =
            RingDocument.threeCountries + (homes ? "\n[placement.german]\nrule = \"de:1\"\nonly = [\"de\"]\n" : "")
        return try RingDocument.compile(ringFile: text, fileName: "test")
    }

    func core(_ place: Int) -> SocialCore {
        var settings = ring.social ?? SocialSettings()
        settings.limitsLoopback = false
        settings.origin = origin
        settings.moderators = ["moda"]
        return SocialCore(identity: ring.nodes[place].id, ring: ring, settings: settings, seams: seams)
    }

    mutating func begin(_ place: Int) {
        nodes[place].core.start(now, &out)
        take(place)
    }

    // MARK: Requests

    /// Sends a request to a node; its number.
    mutating func send(
        _ method: RequestMethod, _ path: String, at node: Int = 0, _ fields: [(String, String)] = [], body: String = ""
    ) throws -> UInt64 {
        var known = RequestFields()
        for (name, value) in fields { known.take(name, value) }
        if !body.isEmpty, !known.has(.contentType) { known.take("content-type", "application/json") }
        let listener = SiteRoutes.listener(ring, at: ring.nodes[node].social ?? ring.nodes[node].http)
        let request = try #require(
            SiteRequest(
                RequestHead(method, path, known), body: Array(body.utf8), of: listener,
                chance: (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }))
        lastRequest += 1
        nodes[node].core.handle(.request(lastRequest, request), now, &out)
        take(node)
        return lastRequest
    }

    /// Sends it and lets the world go on until it is answered; nil if its node died.
    mutating func ask(
        _ method: RequestMethod, _ path: String, at node: Int = 0, _ fields: [(String, String)] = [], body: String = ""
    ) throws -> Reply? {
        let life = nodes[node].life
        let number = try send(method, path, at: node, fields, body: body)
        while answers[number] == nil, nodes[node].life == life { guard step() else { break } }
        return answers[number].map(Reply.init)
    }

    func reply(_ number: UInt64) -> Reply? { answers[number].map(Reply.init) }

    static func now(at instant: Instant) -> Now {
        Now(
            instant: instant,
            wall: WallTime(milliseconds: 1_795_651_200_000 + UInt64(instant.nanoseconds / 1_000_000)))
    }

    // MARK: Going on

    /// Carries out one thing; false if nothing is left to happen within an hour.
    @discardableResult
    mutating func step() -> Bool {
        if let kill, steps >= kill.atStep {
            self.kill = nil
            restart(kill.node)
        }
        let choices = queue.count + late.count
        guard choices > 0 else { return wake() }
        let choice = Int.random(in: 0..<choices, using: &random)
        if choice < queue.count {
            let step = queue.remove(at: choice)
            guard nodes[step.node].life == step.life else { return true }
            now = FakeWorld.now(at: now.instant + .microseconds(300))
            carryOut(step)
        } else {
            let write = late.remove(at: choice - queue.count)
            merge(write.object, write.key, write.replica)
        }
        return true
    }

    /// When something happens by itself.
    private var nextWake: Instant? { (nodes.compactMap(\.wakeAt) + silences.map(\.at)).min() }

    mutating func wake() -> Bool {
        if let at = nextWake, let place = silences.firstIndex(where: { $0.at == at }) {
            let silence = silences.remove(at: place)
            now = FakeWorld.now(at: max(now.instant, at))
            if nodes[silence.node].life == silence.life { tell(silence.node, silence.input) }
            return true
        }
        let next = nodes.indices.compactMap { place in nodes[place].wakeAt.map { (at: $0, node: place) } }
            .min { $0.at < $1.at }
        guard let next, next.at < Instant.origin + .hours(2) else { return false }
        now = FakeWorld.now(at: max(now.instant, next.at))
        nodes[next.node].wakeAt = nil
        nodes[next.node].core.handle(.wake(next.at), now, &out)
        take(next.node)
        return true
    }

    /// Until nothing is to be done at once, and for so long.
    mutating func run(for span: Span = .seconds(60)) {
        let end = now.instant + span
        while now.instant < end {
            if queue.isEmpty, late.isEmpty, nextWake.map({ $0 > end }) ?? true {
                now = FakeWorld.now(at: end)
                return
            }
            guard step() else { return }
        }
    }

    /// Kills a core, with all that it had not told anybody, and begins a new one.
    mutating func restart(_ place: Int) {
        // What had left already arrives, or does not.
        let left = queue.filter { $0.node == place && $0.life == nodes[place].life }
        for step in left where random.chance(0.5) {
            if case .data(_, let request) = step.effect { _ = perform(request) }
        }
        queue.removeAll { $0.node == place }
        nodes[place].life += 1
        nodes[place].core = core(place)
        nodes[place].watches = [:]
        nodes[place].wakeAt = nil
        begin(place)
    }

    mutating func take(_ place: Int) {
        for effect in out.take() {
            switch effect {
            case .answer(let number, let answer): answers[number] = answer
            case .stream(let number, let pieces):
                for piece in pieces { streams[number, default: []] += piece }
                if isRead { queue.append(Step(node: place, life: nodes[place].life, effect: .taken(number))) }
            case .endStream, .upgrade: break
            case .wakeAt(let instant): nodes[place].wakeAt = instant
            case .unsubscribe(let number): nodes[place].watches[number] = nil
            case .taken: break
            default: queue.append(Step(node: place, life: nodes[place].life, effect: effect))
            }
        }
    }

    mutating func tell(_ place: Int, _ input: SocialCore.Input) {
        nodes[place].core.handle(input, now, &out)
        take(place)
    }

    mutating func carryOut(_ step: Step) {
        if cutOff.contains(step.node), let silence = silence(step) { return silences.append(silence) }
        switch step.effect {
        case .data(let ask, let request):
            steps += 1
            tell(step.node, .data(ask, perform(request)))
        case .name(let ask, let operation, let name, _):
            steps += 1
            tell(step.node, .named(ask, isNamestoreUp ? perform(operation, name) : .unknown(mayTakeEffect: true)))
        case .hash(let ask, _) where isHashQueueFull: tell(step.node, .hashed(ask, .overloaded))
        case .hash(let ask, let job):
            switch job {
            case .make(let password, _):
                tell(step.node, .hashed(ask, .made(hashes + ":" + String(decoding: password, as: UTF8.self))))
            case .check(let password, let phc):
                let isRight = phc.hasSuffix(":" + String(decoding: password, as: UTF8.self))
                tell(step.node, .hashed(ask, .checked(isRight, isWeaker: !phc.hasPrefix(hashes + ":"))))
            }
        case .render(let ask, let job):
            switch job {
            case .markdown(let text): tell(step.node, .rendered(ask, text))
            }
        case .fetch(let ask, let job): tell(step.node, .fetched(ask, fetch(job)))
        case .subscribe(let number, let subscription):
            nodes[step.node].watches[number] = subscription
            let keys = replicas[0].keys.sorted { $0.precedes($1) }
            for watch in subscription.watches {
                for key in keys where watch.target.range?.contains(key) == true {
                    notify(step.node, number, watch, key)
                }
                tell(
                    step.node,
                    .live(
                        number,
                        .bytes([
                            Array(
                                "event: ready\ndata: {\"watch\":\"\(String(decoding: watch.name, as: UTF8.self))\"}\n\n"
                                    .utf8)[...]
                        ])))
            }
        // The socket has taken what was written.
        case .taken(let number): tell(step.node, .drained(number))
        default: break
        }
    }

    /// What a node that is cut off gets in place of an answer; nil where it needs nobody else.
    private func silence(_ step: Step) -> Silence? {
        switch step.effect {
        case .data(let ask, let request) where request.level != .one:
            Silence(
                at: now.instant + request.timeout, node: step.node, life: step.life,
                input: .data(ask, .failed(.quorumNotReached(mayTakeEffect: true), nil)))
        case .name(let ask, _, _, let timeout):
            Silence(
                at: now.instant + timeout, node: step.node, life: step.life,
                input: .named(ask, .unknown(mayTakeEffect: true)))
        default: nil
        }
    }

    // MARK: Looking

    /// Names that are held, with their generations.
    var heldNames: [(name: String, generation: UInt64)] {
        names.filter { $0.value.owner != nil }
            .map { (String(decoding: $0.key, as: UTF8.self), $0.value.generation) }.sorted { $0.0 < $1.0 }
    }

    /// Takes a name for somebody.
    mutating func hold(_ name: String, by token: String) throws {
        let spelled = try Name(Array(name.utf8))
        let owner = try OwnerToken(Array(token.utf8)).digest(for: spelled)
        names[spelled.bytes] = Held(owner: owner, generation: 1, request: nil)
        planted.insert(name)
    }

    /// A record as all replicas together have it.
    func record<Record: SocialRecord>(_ key: StoredKey?) -> Record? {
        guard let key else { return nil }
        var object = StoredObject()
        for replica in replicas { if let there = replica[key.bytes] { object.merge(there, rule: rule(key)) } }
        return Record(siblingsOf: object)
    }

    /// The sort keys of a range that hold something.
    func sorts(_ range: SocialRange) -> [String] {
        guard let bounds = range.bounds else { return [] }
        let keys = Set(replicas.flatMap { $0.keys.filter { bounds.contains($0) } })
        return keys.sorted { $0.precedes($1) }.compactMap { key in
            guard let stored = try? StoredKey(decoding: key) else { return nil }
            var object = StoredObject()
            for replica in replicas { if let there = replica[key] { object.merge(there, rule: rule(stored)) } }
            return object.hasValue ? stored.sortKey.map { String(decoding: $0, as: UTF8.self) } : nil
        }
    }
}

/// An answer as a client sees it.
struct Reply {
    let status: UInt
    let json: JSONValue
    let headers: String
    let page: Page?

    init(_ answer: SiteAnswer) {
        switch answer {
        case .response(let response):
            status = response.status
            json = (try? JSONValue.decode(response.bytes)) ?? .string(String(decoding: response.bytes, as: UTF8.self))
            headers = String(decoding: response.headers.bytes, as: UTF8.self)
            page = nil
        case .page(let page, let status, let headers):
            self.status = status
            json = page.values
            self.headers = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
            self.page = page
        }
    }

    func header(_ name: String) -> String? {
        headers.split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }.map {
            String($0.dropFirst(name.count + 2))
        }
    }
}
