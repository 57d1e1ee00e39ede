// One rule of choice played on one setting, in virtual time. What comes in, how fast the servers are, and how long the
// reads take are drawn apart from what a rule does, so that all rules meet the same.

import HeapModule
import World

package struct SelectionTrial: Sendable {
    package let setting: SelectionSetting
    let reads: Int
    let seed: UInt64
    let ring: SelectionRing

    /// `ring` has the setting's clients.
    package init(_ setting: SelectionSetting, on ring: SelectionRing, reads: Int, seed: UInt64) {
        self.setting = setting
        self.ring = ring
        self.reads = reads
        self.seed = seed
    }

    /// The same arguments give the same result.
    package func run(_ rule: SelectionRule) -> SelectionResult {
        var dice = SeededRandom(seed: seed)
        switch rule.chooses {
        case .score(let score):
            return play(&dice) { _, random in ScoringClient(ring, score: score, random: random) }
        case .gateway(let hedges):
            return play(&dice) { client, random in
                GatewayClient(ring, client: client, hedges: hedges, random: random)
            }
        }
    }

    private func play<Client: SelectionClient>(
        _ dice: inout SeededRandom, _ client: (Int, SeededRandom) -> Client
    ) -> SelectionResult {
        var play = SelectionPlay<Client>(self, &dice)
        play.clients = ring.clients.indices.map { client($0, dice.fork()) }
        return play.run()
    }
}

private struct SelectionPlay<Client: SelectionClient> {
    private enum Event {
        case read
        case fluctuation
        case reachesServer(UInt64)
        case served(UInt64)
        case reachesClient(UInt64)
        case wake(Int)
    }

    private struct Scheduled: Comparable {
        let at: Instant
        let order: UInt64
        let event: Event

        static func < (a: Scheduled, b: Scheduled) -> Bool { a.at == b.at ? a.order < b.order : a.at < b.at }
        static func == (a: Scheduled, b: Scheduled) -> Bool { a.order == b.order }
    }

    private struct Ask {
        let client: Int
        let server: Int
        let name: UInt64
        /// The service time in means of the server.
        let work: Double
        var service = Span.zero
        var waiting = 0
    }

    private let trial: SelectionTrial
    var clients: [Client] = []
    private var servers = [SelectionServer](repeating: SelectionServer(), count: SelectionSetting.servers)
    private var arrivals: SeededRandom
    private var speeds: SeededRandom
    /// For asks beside the first of each read: how many there are is the rule's doing.
    private var others: SeededRandom
    private var queue = Heap<Scheduled>()
    private var scheduled: UInt64 = 0
    private var now = Instant.origin
    private var asks = SlotTable<Ask>()
    private var begun: SlotTable<Instant> = SlotTable()
    private var reads = 0
    private var wakes: [Instant?]
    private var latencies: [Span] = []
    private var effects = Outbox<SelectionEffect>()

    init(_ trial: SelectionTrial, _ dice: inout SeededRandom) {
        self.trial = trial
        (arrivals, speeds, others) = (dice.fork(), dice.fork(), dice.fork())
        wakes = [Instant?](repeating: nil, count: trial.ring.clients.count)
        latencies.reserveCapacity(trial.reads)
    }

    mutating func run() -> SelectionResult {
        servers[0].isFailing = trial.setting.hasFailing
        fluctuate()
        schedule(.read, after: arrivals.exponential(mean: SelectionSetting.gap))
        while let next = queue.popMin() {
            now = next.at
            switch next.event {
            case .read: read()
            case .fluctuation: fluctuate()
            case .reachesServer(let ask): reachServer(ask)
            case .served(let ask): served(ask)
            case .reachesClient(let ask): reachClient(ask)
            case .wake(let client):
                wakes[client] = nil
                clients[client].wake(now, &effects)
                carryOut(client, work: nil)
            }
        }
        let asked = servers.reduce(0) { $0 + $1.asked }
        return SelectionResult(
            latencies: latencies.sorted(),
            shareOfFirst: Double(servers[0].asked * servers.count) / Double(max(1, asked)))
    }

    private mutating func schedule(_ event: Event, after span: Span) { schedule(event, at: now + span) }

    private mutating func schedule(_ event: Event, at time: Instant) {
        queue.insert(Scheduled(at: time, order: scheduled, event: event))
        scheduled += 1
    }

    private mutating func fluctuate() {
        for server in servers.indices {
            servers[server].meanMs = speeds.chance(0.5) ? SelectionSetting.slowMs : SelectionSetting.fastMs
        }
        if reads < trial.reads { schedule(.fluctuation, after: trial.setting.fluctuation) }
    }

    private static func work(_ random: inout SeededRandom) -> Double {
        random.exponential(mean: .seconds(1)).inSeconds
    }

    private mutating func read() {
        let client = Int.random(in: 0..<clients.count, using: &arrivals)
        let key = Int.random(in: 0..<trial.ring.keys.count, using: &arrivals)
        let work = SelectionPlay.work(&arrivals)
        clients[client].begin(begun.insert(now), key: key, servers, now, &effects)
        carryOut(client, work: work)
        reads += 1
        if reads < trial.reads { schedule(.read, after: arrivals.exponential(mean: SelectionSetting.gap)) }
    }

    /// What a client wants. The first ask takes `work`, if it is given.
    private mutating func carryOut(_ client: Int, work: Double?) {
        var work = work
        for effect in effects.take() {
            switch effect {
            case .ask(let server, let name):
                let ask = Ask(
                    client: client, server: server, name: name, work: work.take() ?? SelectionPlay.work(&others))
                schedule(.reachesServer(asks.insert(ask)), after: SelectionSetting.oneWay)
            case .answered(let read): if let begun = begun.remove(read) { latencies.append(now - begun) }
            }
        }
        guard let next = clients[client].nextWake else { return }
        if wakes[client].map({ next < $0 }) ?? true {
            wakes[client] = next
            schedule(.wake(client), at: max(next, now))
        }
    }

    private mutating func reachServer(_ number: UInt64) {
        guard let ask = asks.take(number) else { return }
        asks.put(ask, number)
        if servers[ask.server].take(number) { begin(number) }
        if servers[ask.server].isFailing { schedule(.reachesClient(number), after: SelectionSetting.oneWay) }
    }

    private mutating func begin(_ number: UInt64) {
        guard var ask = asks.take(number) else { return }
        ask.service = Span(milliseconds: ask.work * servers[ask.server].meanMs)
        schedule(.served(number), after: ask.service)
        asks.put(ask, number)
    }

    private mutating func served(_ number: UInt64) {
        guard var ask = asks.take(number) else { return }
        let next = servers[ask.server].finish()
        ask.waiting = servers[ask.server].waiting
        asks.put(ask, number)
        if let next { begin(next) }
        schedule(.reachesClient(number), after: SelectionSetting.oneWay)
    }

    private mutating func reachClient(_ number: UInt64) {
        guard let ask = asks.remove(number) else { return }
        let answer = SelectionAnswer(
            name: ask.name, server: ask.server, service: ask.service, waiting: ask.waiting,
            isFailure: servers[ask.server].isFailing)
        clients[ask.client].receive(answer, now, &effects)
        carryOut(ask.client, work: nil)
    }
}
