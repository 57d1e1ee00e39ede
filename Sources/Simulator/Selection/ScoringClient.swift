// Clients that Atoll's gateway is compared with: each ranks three replicas by one number, the lowest first.

import World

struct ScoringClient: SelectionClient {
    enum Score {
        case random, leastOutstanding, means, c3, oracle
    }

    private struct Figures {
        var outstanding = 0
        var errorRate = 0.0
        /// Averages; nil before the first answer.
        var heard: (responseMs: Double, serviceMs: Double, waiting: Double)?
    }

    private struct Read {
        let id: UInt64
        /// Whom to ask if one fails, best first.
        var rest: [Int]
        var open = 0
        var isAnswered = false
    }

    private let score: Score
    private let clients: Double
    private let replicas: [[Int]]
    private var figures = [Figures](repeating: Figures(), count: SelectionSetting.servers)
    private var reads = SlotTable<Read>()
    private var asks = SlotTable<(read: UInt64, sentAt: Instant)>()
    private var random: SeededRandom

    init(_ ring: SelectionRing, score: Score, random: SeededRandom) {
        self.score = score
        self.random = random
        clients = Double(ring.clients.count)
        replicas = ring.replicas
    }

    /// A server of which nothing is known yet is tried first.
    private func cost(of server: Int, _ servers: [SelectionServer]) -> Double {
        let known = figures[server]
        switch score {
        case .random: return 0
        case .leastOutstanding: return Double(known.outstanding)
        // No replica lags here, and all are as far.
        case .means: return known.heard.map { $0.responseMs + known.errorRate } ?? 0
        case .c3:
            guard let heard = known.heard else { return 0 }
            let queue = 1 + Double(known.outstanding) * clients + heard.waiting
            return heard.responseMs - heard.serviceMs + queue * queue * queue * heard.serviceMs
        case .oracle: return servers[server].expectedMs
        }
    }

    mutating func begin(
        _ id: UInt64, key: Int, _ servers: [SelectionServer], _ now: Instant, _ out: inout Outbox<SelectionEffect>
    ) {
        var ranked = replicas[key].map { (server: $0, cost: cost(of: $0, servers), tie: random.next()) }
        ranked.sort { $0.cost == $1.cost ? $0.tie < $1.tie : $0.cost < $1.cost }
        var read = Read(id: id, rest: ranked.map(\.server))
        let name = reads.reserve()
        let count = random.chance(1 / SelectionSetting.oneInAsksAll) ? read.rest.count : 1
        for _ in 0..<count { ask(name, &read, now, &out) }
        reads.put(read, name)
    }

    private mutating func ask(
        _ name: UInt64, _ read: inout Read, _ now: Instant, _ out: inout Outbox<SelectionEffect>
    ) {
        guard !read.rest.isEmpty else { return }
        let server = read.rest.removeFirst()
        figures[server].outstanding += 1
        read.open += 1
        out.emit(.ask(server: server, name: asks.insert((name, now))))
    }

    mutating func receive(_ answer: SelectionAnswer, _ now: Instant, _ out: inout Outbox<SelectionEffect>) {
        guard let ask = asks.remove(answer.name), var read = reads.take(ask.read) else { return }
        note(answer, after: now - ask.sentAt)
        read.open -= 1
        if !read.isAnswered, !answer.isFailure {
            read.isAnswered = true
            out.emit(.answered(read: read.id))
        } else if !read.isAnswered, read.open == 0 {
            self.ask(ask.read, &read, now, &out)
        }
        if read.open > 0 { reads.put(read, ask.read) } else { reads.release(ask.read) }
    }

    private mutating func note(_ answer: SelectionAnswer, after elapsed: Span) {
        let alpha = score == .c3 ? 0.9 : 0.3
        let (response, service) = (elapsed.inMilliseconds, answer.service.inMilliseconds)
        let waiting = Double(answer.waiting)
        figures[answer.server].outstanding -= 1
        figures[answer.server].errorRate += alpha * ((answer.isFailure ? 1 : 0) - figures[answer.server].errorRate)
        let old = figures[answer.server].heard ?? (response, service, waiting)
        figures[answer.server].heard = (
            old.responseMs + alpha * (response - old.responseMs), old.serviceMs + alpha * (service - old.serviceMs),
            old.waiting + alpha * (waiting - old.waiting)
        )
    }

    var nextWake: Instant? { nil }
    mutating func wake(_ now: Instant, _ out: inout Outbox<SelectionEffect>) {}
}
