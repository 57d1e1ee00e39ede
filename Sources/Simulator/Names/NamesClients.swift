// The model's clients: each asks one thing at a time of some node, and writes down when it asked and what it was told.

import NameStore
import World

/// A client between or within requests.
struct NamesClient: Sendable {
    struct Asked: Sendable {
        let request: UInt64
        let name: Int
        /// Where in the name's history.
        let entry: Int
        let node: Int
        let call: NamesCall
    }

    var asked: Asked?
    var made = 0
    /// What it saw last of each name: for requests that expect a generation.
    var generations: [UInt64]

    init(names: Int) { generations = Array(repeating: 0, count: names) }
}

extension NamesModel {
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

    mutating func clientTurn(_ index: Int) {
        guard clients[index].asked == nil, !isEnding else { return }
        guard clients[index].made < settings.requests else { return }
        let up = nodes.indices.filter { nodes[$0].isUp }
        guard let node = up.randomElement(using: &random) else {
            return events.insert(.client(index), at: instant + drawPause())
        }
        clients[index].made += 1
        let name = Int.random(in: 0..<settings.names, using: &random)
        ask(index, drawCall(index, name), name, at: node)
    }

    private mutating func drawCall(_ client: Int, _ name: Int) -> NamesCall {
        let owner = Int.random(in: 0..<settings.owners, using: &random)
        let expected = random.chance(0.2) ? clients[client].generations[name] : nil
        switch random.unit() {
        case ..<0.40: return .register(owner: owner, id: sequence + 1, expected: expected)
        case ..<0.65: return .read
        case ..<0.88: return .release(owner: owner, expected: expected)
        default:
            let to = Int.random(in: 0..<settings.owners, using: &random)
            return .transfer(from: owner, to: to, expected: expected)
        }
    }

    mutating func ask(_ client: Int, _ call: NamesCall, _ name: Int, at node: Int) {
        sequence += 1
        let request = sequence
        history[name].append(HistoryEntry(operation: call, called: sequence))
        clients[client].asked = NamesClient.Asked(
            request: request, name: name, entry: history[name].count - 1, node: node, call: call)
        report.requests += 1
        let operation = seams.operation(NamesModel.operation(call, on: name))
        let deadline = instant + settings.timeout
        withRegistry(node) {
            $0.request(request, operation, on: NamesModel.name(name), deadline: deadline, now: $1)
        }
    }

    private static func operation(_ call: NamesCall, on name: Int) -> NameOperation {
        switch call {
        case .read: .read
        case .register(let owner, let id, let expected):
            .register(owner: self.owner(owner, of: name), request: RequestID(high: 0, low: id), expected: expected)
        case .release(let owner, let expected): .release(owner: self.owner(owner, of: name), expected: expected)
        case .transfer(let from, let to, let expected):
            .transfer(from: owner(from, of: name), to: owner(to, of: name), expected: expected)
        }
    }

    mutating func answered(_ request: UInt64, _ answer: NameAnswer, at node: Int) {
        guard let index = clients.firstIndex(where: { $0.asked?.request == request }),
            let asked = clients[index].asked
        else { return }
        clients[index].asked = nil
        sequence += 1
        switch answer {
        case .unknown(true): report.unknown += 1
        case .unknown(false), .overloaded:
            // It says that nothing happened: the history holds it to that by leaving it out.
            report.unavailable += 1
            history[asked.name][asked.entry].answer = nil
            history[asked.name][asked.entry].returned = 0
        default:
            let returned = told(answer, asked, index)
            history[asked.name][asked.entry].returned = sequence
            history[asked.name][asked.entry].answer = returned
            report.answered += 1
        }
        guard !isEnding else { return }
        // The same request again, as a client does that was told "unknown".
        if case .unknown(true) = answer, random.chance(0.5), clients[index].made < settings.requests,
            let node = nodes.indices.filter({ nodes[$0].isUp }).randomElement(using: &random)
        {
            clients[index].made += 1
            // Half of them have no name for their request, and make another one.
            let call = sequence % 2 == 0 ? asked.call : asked.call.anew(sequence + 1)
            return ask(index, call, asked.name, at: node)
        }
        events.insert(.client(index), at: instant + drawPause())
    }

    private mutating func told(_ answer: NameAnswer, _ asked: NamesClient.Asked, _ client: Int) -> NamesReturn {
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
            let known = (0..<settings.owners).first { NamesModel.owner($0, of: asked.name) == owner }
            return known.map { .held(saw(generation), owner: $0) } ?? .nonsense
        case .unknown, .overloaded, .configuration, .conflict, .pinned: return .nonsense
        }
    }

    /// Connections to a node that died: nobody will ever know.
    mutating func abandonRequests(of node: Int) {
        for index in clients.indices where clients[index].asked?.node == node {
            clients[index].asked = nil
            report.unknown += 1
            if !isEnding { events.insert(.client(index), at: instant + drawPause()) }
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
