// People who post through one node and read what they have posted through another as soon as they are answered, while
// nodes are killed and come back.

import Foundation

final class Posters: @unchecked Sendable {
    struct Report {
        /// Answered 201, or 200 where the node that was asked first had died.
        var posted = 0
        var provisional = 0
        /// Links that another node did not know, and whatever else must not be.
        var failures: [String] = []
        var slowestRead = 0.0
    }

    // `lock` guards all that varies.
    private let lock = NSLock()
    private var report = Report()
    private var begun = 0
    private let count: Int
    private let nodes: [TestNode]
    private let accounts: [Account]
    private let ended = DispatchGroup()
    private static let clients = 6

    /// Posts `count` times.
    init(_ count: Int, on nodes: [TestNode], by accounts: [Account]) {
        (self.count, self.nodes, self.accounts) = (count, nodes, accounts)
        for number in 0..<Posters.clients {
            ended.enter()
            let thread = Thread { [self] in
                run(number)
                ended.leave()
            }
            thread.start()
        }
    }

    var posted: Int { lock.withLock { report.posted + report.failures.count } }
    var isDone: Bool { posted >= count }

    func wait() -> Report {
        ended.wait()
        return lock.withLock { report }
    }

    private func note(_ body: (inout Report) -> Void) { lock.withLock { body(&report) } }

    private func next() -> Int? {
        lock.withLock {
            guard begun < count else { return nil }
            begun += 1
            return begun
        }
    }

    private func run(_ client: Int) {
        var connections = [Connection?](repeating: nil, count: nodes.count)
        var place = client
        while let number = next() {
            do {
                let text = "post \(number), \(UInt64.random(in: 0 ... .max))"
                let (path, isProvisional) = try post(number, text, from: &place, &connections)
                guard !isProvisional else {
                    note {
                        $0.posted += 1
                        $0.provisional += 1
                    }
                    continue
                }
                let started = Stopwatch.now
                try read(path, text, notAt: place, &connections)
                note {
                    $0.posted += 1
                    $0.slowestRead = max($0.slowestRead, Stopwatch.now - started)
                }
            } catch { note { $0.failures.append("\(error)") } }
        }
    }

    /// A node that is dead, or can't tell yet, is passed by; the same token makes it one post.
    private func post(
        _ number: Int, _ text: String, from place: inout Int, _ connections: inout [Connection?]
    ) throws -> (path: String, isProvisional: Bool) {
        let author = number % 2 == 0 ? accounts[number / 2 % accounts.count] : nil
        let headers = ["Atoll-Owner": Names.token(), "Content-Type": "text/plain"]
            .merging(author?.bearer ?? [:]) { own, _ in own }
        let target = "/v1/posts" + (author == nil ? "?listed=true" : "?title=Post%20\(number)")
        let deadline = Stopwatch.now + 60
        while Stopwatch.now < deadline {
            place = (place + 1) % nodes.count
            guard let answer = ask("POST", target, headers, Array(text.utf8), at: place, &connections) else { continue }
            switch answer.status {
            case 200, 201:
                guard let path = answer.json["path"] as? String else { throw HarnessFailure("no path: \(answer.text)") }
                return (path, answer.json["provisional"] as? Bool == true)
            case 503: usleep(20_000)
            default: throw HarnessFailure("posting \(number): \(answer.status) \(answer.text)")
            }
        }
        throw HarnessFailure("nobody took post \(number)")
    }

    private func read(_ path: String, _ text: String, notAt writer: Int, _ connections: inout [Connection?]) throws {
        let deadline = Stopwatch.now + 60
        var place = writer
        while Stopwatch.now < deadline {
            place = (place + 1) % nodes.count
            if place == writer { place = (place + 1) % nodes.count }
            guard let answer = ask("GET", "/\(path)/raw", [:], nil, at: place, &connections) else { continue }
            if answer.status == 200, answer.text == text { return }
            guard answer.status == 503 else {
                throw HarnessFailure(
                    "\(path), posted at \(nodes[writer].name), read at \(nodes[place].name): \(answer.status)")
            }
            usleep(20_000)
        }
        throw HarnessFailure("nobody could tell of \(path)")
    }

    /// Nil of a node that does not answer.
    private func ask(
        _ method: String, _ target: String, _ headers: [String: String], _ body: [UInt8]?, at place: Int,
        _ connections: inout [Connection?]
    ) -> Response? {
        do {
            let connection = try connections[place] ?? nodes[place].connectToSite(timeout: 30)
            connections[place] = connection
            return try connection.request(method, target, headers, body: body)
        } catch {
            connections[place] = nil
            usleep(5_000)
            return nil
        }
    }
}
