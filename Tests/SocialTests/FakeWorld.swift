// A small world for cores of the social layer: three replicas that learn of writes one after the other, a namestore,
// and what else cores ask for; all in one thread, in an order that a seed decides. What is asked is carried out as the
// real thing would, step by step, so that a core can be killed between any two steps.

import Causality
import Feeds
import JSON
import Keys
import Ring
import RingFile
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
    private struct Step {
        let node: Int
        let life: Int
        let effect: SocialCore.Effect
    }

    private struct Held {
        var owner: OwnerDigest?
        var generation: UInt64
        var request: RequestID?
    }

    let ring: RingDocument
    var random: SeededRandom
    var nodes: [Node] = []
    private(set) var now = FakeWorld.now(at: .origin)
    /// Of each replica.
    private var replicas: [[[UInt8]: StoredObject]] = [[:], [:], [:]]
    private var counters: [UInt64] = [0, 0, 0]
    private var clock = HybridClock()
    private var names: [[UInt8]: Held] = [:]
    /// Names that a test has taken: nothing needs to stand under them.
    private(set) var planted: Set<String> = []
    private var queue: [Step] = []
    /// Written to two replicas, and still to come to the third: `(replica, key, object)`.
    private var late: [(replica: Int, key: [UInt8], object: StoredObject)] = []
    private var out = Outbox<SocialCore.Effect>()
    private(set) var answers: [UInt64: SiteAnswer] = [:]
    private(set) var streams: [UInt64: [UInt8]] = [:]
    private var lastRequest: UInt64 = 0
    var isNamestoreUp = true
    /// Asked of the cluster so far, by all cores.
    private(set) var steps = 0
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

    private static func ring(homes: Bool) throws -> RingDocument {
        let text =
            RingDocument.threeCountries + (homes ? "\n[placement.german]\nrule = \"de:1\"\nonly = [\"de\"]\n" : "")
        return try RingDocument.compile(ringFile: text, fileName: "test")
    }

    private func core(_ place: Int) -> SocialCore {
        var settings = ring.social ?? SocialSettings()
        settings.limitsLoopback = false
        settings.origin = origin
        return SocialCore(identity: ring.nodes[place].id, ring: ring, settings: settings, seams: seams)
    }

    private mutating func begin(_ place: Int) {
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
        let target = try RequestTarget.parse(path, of: listener)
        let site = target.site ?? SiteTarget()
        let request = SiteRequest(
            target.route, RequestHead(method, path, known), parameters: site.parameters,
            hasFinalSlash: site.hasFinalSlash, query: site.query, body: Array(body.utf8), origin: "http://site",
            address: "127.0.0.1", chance: (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) })
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

    private static func now(at instant: Instant) -> Now {
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

    private mutating func wake() -> Bool {
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
            if queue.isEmpty, late.isEmpty, nodes.compactMap(\.wakeAt).min().map({ $0 > end }) ?? true {
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

    private mutating func take(_ place: Int) {
        for effect in out.take() {
            switch effect {
            case .answer(let number, let answer): answers[number] = answer
            case .stream(let number, let pieces):
                for piece in pieces { streams[number, default: []] += piece }
                queue.append(Step(node: place, life: nodes[place].life, effect: .taken(number)))
            case .endStream, .upgrade: break
            case .wakeAt(let instant): nodes[place].wakeAt = instant
            case .unsubscribe(let number): nodes[place].watches[number] = nil
            case .taken: break
            default: queue.append(Step(node: place, life: nodes[place].life, effect: effect))
            }
        }
    }

    private mutating func tell(_ place: Int, _ input: SocialCore.Input) {
        nodes[place].core.handle(input, now, &out)
        take(place)
    }

    private mutating func carryOut(_ step: Step) {
        switch step.effect {
        case .data(let ask, let request):
            steps += 1
            tell(step.node, .data(ask, perform(request)))
        case .name(let ask, let operation, let name, _):
            steps += 1
            tell(step.node, .named(ask, isNamestoreUp ? perform(operation, name) : .unknown(mayTakeEffect: true)))
        case .hash(let ask, let job):
            switch job {
            case .make(let password, _):
                tell(step.node, .hashed(ask, .made("fake:" + String(decoding: password, as: UTF8.self))))
            case .check(let password, let phc):
                let isRight = phc == "fake:" + String(decoding: password, as: UTF8.self)
                tell(step.node, .hashed(ask, .checked(isRight, isWeaker: false)))
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

    // MARK: The cluster

    private func rule(_ key: StoredKey) -> ConflictRule {
        ring.buckets.first { Array($0.name.utf8) == key.bucket }?.properties.conflict ?? .siblings
    }

    private mutating func merge(_ object: StoredObject, _ key: [UInt8], _ replica: Int) {
        guard let stored = try? StoredKey(decoding: key) else { return }
        var all = replicas[replica][key] ?? StoredObject()
        all.merge(object, rule: rule(stored))
        replicas[replica][key] = all
    }

    /// What a majority has.
    private mutating func merged(_ key: StoredKey, _ count: Int) -> StoredObject? {
        let asked = [0, 1, 2].shuffled(using: &random).prefix(count)
        var all: StoredObject?
        for replica in asked {
            guard let object = replicas[replica][key.bytes] else { continue }
            if all == nil { all = object } else { all?.merge(object, rule: rule(key)) }
        }
        return all
    }

    private mutating func perform(_ request: ClientRequest) -> ClientOutcome {
        let count = request.level == .one ? 1 : 2
        let account = FakeWorld.account(ring)
        switch request.operation {
        case .read: return .object(merged(request.key, count), account)
        case .write(let value, let type, let context, _, let ttlMs):
            let minter = Int.random(in: 0..<3, using: &random)
            counters[minter] += 1
            let dot = Dot(actor: Actor(node: ring.nodes[minter].id, incarnation: 1), counter: counters[minter])
            let seen = context.flatMap { try? CausalContext(decoding: $0, for: request.key.bytes) }
            let sibling = Sibling(
                dot: dot, payload: value.map { .value($0) } ?? .tombstone, contentType: type,
                time: clock.tick(now.wall, after: seen?.latestTime ?? HybridTime(bits: 0)),
                expiresAt: ttlMs.map { WallTime(milliseconds: now.wall.milliseconds + $0) })
            var object = replicas[minter][request.key.bytes] ?? StoredObject()
            object.write(sibling, context: seen, rule: rule(request.key))
            let order = [minter] + [0, 1, 2].filter { $0 != minter }.shuffled(using: &random)
            for (place, replica) in order.enumerated() {
                if place < count {
                    merge(object, request.key.bytes, replica)
                } else {
                    late.append((replica, request.key.bytes, object))
                }
            }
            tellWatchers(request.key.bytes)
            return .written(object, created: false, account)
        case .operate: return .failed(.diskFull, nil)
        case .list(let range, let reverse, let limit):
            var keys: Set<[UInt8]> = []
            let asked = [0, 1, 2].shuffled(using: &random).prefix(count)
            for replica in asked { keys.formUnion(replicas[replica].keys.filter { range.contains($0) }) }
            var items: [ListedItem] = []
            let ordered = keys.sorted { $0.precedes($1) }
            for key in reverse ? ordered.reversed() : ordered {
                guard let stored = try? StoredKey(decoding: key) else { continue }
                var object = StoredObject()
                for replica in asked {
                    if let there = replicas[replica][key] { object.merge(there, rule: rule(stored)) }
                }
                if object.hasValue { items.append(ListedItem(key: key, object: object)) }
            }
            let page = Array(items.prefix(limit))
            return .list(page, next: items.count > limit ? page.last.map { .after($0.key) } : nil, account)
        }
    }

    private static func account(_ ring: RingDocument) -> Account {
        var tally = Tally()
        for node in ring.nodes.prefix(2) { tally.add(Acknowledgement(node: node.id, country: node.country)) }
        return Account(tally: tally, level: .quorum, reached: true)
    }

    // MARK: Live

    private mutating func tellWatchers(_ key: [UInt8]) {
        for place in nodes.indices {
            for (number, subscription) in nodes[place].watches.sorted(by: { $0.key < $1.key }) {
                for watch in subscription.watches where watch.target.range?.contains(key) == true {
                    notify(place, number, watch, key)
                }
            }
        }
    }

    private mutating func notify(_ place: Int, _ number: UInt64, _ watch: LiveSubscription.Watch, _ key: [UInt8]) {
        guard let stored = try? StoredKey(decoding: key), let sort = stored.sortKey else { return }
        var object = StoredObject()
        for replica in replicas { if let there = replica[key] { object.merge(there, rule: rule(stored)) } }
        var members: [(String, JSONValue)] = [
            ("watch", .string(String(decoding: watch.name, as: UTF8.self))),
            ("sort", .string(String(decoding: sort, as: UTF8.self))),
        ]
        var name = "removed"
        if case .value(let bytes)? = object.values.first?.payload {
            name = "item"
            members.append(("value", .string(String(decoding: bytes, as: UTF8.self))))
        }
        let data = JSONValue.object(members.map { JSONValue.Member($0.0, $0.1) }).encode()
        let text = Array("event: \(name)\ndata: ".utf8) + data + [0x0A, 0x0A]
        nodes[place].core.handle(.live(number, .bytes([text[...]])), now, &out)
        take(place)
    }

    // MARK: Names

    private mutating func perform(_ operation: NameOperation, _ name: Name) -> NameAnswer {
        let held = names[name.bytes]
        switch operation {
        case .register(let owner, let request, _):
            guard let held, let holder = held.owner else {
                let generation = (held?.generation ?? 0) + 1
                names[name.bytes] = Held(owner: owner, generation: generation, request: request)
                return .registered(generation: generation)
            }
            if holder != owner { return .taken(generation: held.generation) }
            return held.request == request
                ? .registered(generation: held.generation) : .alreadyYours(generation: held.generation)
        case .release(let owner, let expected):
            guard let held, let holder = held.owner else { return .absent }
            guard holder == owner else { return .forbidden(generation: held.generation) }
            guard expected.map({ $0 == held.generation }) ?? true else { return .stale(generation: held.generation) }
            names[name.bytes] = Held(owner: nil, generation: held.generation, request: nil)
            return .released(generation: held.generation)
        default: return .unknown(mayTakeEffect: false)
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
