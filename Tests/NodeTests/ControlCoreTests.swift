// Whose an answer is: the control loop asks for two parts over the same links.

import HintedHandoff
import Keys
import Live
import NameStore
import Node
import Ring
import Storage
import Testing
import Wire
import World

@Suite struct ControlCoreTests {
    private let key: StoredKey
    private var core: ControlCore

    init() throws {
        let ring = try Bench.ring()
        key = try Bench.key()
        let state = ControlState(
            identity: Bench.de, generation: 1, ring: ring, configuration: ControlConfiguration(),
            random: SeededRandom(seed: 1), now: .origin)
        let registry = Registry(node: Bench.de, session: 1, random: SeededRandom(seed: 1), ring: [])
        let names = NameDesk(registry: registry, isNamed: false, hasAcceptor: false, now: .origin)
        let live = LiveDesk(
            identity: Bench.de, life: 1, shards: 2, ring: ring, positions: ChangePositions(shards: 2),
            room: LiveRoom(), now: Bench.now())
        core = ControlCore(state: state, names: names, live: live, port: 2, shards: 2, ring: ring, now: .origin)
    }

    /// A hint on its way to `us`, found by a keeper.
    private func delivery() throws -> HintDelivery {
        let store = MemoryStore()
        var keeper = try HintKeeper(identity: Bench.de, store: store)
        let object = MintedObject.bytes("a", by: Bench.de)
        let outcome = try keeper.process(
            [.hint(target: Bench.us, key: key.bytes, object: object)], store: store,
            in: BatchSurroundings(now: Bench.now(), ring: try Bench.ring()))
        try store.commit(outcome.writes, synced: true)
        return try #require(try keeper.replay(to: [Bench.us], store: store, now: Bench.now()).deliveries.first)
    }

    private mutating func carry(_ delivery: HintDelivery) throws -> UInt64 {
        let effects = core.hear(.deliver([delivery]))
        guard effects.count == 1, case .send(let envelope, Bench.us) = effects[0] else {
            throw Refusal(.unknown, "\(effects)")
        }
        #expect(envelope.request == delivery.request)
        return envelope.id
    }

    private func jobs(_ effects: [ControlCore.Effect]) -> [String] {
        effects.compactMap { effect in
            switch effect {
            case .hints(.confirm): "confirm"
            case .hints(.reject(_, _, let code)): "\(code)"
            case .hints(.lost): "lost"
            case .hints(.replay): "replay"
            default: nil
            }
        }
    }

    @Test mutating func aDeliveryIsConfirmedOnceOrRejected() throws {
        let delivery = try delivery()
        let stored = try carry(delivery)
        #expect(jobs(core.hear(.replies([Bench.reply(.stored, to: stored)], from: Bench.us))) == ["confirm"])
        #expect(jobs(core.hear(.replies([Bench.reply(.stored, to: stored)], from: Bench.us))) == [])
        let refused = Bench.reply(.refused(Refusal(.diskFull)), to: try carry(delivery))
        #expect(jobs(core.hear(.replies([refused], from: Bench.us))) == ["diskFull"])
        let lost = try carry(delivery)
        #expect(jobs(core.hear(.lost([lost], Bench.us))) == ["lost"])
        #expect(jobs(core.hear(.replies([Bench.reply(.stored, to: lost)], from: Bench.us))) == [])
    }

    @Test mutating func whatHasExpiredIsRewrittenALittleAtATime() {
        let found = (0..<(Limits.expiredAtOnce + 3)).map {
            ExpiredObject(key: key.bytes + [UInt8($0 % 256)], byteCount: 1)
        }
        #expect(core.hear(.expired(found)).isEmpty)
        var rewritten: [Int] = []
        for ms in [100, 110, 210, 320] as [Int64] {
            rewritten.append(
                core.hear(.tick, at: ms).count {
                    if case .work(.shard, let job) = $0 { job.address == .nobody } else { false }
                })
        }
        #expect(rewritten == [Limits.expiredAtOnce, 0, 3, 0])
    }
}
