// One proposer per node and name: the others of that name wait their turn in order.

struct KeyQueues: Sendable {
    private struct Line: Sendable {
        var active: UInt64
        var waiting: [UInt64] = []
        var head = 0
    }

    private var lines: [RegisterKey: Line] = [:]

    /// True if `operation` may go at once; else it waits.
    mutating func enter(_ operation: UInt64, for key: RegisterKey) -> Bool {
        if lines[key] == nil {
            lines[key] = Line(active: operation)
            return true
        }
        lines[key]?.waiting.append(operation)
        return false
    }

    func waiting(for key: RegisterKey) -> Int { lines[key].map { $0.waiting.count - $0.head } ?? 0 }
    func isActive(_ operation: UInt64, for key: RegisterKey) -> Bool { lines[key]?.active == operation }

    /// Ends the turn of `operation`, if it has it: the next in line, which now has the turn. One that waits merely
    /// leaves: the caller skips numbers that it no longer knows.
    mutating func leave(_ operation: UInt64, for key: RegisterKey) -> UInt64? {
        guard var line = lines[key], line.active == operation else { return nil }
        guard line.head < line.waiting.count else {
            lines[key] = nil
            return nil
        }
        line.active = line.waiting[line.head]
        line.head += 1
        if line.head > 64, line.head * 2 > line.waiting.count {
            line.waiting.removeFirst(line.head)
            line.head = 0
        }
        let next = line.active
        lines[key] = line
        return next
    }
}

/// Names that were seen to have a record, in two halves: when the younger is full, the older is forgotten.
struct SeenNames: Sendable {
    private var younger: Set<RegisterKey> = []
    private var older: Set<RegisterKey> = []
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    mutating func insert(_ key: RegisterKey) {
        guard younger.insert(key).inserted, younger.count >= capacity else { return }
        older = younger
        younger = []
    }

    func contains(_ key: RegisterKey) -> Bool { younger.contains(key) || older.contains(key) }
}
