// The cluster, the live reads and the namestore of the small world.

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

extension FakeWorld {
    // MARK: The cluster

    func rule(_ key: StoredKey) -> ConflictRule {
        ring.buckets.first { Array($0.name.utf8) == key.bucket }?.properties.conflict ?? .siblings
    }

    /// Writes a record to all replicas, past all cores.
    mutating func put(_ key: StoredKey?, _ record: some SocialRecord) {
        guard let key else { return }
        let write = ClientRequest.Operation.write(
            value: record.json.encode(), contentType: "application/json", context: nil, onlyIfAbsent: false, ttlMs: nil)
        _ = perform(ClientRequest(write, key: key, level: .quorum, timeout: Limits.socialTimeout))
        for missing in late { merge(missing.object, missing.key, missing.replica) }
        late = []
    }

    mutating func merge(_ object: StoredObject, _ key: [UInt8], _ replica: Int) {
        guard let stored = try? StoredKey(decoding: key) else { return }
        var all = replicas[replica][key] ?? StoredObject()
        all.merge(object, rule: rule(stored))
        replicas[replica][key] = all
    }

    /// What a majority has.
    mutating func merged(_ key: StoredKey, _ count: Int) -> StoredObject? {
        let asked = [0, 1, 2].shuffled(using: &random).prefix(count)
        var all: StoredObject?
        for replica in asked {
            guard let object = replicas[replica][key.bytes] else { continue }
            if all == nil { all = object } else { all?.merge(object, rule: rule(key)) }
        }
        return all
    }

    mutating func perform(_ request: ClientRequest) -> ClientOutcome {
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
        case .insert(let keys, let value, let type):
            let minter = Int.random(in: 0..<3, using: &random)
            let isAlone = keys.allSatisfy { replicas[minter][$0.bytes] == nil }
            guard isAlone else { return .inserted(left: Array(keys.indices)) }
            for key in keys {
                let write = ClientRequest.Operation.write(
                    value: value, contentType: type, context: nil, onlyIfAbsent: false, ttlMs: nil)
                _ = perform(ClientRequest(write, key: key, level: .one, timeout: request.timeout))
            }
            return .inserted(left: [])
        case .operate: return .failed(.diskFull, nil)
        case .list(let range, let reverse, let limit):
            ranges += 1
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

    /// Writes a record that nobody has asked for.
    mutating func plant(_ record: some SocialRecord, at key: StoredKey) {
        let write = ClientRequest.Operation.write(
            value: record.json.encode(), contentType: "application/json", context: nil, onlyIfAbsent: false, ttlMs: nil)
        _ = perform(ClientRequest(write, key: key, level: .quorum))
    }

    static func account(_ ring: RingDocument) -> Account {
        var tally = Tally()
        for node in ring.nodes.prefix(2) { tally.add(Acknowledgement(node: node.id, country: node.country)) }
        return Account(tally: tally, level: .quorum, reached: true)
    }

    // MARK: Live

    mutating func tellWatchers(_ key: [UInt8]) {
        for place in nodes.indices {
            for (number, subscription) in nodes[place].watches.sorted(by: { $0.key < $1.key }) {
                for watch in subscription.watches where watch.target.range?.contains(key) == true {
                    notify(place, number, watch, key)
                }
            }
        }
    }

    mutating func notify(_ place: Int, _ number: UInt64, _ watch: LiveSubscription.Watch, _ key: [UInt8]) {
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

    mutating func perform(_ operation: NameOperation, _ name: Name) -> NameAnswer {
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
}
