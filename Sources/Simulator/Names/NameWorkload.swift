// The clients of the namestore: each asks one thing at a time of some node, and writes down when it asked and what it
// was told.

import NameStore
import World

struct NameWorkload {
    /// A request on its way to a node.
    struct Asked {
        let request: UInt64
        let name: Int
        /// Where in the name's history.
        let entry: Int
        let node: Int
        let call: NamesCall
    }

    private struct Client {
        var asked: Asked?
        /// What it saw last of each name: for requests that expect a generation.
        var generations: [UInt64]
    }

    private let plan: NamePlan
    private var clients: [Client]
    private(set) var history: [[HistoryEntry<NamesCall, NamesReturn>]]
    private var sequence: UInt64 = 0
    private(set) var requests = 0
    private(set) var answered = 0
    private(set) var unknown = 0

    /// One client more than the plan has: it looks at every name in the end.
    init(_ plan: NamePlan) {
        self.plan = plan
        clients = Array(repeating: Client(generations: Array(repeating: 0, count: plan.names)), count: plan.clients + 1)
        history = Array(repeating: [], count: plan.names)
    }

    static func name(_ index: Int) -> Name {
        // "user:" names are the folded ones; either serves.
        (try? Name(Array("user:n\(index)".utf8))) ?? fallback
    }

    private static let fallback: Name = {
        guard let name = try? Name([0x61]) else { preconditionFailure("one letter is a name") }
        return name
    }()

    static func owner(_ index: Int, of name: Int) -> OwnerDigest {
        OwnerDigest(Digest256(UInt64(index) + 1, UInt64(name) + 1, 7, 9))
    }

    static func operation(_ asked: Asked) -> NameOperation {
        func owner(_ index: Int) -> OwnerDigest { self.owner(index, of: asked.name) }
        return switch asked.call {
        case .read: .read
        case .register(let index, let id, let expected):
            .register(owner: owner(index), request: RequestID(high: 0, low: id), expected: expected)
        case .release(let index, let expected): .release(owner: owner(index), expected: expected)
        case .transfer(let from, let to, let expected):
            .transfer(from: owner(from), to: owner(to), expected: expected)
        }
    }

    // MARK: Asking

    func isWaiting(_ client: Int) -> Bool { clients[client].asked != nil }
    /// The last client: it asks when all others are done.
    var lastLook: Int { plan.clients }

    /// The next request of a client that waits for nothing.
    mutating func next(_ client: Int, at node: Int, _ random: inout SeededRandom) -> Asked? {
        guard !isWaiting(client) else { return nil }
        let name = Int.random(in: 0..<plan.names, using: &random)
        return ask(client, draw(client, name, &random), name, at: node)
    }

    private func draw(_ client: Int, _ name: Int, _ random: inout SeededRandom) -> NamesCall {
        let owner = Int.random(in: 0..<plan.owners, using: &random)
        let expected = random.chance(0.2) ? clients[client].generations[name] : nil
        switch random.unit() {
        case ..<0.40: return .register(owner: owner, id: sequence + 1, expected: expected)
        case ..<0.65: return .read
        case ..<0.88: return .release(owner: owner, expected: expected)
        default:
            let to = Int.random(in: 0..<plan.owners, using: &random)
            return .transfer(from: owner, to: to, expected: expected)
        }
    }

    mutating func ask(_ client: Int, _ call: NamesCall, _ name: Int, at node: Int) -> Asked {
        sequence += 1
        requests += 1
        history[name].append(HistoryEntry(operation: call, called: sequence))
        let asked = Asked(
            request: sequence, name: name, entry: history[name].count - 1, node: node, call: call)
        clients[client].asked = asked
        return asked
    }

    /// The request again, as one does that was told "unknown"; half of them have no name for their request, and make
    /// another one.
    mutating func askAgain(_ client: Int, _ asked: Asked, at node: Int) -> Asked {
        let call = sequence % 2 == 0 ? asked.call : asked.call.anew(sequence + 1)
        return ask(client, call, asked.name, at: node)
    }

    // MARK: Answers

    /// Whose request it was, and which; nil if its client has given it up.
    mutating func answered(_ request: UInt64, _ answer: NameAnswer) -> (client: Int, asked: Asked)? {
        guard let client = clients.firstIndex(where: { $0.asked?.request == request }),
            let asked = clients[client].asked
        else { return nil }
        clients[client].asked = nil
        sequence += 1
        switch answer {
        case .unknown(true): unknown += 1
        case .unknown(false), .overloaded:
            // It says that nothing happened: the history holds it to that by leaving it out.
            history[asked.name][asked.entry].answer = nil
            history[asked.name][asked.entry].returned = 0
        default:
            history[asked.name][asked.entry].answer = told(answer, asked, client)
            history[asked.name][asked.entry].returned = sequence
            answered += 1
        }
        return (client, asked)
    }

    private mutating func told(_ answer: NameAnswer, _ asked: Asked, _ client: Int) -> NamesReturn {
        func saw(_ generation: UInt64) -> UInt64 {
            clients[client].generations[asked.name] = generation
            return generation
        }
        switch answer {
        case .registered(let generation): return .registered(saw(generation))
        case .alreadyYours(let generation): return .alreadyYours(saw(generation))
        case .taken(let generation): return .taken(saw(generation))
        case .released(let generation): return .released(saw(generation))
        case .transferred(let generation): return .transferred(saw(generation))
        case .forbidden(let generation): return .forbidden(saw(generation))
        case .stale(let generation): return .stale(saw(generation))
        case .absent: return .absent
        case .held(let generation, let owner):
            let known = (0..<plan.owners).first { NameWorkload.owner($0, of: asked.name) == owner }
            return known.map { .held(saw(generation), owner: $0) } ?? .nonsense
        case .unknown, .overloaded, .configuration, .conflict, .pinned: return .nonsense
        }
    }

    /// Connections to a node that died: nobody will ever know. Returns the clients that had asked it.
    mutating func gatewayCrashed(_ node: Int) -> [Int] {
        let waiting = clients.indices.filter { clients[$0].asked?.node == node }
        for client in waiting { clients[client].asked = nil }
        unknown += waiting.count
        return waiting
    }

    mutating func giveUp(_ client: Int) { clients[client].asked = nil }

    // MARK: Verdict

    /// What no order of the answered requests explains, name by name.
    func violations() -> [String] {
        history.enumerated().compactMap { name, entries in
            let heard = NamesSpecification.withoutLonelyIDs(entries.filter { $0.returned != 0 })
            switch Linearizability<NamesSpecification>.check(heard) {
            case .linearizable: return nil
            case .undecided: return "name \(name): linearizability undecided"
            case .violated(let index):
                let entry = heard[index]
                let answer = entry.answer.map { "\($0)" } ?? "?"
                return "name \(name): not linearizable at \(index) \(entry.operation) = \(answer)"
            }
        }
    }
}

extension NamesCall {
    /// The same as another request.
    fileprivate func anew(_ id: UInt64) -> NamesCall {
        guard case .register(let owner, _, let expected) = self else { return self }
        return .register(owner: owner, id: id, expected: expected)
    }
}
