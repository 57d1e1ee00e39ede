// The clients of a simulated cluster: puts, gets and deletes, with and without context, of few keys, so that they meet;
// lists of items under a partition key, page after page; conditional writes; values that expire. Every level, strict
// and sloppy, and every bucket of the ring, side by side.

import Causality
import DataTypes
import Gateway
import Keys
import Node
import Ring
import Storage
import Wire
import World

/// A request loop of a node.
struct GatewayLoop: Hashable {
    let node: Int
    let loop: Int
}

/// Where and when a client asks, or is answered.
struct AnswerScene {
    let now: Instant
    let node: Int
    let machines: [SimulatedMachine]

    var country: String { machines[node].country }
    /// By the clock of the node that is asked.
    var wall: WallTime { machines[node].wall(at: now) }
}

struct Workload {
    private enum Pending {
        case write(Int)
        case read(ReadRecord)
        case list(ListRecord)
        case ownRead(place: Int, held: VersionVector)
    }

    private struct Request {
        let kind: Pending
        let client: Int
        let gateway: GatewayLoop
        let deadline: Instant
    }

    /// Requests that a gateway takes at once: few, so that it comes to that.
    static let places = 8
    /// What waits for one storage thread, and is taken at once: likewise.
    static let mailboxBounds = {
        var bounds = WorkBounds()
        (bounds.pieces, bounds.bytes, bounds.batchBytes) = (12, 4 << 10, 1 << 10)
        (bounds.repairs, bounds.repairBytes) = (12, 4 << 10)
        (bounds.repairsInBatch, bounds.repairBytesInBatch) = (8, 1 << 10)
        return bounds
    }()
    static let longestTimeout = Span.seconds(6)

    let keys: [StoredKey]
    /// Its clients are others.
    var typed: TypedWorkload
    /// Places in `keys` of items that share their partition key with others.
    private var lists: [[Int]] = []
    private var placeOf: [KeyBytes: Int] = [:]
    private var pending: [UInt64: Request] = [:]
    private var nextID: UInt64 = 1
    /// The last context that a client got for a key, by client and key.
    private var contexts: [[CausalContext?]]
    /// The list that a client has come to the end of a page of.
    private var nextPages: [ListRecord?]
    private(set) var lastAsked = Played.askedRead

    init(scenario: Scenario, mutant: Mutant? = nil) throws {
        typed = try TypedWorkload(scenario: scenario, mutant: mutant)
        var random = SeededRandom(seed: scenario.seed ^ 0x0BAD_CAFE)
        let buckets = SimulatedRing.buckets(scenario.ring)
        var keys: [StoredKey] = []
        while keys.count < scenario.keys {
            let bucket = Array((buckets.randomElement(using: &random) ?? "posts").utf8)
            let partitionKey = Array("key\(keys.count)".utf8)
            guard random.chance(0.3) else {
                keys.append(try StoredKey(bucket: bucket, partitionKey: partitionKey))
                continue
            }
            let sortKeys = ["a", "a1", "a2", "b\u{0}", "b", "b3"].prefix(Int.random(in: 3...6, using: &random))
            lists.append(Array(keys.count..<keys.count + sortKeys.count))
            keys += try sortKeys.map { sortKey in
                try StoredKey(bucket: bucket, partitionKey: partitionKey, sortKey: Array(sortKey.utf8))
            }
        }
        self.keys = keys
        for (place, key) in keys.enumerated() { placeOf[KeyBytes(key)] = place }
        contexts = Array(repeating: Array(repeating: nil, count: keys.count), count: scenario.clients)
        nextPages = Array(repeating: nil, count: scenario.clients)
    }

    /// Whether any client still waits for an answer.
    var isWaited: Bool { !pending.isEmpty || typed.isWaited }

    // MARK: Asking

    mutating func next(
        _ client: Int, through gateway: GatewayLoop, _ scene: AnswerScene, _ random: inout SeededRandom,
        _ checker: inout Checker
    ) -> (UInt64, LoopCore.Input)? {
        let id = takeID()
        let place = Int.random(in: 0..<keys.count, using: &random)
        // Of every third request the time is long enough for a mint to be handed on, if need be more than once.
        let longest = random.chance(1 / 3) ? Workload.longestTimeout : .seconds(2)
        let timeout = Span.milliseconds(Int64.random(in: 200...longest.nanoseconds / 1_000_000, using: &random))
        let draw = random.unit()
        let (kind, request): (Pending, ClientRequest)
        if draw < 0.02 {
            let kind = Pending.ownRead(place: place, held: held(place, scene))
            // Nobody else answers in the place of a slow disk.
            pending[id] = Request(kind: kind, client: client, gateway: gateway, deadline: scene.now + .minutes(1))
            lastAsked = .askedOwnRead
            return (id, .ownRead(id, key: keys[place].bytes))
        } else if draw < 0.15, let list = nextPages[client].take() ?? drawList(&random) {
            (kind, request) = ask(list, timeout, scene)
        } else if draw < 0.45 {
            (kind, request) = drawRead(place, timeout, scene, &random)
        } else {
            (kind, request) = drawWrite(id, client, place, timeout, scene, &random, &checker)
        }
        pending[id] = Request(kind: kind, client: client, gateway: gateway, deadline: scene.now + timeout)
        return (id, .client(id, request))
    }

    mutating func takeID() -> UInt64 {
        defer { nextID += 1 }
        return nextID
    }

    private static func drawLevel(_ random: inout SeededRandom) -> ConsistencyLevel? {
        let levels: [ConsistencyLevel?] = [
            .quorum, .quorum, .quorum, .one, .all, .each, .local, .count(1), .count(2), .count(3), nil,
        ]
        return levels.randomElement(using: &random) ?? nil
    }

    private mutating func drawRead(
        _ place: Int, _ timeout: Span, _ scene: AnswerScene, _ random: inout SeededRandom
    ) -> (Pending, ClientRequest) {
        let (level, strict) = (Workload.drawLevel(&random), random.chance(0.5))
        lastAsked = .askedRead
        let record = ReadRecord(key: keys[place], level: level ?? .quorum, strict: strict, startedAt: scene.now)
        return (.read(record), ClientRequest(.read, key: keys[place], level: level, strict: strict, timeout: timeout))
    }

    private mutating func drawWrite(
        _ id: UInt64, _ client: Int, _ place: Int, _ timeout: Span, _ scene: AnswerScene, _ random: inout SeededRandom,
        _ checker: inout Checker
    ) -> (Pending, ClientRequest) {
        let (level, strict) = (Workload.drawLevel(&random), random.chance(0.5))
        let context = random.chance(0.6) ? contexts[client][place] : nil
        let value: [UInt8]? = random.chance(0.15) ? nil : Array("v\(id)".utf8)
        let onlyIfAbsent = value != nil && random.chance(0.08)
        let ttlMs: UInt64? = random.chance(0.1) ? UInt64.random(in: 50...3_000, using: &random) : nil
        lastAsked =
            value == nil ? .askedDelete : onlyIfAbsent ? .askedIfAbsent : ttlMs != nil ? .askedToExpire : .askedPut
        let write = WriteRecord(
            key: keys[place], value: value, context: context, onlyIfAbsent: onlyIfAbsent, ttlMs: ttlMs,
            level: level ?? .quorum, strict: strict, startedAt: scene.now)
        let request = ClientRequest(
            .write(
                value: value, contentType: "", context: context?.encode(for: keys[place].bytes),
                onlyIfAbsent: onlyIfAbsent, ttlMs: ttlMs),
            key: keys[place], level: level, strict: strict, timeout: timeout)
        return (.write(checker.started(write)), request)
    }

    /// A part of the items under a partition key, from either end.
    private mutating func drawList(_ random: inout SeededRandom) -> ListRecord? {
        guard let items = lists.randomElement(using: &random), let first = items.first else { return nil }
        let ends: [String?] = [nil, nil, nil, "a1", "b"]
        func bytes(_ text: String?) -> [UInt8]? { text.map { Array($0.utf8) } }
        let prefix: String? = random.chance(0.3) ? (random.chance(0.5) ? "a" : "b") : nil
        let range = try? StoredKey.range(
            bucket: keys[first].bucket, partitionKey: keys[first].partitionKey,
            start: bytes(ends.randomElement(using: &random) ?? nil),
            end: bytes(ends.randomElement(using: &random) ?? nil), prefix: bytes(prefix))
        guard let range else { return nil }
        return ListRecord(
            range: range, reverse: random.chance(0.4), limit: Int.random(in: 1...4, using: &random),
            level: Workload.drawLevel(&random), strict: random.chance(0.5), place: first)
    }

    private mutating func ask(
        _ list: ListRecord, _ timeout: Span, _ scene: AnswerScene
    ) -> (Pending, ClientRequest) {
        lastAsked = list.isNextPage ? .askedNextPage : .askedList
        var list = list
        list.startedAt = scene.now
        let request = ClientRequest(
            .list(range: list.range, reverse: list.reverse, limit: list.limit), key: keys[list.place],
            level: list.level, strict: list.strict, timeout: timeout)
        return (.list(list), request)
    }

    /// What a node has on its disk.
    private func held(_ place: Int, _ scene: AnswerScene) -> VersionVector {
        let bytes = (try? scene.machines[scene.node].disk.objects.get(keys[place].bytes)) ?? nil
        return bytes.flatMap { try? StoredObject(decoding: $0) }?.versions ?? VersionVector()
    }

    // MARK: Answers

    mutating func answered(_ id: UInt64, _ outcome: ClientOutcome, _ scene: AnswerScene, _ checker: inout Checker) {
        if typed.isOwn(id) { return typed.answered(id, outcome, scene, &checker) }
        guard let request = pending.removeValue(forKey: id) else {
            return checker.violate("request \(id) was answered twice, or never asked")
        }
        switch (request.kind, outcome) {
        case (.write(let index), .written(let object, let created, let account)):
            checker.acknowledged(index, object, created: created, account, scene)
            let write = checker.writes[index]
            // Some go on from the answer to their write, others from what they last read.
            if request.client % 2 == 0, let place = placeOf[KeyBytes(write.key)] {
                contexts[request.client][place] = CausalContext.written(object, after: write.context)
            }
        case (.read(let read), .object(let object, let account)):
            checker.read(read, object, account, scene)
            if let place = placeOf[KeyBytes(read.key)] {
                contexts[request.client][place] = object.map { CausalContext(of: $0) }
            }
        case (.list(let list), .list(let items, let next, let account)):
            let among = lists.first { $0.contains(list.place) } ?? []
            checker.listed(list, items, next: next, account, among: among.map { keys[$0] }, scene)
            nextPages[request.client] = next.map { list.going(on: $0) }
            for item in items {
                guard let place = keys.firstIndex(where: { $0.bytes == item.key }) else { continue }
                contexts[request.client][place] = CausalContext(of: item.object)
            }
        case (.write(let index), .failed(let failure, _)):
            checker.refused(checker.writes[index].terms, failure, scene)
            checkOverload(id, failure, request, &checker)
        case (.read(let read), .failed(let failure, _)):
            checker.refused(read.terms, failure, scene)
            checkOverload(id, failure, request, &checker)
        case (.list(let list), .failed(let failure, _)):
            checker.refused(
                RequestTerms(key: keys[list.place], level: list.level ?? .quorum, strict: list.strict), failure, scene)
            checkOverload(id, failure, request, &checker)
        default: checker.violate("request \(id) got an answer of another kind")
        }
    }

    /// This one waits no more, and had no place.
    private func checkOverload(
        _ id: UInt64, _ failure: RequestFailure, _ request: Request, _ checker: inout Checker
    ) {
        let waiting =
            pending.values.count { $0.gateway == request.gateway } + typed.waiting(at: request.gateway)
        if failure == .overloaded, waiting < Workload.places {
            checker.violate("request \(id) was refused as one too many while \(waiting) others waited")
        }
    }

    /// An operator asked what a node itself stores: no less than when the question came.
    mutating func answeredOwnRead(_ id: UInt64, _ reply: ReplicaReply, _ checker: inout Checker) {
        guard case .ownRead(let place, let held)? = pending.removeValue(forKey: id)?.kind else {
            return checker.violate("own read \(id) was answered twice, or never asked")
        }
        guard case .object(let bytes) = reply, let object = try? bytes.map({ try StoredObject(decoding: $0) }) else {
            let isBusy = reply.isRefusal(.busy)
            if isBusy || (reply == .object(nil) && held.isEmpty) { return }
            return checker.violate("own read \(id) of \(StoredKey.text(of: keys[place].bytes)) got \(reply)")
        }
        if !object.versions.covers(held) {
            checker.violate("own read \(id) of \(StoredKey.text(of: keys[place].bytes)) missed what was stored before")
        }
    }

    /// Its requests will never be answered.
    mutating func gatewayCrashed(_ node: Int) {
        for id in pending.keys.sorted() where pending[id]?.gateway.node == node { pending[id] = nil }
        typed.gatewayCrashed(node)
    }

    /// Every request is answered by its deadline, give or take a tick.
    func checkAnswered(at now: Instant, _ checker: inout Checker) {
        for id in pending.keys.sorted() {
            if let request = pending[id], request.deadline + .seconds(1) < now {
                checker.violate("request \(id) was not answered by its deadline")
            }
        }
        typed.checkAnswered(at: now, &checker)
    }
}
