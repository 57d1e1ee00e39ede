// The clients of a simulated cluster: puts, gets and deletes of a few keys, with and without context, at every level.

import Causality
import Gateway
import Node
import Ring
import World

/// A request loop of a node.
struct GatewayLoop: Hashable {
    let node: Int
    let loop: Int
}

struct Workload {
    private enum Pending {
        case write(Int, client: Int)
        case read(StoredKey, strictQuorum: Bool, client: Int, startedAt: Instant)
    }

    private struct Request {
        let kind: Pending
        let gateway: GatewayLoop
        let deadline: Instant
    }

    /// Requests that a gateway takes at once: few, so that it comes to that.
    static let places = 8

    let keys: [StoredKey]
    private var pending: [UInt64: Request] = [:]
    private var nextID: UInt64 = 1
    /// The last context that a client got for a key, by client and key.
    private var contexts: [[CausalContext?]]
    private(set) var requests = 0
    private(set) var failures = 0

    init(scenario: Scenario, hasPatients: Bool) throws {
        let buckets = ["posts", "posts", "latest"] + (hasPatients ? ["patients", "patients"] : [])
        keys = try (0..<scenario.keys).map { index in
            let bucket = buckets[index % buckets.count]
            return try StoredKey(bucket: Array(bucket.utf8), partitionKey: Array("key\(index)".utf8))
        }
        contexts = Array(repeating: Array(repeating: nil, count: keys.count), count: scenario.clients)
    }

    mutating func next(
        _ client: Int, through gateway: GatewayLoop, at now: Instant, _ random: inout SeededRandom,
        _ checker: inout Checker
    ) -> (UInt64, ClientRequest)? {
        let place = Int.random(in: 0..<keys.count, using: &random)
        let key = keys[place]
        let levels: [ConsistencyLevel?] = [.quorum, .quorum, .quorum, .one, .all, .each, .count(2), nil]
        let level = levels.randomElement(using: &random) ?? nil
        let strict = random.chance(0.5)
        let timeout = Span.milliseconds(Int64.random(in: 200...2_000, using: &random))
        let id = nextID
        nextID += 1
        requests += 1
        let request: ClientRequest
        let kind: Pending
        if random.chance(0.4) {
            request = ClientRequest(.read, key: key, level: level, strict: strict, timeout: timeout)
            kind = .read(key, strictQuorum: strict && level == .quorum, client: client, startedAt: now)
        } else {
            let context = random.chance(0.6) ? contexts[client][place] : nil
            let value: [UInt8]? = random.chance(0.15) ? nil : Array("v\(id)".utf8)
            let onlyIfAbsent = random.chance(0.05)
            request = ClientRequest(
                .write(
                    value: value, contentType: "", context: context?.encode(for: key.bytes),
                    onlyIfAbsent: onlyIfAbsent, ttlMs: nil),
                key: key, level: level, strict: strict, timeout: timeout)
            kind = .write(
                checker.started(
                    WriteRecord(
                        key: key, value: value, context: context, onlyIfAbsent: onlyIfAbsent, level: level ?? .quorum,
                        strict: strict, startedAt: now)), client: client)
        }
        pending[id] = Request(kind: kind, gateway: gateway, deadline: now + timeout)
        return (id, request)
    }

    mutating func answered(_ id: UInt64, _ outcome: ClientOutcome, at now: Instant, _ checker: inout Checker) {
        guard let request = pending.removeValue(forKey: id) else {
            return checker.violate("request \(id) was answered twice, or never asked")
        }
        switch (request.kind, outcome) {
        case (.write(let index, let client), .written(let object, _, let account)):
            checker.acknowledged(index, object, account, at: now)
            let write = checker.writes[index]
            // Some go on from the answer to their write, others from what they last read.
            if client % 2 == 0, let place = keys.firstIndex(of: write.key) {
                contexts[client][place] = CausalContext.written(object, after: write.context)
            }
        case (.read(let key, let strictQuorum, let client, let startedAt), .object(let object, _)):
            checker.read(key, object, strictQuorum: strictQuorum, startedAt: startedAt)
            if let place = keys.firstIndex(of: key) { contexts[client][place] = object.map { CausalContext(of: $0) } }
        case (_, .failed(let failure, _)):
            failures += 1
            // This one waits no more, and had no place.
            let waiting = pending.values.count { $0.gateway == request.gateway }
            if failure == .overloaded, waiting < Workload.places {
                checker.violate("request \(id) was refused as one too many while \(waiting) others waited")
            }
        default: checker.violate("request \(id) got an answer of another kind")
        }
    }

    /// Its requests will never be answered.
    mutating func gatewayCrashed(_ node: Int) {
        for id in pending.keys.sorted() where pending[id]?.gateway.node == node { pending[id] = nil }
    }

    /// Every request is answered by its deadline, give or take a tick.
    func checkAnswered(at now: Instant, _ checker: inout Checker) {
        for id in pending.keys.sorted() {
            if let request = pending[id], request.deadline + .seconds(1) < now {
                checker.violate("request \(id) was not answered by its deadline")
            }
        }
    }
}
