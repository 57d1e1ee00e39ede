// All records of an object, as the tree of their paths.
//
// Kinds that were made at one path, unseen by each other, stand side by side; the one that was set last is shown.

import Causality
import World

/// What stands at one path and below it.
struct RecordNode: Sendable {
    /// Ascending by dot.
    var registers: [Register] = []
    var flags: [ElementID] = []
    var marks: [Mark] = []
    /// Ascending by value.
    var elements: [SetElement] = []
    /// Ascending by actor.
    var counters: [CounterEntry] = []
    /// None if it is empty, or one: most nodes have neither, and an array takes little room.
    var texts: [FugueTree] = []
    var lists: [ListRecords] = []
    /// Fields of a map in the order of their names' bytes; none is empty.
    var fields: [(name: [UInt8], node: RecordNode)] = []

    var isEmpty: Bool {
        registers.isEmpty && flags.isEmpty && marks.isEmpty && elements.isEmpty && counters.isEmpty && texts.isEmpty
            && lists.isEmpty && fields.isEmpty
    }

    var text: FugueTree {
        get { texts.first ?? FugueTree(isText: true) }
        _modify {
            if texts.isEmpty { texts.append(FugueTree(isText: true)) }
            yield &texts[0]
            if texts[0].isEmpty { texts.removeLast() }
        }
    }

    var list: ListRecords {
        get { lists.first ?? ListRecords() }
        _modify {
            if lists.isEmpty { lists.append(ListRecords()) }
            yield &lists[0]
            if lists[0].isEmpty { lists.removeLast() }
        }
    }

    func fieldPlace(_ name: [UInt8]) -> (place: Int, isThere: Bool) {
        let place = fields.firstPlace { $0.name.lexicographicallyPrecedes(name) }
        return (place, place < fields.count && fields[place].name == name)
    }

    func field(_ name: [UInt8]) -> RecordNode? {
        let (place, isThere) = fieldPlace(name)
        return isThere ? fields[place].node : nil
    }

    /// What stands at a path below.
    func node(_ path: some Collection<ObjectPath.Step>) -> RecordNode? {
        guard let step = path.first else { return self }
        let below =
            switch step {
            case .name(let name): field(name)
            case .item(let item): lists.first?.content(of: item)
            }
        return below?.node(path.dropFirst())
    }

    /// Changes what stands at a path below; what becomes empty is dropped.
    mutating func change(_ path: ArraySlice<ObjectPath.Step>, _ body: (inout RecordNode) -> Void) {
        guard let step = path.first else { return body(&self) }
        switch step {
        case .name(let name):
            let (place, isThere) = fieldPlace(name)
            if isThere {
                fields[place].node.change(path.dropFirst(), body)
                if fields[place].node.isEmpty { fields.remove(at: place) }
            } else {
                var node = RecordNode()
                node.change(path.dropFirst(), body)
                if !node.isEmpty { fields.insert((name, node), at: place) }
            }
        case .item(let item): list.change(item) { $0.change(path.dropFirst(), body) }
        }
    }

    mutating func move(_ to: Relocation) {
        for place in registers.indices { registers[place].id = registers[place].id.moved(to) }
        for place in flags.indices { flags[place] = flags[place].moved(to) }
        for place in marks.indices { marks[place].id = marks[place].id.moved(to) }
        for place in elements.indices { elements[place].ids = elements[place].ids.map { $0.moved(to) } }
        for place in counters.indices { counters[place] = counters[place].moved(to) }
        for place in texts.indices { texts[place].move(to) }
        for place in lists.indices { lists[place].move(to) }
        for place in fields.indices { fields[place].node.move(to) }
    }
}

/// Field names, as their bytes, and items of lists.
struct ObjectPath: Hashable, Sendable {
    enum Step: Hashable, Sendable {
        case name([UInt8])
        case item(ElementID)
    }

    var steps: [Step] = []

    func appending(_ step: Step) -> ObjectPath { ObjectPath(steps: steps + [step]) }

    /// What its steps take, for the bound on paths.
    var byteCount: Int {
        steps.reduce(0) { sum, step in
            switch step {
            case .name(let name): sum + 1 + name.count
            case .item: sum + 9
            }
        }
    }

    func moved(_ to: Relocation) -> ObjectPath {
        ObjectPath(
            steps: steps.map { step in
                if case .item(let id) = step { .item(id.moved(to)) } else { step }
            })
    }
}
