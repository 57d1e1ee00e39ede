// A server of the comparison: four slots behind one queue, first come first served.

import DequeModule
import World

struct SelectionServer {
    /// Of the service times that begin now.
    var meanMs = SelectionSetting.slowMs
    /// It answers at once, with an error.
    var isFailing = false
    /// What it was sent.
    private(set) var asked = 0
    private var queue: Deque<UInt64> = []
    private var busy = 0

    var waiting: Int { queue.count }

    /// What a request that came now would take, with the service of all before it.
    var expectedMs: Double {
        guard !isFailing else { return .infinity }
        let ahead = max(0, queue.count + busy - SelectionSetting.slots + 1)
        return meanMs * (1 + Double(ahead) / Double(SelectionSetting.slots))
    }

    /// A request arrives; true if it is begun at once.
    mutating func take(_ ask: UInt64) -> Bool {
        asked += 1
        guard !isFailing else { return false }
        if busy < SelectionSetting.slots {
            busy += 1
            return true
        }
        queue.append(ask)
        return false
    }

    /// One is done; the next, if one waits, begins in its slot.
    mutating func finish() -> UInt64? {
        if let next = queue.popFirst() { return next }
        busy -= 1
        return nil
    }
}
