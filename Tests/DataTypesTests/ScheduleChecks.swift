// What must hold in a schedule: laws of joining, contents that follow from the operations alone, and the end.

import Causality
import JSON
import World

@testable import DataTypes

extension Schedule {
    /// Whether `path` is `above` or below it.
    private static func isUnder(_ path: String, _ above: String) -> Bool {
        path == above || path.hasPrefix(above + "/")
    }

    /// Contents follow from the operations known, and from nothing else.
    private func oracle(_ object: TypedObject, _ known: [Done]) throws {
        for path in ["/s", "/m/s"] {
            var wanted: Set<String> = []
            for one in known where one.path == path {
                guard case .add(let value) = one.kind else { continue }
                let isGone = known.contains { other in
                    guard other.dot != one.dot else { return false }
                    switch other.kind {
                    case .add(value): return other.path == path && other.held.covers(one.dot)
                    case .discard(value): return other.path == path && other.seen.covers(one.dot)
                    case .remove: return Schedule.isUnder(path, other.path) && other.seen.covers(one.dot)
                    default: return false
                    }
                }
                if !isGone { wanted.insert(value) }
            }
            let shown = object.node(path)?.elements.compactMap(\.value.json.string) ?? []
            try must(shown == wanted.sorted(), "observed-remove: set \(path) has \(shown), not \(wanted.sorted())")
        }
        for path in ["/r", "/m/r", "/m/m/r"] {
            let wanted = known.filter { one in
                one.kind == .set && one.path == path
                    && !known.contains { other in
                        other.dot != one.dot && other.seen.covers(one.dot)
                            && ((other.kind == .set && other.path == path)
                                || (other.kind == .remove && Schedule.isUnder(path, other.path)))
                    }
            }.map(\.dot).sorted()
            let shown = (object.node(path)?.registers.map { object.actors.dot($0.id) } ?? []).sorted()
            try must(shown == wanted, "observed-remove: register \(path)")
        }
        for path in ["/c", "/m/c"] {
            var wanted: Int64 = 0
            for one in known where one.path == path {
                guard case .increment(let amount) = one.kind else { continue }
                let isGone = known.contains {
                    $0.kind == .remove && Schedule.isUnder(path, $0.path) && $0.held.covers(one.dot)
                }
                if !isGone { wanted += amount }
            }
            let shown = object.value(at: Path(path))?.int ?? 0
            try must(shown == Int(wanted), "counter \(path): \(shown), not \(wanted)")
        }
    }

    /// Deltas are causal only where they must be: a closed set of operations is judged.
    func judge(_ at: Int) throws {
        let object = replicas[at]
        let versions = object.versions
        let known = log.filter { versions.covers($0.dot) }
        if known.allSatisfy({ versions.covers($0.held) }) { try oracle(object, known) }
        let bytes = object.encode()
        try must(try TypedObject(decoding: bytes).encode() == bytes, "what is written is not read back")
    }

    mutating func checkLaws() throws {
        func any(_ choices: [TypedObject], _ dice: inout SeededRandom) -> TypedObject {
            choices[Int.random(in: 0..<choices.count, using: &dice)]
        }
        let (a, c) = (any(replicas, &dice), any(replicas, &dice))
        let b = any(past.isEmpty ? replicas : past, &dice)
        try must(try a.joined(b).encode() == b.joined(a).encode(), "join is not commutative")
        try must(try a.joined(a).encode() == a.encode(), "join is not idempotent")
        try must(
            try a.joined(b).joined(c).encode() == a.joined(b.joined(c)).encode(), "join is not associative")
    }

    /// Equal summaries mean equal records.
    mutating func checkTwins(_ at: Int) throws {
        let other = Int.random(in: 0..<replicas.count, using: &dice)
        let (a, b) = (replicas[at], replicas[other])
        guard at != other, a.summary == b.summary else { return }
        try must(a.bytesWithoutLedger == b.bytesWithoutLedger, "equal summaries, unequal contents")
    }

    mutating func finish() throws {
        for _ in 0..<2 {
            for a in replicas.indices { for b in replicas.indices where a != b { try replicas[a].join(replicas[b]) } }
        }
        let end = replicas[0]
        for replica in replicas {
            try must(replica.encode() == end.encode(), "replicas differ after all have met")
        }
        figures.voids = end.ledger.voids.count
        try oracle(end, log)
        try checkText(end)
        try checkList(end)
        let counted = end.value(at: Path("/rc"))?.int ?? 0
        try must(counted == Int(expected), "retries: \(counted) counted, not \(expected)")
        let shown = end.string("/rt").map(String.init)
        try must(shown.sorted() == texts.sorted(), "retries: a text twice or lost")
    }

    private func checkText(_ end: TypedObject) throws {
        let shown = end.shownCharacters("/t")
        let places = Dictionary(uniqueKeysWithValues: shown.enumerated().map { ($1, $0) })
        let dead = Set(log.flatMap(\.deleted))
        let alive = log.filter { $0.path == "/t" }.flatMap(\.characters).filter { !dead.contains($0) }
        try must(Set(alive) == Set(shown), "text: a character lost or risen")
        for shot in shots {
            let order = shot.compactMap { places[$0] }
            try must(zip(order, order.dropFirst()).allSatisfy { $0 < $1 }, "text: the order once seen has changed")
        }
        try must((end.node("/t")?.texts.first?.firstOrphan ?? -1) < 0, "text: a sweep took a parent")
        if let tree = end.node("/t")?.texts.first {
            try must(tree.naiveOrder == tree.ownOrder, "text: not in the order of its tree")
        }
    }

    private func checkList(_ end: TypedObject) throws {
        let items = end.value(at: Path("/l"))?.array?.compactMap(\.int) ?? []
        try must(Set(items).count == items.count, "list: an item twice")
        try must((end.node("/l")?.lists.first?.slots.firstOrphan ?? -1) < 0, "list: a sweep took a parent")
    }
}

extension FugueTree {
    /// The elements as they stand in memory.
    var ownOrder: [ElementID] {
        var ids: [ElementID] = []
        forEach { piece in for offset in 0..<piece.count { ids.append(piece.first.advanced(by: offset)) } }
        return ids
    }

    /// The walk over single elements, as the paper has it.
    var naiveOrder: [ElementID] {
        struct Hook: Hashable {
            let parent: ElementID
            let side: Side
        }
        var children: [Hook: [ElementID]] = [:]
        let here = Set(ownOrder)
        forEach { piece in
            for offset in 0..<piece.count {
                let parent = offset > 0 ? piece.first.advanced(by: offset - 1) : piece.parent
                let hook = Hook(
                    parent: parent == .none || here.contains(parent) ? parent : .void,
                    side: offset > 0 ? .right : piece.side)
                children[Hook(parent: hook.parent, side: hook.parent.isDot ? hook.side : .right), default: []]
                    .append(piece.first.advanced(by: offset))
            }
        }
        var order: [ElementID] = []
        var stack: [(id: ElementID, isEntered: Bool)] = []
        func push(_ parent: ElementID, _ side: Side) {
            for id in (children[Hook(parent: parent, side: side)] ?? []).sorted().reversed() {
                stack.append((id, false))
            }
        }
        for root in [ElementID.none, .void] {
            push(root, .right)
            while let (id, isEntered) = stack.popLast() {
                if isEntered {
                    order.append(id)
                    push(id, .right)
                } else {
                    stack.append((id, true))
                    push(id, .left)
                }
            }
        }
        return order
    }
}
