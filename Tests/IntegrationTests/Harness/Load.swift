// Clients that write, read and delete all the time, and remember exactly what they were promised.

import Foundation
import Testing

/// What the nodes have acknowledged for one key.
struct Promise {
    /// Nil: it was deleted.
    var value: String?
}

final class Load: @unchecked Sendable {
    struct Report {
        var promises: [String: Promise] = [:]
        /// Requests that were not answered as they had to be.
        var failures: [String] = []
        var slowest = 0.0
    }

    // `lock` guards all that varies.
    private let lock = NSLock()
    private var report = Report()
    private var isStopped = false
    /// A node that is sent nothing for now, as by a balancer that was told of its restart.
    private var resting: Int?
    private var busy: [Int]
    private let ended = DispatchGroup()
    private let nodes: [TestNode]
    private let name: String
    private let endsAtFirstFailure: Bool
    /// Between two operations of one client, so that three nodes and their clients fit on two cores.
    private static let pauseMicroseconds: UInt32 = 4_000

    /// `endsAtFirstFailure`: for clients of a node that is about to be killed.
    init(_ name: String, on nodes: [TestNode], clients: Int = 4, endsAtFirstFailure: Bool = false) {
        self.nodes = nodes
        self.name = name
        self.endsAtFirstFailure = endsAtFirstFailure
        busy = Array(repeating: 0, count: nodes.count)
        for number in 0..<clients {
            ended.enter()
            let thread = Thread { [self] in
                run(number)
                ended.leave()
            }
            thread.start()
        }
    }

    var acknowledged: Int { lock.withLock { report.promises.count } }

    /// Waits until so many more keys have been acknowledged than at the time of the call.
    func awaitProgress(_ count: Int, within seconds: Double = 20) throws {
        let before = acknowledged
        try eventually("\(name) gets on", within: seconds) { acknowledged >= before + count }
    }

    /// Sends nothing to the node at `place` from now on, and returns when it has answered what it was sent.
    func rest(_ place: Int) throws {
        lock.withLock { resting = place }
        try eventually("\(nodes[place].name) has answered", within: 10) { lock.withLock { busy[place] == 0 } }
    }

    private func nextPlace(after step: inout Int) -> Int {
        lock.withLock {
            repeat { step += 1 } while step % nodes.count == resting
            busy[step % nodes.count] += 1
            return step % nodes.count
        }
    }

    func stop() -> Report {
        lock.withLock { isStopped = true }
        ended.wait()
        return lock.withLock { report }
    }

    private func note(_ seconds: Double, _ body: (inout Report) -> Void) {
        lock.withLock {
            report.slowest = max(report.slowest, seconds)
            body(&report)
        }
    }

    private func run(_ number: Int) {
        var connections = [Connection?](repeating: nil, count: nodes.count)
        var own: [(key: String, context: String)] = []
        var step = number
        while !lock.withLock({ isStopped }) {
            let place = nextPlace(after: &step)
            // Its connections end with the process.
            if let resting = lock.withLock({ resting }) { connections[resting] = nil }
            defer { lock.withLock { busy[place] -= 1 } }
            let started = Stopwatch.now
            do {
                let connection = try connections[place] ?? nodes[place].connect()
                connections[place] = connection
                if step % 7 == 0, let last = own.popLast() {
                    try delete(last.key, last.context, connection, started)
                } else if step % 3 == 0, let some = own.randomElement() {
                    try read(some.key, connection, started)
                } else {
                    let key = "load/\(name)-\(number)-\(step)"
                    own.append((key, try write(key, connection, started)))
                }
            } catch {
                connections[place] = nil
                note(Stopwatch.now - started) { $0.failures.append("\(nodes[place].name): \(error)") }
                if endsAtFirstFailure { return }
            }
            usleep(Load.pauseMicroseconds)
        }
    }

    private func write(_ key: String, _ connection: Connection, _ started: Double) throws -> String {
        let value = "value of \(key) \(UInt64.random(in: 0 ... .max))"
        let answer = try connection.request(
            "PUT", "/v1/kv/\(key)", ["Content-Type": "text/x-load"], body: Array(value.utf8))
        guard answer.status == 201, let context = answer.context else {
            throw HarnessFailure("PUT \(key): \(answer.status) \(answer.text)")
        }
        note(Stopwatch.now - started) { $0.promises[key] = Promise(value: value) }
        return context
    }

    private func delete(_ key: String, _ context: String, _ connection: Connection, _ started: Double) throws {
        // Until the answer is there the key may be either.
        lock.withLock { report.promises[key] = nil }
        let answer = try connection.request("DELETE", "/v1/kv/\(key)", ["Atoll-Context": context])
        guard answer.status == 204 else { throw HarnessFailure("DELETE \(key): \(answer.status) \(answer.text)") }
        note(Stopwatch.now - started) { $0.promises[key] = Promise(value: nil) }
    }

    private func read(_ key: String, _ connection: Connection, _ started: Double) throws {
        let promise = lock.withLock { report.promises[key] }
        let answer = try connection.request("GET", "/v1/kv/\(key)")
        guard answer.status == (promise?.value == nil ? 404 : 200),
            answer.status == 404 || answer.text == promise?.value
        else {
            throw HarnessFailure(
                "GET \(key): \(answer.status) \(answer.text) \(answer["atoll-acks"] ?? ""), not \(promise?.value ?? "nothing")"
            )
        }
        note(Stopwatch.now - started) { _ in }
    }
}

extension TestCluster {
    /// Reads every promised key through `node` and gives those that are not as promised.
    func broken(_ promises: [String: Promise], through node: TestNode, query: String = "") throws -> [String] {
        let connection = try node.connect()
        return try promises.sorted { $0.key < $1.key }.compactMap { key, promise in
            let answer = try connection.request("GET", "/v1/kv/\(key)\(query)")
            if let value = promise.value, answer.status == 200, answer.text == value { return nil }
            if promise.value == nil, answer.status == 404 { return nil }
            return
                "\(key): \(answer.status) \(answer.text) \(answer["atoll-acks"] ?? ""), not \(promise.value ?? "nothing")"
        }
    }

    /// Waits until each node's own replica of every promised key is the same in all bytes, and what was promised.
    /// Nothing is read through a quorum, so nothing is mended by it.
    func awaitIdentical(_ promises: [String: Promise], within seconds: Double) throws {
        var left = Array(promises.keys.sorted())
        var example = ""
        do {
            try eventually("\(left.count) keys are the same everywhere", within: seconds, every: 0.2) {
                let connections = try nodes.map { try $0.connect() }
                left = try left.filter { key in
                    let answers = try connections.map { try $0.request("GET", "/v1/replica/\(key)") }
                    let value = promises[key]?.value
                    let isSame = answers.allSatisfy {
                        $0.status == (value == nil ? 404 : 200) && (value == nil || $0.text == value)
                            && $0.context != nil
                            && $0.context == answers[0].context && $0["content-type"] == answers[0]["content-type"]
                    }
                    if !isSame {
                        example =
                            "\(key): "
                            + answers.map { "\($0.status) \($0.context ?? "-") \($0.text.prefix(80))" }.joined(
                                separator: " | ")
                    }
                    return !isSame
                }
                return left.isEmpty
            }
        } catch { throw HarnessFailure("\(error); \(left.count) differ, such as \(example)") }
    }
}
