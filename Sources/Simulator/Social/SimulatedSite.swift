// The site of a simulated node: the social layer's own core beside the node's, in the same process, asking it and the
// namestore as the site of a server does. What that has threads for (hashes of passwords) takes a while, and is not
// done.

import Edge
import Feeds
import Gateway
import Live
import NameStore
import Node
import Ring
import Social
import World

enum SiteEvent {
    /// The site of a node, in this life of it, hears something.
    case hear(Int, SocialCore.Input, life: UInt64)
    /// Somebody does something.
    case client
    /// Somebody follows the link that a request was answered with.
    case visit(Int)
    /// What follows from an answer is asked for at the same node.
    case send(SocialCall, Int)
}

/// A site for one life of its node.
struct SimulatedSite {
    var core: SocialCore
    let listener: SiteListener
    /// Live reads of the core by its own numbers, and the node's for them.
    var readers: [UInt64: UInt64] = [:]
    /// The core was told that these are alive.
    var living: [NodeID]?
}

struct SimulatedSocial {
    /// Who asked a node something, beside its clients.
    enum Asker {
        case site(Int, ask: UInt64)
        case audit
    }

    enum Heard {
        case outcome(ClientOutcome)
        case name(NameAnswer)
    }

    var sites: [SimulatedSite?]
    var askers: [UInt64: Asker] = [:]
    /// By the nodes' numbers of live reads.
    var readers: [UInt64: (node: Int, ask: UInt64)] = [:]
    /// What was asked of the namestore when all was over.
    var audited: [UInt64: NameAnswer] = [:]
    var people: SocialWorkload
    /// Answers to what is asked when the faults are over.
    var replies: [UInt64: SocialReply] = [:]
    var random: SeededRandom
    let seams: SocialSeams
    /// Of sites that are no more.
    var figures = SocialFigures()

    init(_ scenario: Scenario, nodes: Int, seams: SocialSeams) {
        sites = Array(repeating: nil, count: nodes)
        random = SeededRandom(seed: scenario.seed ^ 0x50C1)
        people = SocialWorkload(scenario.social ?? SocialPlan(), homes: scenario.ring.site == .homes)
        self.seams = seams
    }
}

extension SimulatedCluster {
    // MARK: Lives

    mutating func openSite(_ node: Int) {
        let document = machines[node].ring.document
        guard let settings = document.social, let own = document.node(machines[node].identity) else { return }
        let core = SocialCore(identity: own.id, ring: document, settings: settings, seams: social.seams)
        social.sites[node] = SimulatedSite(core: core, listener: SiteRoutes.listener(document, at: own.http))
        var out = Outbox<SocialCore.Effect>()
        social.sites[node]?.core.start(machines[node].clock(at: now, mutant), &out)
        for effect in out.take() { carryOut(effect, node) }
    }

    /// With its process.
    mutating func closeSite(_ node: Int) {
        guard let site = social.sites[node].take() else { return }
        social.figures.add(site.core.figures)
        social.askers = social.askers.filter { if case .site(node, _) = $0.value { false } else { true } }
        social.readers = social.readers.filter { $0.value.node != node }
        social.people.siteLost(node)
    }

    /// Of itself nobody knows better.
    mutating func tellLiving(_ node: Int) throws {
        guard let site = social.sites[node], let control = machines[node].node?.control else { return }
        let living = (control.state.living + [machines[node].identity]).sorted()
        guard site.living != living else { return }
        social.sites[node]?.living = living
        try hear(node, .living(living))
    }

    // MARK: What it hears

    mutating func play(_ event: SiteEvent) throws {
        switch event {
        case .hear(let node, let input, let life):
            guard isRunning(node, life), !isDeferred(.site(event), node) else { return }
            try hear(node, input)
        case .client: if isFaulty { try somebodyActs() }
        case .visit(let attempt): if isFaulty { try visit(attempt) }
        case .send(let call, let node): if isFaulty { try send(call, to: node) }
        }
    }

    mutating func hear(_ node: Int, _ input: SocialCore.Input) throws {
        guard social.sites[node] != nil else { return }
        var out = Outbox<SocialCore.Effect>()
        social.sites[node]?.core.handle(input, machines[node].clock(at: now, mutant), &out)
        for effect in out.take() { carryOut(effect, node) }
    }

    /// Whether an answer of a node is for its site, or for whoever looks at names in the end.
    mutating func heard(_ what: SimulatedSocial.Heard, of request: UInt64) -> Bool {
        guard let asker = social.askers.removeValue(forKey: request) else { return false }
        switch (asker, what) {
        case (.site(let node, let ask), .outcome(let outcome)): tell(node, .data(ask, outcome), after: hopTime(node))
        case (.site(let node, let ask), .name(let answer)): tell(node, .named(ask, answer), after: hopTime(node))
        case (.audit, .name(let answer)): social.audited[request] = answer
        case (.audit, .outcome): break
        }
        return true
    }

    mutating func heard(_ what: SocialCore.LiveInput, reader number: UInt64) -> Bool {
        guard let reader = social.readers[number] else { return false }
        if case .ended = what {
            social.readers[number] = nil
            social.sites[reader.node]?.readers[reader.ask] = nil
        }
        tell(reader.node, .live(reader.ask, what), after: hopTime(reader.node))
        return true
    }

    private mutating func tell(_ node: Int, _ input: SocialCore.Input, after span: Span) {
        schedule(.site(.hear(node, input, life: machines[node].life)), after: span)
    }

    // MARK: What it wants

    private mutating func carryOut(_ effect: SocialCore.Effect, _ node: Int) {
        switch effect {
        case .data(let ask, let request):
            let loop = Int.random(in: 0..<scenario.loops, using: &social.random)
            hand(.loop(loop, .client(asked(node, ask), request)), node)
        case .name(let ask, let operation, let name, let timeout):
            hand(
                .control(.names(.request(asked(node, ask), seams.operation(operation), on: name, timeout: timeout))),
                node)
        case .subscribe(let ask, let subscription):
            nextListening += 1
            social.readers[nextListening] = (node, ask)
            social.sites[node]?.readers[ask] = nextListening
            hand(.control(.live(.subscribe(nextListening, subscription))), node)
        case .unsubscribe(let ask):
            guard let number = social.sites[node]?.readers.removeValue(forKey: ask) else { return }
            social.readers[number] = nil
            hand(.control(.live(.closed(number))), node)
        case .taken(let ask):
            if let number = social.sites[node]?.readers[ask] { hand(.control(.live(.drained([number]))), node) }
        case .hash(let ask, let job):
            // scrypt takes a quarter of a second where it is really made.
            tell(node, .hashed(ask, job.pretended), after: .milliseconds(Int64(50 + social.random.unit() * 250)))
        case .render(let ask, _): tell(node, .rendered(ask, nil), after: hopTime(node))
        case .fetch(let ask, _): tell(node, .fetched(ask, .failed(.unreachable)), after: .milliseconds(100))
        case .wakeAt(let instant):
            schedule(.site(.hear(node, .wake(instant), life: machines[node].life)), at: instant)
        case .answer(let number, let answer): answered(number, answer, node)
        // Nobody here reads events or opens sockets.
        case .stream, .endStream, .upgrade: break
        }
    }

    private mutating func asked(_ node: Int, _ ask: UInt64) -> UInt64 {
        let id = load.takeID()
        social.askers[id] = .site(node, ask: ask)
        return id
    }

    /// To another part of the same process.
    private mutating func hand(_ input: SimulatedNode.Input, _ node: Int) {
        schedule(.node(node, input, life: machines[node].life), after: hopTime(node))
    }
}

extension HashJob {
    /// A hash that hides nothing.
    fileprivate var pretended: HashResult {
        func hash(_ password: [UInt8]) -> String { "plain:" + String(decoding: password, as: UTF8.self) }
        return switch self {
        case .make(let password, _): .made(hash(password))
        case .check(let password, let phc): .checked(hash(password) == phc, isWeaker: false)
        }
    }
}
