// How fast a node writes to inboxes. A post to thousands of followers is as many writes: begun at once they would keep
// all processors busy, and everybody else would wait. So the deliveries of a node read whom they go to and write in
// slices, in turn, and rest after each for as long as it took: half of the time is others', and where there is much
// else to be done a slice takes longer, and so does the rest.

import DequeModule
import Edge
import World

struct PushPace {
    /// Writes that have been begun together.
    private struct Slice {
        let number: UInt64
        let began: Instant
        /// So many answers make it over: half of the slice. The others may come from far away, or never.
        var awaited: Int
    }

    private enum State {
        case idle
        case writing(Slice)
        case resting
    }

    /// Begins what belongs to the slice of this number.
    private typealias Begin = (inout SocialCore, UInt64) -> Void

    private var waiting = Deque<(weight: Int, begin: Begin)>()
    private var state = State.idle
    private var lastNumber: UInt64 = 0

    /// Begins `flow` in the next slice that has room for it; refused where too much waits: the intent of a delivery
    /// stands until all of it is done, and its keeper begins anew.
    /// - weight: as how many writes to inboxes it counts.
    static func push<Value>(_ flow: Flow<Value>, weight: Int = 1) -> Flow<Value> {
        Flow { core, end in
            guard core.pushes.waiting.count < Limits.socialPushesWaiting else { return end(&core, .failure(.tooBusy)) }
            core.pushes.waiting.append(
                (
                    weight,
                    { core, slice in
                        flow.start(&core) { core, result in
                            answered(slice, &core)
                            end(&core, result)
                        }
                    }
                ))
            beginSlice(&core)
        }
    }

    private static func beginSlice(_ core: inout SocialCore) {
        guard case .idle = core.pushes.state else { return }
        let slice = core.pushes.takeSlice()
        guard !slice.isEmpty else { return }
        core.pushes.lastNumber += 1
        let number = core.pushes.lastNumber
        core.pushes.state = .writing(
            Slice(number: number, began: core.now.instant, awaited: (slice.count + 1) / 2))
        for begin in slice { begin(&core, number) }
        core.after(Limits.socialPushPatience) { core, _ in rest(after: number, &core) }
    }

    /// What has waited longest, as much as there is room for; at least one.
    private mutating func takeSlice() -> [Begin] {
        var slice: [Begin] = []
        var room = Limits.socialPushSlice
        while let next = waiting.first, next.weight <= room || slice.isEmpty {
            waiting.removeFirst()
            room -= next.weight
            slice.append(next.begin)
        }
        return slice
    }

    private static func answered(_ number: UInt64, _ core: inout SocialCore) {
        guard case .writing(var slice) = core.pushes.state, slice.number == number else { return }
        slice.awaited -= 1
        core.pushes.state = .writing(slice)
        if slice.awaited == 0 { rest(after: number, &core) }
    }

    private static func rest(after number: UInt64, _ core: inout SocialCore) {
        guard case .writing(let slice) = core.pushes.state, slice.number == number else { return }
        core.pushes.state = .resting
        let took = core.now.instant - slice.began
        core.after(took * Limits.socialPushRests) { core, _ in
            core.pushes.state = .idle
            beginSlice(&core)
        }
    }
}
