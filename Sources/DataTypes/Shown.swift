// What a reader sees: the JSON value of a path, its kinds, and what else stands there.

import Causality
import JSON
import World

extension RecordNode {
    /// The kind that is shown, if anything is: of several, the one that was set last.
    var shownKind: TypedKind? {
        let kinds = standingKinds
        guard kinds.count > 1 else { return kinds.first }
        return kinds.max { latest($0) < latest($1) }
    }

    var isShown: Bool { !standingKinds.isEmpty }

    /// Every kind that stands here.
    var standingKinds: [TypedKind] {
        var kinds: [TypedKind] = []
        func has(_ kind: TypedKind, _ hasRecords: Bool) {
            if hasRecords || (!marks.isEmpty && marks.contains { $0.kind == kind }) { kinds.append(kind) }
        }
        has(.map, fields.contains(where: \.node.isShown))
        has(.list, lists.first.map { $0.slots.shownCount > 0 } ?? false)
        has(.text, texts.first.map { $0.shownCount > 0 } ?? false)
        has(.set, !elements.isEmpty)
        has(.counter, counters.contains(where: \.isAlive))
        has(.flag, !flags.isEmpty)
        has(.register, !registers.isEmpty)
        return kinds
    }

    /// When a kind was last set, as far as its records say so; those without a time go by their dots.
    private func latest(_ kind: TypedKind) -> (HybridTime, ElementID, UInt8) {
        var latest = (time: HybridTime(bits: 0), id: ElementID.none)
        func see(_ time: HybridTime, _ id: ElementID) {
            if (latest.time, latest.id) < (time, id) { latest = (time, id) }
        }
        for mark in marks where mark.kind == kind { see(mark.time, mark.id) }
        switch kind {
        case .register: for register in registers { see(register.time, register.id) }
        case .list: for position in lists.first?.positions ?? [] { see(position.time, position.id) }
        case .flag: for id in flags { see(HybridTime(bits: 0), id) }
        case .counter: for entry in counters { see(HybridTime(bits: 0), entry.lastID) }
        case .set: for element in elements { for id in element.ids { see(HybridTime(bits: 0), id) } }
        case .text:
            for links in texts.first?.byActor ?? [] {
                if let last = links.last, let text = texts.first { see(HybridTime(bits: 0), text[last].last) }
            }
        case .map: break
        }
        return (latest.time, latest.id, kind.code)
    }

    /// The newest of several that were set unseen by each other.
    var shownRegister: Register? { registers.max { ($0.time, $0.id) < ($1.time, $1.id) } }
}

/// What a reader is shown of a node, with what is void taken off counters.
struct Viewer {
    let voids: [Effect]
    /// Texts and lists come as `{"runs":[…]}`, with their elements' dots.
    var showsIDs = false

    func value(_ node: RecordNode, _ path: ObjectPath) -> JSONValue? {
        node.shownKind.map { value(node, path, as: $0) }
    }

    func value(_ node: RecordNode, _ path: ObjectPath, as kind: TypedKind) -> JSONValue {
        switch kind {
        case .register: node.shownRegister?.value.json ?? .null
        case .flag: .bool(!node.flags.isEmpty)
        case .counter: .int(Int(clamping: count(node, path)))
        case .set: .array(node.elements.map(\.value.json))
        case .text where showsIDs, .list where showsIDs: .object(["runs": .array(runs(node, path, of: kind))])
        case .text: .string(node.texts.first?.string ?? "")
        case .list:
            .array(
                items(node).map { item in
                    node.lists.first?.content(of: item).flatMap { value($0, path.appending(.item(item))) } ?? .null
                })
        case .map:
            .object(
                node.fields.compactMap { field in
                    value(field.node, path.appending(.name(field.name))).map {
                        JSONValue.Member(String(decoding: field.name, as: UTF8.self), $0)
                    }
                })
        }
    }

    /// The kinds, in the shape of the value.
    func kinds(_ node: RecordNode) -> JSONValue? {
        switch node.shownKind {
        case .map:
            .object(
                node.fields.compactMap { field in
                    kinds(field.node).map { JSONValue.Member(String(decoding: field.name, as: UTF8.self), $0) }
                })
        case .list: .array(items(node).map { node.lists.first?.content(of: $0).flatMap(kinds) ?? .null })
        case let kind?: .string(kind.rawValue)
        case nil: nil
        }
    }

    /// The elements of a text or a list: `[0,17,"Hello"]`, the actor's place, the counter of the first, and the
    /// content.
    func runs(_ node: RecordNode, _ path: ObjectPath, of kind: TypedKind) -> [JSONValue] {
        var runs: [JSONValue] = []
        func append(_ id: ElementID, _ content: JSONValue) {
            runs.append(.array([.int(id.place), .int(Int(clamping: id.counter)), content]))
        }
        guard kind == .list else {
            node.texts.first?.forEachShown { append($0, .string($1)) }
            return runs
        }
        for item in items(node) {
            let content = node.lists.first?.content(of: item)
            append(item, content.flatMap { value($0, path.appending(.item(item))) } ?? .null)
        }
        return runs
    }

    func items(_ node: RecordNode) -> [ElementID] { node.lists.first?.shownItems ?? [] }

    func count(_ node: RecordNode, _ path: ObjectPath) -> Int64 {
        var sum: Int64 = 0
        for entry in node.counters { sum = sum.addingSaturating(entry.value) }
        for effect in voids {
            guard let entry = node.counter(of: effect.last.place) else { continue }
            for amount in effect.amounts where amount.path == path {
                guard amount.counter >= entry.birth, amount.counter > entry.reset.upTo else { continue }
                let net = Int64(clamping: amount.amounts.plus) - Int64(clamping: amount.amounts.minus)
                sum = sum.addingSaturating(-net)
            }
        }
        return sum
    }
}

extension Int64 {
    fileprivate func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? (other < 0 ? .min : .max) : sum
    }
}

extension FugueTree {
    /// The shown characters.
    var string: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(contents.count)
        forEach { piece in
            if piece.isShown { bytes += contents[piece.content..<piece.content + piece.contentBytes] }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The shown characters, in runs whose dots are neighbours.
    func forEachShown(_ body: (ElementID, String) -> Void) {
        var run: (first: ElementID, last: ElementID, bytes: [UInt8])?
        func end() { if let run { body(run.first, String(decoding: run.bytes, as: UTF8.self)) } }
        forEach { piece in
            guard piece.isShown else { return }
            let bytes = contents[piece.content..<piece.content + piece.contentBytes]
            if let last = run?.last, last.advanced(by: 1) == piece.first {
                run?.last = piece.last
                run?.bytes += bytes
            } else {
                end()
                run = (piece.first, piece.last, Array(bytes))
            }
        }
        end()
    }
}
