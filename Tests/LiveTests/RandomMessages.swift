// Messages of every kind, drawn at random.

import Causality
import DataTypes
import Keys
import World

@testable import Live

struct RandomMessages {
    var random: SeededRandom

    private mutating func number() -> UInt64 { random.next() >> UInt64.random(in: 0..<64, using: &random) }

    private mutating func text() -> String {
        String((0..<Int.random(in: 1...6, using: &random)).map { _ in "abcz".randomElement(using: &random) ?? "a" })
    }

    private mutating func key() throws -> [UInt8] {
        try Cluster.key(text(), random.chance(0.5) ? text() : nil).bytes
    }

    private mutating func target() throws -> LiveTarget {
        guard random.chance(0.5) else { return LiveTarget(key: try StoredKey(decoding: key())) }
        func part(_ random: inout SeededRandom) -> [UInt8]? {
            random.chance(0.5) ? nil : (0..<3).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        return try LiveTarget(
            bucket: Array("b".utf8), partitionKey: Array(text().utf8), start: part(&random), end: part(&random),
            prefix: part(&random))
    }

    private mutating func stream() -> LiveStream { LiveStream(life: number(), count: number()) }
    private mutating func shard() -> Int { Int.random(in: 0...Limits.liveShards, using: &random) }
    private mutating func id() -> UInt32 { UInt32(truncatingIfNeeded: number()) }
    private mutating func mark() -> ChangeMark { ChangeMark(life: number(), shard: shard(), position: number()) }

    private mutating func versions() -> VersionVector {
        var versions = VersionVector()
        for node in Cluster.replicas where random.chance(0.5) {
            versions.record(Dot(actor: Actor(node: node, incarnation: number()), counter: number() | 1))
        }
        return versions
    }

    private mutating func item() throws -> LiveItem {
        let state: LiveState =
            random.chance(0.5)
            ? .versions(versions())
            : .object(
                (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        return LiveItem(key: try key(), state: state)
    }

    private mutating func many<T>(_ make: (inout RandomMessages) throws -> T) rethrows -> [T] {
        try (0..<Int.random(in: 0...4, using: &random)).map { _ in try make(&self) }
    }

    private mutating func words() throws -> LiveWords {
        LiveWords(key: try key(), from: Writer(high: number(), low: number()), data: Array("[\(number())]".utf8))
    }

    mutating func next() throws -> LiveMessage {
        switch Int.random(in: 0..<12, using: &random) {
        case 0:
            return .watch(
                stream(), isFirst: random.chance(0.5),
                try many {
                    WatchOrder(
                        id: $0.id(), target: try $0.target(), isSource: $0.random.chance(0.5),
                        since: $0.random.chance(0.5) ? $0.mark() : nil)
                })
        case 1: return .unwatch(stream(), many { $0.id() })
        case 2: return .renew(stream(), confirmed: number(), count: number(), digest: number())
        case 3: return .read(key: try key())
        case 4: return .changes(ask: number(), try target(), since: mark())
        case 5:
            var notice = LiveNotice(stream: stream(), number: number(), life: number())
            notice.opened = many { OpenedWatch(id: $0.id(), shard: $0.shard()) }
            notice.items = try many { try $0.item() }
            notice.reached = many { ReachedPosition(shard: $0.shard(), position: $0.number()) }
            return .notice(notice)
        case 6:
            return .refused(
                stream(), many { $0.id() }, WatchRefusal.allCases.randomElement(using: &random) ?? .tooLarge)
        case 7: return .unknown(stream())
        case 8: return .contents(try item())
        case 9: return .say(try words())
        case 10: return .said(try words())
        default: return .changed(ask: number(), keys: random.chance(0.3) ? nil : try many { try $0.key() })
        }
    }
}
