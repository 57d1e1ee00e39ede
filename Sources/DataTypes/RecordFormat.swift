// The bytes of the records of one path and of all below it.
//
// A head says which kinds of records there are; each kind is sorted, and so read back.

import Causality
import World

private enum Section {
    static let registers: UInt8 = 1
    static let flags: UInt8 = 2
    static let marks: UInt8 = 4
    static let elements: UInt8 = 8
    static let counters: UInt8 = 16
    static let text: UInt8 = 32
    static let list: UInt8 = 64
    static let fields: UInt8 = 128
}

extension RecordNode {
    func encode(to w: inout ByteWriter) {
        var head: UInt8 = 0
        if !registers.isEmpty { head |= Section.registers }
        if !flags.isEmpty { head |= Section.flags }
        if !marks.isEmpty { head |= Section.marks }
        if !elements.isEmpty { head |= Section.elements }
        if !counters.isEmpty { head |= Section.counters }
        if !texts.isEmpty { head |= Section.text }
        if !lists.isEmpty { head |= Section.list }
        if !fields.isEmpty { head |= Section.fields }
        w.byte(head)
        w.records(registers) { w, register in
            w.id(register.id)
            w.varint(register.time.bits)
            w.counted(register.value.bytes)
        }
        w.records(flags) { w, id in w.id(id) }
        w.records(marks) { w, mark in
            w.id(mark.id)
            w.byte(mark.kind.code)
            w.varint(mark.time.bits)
        }
        w.records(elements) { w, element in
            w.counted(element.value.bytes)
            w.varint(UInt64(element.ids.count))
            for id in element.ids { w.id(id) }
        }
        w.records(counters) { w, entry in w.entry(entry) }
        texts.first?.encode(to: &w)
        if let list = lists.first { list.encode(to: &w) }
        w.records(fields) { w, field in
            w.counted(field.name)
            field.node.encode(to: &w)
        }
    }

    /// Recursion is bounded by `depth`.
    init(from r: inout ByteReader, _ bounds: inout RecordBounds, depth: Int) throws(DecodingFailure) {
        guard depth <= Limits.pathSteps else { throw .overlong }
        let head = try r.byte()
        if head & Section.registers != 0 {
            try r.records(least: 3) { r throws(DecodingFailure) in
                let (id, time) = (try r.id(bounds), HybridTime(bits: try r.varint()))
                registers.append(Register(id: id, value: try r.scalar(), time: time))
            }
        }
        if head & Section.flags != 0 {
            try r.records(least: 2) { r throws(DecodingFailure) in flags.append(try r.id(bounds)) }
        }
        if head & Section.marks != 0 {
            try r.records(least: 4) { r throws(DecodingFailure) in
                let id = try r.id(bounds)
                guard let kind = TypedKind(code: try r.byte()) else { throw .malformed("an unknown kind") }
                marks.append(Mark(id: id, kind: kind, time: HybridTime(bits: try r.varint())))
            }
        }
        if head & Section.elements != 0 {
            try r.records(least: 4) { r throws(DecodingFailure) in
                let value = try r.scalar()
                var ids: [ElementID] = []
                try r.records(least: 2) { r throws(DecodingFailure) in ids.append(try r.id(bounds)) }
                guard ids.isAscending(by: \.self) else { throw .malformed("dots of an element out of order") }
                elements.append(SetElement(value: value, ids: ids))
            }
        }
        if head & Section.counters != 0 {
            try r.records(least: 5) { r throws(DecodingFailure) in counters.append(try r.entry(bounds)) }
        }
        if head & Section.text != 0 { texts = [try FugueTree(from: &r, bounds, isText: true)] }
        if head & Section.list != 0 { lists = [try ListRecords(from: &r, &bounds, depth: depth)] }
        if head & Section.fields != 0 {
            try r.records(least: 3) { r throws(DecodingFailure) in
                let name = Array(try r.countedString(atMost: Limits.pathBytes).utf8)
                fields.append((name, try RecordNode(from: &r, &bounds, depth: depth + 1)))
            }
        }
        guard registers.isAscending(by: \.id), flags.isAscending(by: \.self), marks.isAscending(by: \.id),
            elements.isAscending(by: \.value), counters.isAscending(by: \.actor),
            zip(fields, fields.dropFirst()).allSatisfy({ $0.name.lexicographicallyPrecedes($1.name) }),
            depth == 0 || !isEmpty, fields.allSatisfy({ !$0.node.isEmpty })
        else { throw .malformed("records out of order") }
    }
}

extension ListRecords {
    fileprivate func encode(to w: inout ByteWriter) {
        w.varint(UInt64(lives.count))
        for id in lives { w.id(id) }
        w.varint(UInt64(positions.count))
        for position in positions {
            w.id(position.item)
            w.id(position.id)
            w.id(position.slot)
            w.varint(position.time.bits)
        }
        slots.encode(to: &w)
        w.varint(UInt64(contents.count))
        for content in contents {
            w.id(content.item)
            content.node.encode(to: &w)
        }
    }

    fileprivate init(
        from r: inout ByteReader, _ bounds: inout RecordBounds, depth: Int
    ) throws(DecodingFailure) {
        for _ in 0..<(try r.count(each: 2)) { lives.append(try r.id(bounds)) }
        for _ in 0..<(try r.count(each: 7)) {
            let (item, id, slot) = (try r.id(bounds), try r.id(bounds), try r.id(bounds))
            positions.append(ItemPosition(id: id, item: item, slot: slot, time: HybridTime(bits: try r.varint())))
        }
        slots = try FugueTree(from: &r, bounds, isText: false)
        for _ in 0..<(try r.count(each: 3)) {
            let item = try r.id(bounds)
            contents.append((item, try RecordNode(from: &r, &bounds, depth: depth + 1)))
        }
        guard lives.isAscending(by: \.self), !isEmpty,
            zip(positions, positions.dropFirst()).allSatisfy({ ($0.item, $0.id) < ($1.item, $1.id) }),
            zip(contents, contents.dropFirst()).allSatisfy({ $0.item < $1.item }),
            contents.allSatisfy({ !$0.node.isEmpty })
        else { throw .malformed("a list's records out of order") }
        refreshAll()
    }
}

extension Array {
    fileprivate func isAscending<Key: Comparable>(by key: (Element) -> Key) -> Bool {
        zip(self, dropFirst()).allSatisfy { key($0) < key($1) }
    }
}

extension ByteWriter {
    /// Nothing where there are none: the head says so.
    fileprivate mutating func records<Record>(_ records: [Record], _ write: (inout ByteWriter, Record) -> Void) {
        guard !records.isEmpty else { return }
        varint(UInt64(records.count))
        for record in records { write(&self, record) }
    }

    mutating func entry(_ entry: CounterEntry) {
        varint(UInt64(entry.actor))
        varint(entry.last)
        varint(entry.last - entry.birth)
        amounts(entry.total)
        varint(entry.reset.upTo)
        if entry.reset.upTo > 0 {
            amounts(entry.reset.amounts)
            id(entry.reset.dot)
        }
    }
}

extension ByteReader {
    fileprivate mutating func records(
        least: Int, _ read: (inout ByteReader) throws(DecodingFailure) -> Void
    ) throws(DecodingFailure) {
        let count = try count(each: least)
        guard count > 0 else { throw .malformed("a section without records") }
        for _ in 0..<count { try read(&self) }
    }

    mutating func scalar() throws(DecodingFailure) -> Scalar {
        guard let value = Scalar(bytes: try counted(atMost: Limits.objectBytes)) else {
            throw .malformed("a scalar that no value has")
        }
        return value
    }

    mutating func entry(_ bounds: RecordBounds) throws(DecodingFailure) -> CounterEntry {
        let last = try id(bounds)
        let age = try varint()
        guard age < last.counter else { throw .malformed("a counter that began before all dots") }
        var entry = CounterEntry(
            actor: last.place, birth: last.counter - age, last: last.counter, total: try amounts())
        entry.reset.upTo = try varint()
        guard entry.reset.upTo == 0 || (entry.birth...entry.last).contains(entry.reset.upTo) else {
            throw .malformed("a reset beyond its counter")
        }
        if entry.reset.upTo > 0 {
            entry.reset.amounts = try amounts()
            entry.reset.dot = try id(bounds)
        }
        return entry
    }
}
