// Joining the records of two replicas, path by path.

import World

/// What each of two replicas has seen, by actor.
struct JoinSides {
    let a: [UInt64]
    let b: [UInt64]
    let mutant: TypedMutant?
    /// A bug, for tests.
    let keepsCovered: Bool

    init(a: [UInt64], b: [UInt64], mutant: TypedMutant?, _ keepsCovered: Bool) {
        (self.a, self.b, self.mutant, self.keepsCovered) = (a, b, mutant, keepsCovered)
    }

    var seen: (a: [UInt64], b: [UInt64]) { (a, b) }
}

extension RecordNode {
    mutating func join(_ other: RecordNode, _ sides: JoinSides) {
        registers = survivors(registers, other.registers, seenBy: sides.seen, id: \.id)
        flags = survivors(flags, other.flags, seenBy: sides.seen, id: \.self)
        marks = survivors(marks, other.marks, seenBy: sides.seen, id: \.id)
        joinElements(other.elements, sides)
        joinCounters(other.counters, sides)
        if !texts.isEmpty || !other.texts.isEmpty {
            text = FugueTree.join(
                text, seenBy: sides.seen, other.text, byArrival: sides.mutant == .siblingsByArrival)
        }
        if !lists.isEmpty || !other.lists.isEmpty { list.join(other.list, sides) }
        joinFields(other.fields, sides)
    }

    private mutating func joinElements(_ others: [SetElement], _ sides: JoinSides) {
        if elements.isEmpty && others.isEmpty { return }
        var joined: [SetElement] = []
        var (i, j) = (0, 0)
        while i < elements.count || j < others.count {
            let mine = i < elements.count ? elements[i] : nil
            let theirs = j < others.count ? others[j] : nil
            let takesMine = theirs.map { theirs in mine.map { $0.value <= theirs.value } ?? false } ?? true
            let takesTheirs = mine.map { mine in theirs.map { $0.value <= mine.value } ?? false } ?? true
            let ids = survivors(
                takesMine ? mine?.ids ?? [] : [], takesTheirs ? theirs?.ids ?? [] : [], seenBy: sides.seen, id: \.self,
                keepsCovered: sides.keepsCovered)
            if let value = (takesMine ? mine : theirs)?.value, !ids.isEmpty {
                joined.append(SetElement(value: value, ids: ids))
            }
            if takesMine { i += 1 }
            if takesTheirs { j += 1 }
        }
        elements = joined
    }

    private mutating func joinCounters(_ others: [CounterEntry], _ sides: JoinSides) {
        if counters.isEmpty && others.isEmpty { return }
        var joined: [CounterEntry] = []
        var (i, j) = (0, 0)
        while i < counters.count || j < others.count {
            let x = i < counters.count ? counters[i].actor : .max
            let y = j < others.count ? others[j].actor : .max
            if x < y {
                if sides.b[x] < counters[i].last { joined.append(counters[i]) }
                i += 1
            } else if y < x {
                if sides.a[y] < others[j].last { joined.append(others[j]) }
                j += 1
            } else {
                var entry = counters[i].joined(others[j])
                if sides.mutant == .resetForgotten, entry.isAlive { entry.reset.amounts = CounterEntry.Amounts() }
                joined.append(entry)
                i += 1
                j += 1
            }
        }
        counters = joined
    }

    private mutating func joinFields(_ others: [(name: [UInt8], node: RecordNode)], _ sides: JoinSides) {
        if fields.isEmpty && others.isEmpty { return }
        var joined: [(name: [UInt8], node: RecordNode)] = []
        joined.reserveCapacity(max(fields.count, others.count))
        var (i, j) = (0, 0)
        while i < fields.count || j < others.count {
            let takesMine =
                j == others.count || (i < fields.count && !others[j].name.lexicographicallyPrecedes(fields[i].name))
            let takesTheirs =
                i == fields.count || (j < others.count && !fields[i].name.lexicographicallyPrecedes(others[j].name))
            let name = takesMine ? fields[i].name : others[j].name
            var node = takesMine ? fields[i].node : RecordNode()
            node.join(takesTheirs ? others[j].node : RecordNode(), sides)
            if !node.isEmpty { joined.append((name, node)) }
            if takesMine { i += 1 }
            if takesTheirs { j += 1 }
        }
        fields = joined
    }
}

extension ListRecords {
    mutating func join(_ other: ListRecords, _ sides: JoinSides) {
        lives = survivors(lives, other.lives, seenBy: sides.seen, id: \.self)
        let byDot = { (a: ItemPosition, b: ItemPosition) in a.id < b.id }
        positions = survivors(
            positions.sorted(by: byDot), other.positions.sorted(by: byDot), seenBy: sides.seen, id: \.id
        ).sorted { ($0.item, $0.id) < ($1.item, $1.id) }
        slots = FugueTree.join(
            slots, seenBy: sides.seen, other.slots, byArrival: sides.mutant == .siblingsByArrival)
        var joined: [(item: ElementID, node: RecordNode)] = []
        var (i, j) = (0, 0)
        while i < contents.count || j < other.contents.count {
            let x = i < contents.count ? contents[i].item : .void
            let y = j < other.contents.count ? other.contents[j].item : .void
            var node = x <= y ? contents[i].node : RecordNode()
            node.join(y <= x ? other.contents[j].node : RecordNode(), sides)
            if !node.isEmpty { joined.append((min(x, y), node)) }
            if x <= y { i += 1 }
            if y <= x { j += 1 }
        }
        contents = joined
        refreshAll()
    }
}
