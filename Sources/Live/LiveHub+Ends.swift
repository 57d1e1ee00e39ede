// The end of a value's time as an event: nobody writes then, so no primary tells of it.
//
// A hub knows when what it was sent ends, and at that time it looks at the key as if it had changed. It goes by its own
// clock, as it does when it shows anything; nothing that replicas hold depends on it.

import DequeModule
import Keys
import World

extension LiveHub {
    /// After the contents of a key were learned.
    mutating func awaitEnd(of state: inout LiveKey) {
        let before = state.nextEnd
        state.noteEnds(at: wall)
        if state.nextEnd != nil || state.lastEnd != nil {
            for id in state.watches { watches[id]?.hasEnds = true }
        }
        guard let end = state.nextEnd, end != before else { return }
        // Most are later than all that are known: they were written later.
        endings.insert((end, state.key), at: endings.firstPlace { $0.end <= end })
        guard endings.count > 2 * keys.count + Limits.liveTurnKeys else { return }
        endings.removeAll { keys[KeyBytes($0.key)]?.nextEnd != $0.end && !($0.key == state.key && $0.end == end) }
    }

    /// Those whose time has come are told of anew, some in each turn.
    mutating func tellEnds() {
        for _ in 0..<Limits.liveDirtyKeys {
            guard let (end, key) = endings.first, end <= wall else { return }
            endings.removeFirst()
            guard var state = keys[KeyBytes(key)], state.nextEnd == end else { continue }
            awaitEnd(of: &state)
            state.noteEnd()
            keys[KeyBytes(key)] = state
            for id in state.watches { note(key, in: id) }
        }
    }

    /// What a client that resumes a range may still show: what has ended since its id says. Nodes' clocks differ, and
    /// the id may be another's.
    func noteEnded(since until: WallTime?, _ part: Int, _ subscriber: inout Subscriber) {
        guard let watch = watches[subscriber.parts[part].watch], watch.hasEnds else { return }
        let grace = UInt64(Limits.expiryGrace.inMilliseconds)
        let from = until.map { $0.milliseconds - min($0.milliseconds, grace) } ?? 0
        for key in watch.members {
            if let end = keys[KeyBytes(key)]?.lastEnd, end.milliseconds > from { subscriber.parts[part].note(key) }
        }
    }
}
