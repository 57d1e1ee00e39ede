// Is there an order of these operations, each between its call and its return, in which one object answers as they were
// answered? Exact, or it says that it could not decide.
//
// Just-in-time linearization (Lowe, "Testing for linearizability", 2017) over the state search of Wing and Gong (1993),
// with every configuration met only once. An operation that never returned may take effect at any time after its call,
// or never.

/// An object as a sequential program.
protocol SequentialSpecification {
    associatedtype State: Hashable
    associatedtype Operation: Equatable
    associatedtype Answer
    static var initial: State { get }
    /// The state after `operation`, if it may give `answer` in `state`; nil if it may not. Without an answer it was
    /// never seen, and any will do.
    static func next(_ state: State, _ operation: Operation, _ answer: Answer?) -> State?
    /// False only if no operations at all lead from `state` to one that gives `answer`. It saves work, and decides
    /// nothing.
    static func mayLead(_ state: State, to answer: Answer) -> Bool
}

/// One operation of a history. Calls and returns bear numbers of one common order.
struct HistoryEntry<Operation, Answer> {
    let operation: Operation
    let called: UInt64
    /// Nil: it never returned, or its outcome is unknown.
    var returned: UInt64?
    var answer: Answer?

    init(operation: Operation, called: UInt64, returned: UInt64? = nil, answer: Answer? = nil) {
        self.operation = operation
        self.called = called
        self.returned = returned
        self.answer = answer
    }
}

extension HistoryEntry: Sendable where Operation: Sendable, Answer: Sendable {}

enum LinearizabilityVerdict: Equatable, Sendable {
    case linearizable
    /// No order explains the operations up to the return of this one (by index).
    case violated(at: Int)
    /// More configurations, or more operations open at once, than were allowed. Counts as a failure.
    case undecided
}

enum Linearizability<Specification: SequentialSpecification> {
    typealias Entry = HistoryEntry<Specification.Operation, Specification.Answer>

    /// A state, and which of the open operations have taken effect to reach it.
    private struct Point: Hashable {
        let state: Specification.State
        let done: UInt128
    }

    /// Checks a history of one object from its initial state.
    static func check(_ history: [Entry], limit: Int = 200_000) -> LinearizabilityVerdict {
        var events: [(time: UInt64, index: Int, isReturn: Bool)] = []
        for (index, entry) in history.enumerated() {
            events.append((entry.called, index, false))
            if let returned = entry.returned { events.append((returned, index, true)) }
        }
        events.sort { $0.time != $1.time ? $0.time < $1.time : !$0.isReturn && $1.isReturn }
        var slots = [Int?](repeating: nil, count: 128)
        var slotOf = [Int](repeating: 0, count: history.count)
        /// The slots of operations that never return.
        var endless: UInt128 = 0
        /// The endless operation called last before this one that asks the same.
        var twins = [Int?](repeating: nil, count: 128)
        var points = [Point(state: Specification.initial, done: 0)]
        for event in events {
            guard event.isReturn else {
                guard let slot = slots.firstIndex(where: { $0 == nil }) else { return .undecided }
                if history[event.index].returned == nil {
                    twins[slot] = slots.indices.last { other in
                        guard endless & (1 << UInt128(other)) != 0, let index = slots[other] else { return false }
                        return history[index].operation == history[event.index].operation
                            && !slots.indices.contains { twins[$0] == other }
                    }
                    endless |= 1 << UInt128(slot)
                }
                slots[slot] = event.index
                slotOf[event.index] = slot
                continue
            }
            let slot = slotOf[event.index]
            guard let reached = linearize(slot, from: points, slots, history, twins, limit: limit) else {
                return .undecided
            }
            slots[slot] = nil
            points = undominated(reached.map { Point(state: $0.state, done: $0.done & ~(1 << UInt128(slot))) }, endless)
            if points.isEmpty { return .violated(at: event.index) }
        }
        return .linearizable
    }

    /// Every point at which the operation in `slot` has just taken effect, or had before. Nil past the limit.
    private static func linearize(
        _ slot: Int, from points: [Point], _ slots: [Int?], _ history: [Entry], _ twins: [Int?], limit: Int
    ) -> [Point]? {
        let mask = UInt128(1) << UInt128(slot)
        let answer = slots[slot].flatMap { history[$0].answer }
        let open = slots.indices.filter { slots[$0] != nil }
        var met = Set(points)
        var frontier = points
        var reached: [Point] = []
        while let point = frontier.popLast() {
            if point.done & mask != 0 {
                reached.append(point)
                continue
            }
            for other in open where point.done & (1 << UInt128(other)) == 0 {
                guard let index = slots[other] else { continue }
                let entry = history[index]
                guard let state = Specification.next(point.state, entry.operation, entry.answer) else { continue }
                if entry.returned == nil {
                    // What never returned and changes nothing need not have happened.
                    if state == point.state { continue }
                    // Of equal ones the first called serves wherever a later one does.
                    if twins[other].map({ point.done & (1 << UInt128($0)) == 0 }) ?? false { continue }
                }
                if let answer, !Specification.mayLead(state, to: answer) { continue }
                let next = Point(state: state, done: point.done | 1 << UInt128(other))
                if met.insert(next).inserted { frontier.append(next) }
            }
            if met.count > limit { return nil }
        }
        return reached
    }

    /// Of two points that differ only in endless operations, the one that has used fewer of them can do all the other
    /// can.
    private static func undominated(_ points: [Point], _ endless: UInt128) -> [Point] {
        var groups: [Point: [UInt128]] = [:]
        var order: [Point] = []
        for point in points {
            let key = Point(state: point.state, done: point.done & ~endless)
            let used = point.done & endless
            var kept = groups[key] ?? []
            if kept.isEmpty { order.append(key) }
            if kept.contains(where: { $0 & used == $0 }) { continue }
            kept.removeAll { $0 & used == used }
            kept.append(used)
            groups[key] = kept
        }
        return order.flatMap { key in (groups[key] ?? []).map { Point(state: key.state, done: key.done | $0) } }
    }
}
