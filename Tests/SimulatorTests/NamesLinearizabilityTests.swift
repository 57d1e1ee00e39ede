// The judge is judged: against histories whose verdict is known, and against one that tries every order.

import Testing
import World

@testable import Simulator

@Suite struct NamesLinearizabilityTests {
    private typealias Entry = HistoryEntry<NamesCall, NamesReturn>
    private typealias Judge = Linearizability<NamesSpecification>

    private func entry(_ call: NamesCall, _ called: UInt64, _ returned: UInt64?, _ answer: NamesReturn?) -> Entry {
        Entry(operation: call, called: called, returned: returned, answer: answer)
    }

    private let register0 = NamesCall.register(owner: 0, id: 0, expected: nil)
    private let register1 = NamesCall.register(owner: 1, id: 1, expected: nil)

    @Test func twoWinnersAreFound() {
        let history = [entry(register0, 1, 3, .registered(1)), entry(register1, 2, 4, .registered(1))]
        #expect(Judge.check(history) == .violated(at: 1))
    }

    @Test func anOwnerThatIsToldTwiceIsFound() {
        let other = NamesCall.register(owner: 0, id: 9, expected: nil)
        for span in [(4, 5), (2, 5)] as [(UInt64, UInt64)] {
            let again = entry(other, span.0, span.1, .registered(1))
            #expect(Judge.check([entry(register0, 1, 3, .registered(1)), again]) == .violated(at: 1))
        }
        let yours = entry(other, 4, 5, .alreadyYours(1))
        #expect(Judge.check([entry(register0, 1, 3, .registered(1)), yours]) == .linearizable)
        let same = entry(register0, 4, 5, .registered(1))
        #expect(Judge.check([entry(register0, 1, 3, .registered(1)), same]) == .linearizable)
    }

    @Test func aWinnerAndALoserAreFine() {
        let history = [entry(register0, 1, 4, .registered(1)), entry(register1, 2, 3, .taken(1))]
        #expect(Judge.check(history) == .linearizable)
    }

    @Test func aReadThatMissesAFinishedRegistrationIsFound() {
        let history = [entry(register0, 1, 2, .registered(1)), entry(.read, 3, 4, .absent)]
        #expect(Judge.check(history) == .violated(at: 1))
    }

    @Test func whatNeverReturnedMayTakeEffectLateOrNever() {
        let pending = entry(register0, 1, nil, nil)
        #expect(Judge.check([pending, entry(.read, 2, 3, .absent)]) == .linearizable)
        #expect(Judge.check([pending, entry(.read, 2, 3, .held(1, owner: 0))]) == .linearizable)
        let late = [pending, entry(.read, 2, 3, .absent), entry(.read, 4, 5, .held(1, owner: 0))]
        #expect(Judge.check(late) == .linearizable)
        // But not take effect and be undone.
        let undone = [pending, entry(.read, 2, 3, .held(1, owner: 0)), entry(.read, 4, 5, .absent)]
        #expect(Judge.check(undone) == .violated(at: 2))
    }

    @Test func whatCannotBeDecidedIsNotCalledFine() {
        var history: [Entry] = []
        for index in 0..<14 {
            history.append(entry(.register(owner: index, id: UInt64(index), expected: nil), UInt64(index), nil, nil))
        }
        for index in 0..<14 {
            history.append(entry(.release(owner: index, expected: nil), UInt64(20 + index), nil, nil))
        }
        history.append(entry(.read, 100, 101, .nonsense))
        #expect(Judge.check(history, limit: 50) == .undecided)
    }

    /// Small random histories, true ones and ones with an answer changed: the same verdict as that of plain search over
    /// all orders.
    @Test func agreesWithTryingEveryOrder() {
        var random = SeededRandom(seed: 11)
        var verdicts = [0, 0]
        for _ in 0..<1_500 {
            let history = randomHistory(&random)
            let expected = tryEveryOrder(history)
            let verdict = Judge.check(history)
            #expect((verdict == .linearizable) == expected, "\(history)")
            verdicts[expected ? 0 : 1] += 1
        }
        #expect(verdicts.allSatisfy { $0 > 200 }, "\(verdicts)")
    }

    private func randomHistory(_ random: inout SeededRandom) -> [Entry] {
        let count = Int.random(in: 2...6, using: &random)
        var spans = (0..<count).map { _ -> (UInt64, UInt64) in
            let start = UInt64.random(in: 0..<20, using: &random)
            return (start, start + UInt64.random(in: 1..<12, using: &random))
        }
        spans.sort { $0.0 < $1.0 }
        // One order that respects the spans gives the answers.
        var state = NamesSpecification.initial
        var history: [Entry] = []
        for (start, end) in spans {
            let owner = Int.random(in: 0..<2, using: &random)
            let calls: [NamesCall] = [
                .register(owner: owner, id: random.next() % 3, expected: nil), .read,
                .release(owner: owner, expected: nil),
                .transfer(from: owner, to: 1 - owner, expected: nil),
            ]
            let call = calls[Int.random(in: 0..<calls.count, using: &random)]
            let candidates: [NamesReturn] = (UInt64(0)...3).flatMap { generation in
                [
                    .registered(generation), .alreadyYours(generation), .taken(generation), .released(generation),
                    .transferred(generation), .forbidden(generation), .held(generation, owner: 0),
                    .held(generation, owner: 1), .absent,
                ]
            }
            let possible = candidates.filter { NamesSpecification.next(state, call, $0) != nil }
            guard let answer = possible.first, let next = NamesSpecification.next(state, call, answer) else { continue }
            let lied = random.chance(0.2) ? candidates.randomElement(using: &random) ?? answer : answer
            let isPending = random.chance(0.2)
            if !isPending || random.chance(0.5) { state = next }
            history.append(
                isPending
                    ? entry(call, start * 100 + UInt64(history.count), nil, nil)
                    : entry(call, start * 100 + UInt64(history.count), end * 100 + UInt64(history.count), lied))
        }
        return history
    }

    private func tryEveryOrder(_ history: [Entry]) -> Bool {
        func search(_ state: NamesSpecification.State, _ left: [Int]) -> Bool {
            if left.allSatisfy({ history[$0].returned == nil }) { return true }
            for index in left {
                // Nothing that returned before this one was called may be left.
                let isFirst = left.allSatisfy { other in
                    history[other].returned.map { $0 > history[index].called } ?? true
                }
                guard isFirst,
                    let next = NamesSpecification.next(state, history[index].operation, history[index].answer)
                else { continue }
                if search(next, left.filter { $0 != index }) { return true }
            }
            return false
        }
        return search(NamesSpecification.initial, Array(history.indices))
    }
}
