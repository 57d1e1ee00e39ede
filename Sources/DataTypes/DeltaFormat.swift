// The bytes of a delta (docs/formats/typed.md). What is read is checked by itself: every dot in it is of its own run or
// among what it needs, so it can be taken in wherever that is there.

import Causality
package import World

private enum ChangeCode {
    static let mark: UInt8 = 0
    static let register: UInt8 = 1
    static let flag: UInt8 = 2
    static let element: UInt8 = 3
    static let dropElement: UInt8 = 4
    static let drop: UInt8 = 5
    static let clear: UInt8 = 6
    static let count: UInt8 = 7
    static let reset: UInt8 = 8
    static let characters: UInt8 = 9
    static let slots: UInt8 = 10
    static let lives: UInt8 = 11
    static let positions: UInt8 = 12
    static let delete: UInt8 = 13
    static let deleteSlots: UInt8 = 14
    static let sweep: UInt8 = 15
    static let sweepSlots: UInt8 = 16
    static let sweepCounter: UInt8 = 17
    /// Added where the path is that of the change before.
    static let samePath: UInt8 = 32
}

extension TypedDelta {
    /// Whether bytes that stand in an object's place are a delta's.
    package static func isBegun(by bytes: [UInt8]) -> Bool { bytes.first == TypedFormat.delta }

    package func encode() -> [UInt8] {
        var w = ByteWriter(capacity: 96)
        w.byte(TypedFormat.delta)
        w.actors(needs)
        w.varint(UInt64(own))
        w.varint(first)
        w.varint(last - first)
        w.varint(time.bits)
        w.varint(UInt64(floor.count))
        for counter in floor { w.varint(counter) }
        w.end(of: expiry)
        w.varint(UInt64(steps.count))
        var path: ObjectPath?
        for step in steps {
            w.change(step.change, isSamePath: step.path == path, step.path)
            path = step.path
        }
        w.optional(call) { w, call in
            w.flag(call.isAgain)
            w.named(call.named)
        }
        return w.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        guard bytes.count <= Limits.objectBytes else { throw .overlong }
        var r = ByteReader(bytes)
        let version = try r.byte()
        guard version == TypedFormat.delta else { throw .unknownVersion(version) }
        let needs = try r.actors(areNeeds: true)
        let own = try r.count(atMost: max(0, needs.actors.count - 1))
        guard own < needs.actors.count else { throw .malformed("a delta without an actor") }
        let first = try r.varint()
        let count = try r.count(atMost: Limits.objectBytes)
        guard first > needs.counters[own], first <= Limits.packedCounter - UInt64(count) else {
            throw .malformed("a run that does not follow what it needs")
        }
        let time = HybridTime(bits: try r.varint())
        let run = IDRange(first: ElementID(place: own, counter: first), count: count + 1)
        let bounds = RecordBounds(counters: needs.counters, run: run)
        var floor: [UInt64] = []
        let floors = try r.count(atMost: needs.actors.count)
        guard floors == 0 || floors == needs.actors.count else { throw .malformed("a floor of other actors") }
        for place in 0..<floors {
            floor.append(try r.varint())
            guard floor[place] <= max(needs.counters[place], place == own ? run.last.counter : 0) else {
                throw .malformed("a floor beyond what is needed")
            }
        }
        let expiry = try r.end(saidAt: time)
        var steps: [PathChange] = []
        for _ in 0..<(try r.count(each: 2)) { steps.append(try r.step(after: steps.last, bounds, run)) }
        let call = try r.optional { r throws(DecodingFailure) in
            let isAgain = try r.flag()
            return NamedCall(named: try r.named(bounds), isAgain: isAgain)
        }
        try r.finish()
        guard FreshIDs(steps).areDistinct else { throw .malformed("a dot that is minted twice") }
        self.init(
            needs: needs, own: own, run: first...run.last.counter, time: time, steps: steps, floor: floor, call: call)
        self.expiry = expiry
    }
}

/// The dots that a delta's records get, each of which may be given once.
private struct FreshIDs {
    private var ranges: [IDRange] = []

    init(_ steps: [PathChange]) {
        for step in steps {
            switch step.change {
            case .mark(let id, _), .register(let id, _), .flag(let id), .element(let id, _):
                ranges.append(IDRange(first: id, count: 1))
            case .characters(let chain), .slots(let chain): ranges.append(chain.ids)
            case .lives(let range), .positions(let range, _, _): ranges.append(range)
            default: break
            }
        }
    }

    var areDistinct: Bool {
        let sorted = ranges.sorted { $0.first < $1.first }
        return zip(sorted, sorted.dropFirst()).allSatisfy { $0.last < $1.first }
    }
}

extension ByteWriter {
    private mutating func ids(_ ids: [ElementID]) {
        varint(UInt64(ids.count))
        for one in ids { id(one) }
    }

    private mutating func range(_ range: IDRange) {
        id(range.first)
        varint(UInt64(range.count))
    }

    private mutating func ranges(_ ranges: [IDRange]) {
        varint(UInt64(ranges.count))
        for one in ranges { range(one) }
    }

    private mutating func chain(_ chain: FugueTree.Chain) {
        range(chain.ids)
        flag(chain.side == .right)
        flag(chain.parent != .none)
        if chain.parent != .none { id(chain.parent) }
    }

    fileprivate mutating func change(_ change: Change, isSamePath: Bool, _ path: ObjectPath) {
        byte(change.code | (isSamePath ? ChangeCode.samePath : 0))
        if !isSamePath { self.path(path) }
        switch change {
        case .mark(let one, let kind):
            id(one)
            byte(kind.code)
        case .register(let one, let value), .element(let one, let value):
            id(one)
            counted(value.bytes)
        case .flag(let one), .sweepCounter(let one): id(one)
        case .dropElement(let value, let dead):
            counted(value.bytes)
            ids(dead)
        case .drop(let dead), .clear(let dead): ids(dead)
        case .count(let one): entry(one)
        case .reset(let actor, let upTo, let amounts):
            id(ElementID(place: actor, counter: upTo))
            self.amounts(amounts)
        case .characters(let one):
            chain(one)
            counted(one.text)
        case .slots(let one):
            chain(one)
            id(one.firstItem)
        case .lives(let one): range(one)
        case .positions(let one, let item, let slot):
            range(one)
            id(item)
            id(slot)
        case .delete(let dead), .deleteSlots(let dead), .sweep(let dead), .sweepSlots(let dead): ranges(dead)
        }
    }
}

extension Change {
    fileprivate var code: UInt8 {
        switch self {
        case .mark: ChangeCode.mark
        case .register: ChangeCode.register
        case .flag: ChangeCode.flag
        case .element: ChangeCode.element
        case .dropElement: ChangeCode.dropElement
        case .drop: ChangeCode.drop
        case .clear: ChangeCode.clear
        case .count: ChangeCode.count
        case .reset: ChangeCode.reset
        case .characters: ChangeCode.characters
        case .slots: ChangeCode.slots
        case .lives: ChangeCode.lives
        case .positions: ChangeCode.positions
        case .delete: ChangeCode.delete
        case .deleteSlots: ChangeCode.deleteSlots
        case .sweep: ChangeCode.sweep
        case .sweepSlots: ChangeCode.sweepSlots
        case .sweepCounter: ChangeCode.sweepCounter
        }
    }
}

extension ByteReader {
    private mutating func ids(_ bounds: RecordBounds) throws(DecodingFailure) -> [ElementID] {
        var ids: [ElementID] = []
        for _ in 0..<(try count(each: 2)) { ids.append(try id(bounds)) }
        return ids
    }

    private mutating func ranges(_ bounds: RecordBounds) throws(DecodingFailure) -> [IDRange] {
        var ranges: [IDRange] = []
        for _ in 0..<(try count(each: 3)) { ranges.append(try range(bounds)) }
        return ranges
    }

    private mutating func chain(_ bounds: RecordBounds, _ run: IDRange) throws(DecodingFailure) -> FugueTree.Chain {
        let ids = try freshRange(run)
        let side: FugueTree.Side = try flag() ? .right : .left
        let parent = try flag() ? try id(bounds) : .none
        guard parent == .none ? side == .right : parent < ids.first || parent > ids.last else {
            throw .malformed("an element that hangs on itself")
        }
        return FugueTree.Chain(ids: ids, parent: parent, side: side)
    }

    private mutating func fresh(_ run: IDRange) throws(DecodingFailure) -> ElementID {
        try id(RecordBounds(counters: [], run: run))
    }

    private mutating func freshRange(_ run: IDRange) throws(DecodingFailure) -> IDRange {
        let range = try range(RecordBounds(counters: [], run: run))
        guard range.count <= Swift.max(Limits.containerEntries, Limits.requestOperationBytes) else { throw .overlong }
        return range
    }

    fileprivate mutating func step(
        after last: PathChange?, _ bounds: RecordBounds, _ run: IDRange
    ) throws(DecodingFailure) -> PathChange {
        let head = try byte()
        let path: ObjectPath
        if head & ChangeCode.samePath != 0 {
            guard let last else { throw .malformed("a change without a path") }
            path = last.path
        } else {
            path = try self.path(bounds)
            guard path != last?.path else { throw .malformed("a path that is said twice") }
        }
        let code = head & ~ChangeCode.samePath
        return PathChange(path: path, change: try change(code, bounds, run))
    }

    private mutating func change(
        _ code: UInt8, _ bounds: RecordBounds, _ run: IDRange
    ) throws(DecodingFailure) -> Change {
        switch code {
        case ChangeCode.mark:
            let id = try fresh(run)
            guard let kind = TypedKind(code: try byte()) else { throw .malformed("an unknown kind") }
            return .mark(id, kind)
        case ChangeCode.register: return .register(try fresh(run), try scalar())
        case ChangeCode.flag: return .flag(try fresh(run))
        case ChangeCode.element: return .element(try fresh(run), try scalar())
        case ChangeCode.dropElement: return .dropElement(try scalar(), try ids(bounds))
        case ChangeCode.drop: return .drop(try ids(bounds))
        case ChangeCode.clear: return .clear(try ids(bounds))
        case ChangeCode.count:
            let entry = try entry(bounds)
            guard run.first <= entry.lastID, entry.actor == run.first.place, entry.reset == CounterEntry.Reset() else {
                throw .malformed("an increment of another actor")
            }
            return .count(entry)
        case ChangeCode.reset:
            let last = try id(bounds)
            return .reset(actor: last.place, upTo: last.counter, try amounts())
        case ChangeCode.characters:
            var chain = try chain(bounds, run)
            let text = try countedSlice(atMost: Limits.objectBytes)
            guard let string = String(validating: text, as: UTF8.self), string.unicodeScalars.count == chain.ids.count
            else { throw .malformed("a text that is not as long as its run") }
            chain.text = Array(text)
            return .characters(chain)
        case ChangeCode.slots:
            var chain = try chain(bounds, run)
            chain.firstItem = try id(bounds)
            _ = try within(chain.firstItem, chain.ids.count, bounds)
            return .slots(chain)
        case ChangeCode.lives: return .lives(try freshRange(run))
        case ChangeCode.positions:
            let range = try freshRange(run)
            let (item, slot) = (try id(bounds), try id(bounds))
            return .positions(
                range, firstItem: try within(item, range.count, bounds),
                firstSlot: try within(slot, range.count, bounds))
        case ChangeCode.delete: return .delete(try ranges(bounds))
        case ChangeCode.deleteSlots: return .deleteSlots(try ranges(bounds))
        case ChangeCode.sweep: return .sweep(try ranges(bounds))
        case ChangeCode.sweepSlots: return .sweepSlots(try ranges(bounds))
        case ChangeCode.sweepCounter: return .sweepCounter(try id(bounds))
        default: throw .malformed("an unknown change")
        }
    }

    /// So many from this one on are within the bounds.
    private func within(
        _ first: ElementID, _ count: Int, _ bounds: RecordBounds
    ) throws(DecodingFailure) -> ElementID {
        guard first.counter <= Limits.packedCounter - UInt64(count), bounds.allows(first.advanced(by: count - 1)) else {
            throw .malformed("dots beyond what is needed")
        }
        return first
    }
}
