// Clients that ask at a fixed rate, whatever the nodes do, and note how long each answer took from when its request was
// due: a request that has to wait for a client counts its wait.

import Foundation
import Glibc

final class PacedLoad: @unchecked Sendable {
    enum Kind: String, CaseIterable { case write, read }

    struct Sample {
        let kind: Kind
        /// When it was due, on the stopwatch.
        let due: Double
        let seconds: Double
        let isAnswered: Bool
    }

    /// Enough that all of them wait for a cut to be noticed only at rates beyond those asked for here.
    private static let clients = 128
    /// What is read: few keys, which are there before anything is measured.
    private static let readKeys = 10

    // `lock` guards all that varies.
    private let lock = NSLock()
    private var samples: [Sample] = []
    private var next = 0
    private var isStopped = false
    private let ended = DispatchGroup()
    private let nodes: [TestNode]
    private let bucket: String
    private let began: Double
    private let perSecond: Double
    private let writeShare: Double

    /// Writes are of 100 bytes, each to a key of its own.
    init(_ bucket: String, on nodes: [TestNode], writes: Double, reads: Double) throws {
        self.nodes = nodes
        self.bucket = bucket
        perSecond = writes + reads
        writeShare = writes / (writes + reads)
        let statuses = try atOnce(reads > 0 ? PacedLoad.readKeys : 0) { number in
            try nodes[0].request("PUT", "/v1/kv/\(bucket)/read-\(number)?w=all", body: PacedLoad.value).status
        }
        guard statuses.allSatisfy({ $0 == 201 }) else { throw HarnessFailure("\(bucket): \(statuses)") }
        began = Stopwatch.now + 0.2
        for number in 0..<PacedLoad.clients {
            ended.enter()
            Thread { [self] in
                run(nodes[number % nodes.count])
                ended.leave()
            }.start()
        }
    }

    private static let value = [UInt8](repeating: 0x61, count: 100)

    /// All that was answered, or was not, up to now.
    var soFar: [Sample] { lock.withLock { samples } }

    func stop() -> [Sample] {
        lock.withLock { isStopped = true }
        ended.wait()
        return soFar
    }

    private func run(_ node: TestNode) {
        var connection: Connection?
        while let number = lock.withLock({ () -> Int? in
            defer { next += 1 }
            return isStopped ? nil : next
        }) {
            let due = began + Double(number) / perSecond
            let wait = due - Stopwatch.now
            if wait > 0 { usleep(UInt32(wait * 1e6)) }
            // As many of each, evenly mixed.
            let writes = (Double(number) * writeShare).rounded(.down)
            let kind: Kind = (Double(number + 1) * writeShare).rounded(.down) > writes ? .write : .read
            let isAnswered: Bool
            do {
                let open = try connection ?? node.connect()
                connection = open
                isAnswered = try ask(open, kind, number)
            } catch {
                connection = nil
                isAnswered = false
            }
            let sample = Sample(kind: kind, due: due, seconds: Stopwatch.now - due, isAnswered: isAnswered)
            lock.withLock { samples.append(sample) }
        }
    }

    private func ask(_ connection: Connection, _ kind: Kind, _ number: Int) throws -> Bool {
        switch kind {
        case .write:
            try connection.request("PUT", "/v1/kv/\(bucket)/write-\(number)", body: PacedLoad.value).status == 201
        case .read:
            try connection.request("GET", "/v1/kv/\(bucket)/read-\(number % PacedLoad.readKeys)").status == 200
        }
    }
}

extension [PacedLoad.Sample] {
    func of(_ kind: PacedLoad.Kind) -> [PacedLoad.Sample] { filter { $0.kind == kind } }
    func due(from begin: Double, to end: Double) -> [PacedLoad.Sample] { filter { $0.due >= begin && $0.due < end } }

    /// So many of them took no longer, in seconds; nil if there are none.
    func percentile(_ share: Double) -> Double? {
        let sorted = map(\.seconds).sorted()
        return sorted.isEmpty ? nil : sorted[Swift.min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }
}
