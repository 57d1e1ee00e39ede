// Deadlines of many things in one heap, so that a registry needs one timer from outside.

import World

/// A binary min-heap of (time, insertion number): equal times come out in the order they went in.
struct TimerQueue<Label: Sendable>: Sendable {
    private struct Entry: Sendable {
        let time: Instant
        let number: UInt64
        let label: Label
    }

    private var heap: [Entry] = []
    private var inserted: UInt64 = 0

    init() {}
    var next: Instant? { heap.first?.time }
    var count: Int { heap.count }

    mutating func insert(_ label: Label, at time: Instant) {
        heap.append(Entry(time: time, number: inserted, label: label))
        inserted += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(child, parent) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// The earliest label, if it is due.
    mutating func pop(upTo now: Instant) -> Label? {
        guard let first = heap.first, first.time <= now else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first.label }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(child, least) {
                least = child
            }
            guard least != parent else { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return first.label
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        heap[a].time != heap[b].time ? heap[a].time < heap[b].time : heap[a].number < heap[b].number
    }
}
