// The acceptor on its real disk: a LevelDB directory and two frontier files, stopped, copied, truncated, flipped, lost.

import Dispatch
import Foundation
import LevelDB
import Logging
@testable import NameStore
import Node
import Storage
import Testing
import World

@testable import Server

/// One acceptor's data directory, and the cluster of one that it founds.
private final class Disk {
    let path: String
    let node = NodeID(literal: "a")
    private var opened = 0

    init() throws {
        path = NSTemporaryDirectory() + "/atoll-names-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: String { path + "/names" }
    var frontiers: [String] { (0..<2).map { "\(path)/names-frontier-\($0)" } }

    /// Opens the store, lets `body` ask, and closes it as a node that stops does.
    func run<Result>(_ body: (Running) throws -> Result) throws -> Result {
        opened += 1
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let thread = try NameStoreThread(
            node: node, directory: DataDirectory(path: path), fresh: StoreID(high: UInt64(opened), low: 99),
            logger: logger, stop: { failure in preconditionFailure("\(failure)") })
        let running = Running(thread, node)
        thread.start(ended: running.ended) { running.take($0.replies) }
        defer {
            thread.mailbox.close()
            running.ended.wait()
        }
        return try body(running)
    }

    func copy(_ from: String, _ to: String) throws {
        if FileManager.default.fileExists(atPath: to) { try FileManager.default.removeItem(atPath: to) }
        try FileManager.default.copyItem(atPath: from, toPath: to)
    }

    /// LevelDB's files with this ending, the largest first.
    func files(_ ending: String) throws -> [String] {
        func size(_ file: String) throws -> Int {
            try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
        }
        let all = try FileManager.default.contentsOfDirectory(atPath: names).filter { $0.hasSuffix(ending) }
        return try all.map { "\(names)/\($0)" }.sorted { try size($0) > size($1) }
    }

    func edit(_ file: String, _ change: (inout Data) -> Void) throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: file))
        change(&data)
        try data.write(to: URL(fileURLWithPath: file))
    }
}

private final class Running: @unchecked Sendable {
    // `lock` guards `replies`.
    let thread: NameStoreThread
    let ended = DispatchGroup()
    private let node: NodeID
    private let lock = NSLock()
    private var replies: [NameMessage] = []
    private let arrived = DispatchSemaphore(value: 0)

    init(_ thread: NameStoreThread, _ node: NodeID) {
        self.thread = thread
        self.node = node
    }

    func take(_ batch: [(to: NodeID, message: NameMessage)]) {
        for (_, message) in batch {
            lock.withLock { replies.append(message) }
            arrived.signal()
        }
    }

    private var founding: Configuration? {
        Configuration(epoch: 1, acceptors: [AcceptorID(node: node, store: thread.storeID)])
    }

    /// The answer; nil for silence. A question that is always answered follows, so silence need not be waited for.
    func ask(_ request: NameRequest, epoch: UInt64 = 1) -> NameReply? {
        let cluster = founding.map { ClusterID(founding: $0) }
        func message(_ request: NameRequest, _ exchange: UInt64) -> Inbound {
            Inbound(
                from: NodeID(literal: "p"),
                message: NameMessage(
                    cluster: cluster, epoch: epoch, store: thread.storeID, exchange: exchange, body: .request(request)))
        }
        _ = thread.mailbox.put([message(request, 1), message(.hello, 2)])
        var answer: NameReply?
        while true {
            arrived.wait()
            let next = lock.withLock { replies.removeFirst() }
            guard case .reply(let reply) = next.body else { continue }
            if next.exchange == 2 { return answer }
            answer = reply
        }
    }

    func found() {
        guard let founding else { return }
        _ = ask(.pledge(founder: AcceptorID(node: node, store: thread.storeID)), epoch: 0)
        _ = ask(.setEpoch(founding), epoch: 0)
    }

    func promise(_ name: String, _ round: UInt64) -> Bool {
        let ballot = Ballot(round: round, node: NodeID(literal: "p"), session: 1)
        guard case .vote(let vote)? = ask(.prepare(key(name), ballot)) else { return false }
        return vote.granted
    }

    /// Asks for many promises at once, and waits until they were worked.
    func promiseAll(_ names: [String], _ round: UInt64) {
        let ballot = Ballot(round: round, node: NodeID(literal: "p"), session: 1)
        let cluster = founding.map { ClusterID(founding: $0) }
        let batch = names.map { name in
            Inbound(
                from: NodeID(literal: "p"),
                message: NameMessage(
                    cluster: cluster, epoch: 1, store: thread.storeID, exchange: 1,
                    body: .request(.prepare(key(name), ballot))))
        }
        _ = thread.mailbox.put(batch)
        _ = ask(.hello)
    }

    func key(_ name: String) -> RegisterKey { RegisterKey(bytes: [1] + Array(name.utf8)) ?? .configuration }
}

@Suite(.serialized) struct NameStoreThreadTests {
    private func used(_ names: Int = 40) throws -> Disk {
        let disk = try Disk()
        try disk.run { node in
            node.found()
            for number in 0..<names { #expect(node.promise("n\(number)", 5)) }
        }
        return disk
    }

    @Test func whatItPromisedItKeeps() throws {
        let disk = try used()
        try disk.run { node in
            #expect(node.thread.quarantine == nil)
            #expect(!node.promise("n7", 4), "a promise outlives the process")
            #expect(node.promise("n7", 6))
        }
    }

    @Test func anOlderCopyIsQuarantined() throws {
        let disk = try used()
        try disk.copy(disk.names, disk.path + "/copy")
        try disk.run { node in #expect(node.promise("n1", 9)) }
        try disk.copy(disk.path + "/copy", disk.names)
        try disk.run { node in
            guard case .lostVotes? = node.thread.quarantine else {
                Issue.record("\(String(describing: node.thread.quarantine))")
                return
            }
            #expect(!node.promise("n1", 8))
            #expect(!node.promise("other", 1))
        }
    }

    @Test func aTruncatedLogIsQuarantined() throws {
        let disk = try used()
        let log = try #require(disk.files(".log").first)
        try disk.edit(log) { $0 = $0.prefix($0.count / 2) }
        try disk.run { node in
            #expect(node.thread.quarantine != nil)
            #expect(!node.promise("n1", 9))
        }
    }

    @Test func aFlippedByteInTheLogIsQuarantined() throws {
        let disk = try used()
        let log = try #require(disk.files(".log").first)
        try disk.edit(log) { $0[$0.count / 3] ^= 0x10 }
        try disk.run { node in
            #expect(node.thread.quarantine != nil)
            #expect(!node.promise("n1", 9))
        }
    }

    /// LevelDB finds nothing wrong, the record's own checksum does.
    @Test func aDamagedRecordSilencesItsNameAlone() throws {
        let disk = try used()
        do {
            let store = try LevelDBStore(path: disk.names)
            let key = StoreLayout.record(RegisterKey(bytes: [1] + Array("n3".utf8)) ?? .configuration)
            var bytes = try #require(try store.get(key))
            bytes[4] ^= 1
            try store.commit([.put(key: key, value: bytes)], synced: true)
        }
        try disk.run { node in
            #expect(node.thread.quarantine == nil)
            #expect(node.ask(.read(node.key("n3"))) == nil, "faulty is not absent")
            #expect(!node.promise("n3", 9))
            #expect(node.promise("n4", 9))
            #expect(node.thread.damagedRecords == 1)
            guard case .page(let keys, _)? = node.ask(.list(after: nil, limit: 100)) else {
                Issue.record("no page")
                return
            }
            #expect(keys.contains(node.key("n3")))
        }
    }

    @Test func aFlippedByteInATableSilencesNoOtherStore() throws {
        let disk = try used(4_000)
        // Opening moves the log into a table.
        try disk.run { _ in }
        let table = try #require(disk.files(".ldb").first)
        try disk.edit(table) { data in
            for place in stride(from: 100, to: data.count, by: 1_000) { data[place] ^= 0x10 }
        }
        try disk.run { node in
            let silent = (0..<4_000).filter { node.ask(.read(node.key("n\($0)"))) == nil }
            // Never an answer from what is damaged: the names in damaged blocks are silent, or, where the header's own
            // block is among them, the whole store says that it is quarantined.
            if node.thread.quarantine == nil {
                #expect(!silent.isEmpty && node.thread.damagedRecords == silent.count)
            }
        }
    }

    /// Every file of the store × every way in which it may be found: the node runs, and what was promised is never
    /// contradicted. Where votes may be missing the acceptor is mute, and says so.
    @Test(arguments: StoreFile.allCases, Damage.allCases)
    func aDamagedFileNeverUnsaysAPromise(_ file: StoreFile, _ damage: Damage) throws {
        let disk = try used(20)
        // Opening moves the log into a table.
        try disk.run { node in for number in 20..<40 { #expect(node.promise("n\(number)", 5)) } }
        let names = try FileManager.default.contentsOfDirectory(atPath: disk.names).filter(file.matches)
        #expect(!names.isEmpty)
        for name in names { try damage.apply(to: "\(disk.names)/\(name)") }
        try disk.run { node in
            let mayVote = (0..<40).contains { node.promise("n\($0)", 4) }
            #expect(!mayVote, "a promise outlives the damage")
            // A table is only looked into when a name in it is asked for: the rest goes on.
            let isWhole = file == .lock || file == .table && damage != .missing
            #expect((node.thread.quarantine == nil) == isWhole || file == .table, "\(file) \(damage)")
            if node.thread.quarantine != nil { #expect(!node.promise("other", 1) && !node.promise("n7", 9)) }
        }
    }

    @Test(arguments: Damage.allCases, [[0], [1], [0, 1]])
    func aDamagedFrontierNeverUnsaysAPromise(_ damage: Damage, _ copies: [Int]) throws {
        let disk = try used(20)
        for copy in copies { try damage.apply(to: disk.frontiers[copy]) }
        try disk.run { node in
            #expect(!(0..<20).contains { node.promise("n\($0)", 4) })
            if copies.count == 2 { #expect(node.thread.quarantine == .frontierUnreadable) }
            // The other copy is enough, if it is the newer one.
            if node.thread.quarantine == nil { #expect(node.promise("n7", 9)) }
        }
    }

    /// Damage that LevelDB meets while it compacts makes its writes fail: the acceptor falls silent, the node goes on.
    @Test func aStoreFoundDamagedWhileItIsWrittenIsQuarantined() throws {
        let disk = try used()
        try disk.run { _ in }
        for table in try disk.files(".ldb") {
            try disk.edit(table) { data in for place in 0..<(data.count / 2) { data[place] ^= 0x10 } }
        }
        try disk.run { node in
            let name = String(repeating: "x", count: 200)
            for round in 0..<400 where node.thread.quarantine == nil {
                node.promiseAll((0..<1_000).map { "\(name)\(round * 1_000 + $0)" }, 5)
            }
            guard case .storeUnreadable? = node.thread.quarantine else {
                Issue.record("\(String(describing: node.thread.quarantine))")
                return
            }
            #expect(!node.promise("other", 1))
            guard case .identity(let identity)? = node.ask(.hello) else {
                Issue.record("it does not say so")
                return
            }
            #expect(identity.standing == .quarantined)
        }
    }

    @Test func damagedFrontiersAreQuarantined() throws {
        let disk = try used()
        for file in disk.frontiers { try disk.edit(file) { $0[10] ^= 1 } }
        try disk.run { node in
            #expect(node.thread.quarantine == .frontierUnreadable)
            #expect(!node.promise("n1", 9))
        }
    }

    @Test func missingFrontiersAreQuarantined() throws {
        let disk = try used()
        for file in disk.frontiers { try FileManager.default.removeItem(atPath: file) }
        try disk.run { node in #expect(node.thread.quarantine == .frontierUnreadable) }
    }

    /// With its frontier or without: under a new identity, and without a vote.
    @Test(arguments: [true, false]) func aLostStoreComesBackAsAnother(_ withFrontier: Bool) throws {
        let disk = try used()
        let before = try disk.run { $0.thread.storeID }
        try FileManager.default.removeItem(atPath: disk.names)
        if withFrontier { for file in disk.frontiers { try FileManager.default.removeItem(atPath: file) } }
        let after = try disk.run { node in
            #expect(node.thread.quarantine == nil)
            #expect(!node.promise("n1", 9))
            return node.thread.storeID
        }
        #expect(after != before)
        try disk.run { node in
            #expect(node.thread.quarantine == nil)
            #expect(node.thread.storeID == after, "and it stays that one")
        }
    }
}
