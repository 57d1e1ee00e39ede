// The clients that change typed keys: through any node, with and without the context of what they last saw, with and
// without a name. One that has named its request sends it again, to any node, until it is answered, and waits no longer
// than it likes: then the same request is under way more than once.

import Causality
import DataTypes
import Gateway
import JSON
import Keys
import Node
import Ring
import World

struct TypedWorkload {
    private enum Pending {
        case operate(record: Int, RequestTerms)
        case read(place: Int, ReadRecord)
    }

    private struct Request {
        let kind: Pending
        let client: Int
        let gateway: GatewayLoop
        let deadline: Instant
    }

    /// A named request that was not answered.
    private struct Open {
        let record: Int
        let place: Int
        let operation: ClientRequest.Operation

        /// The same request under its name, which says that it was sent before.
        var again: ClientRequest.Operation {
            guard case .operate(var call, let context, let onlyIfAbsent) = operation, let name = call.name else {
                return operation
            }
            call.name = OperationName(writer: name.writer, number: name.number, isAgain: true, after: name.after)
            return .operate(call, context: context, onlyIfAbsent: onlyIfAbsent)
        }
    }

    /// What a client is to a key: its writer there, the number of its last request, and what it has seen.
    private struct Hand {
        var writer: Writer
        var number: UInt64 = 0
        var after: Dot?
        var view: TypedView?
    }

    private struct Client {
        var hands: [Hand]
        var open: Open?
        /// The request whose answer it waits for, and how long.
        var waiting: (id: UInt64, until: Instant)?
    }

    let keys: [TypedKey]
    private let mutant: Mutant?
    private var clients: [Client]
    private var pending: [UInt64: Request] = [:]
    private var supply = TypedSupply()
    private var writers: UInt64 = 0
    private(set) var lastAsked = Played.askedRead

    init(scenario: Scenario, mutant: Mutant?) throws {
        self.mutant = mutant
        var random = SeededRandom(seed: scenario.seed ^ 0x7E_DCA1F)
        var keys: [TypedKey] = []
        while keys.count < scenario.typedKeys {
            // Documents have all kinds.
            let drawn = random.chance(0.3) ? nil : SimulatedRing.typedBuckets.randomElement(using: &random)
            let (bucket, type) = drawn ?? (name: "docs", type: .document)
            let key = try StoredKey(bucket: Array(bucket.utf8), partitionKey: Array("typed\(keys.count)".utf8))
            keys.append(try TypedKey(key, type))
        }
        self.keys = keys
        clients = (0..<scenario.typedClients).map { _ in Client(hands: []) }
        for client in clients.indices { clients[client].hands = keys.map { _ in Hand(writer: nextWriter()) } }
    }

    private mutating func nextWriter() -> Writer {
        writers += 1
        return Writer(high: 1, low: writers)
    }

    var isWaited: Bool { !pending.isEmpty }

    func isOwn(_ id: UInt64) -> Bool { pending[id] != nil }

    /// Its requests that `gateway` has not answered.
    func waiting(at gateway: GatewayLoop) -> Int { pending.values.count { $0.gateway == gateway } }

    // MARK: Asking

    /// Nil where the client waits.
    mutating func next(
        _ client: Int, _ id: UInt64, through gateway: GatewayLoop, _ scene: AnswerScene, _ random: inout SeededRandom,
        _ checker: inout Checker
    ) -> LoopCore.Input? {
        if let waiting = clients[client].waiting, pending[waiting.id] != nil, scene.now < waiting.until { return nil }
        let timeout = Span.milliseconds(Int64.random(in: 200...(random.chance(0.2) ? 5_000 : 1_500), using: &random))
        let level = TypedWorkload.levels.randomElement(using: &random) ?? nil
        let strict = random.chance(0.5)
        let kind: Pending
        let request: ClientRequest
        if let open = clients[client].open, random.chance(0.8) {
            lastAsked = .askedAgain
            checker.typed.records[open.record].tries += 1
            kind = .operate(record: open.record, terms(open.place, level, strict))
            request = ClientRequest(
                open.again, key: keys[open.place].key, level: level, strict: strict, timeout: timeout)
        } else {
            let place = Int.random(in: 0..<keys.count, using: &random)
            if clients[client].open == nil, random.chance(0.65) {
                let (record, operation) = draw(client, place, scene, &random, &checker)
                kind = .operate(record: record, terms(place, level, strict))
                request = ClientRequest(operation, key: keys[place].key, level: level, strict: strict, timeout: timeout)
            } else {
                lastAsked = .askedTypedRead
                kind = .read(
                    place: place,
                    ReadRecord(
                        key: keys[place].key, level: level ?? .quorum, strict: strict, startedAt: scene.now))
                request = ClientRequest(.read, key: keys[place].key, level: level, strict: strict, timeout: timeout)
            }
        }
        pending[id] = Request(kind: kind, client: client, gateway: gateway, deadline: scene.now + timeout)
        let patience = Span.milliseconds(Int64.random(in: 100...1_500, using: &random))
        clients[client].waiting = (id, scene.now + patience)
        return .client(id, request)
    }

    private static let levels: [ConsistencyLevel?] = [
        .quorum, .quorum, .quorum, .quorum, .one, .one, .all, .each, .local, .count(2), nil,
    ]

    private func terms(_ place: Int, _ level: ConsistencyLevel?, _ strict: Bool) -> RequestTerms {
        RequestTerms(key: keys[place].key, level: level ?? .quorum, strict: strict)
    }

    private mutating func draw(
        _ client: Int, _ place: Int, _ scene: AnswerScene, _ random: inout SeededRandom, _ checker: inout Checker
    ) -> (record: Int, ClientRequest.Operation) {
        let key = keys[place]
        let view = random.chance(0.65) ? clients[client].hands[place].view : nil
        var drawing = TypedDrawing(key, view)
        let (kind, body) = drawing.call(&supply, &random)
        lastAsked =
            switch kind {
            case .put: .askedTypedPut
            case .delete, .sweep: .askedTypedDelete
            case .mergePatch: .askedMergePatch
            case .operations: .askedOperations
            case .jsonPatch: .askedJSONPatch
            }
        let isNamed = random.chance(0.6)
        let onlyIfAbsent = kind == .put && random.chance(0.2)
        var call = TypedCall(kind, body)
        if isNamed {
            clients[client].hands[place].number += 1
            let hand = clients[client].hands[place]
            call.name = OperationName(
                writer: hand.writer, number: hand.number, after: mutant == .typedNoAfter ? nil : hand.after)
        }
        let record = checker.started(
            TypedRecord(
                place: place, key: key.key, additions: drawing.additions, removals: drawing.removals,
                context: view?.context.versions, isNamed: isNamed, onlyIfAbsent: onlyIfAbsent, startedAt: scene.now))
        let operation = ClientRequest.Operation.operate(
            call, context: view?.context.encode(for: key.key.bytes), onlyIfAbsent: onlyIfAbsent)
        if isNamed {
            clients[client].open = Open(record: record, place: place, operation: operation)
        }
        return (record, operation)
    }

    // MARK: Answers

    mutating func answered(_ id: UInt64, _ outcome: ClientOutcome, _ scene: AnswerScene, _ checker: inout Checker) {
        guard let request = pending.removeValue(forKey: id) else { return }
        switch (request.kind, outcome) {
        case (.operate(let record, let terms), .operated(_, let bytes, _, let account)):
            guard let answer = TypedAnswer(bytes) else { return checker.violate("request \(id) got no answer's JSON") }
            checker.operated(record, answer, account, terms, scene)
            done(record, request.client, answer, checker)
        case (.operate(let record, let terms), .failed(let failure, _)):
            checker.failed(record, failure, terms, scene)
            // Whether an earlier try was done is not to be known any more; so is what this writer's next would lean on.
            guard failure.isFinal, let open = clients[request.client].open, open.record == record else { return }
            clients[request.client].open = nil
            let writer = nextWriter()
            clients[request.client].hands[open.place].writer = writer
            clients[request.client].hands[open.place].number = 0
            clients[request.client].hands[open.place].after = nil
        case (.read(let place, let read), .object(let object, let account)):
            checker.read(place, read, object, account, scene)
            see(object ?? StoredObject(), request.client, place)
        case (.read(_, let read), .failed(let failure, _)): checker.refused(read.terms, failure, scene)
        default: checker.violate("request \(id) got an answer of another kind")
        }
    }

    private mutating func done(
        _ record: Int, _ client: Int, _ answer: TypedAnswer, _ checker: Checker
    ) {
        let place = checker.typed.records[record].place
        guard let open = clients[client].open, open.record == record else { return }
        clients[client].open = nil
        // Whatever its own tries: the gateway may have tried twice.
        if let last = answer.dots?.last { clients[client].hands[place].after = last }
    }

    private mutating func see(_ object: StoredObject, _ client: Int, _ place: Int) {
        clients[client].hands[place].view = TypedView(
            context: CausalContext(of: object), object: object.typedObject)
    }

    /// Its requests will never be answered.
    mutating func gatewayCrashed(_ node: Int) {
        for id in pending.keys.sorted() where pending[id]?.gateway.node == node { pending[id] = nil }
    }

    func checkAnswered(at now: Instant, _ checker: inout Checker) {
        for id in pending.keys.sorted() {
            if let request = pending[id], request.deadline + .seconds(1) < now {
                checker.violate("request \(id) was not answered by its deadline")
            }
        }
    }
}

extension RequestFailure {
    /// No other node would say otherwise.
    fileprivate var isFinal: Bool {
        switch self {
        case .exists, .tooManySiblings, .vectorFull, .tooLarge, .notApplied, .malformed: true
        case .badLevel, .diskFull, .overloaded, .quorumNotReached, .behind: false
        }
    }
}

/// What the replica that minted a request says of it.
struct TypedAnswer {
    let dots: (first: Dot, last: Dot)?
    let isDoneBefore: Bool

    init?(_ bytes: [UInt8]) {
        guard let answer = try? JSONValue.decode(bytes) else { return nil }
        isDoneBefore = answer["done_before"] == .bool(true)
        guard let text = answer["dots"]?.string else {
            dots = nil
            return
        }
        // A node's name may have dashes.
        guard let dash = text.lastIndex(of: "-"), let first = Dot(spelled: text[..<dash]),
            let last = UInt64(text[text.index(after: dash)...])
        else { return nil }
        dots = (first, Dot(actor: first.actor, counter: last))
    }
}
