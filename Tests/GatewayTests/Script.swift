// Interactions with a gateway as text: each line that begins at the margin is something that happens, and the indented
// lines below are what the gateway does about it. A script is replayed and compared with what it says; a change of
// behaviour is a readable difference.
//
//     put v1 quorum              a client's request: put VALUE, delete, get or list, with LEVEL, strict, timeout=MS …
//     operate named quorum       an increment of a typed key, with a name or without
//       de-1 mint v1             the gateway asks a node
//     de-1 prepares              the gateway's own node has made the write and commits it next
//     de-1 minted                a node answers the oldest question that it has open
//       us-1 store v1
//     after 1500                 milliseconds pass
//       answer written v1 acks=2 hints=0 de us
//
// P1 P2 … and F1 F2 … stand for the key's primaries and fallbacks in the order of the preference list.

import JSON
import Causality
import DataTypes
import Gateway
import Keys
import Ring
@testable import Wire
import World

@testable import Gateway

struct ScriptError: Error, CustomStringConvertible {
    let description: String
}

struct ScriptRunner {
    private struct Question {
        let node: NodeID
        let envelope: RequestEnvelope
    }

    private(set) var gateway: GatewayState
    private let ring: RingSnapshot
    private let key: StoredKey
    private var now = Now(instant: .origin, wall: WallTime(milliseconds: 1_767_225_600_000))
    private var open: [Question] = []
    private var last: (node: NodeID, envelope: ReplyEnvelope)?
    private var aliases: [(alias: String, node: NodeID)] = []
    private var nextRequest: UInt64 = 1
    private var counter: UInt64 = 0
    private var lastMinted: [UInt8]?
    private var out = Outbox<GatewayEffect>()

    /// `bucket`: whose placement is played. Every node is available at first.
    init(ring: RingSnapshot, at identity: NodeID, bucket: String = "posts", seed: UInt64 = 1) throws {
        self.ring = ring
        key = try StoredKey(bucket: Array(bucket.utf8), partitionKey: Array("key".utf8))
        gateway = GatewayState(identity: identity, ring: ring, random: SeededRandom(seed: seed), now: .origin)
        for node in ring.document.nodes { gateway.setAvailable(node.id, true) }
        let route = ring.route(bucket: key.bucket, token: key.token)
        aliases =
            route.primaries.enumerated().map { ("P\($0 + 1)", $1) }
            + route.fallbacks.enumerated().map { ("F\($0 + 1)", $1) }
    }

    /// What the script becomes when it is played.
    static func replay(_ script: String, _ runner: inout ScriptRunner) throws -> String {
        var lines: [String] = []
        // A node goes by its name where the script never uses the alias.
        let used = Set(script.split { $0 == " " || $0 == "\n" }.map(String.init))
        runner.aliases.removeAll { !used.contains($0.alias) }
        for line in script.split(separator: "\n", omittingEmptySubsequences: false) where !line.hasPrefix("  ") {
            lines.append(String(line))
            let words = line.split(separator: " ").map(String.init)
            if words.isEmpty { continue }
            try runner.play(words)
            lines += runner.takeEffects().map { "  " + $0 }
        }
        return lines.joined(separator: "\n")
    }

    // MARK: What happens

    private mutating func play(_ words: [String]) throws {
        switch words[0] {
        case "put":
            try begin(
                .write(
                    value: Array(words[1].utf8), contentType: "", context: nil,
                    onlyIfAbsent: words.contains("if-absent"), ttlMs: nil), words)
        case "insert":
            let keys = try words.dropFirst(2).filter { !$0.contains("=") }.map(otherKey)
            try begin(
                .insert(keys: keys, value: Array(words[1].utf8), contentType: ""),
                [words[0]] + words.filter { $0.contains("=") })
        case "delete":
            try begin(.write(value: nil, contentType: "", context: nil, onlyIfAbsent: false, ttlMs: nil), words)
        case "operate":
            let name = words.contains("named") ? OperationName(writer: Writer(high: 1, low: 2), number: 1) : nil
            let call = TypedCall(.operations, Array(#"[{"op":"increment","path":""}]"#.utf8), name: name)
            try begin(.operate(call, context: nil, onlyIfAbsent: false), words)
        case "get": try begin(.read, words)
        case "list":
            let range = try StoredKey.range(
                bucket: key.bucket, partitionKey: key.partitionKey, start: nil, end: nil, prefix: nil)
            try begin(
                .list(range: range, reverse: words.contains("reverse"), limit: number("limit", words) ?? 100), words)
        case "after":
            now.instant = now.instant + .milliseconds(Int64(words[1]) ?? 0)
            gateway.wake(now: now, &out)
        case "down", "up": gateway.setAvailable(try node(words[1]), words[0] == "up")
        case "again":
            guard let last else { throw ScriptError(description: "nothing was answered yet") }
            gateway.receive(last.envelope, from: last.node, now: now, &out)
        default: try answer(words)
        }
    }

    private func otherKey(_ sort: String) throws -> StoredKey {
        try StoredKey(bucket: key.bucket, partitionKey: key.partitionKey, sortKey: Array(sort.utf8))
    }

    private mutating func begin(_ operation: ClientRequest.Operation, _ words: [String]) throws {
        let known = words.compactMap { ConsistencyLevel($0) }.last
        let request = ClientRequest(
            operation, key: key,
            level: words.dropFirst(words[0] == "put" ? 2 : 1).contains { ConsistencyLevel($0) != nil } ? known : nil,
            strict: words.contains("strict"), timeout: .milliseconds(Int64(number("timeout", words) ?? 5_000)))
        gateway.begin(nextRequest, request, now: now, &out)
        nextRequest += 1
    }

    private func number(_ name: String, _ words: [String]) -> Int? {
        words.first { $0.hasPrefix(name + "=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
    }

    private func node(_ word: String) throws -> NodeID {
        if let alias = aliases.first(where: { $0.alias == word }) { return alias.node }
        guard let node = NodeID(word) else { throw ScriptError(description: "no node \(word)") }
        return node
    }

    /// `NODE WHAT …`, or `NODE for OTHER WHAT …`: an answer under the other's question.
    private mutating func answer(_ words: [String]) throws {
        let sender = try node(words[0])
        let isImpostor = words[1] == "for"
        let asked = isImpostor ? try node(words[2]) : sender
        let what = Array(words.dropFirst(isImpostor ? 3 : 1))
        guard let place = open.firstIndex(where: { $0.node == asked }) else {
            throw ScriptError(description: "\(words.joined(separator: " ")): nothing is asked of it")
        }
        let question = open[place]
        if what[0] == "prepares" {
            guard case .minted(let object, let wasAbsent) = try reply(["minted"], to: question) else { return }
            return gateway.prepared(question.envelope.id, object: object, wasAbsent: wasAbsent, now: now, &out)
        }
        if !isImpostor { open.remove(at: place) }
        if what[0] == "breaks" || what[0] == "unsent" {
            return gateway.fail(
                question.envelope.id, from: sender, wasSent: what[0] == "breaks", now: now, &out)
        }
        let envelope = ReplyEnvelope(
            id: question.envelope.id, inFlight: 0, serviceMicroseconds: 100, reply: try reply(what, to: question))
        last = (sender, envelope)
        gateway.receive(envelope, from: sender, now: now, &out)
    }

    private mutating func reply(_ what: [String], to question: Question) throws -> ReplicaReply {
        switch what[0] {
        case "minted":
            if case .insert(let insert) = question.envelope.request { return inserted(insert, by: question.node) }
            guard case .mint(let mint) = question.envelope.request else {
                throw ScriptError(description: "was asked no mint")
            }
            counter += 1
            if let call = try? TypedCall(decoding: mint.value ?? []) {
                return try minted(call, by: question.node, isLarge: what.contains("large"))
            }
            var object = StoredObject()
            let payload: Payload = mint.value.map { .value($0) } ?? .tombstone
            let dot = Dot(actor: Actor(node: question.node, incarnation: 1), counter: counter)
            object.write(
                Sibling(dot: dot, payload: payload, time: HybridTime(bits: counter), attempt: mint.attempt),
                context: nil, voiding: mint.voids, rule: .siblings)
            return .minted(object: object.encode(), wasAbsent: !what.contains("over"))
        case "stored": return .stored
        case "beside": return .storedBeside
        case "nothing": return .object(nil)
        // All that the last mint has led to.
        case "same": return .object(lastMinted)
        case "object": return .object(try object(what[1]).encode())
        case "summary": return .summary(try object(what[1]).summary.encode())
        case "garbage": return .object([1, 2, 3])
        case "page":
            let items = try what.dropFirst().filter { $0.contains("=") }.map { item in
                let parts = item.split(separator: "=").map(String.init)
                return RangeItem(key: try sortedKey(parts[0]), object: try object(parts[1]).encode())
            }
            return .page(items: RangeItems(items), more: what.contains("more"))
        case "refuses":
            let code = Refusal.Code.allCases.first { "\($0)" == what[1] }
            return .refused(Refusal(code ?? .unknown, "because"))
        default: throw ScriptError(description: "no answer \(what[0])")
        }
    }

    private mutating func inserted(_ insert: InsertRequest, by node: NodeID) -> ReplicaReply {
        counter += 1
        var object = StoredObject()
        let dot = Dot(actor: Actor(node: node, incarnation: 1), counter: counter)
        object.write(
            Sibling(dot: dot, payload: .value(insert.value), time: HybridTime(bits: counter)), context: nil,
            rule: .lastWriteWins)
        return .minted(object: object.encode(), wasAbsent: true)
    }

    /// A counter that this node has raised as often as anything was minted; or the same in a document that is too large
    /// to be sent with each change.
    private mutating func minted(_ call: TypedCall, by node: NodeID, isLarge: Bool) throws -> ReplicaReply {
        var object = StoredObject()
        let actor = Actor(node: node, incarnation: 1)
        if isLarge {
            let body = #"{"body":"\#(String(repeating: "x", count: 1_000))"}"#
            _ = try object.carryOut(
                TypedCall(.put, Array(body.utf8)), as: .document, context: nil, room: 1 << 20,
                MintingRun(actor: actor, first: 1, time: HybridTime(bits: 1)))
        }
        let next = TypedCall(.operations, Array(#"[{"op":"increment","path":"\#(isLarge ? "/n" : "")"}]"#.utf8))
        let outcome = try object.carryOut(
            next, as: isLarge ? .document : .counter, context: nil, room: 1 << 20,
            MintingRun(actor: actor, first: 10 + counter, time: HybridTime(bits: 10 + counter)))
        guard case .minted(let delta, _) = outcome else { throw ScriptError(description: "nothing was minted") }
        lastMinted = object.encode()
        let minted = TypedMinted(
            outcome, object, under: key.bytes, change: isLarge ? delta.encode() : object.encode())
        return .minted(object: minted.encode(), wasAbsent: true)
    }

    private func sortedKey(_ sort: String) throws -> [UInt8] {
        try StoredKey(bucket: key.bucket, partitionKey: key.partitionKey, sortKey: Array(sort.utf8)).bytes
    }

    /// Objects by name: `a1` is the first write of actor a, `a2` its second that has seen the first, `a1+b1` both of
    /// two concurrent ones; `-a2` a deletion; `a1*900` is `a1` with 900 KiB of zeros behind it.
    private func object(_ name: String) throws -> StoredObject {
        var merged = StoredObject()
        let size = name.split(separator: "*")
        let padding = [UInt8](repeating: 0, count: (size.count > 1 ? Int(size[1]) ?? 0 : 0) << 10)
        for part in size[0].split(separator: "+") {
            let isTombstone = part.hasPrefix("-")
            let word = part.drop { $0 == "-" }
            guard let actor = NodeID(String(word.prefix(1))), let counter = UInt64(word.dropFirst()), counter > 0 else {
                throw ScriptError(description: "no object \(name)")
            }
            var object = StoredObject()
            for n in 1...counter {
                let dot = Dot(actor: Actor(node: actor, incarnation: 1), counter: n)
                let payload: Payload =
                    isTombstone && n == counter ? .tombstone : .value(Array("\(word.prefix(1))\(n)".utf8) + padding)
                object.write(
                    Sibling(dot: dot, payload: payload, time: HybridTime(bits: n)), context: nil, rule: .siblings)
            }
            merged.merge(object, rule: .siblings)
        }
        return merged
    }

    // MARK: What the gateway does

    private mutating func takeEffects() -> [String] {
        out.take().map { effect in
            switch effect {
            case .ask(let node, let envelope):
                open.append(Question(node: node, envelope: envelope))
                return "\(word(node)) \(describe(envelope.request))"
            case .takeBack(let id):
                let node = open.first { $0.envelope.id == id }.map { word($0.node) } ?? "nobody"
                return "take back from \(node)"
            case .answer(_, let outcome): return "answer " + describe(outcome)
            }
        }
    }

    private func word(_ node: NodeID) -> String { aliases.first { $0.node == node }?.alias ?? node.name }

    private func describe(_ request: ReplicaRequest) -> String {
        switch request {
        case .read(_, let summaryOver): summaryOver == 0 ? "read" : "read or summary"
        case .mint(let mint):
            "mint " + ((try? TypedCall(decoding: mint.value ?? [])).map(describe) ?? text(mint.value))
                + (mint.onlyIfAbsent ? " if-absent" : "")
                + (mint.voids.isEmpty ? "" : " in place of \(mint.voids.count)")
        case .insert(let insert): "insert \(text(insert.value)) \(insert.keys.map(sort).joined(separator: " "))"
        case .mergeEach(let keys, let object): "store \(describe(object)) \(keys.map(sort).joined(separator: " "))"
        case .merge(let key, let object, let repair): "\(repair ? "repair" : "store") \(name(key))\(describe(object))"
        case .hint(let target, _, let object): "keep \(describe(object)) for \(word(target))"
        case .readHints(let target, _): "read hints for \(word(target))"
        case .range(let range): "range limit=\(range.limit)\(range.reverse ? " reverse" : "")"
        case .compare: "compare"
        }
    }

    private func describe(_ call: TypedCall) -> String {
        call.name.map { "named" + ($0.isAgain ? " again" : "") } ?? "unnamed"
    }

    private func name(_ key: [UInt8]) -> String {
        let sort = sort(key)
        return sort.isEmpty ? "" : sort + "="
    }

    private func sort(_ key: [UInt8]) -> String {
        String(decoding: (try? StoredKey(decoding: key))?.sortKey ?? [], as: UTF8.self)
    }

    private func text(_ value: [UInt8]?) -> String {
        value.map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } ?? "tombstone"
    }

    private func describe(_ bytes: [UInt8]) -> String {
        TypedDelta.isBegun(by: bytes) ? "change" : (try? StoredObject(decoding: bytes)).map(describe) ?? "garbage"
    }

    private func describe(_ object: StoredObject) -> String {
        if let typed = object.typedObject?.value() {
            return object.encode() == lastMinted && object.payloadBytes > 1_000 ? "same" : text(typed.encode())
        }
        return object.siblings.map { sibling in
            if case .value(let bytes) = sibling.payload { text(Array(bytes)) } else { "tombstone" }
        }.joined(separator: "+")
    }

    private func describe(_ outcome: ClientOutcome) -> String {
        switch outcome {
        case .object(let object, let account): "read \(object.map(describe) ?? "nothing") \(describe(account))"
        case .written(let object, let created, let account):
            "\(created ? "created" : "written") \(describe(object)) \(describe(account))"
        case .operated(_, _, let created, let account):
            "\(created ? "created" : "operated") \(describe(account))"
        case .list(let items, let next, let account):
            "list [\(items.map { name($0.key) + describe($0.object) }.joined(separator: " "))]\(describe(next)) \(describe(account))"
        case .inserted(let left):
            "inserted" + (left.isEmpty ? "" : " but " + left.map { "\($0)" }.joined(separator: " "))
        case .failed(let failure, let account): "failed \(failure)" + (account.map { " " + describe($0) } ?? "")
        }
    }

    private func describe(_ next: ListContinuation?) -> String {
        switch next {
        case nil: ""
        case .at(let key): " next at \(name(key).dropLast())"
        case .after(let key): " next after \(name(key).dropLast())"
        }
    }

    private func describe(_ account: Account) -> String {
        "acks=\(account.tally.count) hints=\(account.tally.hinted) \(account.tally.countries.joined(separator: " "))"
            + (account.reached ? "" : " short of \(account.level)")
    }
}
