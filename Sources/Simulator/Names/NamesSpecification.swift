// What the namestore promises of one name, as a sequential program of its own: written against docs/NAMESTORE.md, not
// against the code that it judges. Owners are small numbers here.

/// One request of a model's client.
enum NamesCall: Hashable, Sendable {
    /// `id`: of the request; one that is sent again keeps it.
    case register(owner: Int, id: UInt64, expected: UInt64?)
    case read
    case release(owner: Int, expected: UInt64?)
    case transfer(from: Int, to: Int, expected: UInt64?)
}

enum NamesReturn: Hashable, Sendable {
    case registered(UInt64)
    case alreadyYours(UInt64)
    case taken(UInt64)
    case held(UInt64, owner: Int)
    case released(UInt64)
    case transferred(UInt64)
    case absent
    case forbidden(UInt64)
    case stale(UInt64)
    /// Not an answer of the namestore: a read that contradicts itself. Nothing allows it.
    case nonsense
}

enum NamesSpecification: SequentialSpecification {
    struct State: Hashable, Sendable {
        enum Holding: Hashable, Sendable {
            case never
            case held(Int)
            case released(by: Int)
        }
        var generation: UInt64 = 0
        var holding = Holding.never
        /// What made this generation, and from which.
        var last: NamesCall?
    }

    static var initial: State { State() }

    static func next(_ state: State, _ call: NamesCall, _ answer: NamesReturn?) -> State? {
        let (after, given) = outcome(state, call)
        return answer == nil || answer == given ? after : nil
    }

    /// Generations only grow, and every answer tells the one it leaves.
    static func mayLead(_ state: State, to answer: NamesReturn) -> Bool {
        switch answer {
        case .registered(let after), .released(let after), .transferred(let after), .alreadyYours(let after),
            .taken(let after), .forbidden(let after), .stale(let after), .held(let after, _):
            state.generation <= after
        case .absent, .nonsense: true
        }
    }

    /// The state after, and the answer.
    private static func outcome(_ state: State, _ call: NamesCall) -> (State, NamesReturn) {
        let now = state.generation
        func changed(_ holding: State.Holding) -> State {
            State(generation: now + 1, holding: holding, last: stripped(call))
        }
        func isStale(_ expected: UInt64?) -> Bool { expected.map { $0 != now } ?? false }
        switch (call, state.holding) {
        case (.read, .never): return (state, .absent)
        case (.read, .held(let owner)): return (state, .held(now, owner: owner))
        case (.read, .released): return (state, .released(now))

        case (.register(let owner, _, _), .held(let holder)):
            guard owner == holder else { return (state, .taken(now)) }
            // Of all requests of its owner the one that made the registration is told so, and no other.
            return (state, state.last == stripped(call) ? .registered(now) : .alreadyYours(now))
        case (.register(let owner, _, let expected), _):
            return isStale(expected) ? (state, .stale(now)) : (changed(.held(owner)), .registered(now + 1))

        case (.release(let owner, let expected), .held(let holder)):
            guard owner == holder else { return (state, .forbidden(now)) }
            return isStale(expected) ? (state, .stale(now)) : (changed(.released(by: owner)), .released(now + 1))
        case (.release(let owner, let expected), .released(let last)):
            guard owner == last else { return (state, .absent) }
            return expected.map { $0 + 1 != now } ?? false ? (state, .stale(now)) : (state, .released(now))

        case (.transfer(let from, let to, let expected), .held(let holder)):
            if from == holder {
                if from == to { return (state, isStale(expected) ? .stale(now) : .transferred(now)) }
                return isStale(expected) ? (state, .stale(now)) : (changed(.held(to)), .transferred(now + 1))
            }
            return state.last == stripped(call) ? (state, .transferred(now)) : (state, .forbidden(now))
        case (.release, .never), (.transfer, _): return (state, .absent)
        }
    }

    /// The same history, easier to judge: the id of a registration that never returned tells it from the others only if
    /// it was sent again. Without one, those of one owner are alike. 0 is nobody's id.
    static func withoutLonelyIDs(
        _ history: [HistoryEntry<NamesCall, NamesReturn>]
    ) -> [HistoryEntry<NamesCall, NamesReturn>] {
        var uses: [UInt64: Int] = [:]
        for entry in history { if case .register(_, let id, _) = entry.operation { uses[id, default: 0] += 1 } }
        return history.map { entry in
            guard case .register(let owner, let id, let expected) = entry.operation, entry.returned == nil,
                uses[id] == 1
            else { return entry }
            return HistoryEntry(operation: .register(owner: owner, id: 0, expected: expected), called: entry.called)
        }
    }

    /// A request is the same one whatever generation it expects.
    private static func stripped(_ call: NamesCall) -> NamesCall {
        switch call {
        case .register(let owner, let id, _): .register(owner: owner, id: id, expected: nil)
        case .release(let owner, _): .release(owner: owner, expected: nil)
        case .transfer(let from, let to, _): .transfer(from: from, to: to, expected: nil)
        case .read: .read
        }
    }
}
