// An acceptor with its store in memory.

@testable import NameStore
import World

struct TestRecords: NameRecords {
    var bytes: [[UInt8]: [UInt8]] = [:]
    /// Keys whose reads fail.
    var unreadable: Set<[UInt8]> = []

    struct Unreadable: Error {}

    func record(of key: [UInt8]) throws -> [UInt8]? {
        guard !unreadable.contains(key) else { throw Unreadable() }
        return bytes[key]
    }

    func keys(from: [UInt8], upTo: [UInt8], limit: Int) -> [[UInt8]] {
        let found = bytes.keys.filter { !$0.lexicographicallyPrecedes(from) && $0.lexicographicallyPrecedes(upTo) }
        return Array(found.sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit))
    }
}

/// One acceptor, founded, and its disk.
final class TestAcceptor {
    static let node = NodeID(literal: "a")
    static let peer = NodeID(literal: "p")
    let store: StoreID
    let cluster: ClusterID
    private(set) var configuration: Configuration
    var records = TestRecords()
    var frontiers: [[UInt8]?] = [nil, nil]
    var acceptor: Acceptor

    /// `others`: how many further acceptors the configuration has.
    init(others: Int = 2) {
        store = StoreID(high: 7, low: 7)
        let peers = (0..<others).compactMap { index in
            NodeID("b\(index)").map { AcceptorID(node: $0, store: StoreID(high: 1, low: UInt64(index))) }
        }
        let own = AcceptorID(node: TestAcceptor.node, store: store)
        guard let founding = Configuration(epoch: 1, acceptors: [own] + peers) else {
            preconditionFailure("a set of acceptors")
        }
        configuration = founding
        cluster = ClusterID(founding: founding)
        let opened = Acceptor.open(
            node: TestAcceptor.node, header: nil, hasRecords: false, frontiers: [nil, nil], fresh: store)
        acceptor = opened.acceptor
        keep(opened.initial)
        _ = ask(.pledge(founder: own), epoch: 0, cluster: nil)
        _ = ask(.setEpoch(founding), epoch: 0)
    }

    func keep(_ batch: VoteBatch) {
        for (key, value) in batch.writes { records.bytes[key] = value }
        if let (copy, bytes) = batch.frontier { frontiers[copy] = bytes }
    }

    func process(_ requests: [NameRequest]) -> VoteBatch {
        let batch = requests.map { request in
            Inbound(
                from: TestAcceptor.peer,
                message: NameMessage(
                    cluster: cluster, epoch: configuration.epoch, store: store, exchange: 1, body: .request(request)))
        }
        let result = acceptor.process(batch, records: records)
        keep(result)
        return result
    }

    /// The answer, or nil for silence.
    func ask(_ request: NameRequest, epoch: UInt64? = nil, cluster: ClusterID?? = nil, store: StoreID? = nil)
        -> NameReply?
    {
        let message = NameMessage(
            cluster: cluster ?? self.cluster, epoch: epoch ?? configuration.epoch, store: store ?? self.store,
            exchange: 9, body: .request(request))
        let result = acceptor.process([Inbound(from: TestAcceptor.peer, message: message)], records: records)
        keep(result)
        guard case .reply(let reply)? = result.replies.first?.message.body else { return nil }
        return reply
    }

    func vote(_ request: NameRequest) -> Vote? {
        guard case .vote(let vote)? = ask(request) else { return nil }
        return vote
    }

    func adopt(_ next: Configuration) -> NameReply? {
        let reply = ask(.setEpoch(next))
        if reply == .epochSet { configuration = next }
        return reply
    }

    /// The process ends and starts again, with what its disk holds.
    func reopened(fresh: StoreID = StoreID(high: 99, low: 99)) -> OpenedStore {
        let hasRecords = records.bytes.keys.contains { $0 != StoreLayout.header }
        return Acceptor.open(
            node: TestAcceptor.node, header: records.bytes[StoreLayout.header], hasRecords: hasRecords,
            frontiers: frontiers, fresh: fresh)
    }
}
