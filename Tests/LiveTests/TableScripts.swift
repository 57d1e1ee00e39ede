// What a replica tells its watchers, and what it refuses.

import DataTypes
import Causality
import Keys
import Ring
import Testing
import World

@testable import Live

@Suite struct TableScripts {
    private let gateway = Cluster.gateways[0]
    private let stream = LiveStream(life: 1, count: 1)
    private let start = Now(instant: .origin, wall: WallTime(milliseconds: 1_795_000_000_000))

    private func table(primaries: [UInt16] = [0, 1, 2]) throws -> WatchTable {
        WatchTable(
            identity: Cluster.replicas[0], life: 1, shards: 1, ring: try Cluster.ring(primaries: primaries))
    }

    private func step(_ table: inout WatchTable, _ input: WatchTable.Input, after span: Span = .zero)
        -> [WatchTable.Effect]
    {
        var out = Outbox<WatchTable.Effect>()
        table.handle(input, Now(instant: start.instant + span, wall: start.wall), &out)
        return out.take()
    }

    private func order(_ target: LiveTarget, _ id: UInt32 = 1, since: ChangeMark? = nil) -> WatchOrder {
        WatchOrder(id: id, target: target, isSource: true, since: since)
    }

    private func watch(_ table: inout WatchTable, _ orders: [WatchOrder]) -> [WatchTable.Effect] {
        step(&table, .received(.watch(stream, isFirst: true, orders), from: gateway))
    }

    @Test func whatChangesWhileItIsReadIsToldOnce() throws {
        let key = try Cluster.key("plan")
        var table = try table()
        let opening = watch(&table, [order(LiveTarget(key: key))])
        guard case .read(let first, _, let keys, _)? = opening.first, keys == [key.bytes] else {
            return #expect(Bool(false), "nothing was read")
        }
        for position in UInt64(1)...400 {
            #expect(step(&table, .changed(Changes(shard: 0, position: position, keys: [key.bytes]))).isEmpty)
        }
        let effects = step(&table, .read(first, [HubScene.object(1, "v").encode()]))
        var notice = LiveNotice(stream: stream, number: 0, life: 1)
        notice.opened = [OpenedWatch(id: 1, shard: 0)]
        notice.items = [HubScene.item(key, 1, "v")]
        // Up to where it was when the read began.
        notice.reached = [ReachedPosition(shard: 0, position: 0)]
        #expect(effects.first == .send(.notice(notice), to: gateway))
        #expect(effects.count == 2)
    }

    /// There is nothing to tell but that all is told.
    @Test func anEmptyRangeIsOpenOnceItIsListed() throws {
        var table = try table()
        let opening = watch(&table, [order(try Cluster.range("p"))])
        guard case .list(let id, _, _, _)? = opening.first else { return #expect(Bool(false), "nothing was listed") }
        let effects = step(&table, .listed(id, [], isComplete: true))
        guard case .send(.notice(let notice), gateway)? = effects.first else {
            return #expect(Bool(false), "nothing was told")
        }
        #expect(notice.reached == [ReachedPosition(shard: 0, position: 0)] && effects.count == 1)
    }

    /// What a turn tells as reached, as it was when the turn began, is no position of a range that was taken up since.
    @Test(arguments: [true, false]) func aRangeThatIsTakenUpDuringATurnIsOpened(isReadFirst: Bool) throws {
        let key = try Cluster.key("plan")
        var table = try table()
        let opening = watch(&table, [order(LiveTarget(key: key))])
        let more = LiveMessage.watch(stream, isFirst: false, [order(try Cluster.range("p"), 2)])
        let second = step(&table, .received(more, from: gateway))
        guard case .read(let read, _, _, _)? = opening.first, case .list(let list, _, _, _)? = second.first else {
            return #expect(Bool(false), "nothing was read, or nothing was listed")
        }
        var answers: [WatchTable.Input] = [
            .read(read, [HubScene.object(1, "v").encode()]), .listed(list, [], isComplete: true),
        ]
        if !isReadFirst { answers.reverse() }
        let told = answers.flatMap { step(&table, $0) }.compactMap { effect -> LiveNotice? in
            guard case .send(.notice(let notice), _) = effect else { return nil }
            return notice
        }
        let opened = try #require(told.firstIndex { $0.opened.contains(OpenedWatch(id: 2, shard: 0)) })
        #expect(told[opened...].contains { !$0.reached.isEmpty })
    }

    @Test func confirmationsMakeRoom() throws {
        let key = try Cluster.key("plan")
        let order = order(LiveTarget(key: key))
        var table = try table()
        var notices: UInt64 = 0
        func drain(_ effects: [WatchTable.Effect]) {
            var effects = effects
            while !effects.isEmpty {
                let now = effects
                effects = []
                for effect in now {
                    if case .send(.notice, _) = effect { notices += 1 }
                    if case .read(let id, _, let keys, _) = effect {
                        effects += step(&table, .read(id, keys.map { _ in HubScene.object(1, "v").encode() }))
                    }
                }
            }
        }
        drain(watch(&table, [order]))
        for position in UInt64(1)...400 {
            drain(step(&table, .changed(Changes(shard: 0, position: position, keys: [key.bytes]))))
        }
        #expect(notices == UInt64(Limits.liveNotices))
        let renewal = LiveMessage.renew(stream, confirmed: notices, count: 1, digest: order.digest)
        drain(step(&table, .received(renewal, from: gateway)))
        // All that changed meanwhile is one notice.
        #expect(notices == UInt64(Limits.liveNotices) + 1)
    }

    @Test func otherWatchesThanTheGatewayBelievesAreOrderedAgain() throws {
        let order = order(LiveTarget(key: try Cluster.key("plan")))
        var table = try table()
        _ = watch(&table, [order])
        let wrong = LiveMessage.renew(stream, confirmed: 0, count: 1, digest: order.digest &+ 1)
        #expect(step(&table, .received(wrong, from: gateway)) == [.send(.unknown(stream), to: gateway)])
        // They are gone, and so a right one is unknown too.
        let right = LiveMessage.renew(stream, confirmed: 0, count: 1, digest: order.digest)
        #expect(step(&table, .received(right, from: gateway)) == [.send(.unknown(stream), to: gateway)])
    }

    @Test func aLeaseEnds() throws {
        var table = try table()
        _ = watch(&table, [order(LiveTarget(key: try Cluster.key("plan")))])
        _ = step(&table, .tick, after: Limits.liveLease)
        #expect(table.sessions.count == 1)
        _ = step(&table, .tick, after: Limits.liveLease + .milliseconds(1))
        #expect(table.sessions.isEmpty)
    }

    @Test func whoIsNoPrimaryRefuses() throws {
        var table = try table(primaries: [1, 2])
        let effects = watch(&table, [order(LiveTarget(key: try Cluster.key("plan")))])
        #expect(effects == [.send(.refused(stream, [1], .notReplica), to: gateway)])
    }

    @Test func aRangeOfTooManyItemsIsRefused() throws {
        var table = try table()
        var effects = watch(&table, [order(try Cluster.range("p"))])
        var listed = 0
        var refusals: [WatchTable.Effect] = []
        while !effects.isEmpty {
            switch effects.removeFirst() {
            case .list(let id, _, _, let limit):
                let keys = try (listed..<(listed + limit)).map { try Cluster.key("p", "i\(100_000 + $0)").bytes }
                listed += limit
                effects += step(&table, .listed(id, keys, isComplete: false))
            // So that the list goes on.
            case .read(let id, _, let keys, _):
                effects += step(&table, .read(id, keys.map { _ in nil }))
            case .send(.notice(let notice), _):
                let renewal = LiveMessage.renew(
                    stream, confirmed: notice.number + 1, count: 1, digest: order(try Cluster.range("p")).digest)
                effects += step(&table, .received(renewal, from: gateway))
            case .send(let message, let to):
                refusals.append(.send(message, to: to))
                effects = []
            }
        }
        #expect(refusals == [.send(.refused(stream, [1], .tooLarge), to: gateway)])
        #expect(listed == Limits.liveRangeItems + Limits.liveListKeys)
    }

    @Test func aPositionOfAnotherLifeOrOfTheFutureIsNotKnown() throws {
        let range = try Cluster.range("p")
        var table = try table()
        _ = step(&table, .changed(Changes(shard: 0, position: 1, keys: [try Cluster.key("p", "i").bytes])))
        func changed(_ life: UInt64, _ position: UInt64) -> [WatchTable.Effect] {
            let mark = ChangeMark(life: life, shard: 0, position: position)
            return step(&table, .received(.changes(ask: 5, range, since: mark), from: gateway))
        }
        #expect(changed(1, 0) == [.send(.changed(ask: 5, keys: [try Cluster.key("p", "i").bytes]), to: gateway)])
        #expect(changed(1, 1) == [.send(.changed(ask: 5, keys: []), to: gateway)])
        #expect(changed(1, 2) == [.send(.changed(ask: 5, keys: nil), to: gateway)])
        #expect(changed(2, 0) == [.send(.changed(ask: 5, keys: nil), to: gateway)])
    }
}
