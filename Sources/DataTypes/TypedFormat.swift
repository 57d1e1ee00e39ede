// The bytes of a typed object (docs/formats/typed.md): one encoding for one set of records.
//
// Actors stand by their place in the vector, paths as a tree in the order of their bytes, texts and lists as runs in
// their shown order. What was read is written again and compared: so nothing that two replicas could write differently
// is ever taken in.

import Causality
import World

enum TypedFormat {
    static let object: UInt8 = 3
    /// What a request changed; it travels in an object's place.
    static let delta: UInt8 = 8
}

extension TypedObject {
    /// The same bytes wherever the same is known.
    package func encode() -> [UInt8] {
        var w = ByteWriter(capacity: 256)
        w.byte(TypedFormat.object)
        w.actors(actors)
        w.counters(floor, atMost: actors)
        w.expiry(expiry)
        w.ledger(ledger)
        root.encode(to: &w)
        return w.bytes
    }

    /// Throws on anything that `encode` would not have written.
    init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        guard bytes.count <= Limits.objectBytes else { throw .overlong }
        var r = ByteReader(bytes)
        let version = try r.byte()
        guard version == TypedFormat.object else { throw .unknownVersion(version) }
        self.init()
        actors = try r.actors()
        floor = try r.counters(atMost: actors)
        expiry = try r.expiry()
        var bounds = RecordBounds(counters: actors.counters)
        ledger = try r.ledger(&bounds)
        root = try RecordNode(from: &r, &bounds, depth: 0)
        try r.finish()
        guard encode() == bytes else { throw .malformed("a typed object that is not in its one form") }
    }
}

/// What ids may be: those that are covered.
struct RecordBounds {
    let counters: [UInt64]
    /// Of a delta: the run of its own, beside what it needs.
    var run: IDRange?

    init(counters: [UInt64], run: IDRange? = nil) {
        self.counters = counters
        self.run = run
    }

    func allows(_ id: ElementID) -> Bool {
        if let run, run.first <= id, id <= run.last { return true }
        return id.place < counters.count && id.counter <= counters[id.place] && id.counter > 0
    }
}

extension ByteWriter {
    /// Each node's name once for all its incarnations.
    mutating func actors(_ table: ActorTable) {
        varint(UInt64(table.actors.count))
        var last: NodeID?
        for (actor, counter) in zip(table.actors, table.counters) {
            if actor.node == last { varint(0) } else { counted(actor.node.name) }
            last = actor.node
            varint(actor.incarnation)
            varint(counter)
        }
    }

    mutating func counters(_ counters: [UInt64], atMost table: ActorTable) {
        // None at all is the usual case.
        let isEmpty = counters.allSatisfy { $0 == 0 }
        flag(!isEmpty)
        if !isEmpty { for place in table.actors.indices { varint(place < counters.count ? counters[place] : 0) } }
    }

    mutating func id(_ id: ElementID) {
        varint(UInt64(id.place))
        varint(id.counter)
    }

    mutating func amounts(_ amounts: CounterEntry.Amounts) {
        varint(amounts.plus)
        varint(amounts.minus)
    }

    mutating func path(_ path: ObjectPath) {
        varint(UInt64(path.steps.count))
        for step in path.steps {
            switch step {
            case .name(let name):
                varint(UInt64(name.count) << 1)
                raw(name)
            case .item(let item):
                varint(UInt64(item.place) << 1 | 1)
                varint(item.counter)
            }
        }
    }

    mutating func effect(_ effect: Effect) {
        id(effect.last)
        varint(UInt64(effect.count))
        varint(effect.time.bits)
        varint(UInt64(effect.amounts.count))
        for amount in effect.amounts {
            path(amount.path)
            varint(effect.last.counter - amount.counter)
            amounts(amount.amounts)
        }
    }

    mutating func named(_ named: NamedEffect) {
        fixed64(named.writer.high)
        fixed64(named.writer.low)
        varint(named.number)
        effect(named.effect)
    }

    mutating func ledger(_ ledger: Ledger) {
        varint(UInt64(ledger.writers.count))
        for entry in ledger.writers { named(entry) }
        varint(UInt64(ledger.notes.count))
        for entry in ledger.notes { named(entry) }
        varint(UInt64(ledger.voids.count))
        for entry in ledger.voids {
            effect(entry)
            id(entry.stays)
        }
    }
}

extension ByteReader {
    /// `areNeeds`: of some actors nothing may be needed.
    mutating func actors(areNeeds: Bool = false) throws(DecodingFailure) -> ActorTable {
        let count = try count(atMost: Limits.versionVectorEntries)
        var entries: [Dot] = []
        for _ in 0..<count {
            let length = try self.count(atMost: Limits.nodeNameBytes)
            let node: NodeID
            if length == 0 {
                guard let last = entries.last?.actor.node else { throw .malformed("an actor without a node") }
                node = last
            } else {
                guard let named = NodeID(try text(length)) else { throw .malformed("a node's name breaks its rule") }
                node = named
            }
            entries.append(Dot(actor: Actor(node: node, incarnation: try varint()), counter: try varint()))
        }
        var table = ActorTable()
        for (place, entry) in entries.enumerated() {
            guard place == 0 || entries[place - 1].actor < entry.actor, entry.counter <= Limits.packedCounter,
                areNeeds || entry.counter > 0
            else { throw .malformed("version vector out of order") }
            table.append(entry.actor, counter: entry.counter)
        }
        return table
    }

    mutating func counters(atMost table: ActorTable) throws(DecodingFailure) -> [UInt64] {
        guard try flag() else { return table.counters.map { _ in 0 } }
        var counters: [UInt64] = []
        for most in table.counters {
            let counter = try varint()
            guard counter <= most else { throw .malformed("a floor beyond the version vector") }
            counters.append(counter)
        }
        return counters
    }

    /// A dot within the bounds.
    mutating func id(_ bounds: RecordBounds) throws(DecodingFailure) -> ElementID {
        let place = try count(atMost: Limits.versionVectorEntries)
        let counter = try varint()
        guard counter <= Limits.packedCounter else { throw .overlong }
        let id = ElementID(place: place, counter: counter)
        guard bounds.allows(id) else { throw .malformed("a dot beyond the version vector") }
        return id
    }

    /// Ids of one actor that are all within the bounds.
    mutating func range(_ bounds: RecordBounds) throws(DecodingFailure) -> IDRange {
        let first = try id(bounds)
        return try range(from: first, bounds)
    }

    mutating func range(from first: ElementID, _ bounds: RecordBounds) throws(DecodingFailure) -> IDRange {
        let count = try count(atMost: Limits.objectBytes)
        guard count > 0, first.counter <= Limits.packedCounter - UInt64(count) else { throw .overlong }
        let range = IDRange(first: first, count: count)
        guard bounds.allows(range.last) else { throw .malformed("dots beyond the version vector") }
        return range
    }

    mutating func amounts() throws(DecodingFailure) -> CounterEntry.Amounts {
        let (plus, minus) = (try varint(), try varint())
        guard plus <= Limits.counterTotal, minus <= Limits.counterTotal else { throw .overlong }
        return CounterEntry.Amounts(plus: plus, minus: minus)
    }

    mutating func path(_ bounds: RecordBounds) throws(DecodingFailure) -> ObjectPath {
        var path = ObjectPath()
        for _ in 0..<(try count(atMost: Limits.pathSteps)) {
            let head = try varint()
            if head & 1 == 0 {
                guard head >> 1 <= UInt64(Limits.pathBytes) else { throw .overlong }
                path.steps.append(.name(Array(try text(Int(head >> 1)).utf8)))
            } else {
                guard head >> 1 <= UInt64(Limits.versionVectorEntries) else { throw .overlong }
                let counter = try varint()
                guard counter <= Limits.packedCounter else { throw .overlong }
                let id = ElementID(place: Int(head >> 1), counter: counter)
                guard bounds.allows(id) else { throw .malformed("a path by an unknown item") }
                path.steps.append(.item(id))
            }
        }
        guard path.byteCount <= Limits.pathBytes else { throw .overlong }
        return path
    }

    mutating func effect(_ bounds: RecordBounds) throws(DecodingFailure) -> Effect {
        let last = try id(bounds)
        let count = try count(atMost: Limits.objectBytes)
        guard count > 0, UInt64(count) <= last.counter else { throw .malformed("a run without dots") }
        let time = HybridTime(bits: try varint())
        var amounts: [CountedAmount] = []
        for _ in 0..<(try self.count(atMost: Limits.requestOperations)) {
            let (path, back) = (try path(bounds), try varint())
            guard back < UInt64(count) else { throw .malformed("an amount from another run") }
            amounts.append(CountedAmount(path: path, amounts: try self.amounts(), counter: last.counter - back))
        }
        return Effect(last: last, count: count, amounts: amounts, time: time)
    }

    mutating func named(_ bounds: RecordBounds) throws(DecodingFailure) -> NamedEffect {
        let writer = Writer(high: try fixed64(), low: try fixed64())
        return NamedEffect(writer: writer, number: try varint(), effect: try effect(bounds))
    }

    fileprivate mutating func ledger(_ bounds: inout RecordBounds) throws(DecodingFailure) -> Ledger {
        var lists: [[NamedEffect]] = []
        for _ in 0..<2 {
            var entries: [NamedEffect] = []
            for _ in 0..<(try count(atMost: Limits.ledgerEntries)) { entries.append(try named(bounds)) }
            lists.append(entries)
        }
        var voids: [Effect] = []
        for _ in 0..<(try count(atMost: Limits.voidRequests * Limits.mergedShare)) {
            var effect = try effect(bounds)
            effect.stays = try id(bounds)
            guard effect.stays < effect.last else { throw .malformed("a void request without the one that stays") }
            voids.append(effect)
        }
        guard let ledger = Ledger(writers: lists[0], notes: lists[1], voids: voids) else {
            throw .malformed("a ledger out of order")
        }
        return ledger
    }
}
