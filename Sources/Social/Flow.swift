// What is still to be done for somebody, as a value: an ask, and what follows from its answer.
//
// A flow does nothing until it is started in a core; then it runs to its next ask and goes on from the answer, in
// between anything may happen, also that the node ends. So a flow never holds what must not be lost: that is an
// intent's (Intent.swift). It ends with a value, or is refused with the problem that its client is told.

import Edge
import Gateway
import Keys
import NameStore
import World

struct Flow<Value> {
    typealias End = (inout SocialCore, Result<Value, Problem>) -> Void

    private let run: (inout SocialCore, @escaping End) -> Void

    init(_ run: @escaping (inout SocialCore, @escaping End) -> Void) { self.run = run }

    func start(_ core: inout SocialCore, _ end: @escaping End) { run(&core, end) }

    /// Goes on by itself; nobody hears how it ends.
    func start(_ core: inout SocialCore) { start(&core) { _, _ in } }

    static func value(_ value: Value) -> Flow { Flow { core, end in end(&core, .success(value)) } }
    static func refused(_ problem: Problem) -> Flow { Flow { core, end in end(&core, .failure(problem)) } }

    /// What the core knows, or changes in it, at the time that the flow comes to it.
    static func with(_ body: @escaping (inout SocialCore) -> Flow) -> Flow {
        Flow { core, end in body(&core).start(&core, end) }
    }

    func then<Next>(_ next: @escaping (Value) -> Flow<Next>) -> Flow<Next> {
        Flow<Next> { core, end in
            start(&core) { core, result in
                switch result {
                case .success(let value): next(value).start(&core, end)
                case .failure(let problem): end(&core, .failure(problem))
                }
            }
        }
    }

    func map<Next>(_ body: @escaping (Value) -> Next) -> Flow<Next> { then { .value(body($0)) } }

    /// What follows from a refusal in place of the refusal.
    func orElse(_ next: @escaping (Problem) -> Flow) -> Flow {
        Flow { core, end in
            start(&core) { core, result in
                switch result {
                case .success: end(&core, result)
                case .failure(let problem): next(problem).start(&core, end)
                }
            }
        }
    }

    /// Nil where the flow is refused: for what may be missing.
    var optional: Flow<Value?> { map { $0 }.orElse { _ in .value(nil) } }
}

extension Flow where Value == Void {
    static var done: Flow { .value(()) }
}

extension Flow {
    /// Both at once; refused as the first of them that is.
    func and<Other>(_ other: Flow<Other>) -> Flow<(Value, Other)> {
        let both: [Flow<(Value?, Other?)>] = [map { ($0, nil) }, other.map { (nil, $0) }]
        return Flow<[(Value?, Other?)]>.all(both).then { values in
            guard let one = values.first?.0, let two = values.last?.1 else { return .refused(.internalError) }
            return .value((one, two))
        }
    }

    /// All of `flows` at once, `width` at a time, and their values in order; refused as the first of them that is.
    static func all<Each>(_ flows: [Flow<Each>], width: Int = Limits.socialWidth) -> Flow where Value == [Each] {
        guard !flows.isEmpty else { return .value([]) }
        return Flow { core, end in
            let gather = Gather(flows, end)
            for _ in 0..<min(width, flows.count) { gather.next(&core) }
        }
    }
}

/// Values of flows that run side by side. A class: each of them holds it.
private final class Gather<Each> {
    private let flows: [Flow<Each>]
    private let end: Flow<[Each]>.End
    private var values: [Each?]
    private var begun = 0
    private var ended = 0
    private var refusal: Problem?

    init(_ flows: [Flow<Each>], _ end: @escaping Flow<[Each]>.End) {
        self.flows = flows
        self.end = end
        values = Array(repeating: nil, count: flows.count)
    }

    func next(_ core: inout SocialCore) {
        guard begun < flows.count else { return }
        let place = begun
        begun += 1
        flows[place].start(&core) { [self] core, result in
            ended += 1
            switch result {
            case .success(let value): values[place] = value
            case .failure(let problem): refusal = refusal ?? problem
            }
            if ended == flows.count {
                end(&core, refusal.map { .failure($0) } ?? .success(values.compactMap { $0 }))
            } else {
                next(&core)
            }
        }
    }
}

// MARK: Asks

extension Flow where Value == ClientOutcome {
    static func data(_ request: ClientRequest) -> Flow {
        Flow { core, end in
            core.ask({ .data($0, request) }) { core, reply in
                guard case .data(let outcome) = reply else { return }
                end(&core, .success(outcome))
            }
        }
    }
}

extension Flow where Value == NameAnswer {
    static func name(_ operation: NameOperation, _ name: Name, timeout: Span = Limits.socialNameTimeout) -> Flow {
        Flow { core, end in
            core.ask({ .name($0, operation, name, timeout: timeout) }) { core, reply in
                guard case .name(let answer) = reply else { return }
                end(&core, .success(answer))
            }
        }
    }
}

extension Flow where Value == HashResult {
    static func hash(_ job: HashJob) -> Flow {
        Flow { core, end in
            core.ask({ .hash($0, job) }) { core, reply in
                guard case .hash(let result) = reply else { return }
                end(&core, result.isOverloaded ? .failure(.tooBusy) : .success(result))
            }
        }
    }
}

extension Flow where Value == [UInt8]? {
    /// Safe HTML; nil where too much is asked at once: the text itself is shown then.
    static func html(_ job: RenderJob) -> Flow {
        Flow { core, end in
            core.ask({ .render($0, job) }) { core, reply in
                guard case .html(let html) = reply else { return }
                end(&core, .success(html))
            }
        }
    }
}

extension Flow where Value == Void {
    static func wait(_ span: Span) -> Flow {
        Flow { core, end in core.after(span) { core, _ in end(&core, .success(())) } }
    }
}

extension Flow {
    /// Refused once `span` is over; what was asked may be done all the same.
    func within(_ span: Span) -> Flow {
        Flow { core, end in
            let race = Race(end)
            start(&core) { core, result in race.end(&core, result) }
            core.after(span) { core, _ in race.end(&core, .failure(.mayTakeEffect)) }
        }
    }
}

/// Hears only the first of two ends. A class: both hold it.
private final class Race<Value> {
    private var first: Flow<Value>.End?

    init(_ end: @escaping Flow<Value>.End) { first = end }

    func end(_ core: inout SocialCore, _ result: Result<Value, Problem>) { first.take()?(&core, result) }
}

extension HashResult {
    fileprivate var isOverloaded: Bool { if case .overloaded = self { true } else { false } }
}
