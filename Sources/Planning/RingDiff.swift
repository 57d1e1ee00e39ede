// What changed between two ring files or states.

import Causality
import Ring
package import RingFile
import Solver
import World

package struct RingDiff: Sendable {
    package struct Change: Hashable, Sendable {
        /// `node de-fra-1`, `placement world`, `partitions`.
        package let what: String
        /// Nil for what is new, and for what is gone.
        package let before: String?
        package let after: String?
    }

    /// One placement's table.
    package struct TableRow: Hashable, Sendable {
        package let placement: String
        package let partitionsChanged: Int
        package let partitions: Int
        package let moves: Int
    }

    package struct NodeRow: Hashable, Sendable {
        package let node: String
        package let before: Int
        package let after: Int
        package let arriving: Int
        package let leaving: Int
    }

    package let changes: [Change]
    /// One of the two is a state or an exported document: nodes and tables are compared, and nothing else.
    package let isOfTablesAlone: Bool
    package let tables: [TableRow]
    /// Only nodes with a difference.
    package let nodes: [NodeRow]

    package var isEmpty: Bool { changes.isEmpty && tables.allSatisfy { $0.partitionsChanged == 0 } }

    /// - Parameters: the files where there are any, and the tables.
    package init(_ a: RingSpecification?, _ stateA: RingState, _ b: RingSpecification?, _ stateB: RingState) {
        var changes: [Change] = []
        if let a, let b {
            changes = RingDiff.changes(RingDiff.facts(a.draft), RingDiff.facts(b.draft))
        } else {
            changes = RingDiff.changes(RingDiff.facts(stateA), RingDiff.facts(stateB))
        }
        self.changes = changes
        isOfTablesAlone = a == nil || b == nil
        let comparison = TableComparison(stateA, stateB)
        tables = comparison.tables
        nodes = comparison.nodes
    }

    private static func changes(_ a: [(String, String)], _ b: [(String, String)]) -> [Change] {
        // By the bytes of the name. Only ever asked.
        func index(_ facts: [(String, String)]) -> [[UInt8]: String] {
            Dictionary(facts.map { (Array($0.utf8), $1) }, uniquingKeysWith: { $1 })
        }
        let (inA, inB) = (index(a), index(b))
        var changes: [Change] = []
        for (what, before) in a where inB[Array(what.utf8)] != before {
            changes.append(Change(what: what, before: before, after: inB[Array(what.utf8)]))
        }
        for (what, after) in b where inA[Array(what.utf8)] == nil {
            changes.append(Change(what: what, before: nil, after: after))
        }
        return changes
    }

    private static func facts(_ draft: RingDraft) -> [(String, String)] {
        var facts = [("cluster", draft.cluster), ("partitions", "\(draft.partitions)")]
        let planning = draft.planning
        facts.append(("full_at", Quantity.percent(planning.fullAt)))
        facts.append(("slack", Quantity.percent(planning.slack)))
        if let data = planning.dataBytes { facts.append(("data", Quantity.bytes(Double(data)))) }
        switch planning.growth {
        case .ratio(let share): facts.append(("growth", "\(Quantity.percent(share)) per month"))
        case .bytes(let bytes): facts.append(("growth", "\(Quantity.bytes(Double(bytes))) per month"))
        case nil: break
        }
        for country in draft.countries {
            facts.append(("country \(country.id)", country.location?.description ?? "no location"))
        }
        for node in draft.nodes { facts.append(("node \(node.id)", node.summary)) }
        for rule in draft.placements { facts.append(("placement \(rule.name)", rule.sentence)) }
        func text(_ properties: BucketProperties) -> String {
            var parts = [properties.placement, "R \(properties.read)", "W \(properties.write)"]
            parts += [properties.type.rawValue, properties.conflict.rawValue, properties.durability.rawValue]
            if let ttl = properties.ttlMilliseconds {
                parts.append("ttl \(Quantity.span(seconds: Double(ttl) / 1000))")
            }
            parts.append("max \(Quantity.bytes(Double(properties.maxValueBytes)))")
            if !properties.cors.isEmpty { parts.append("cors \(properties.cors.joined(separator: " "))") }
            return parts.joined(separator: ", ")
        }
        facts.append(("defaults", text(draft.defaults)))
        for bucket in draft.buckets { facts.append(("bucket \(bucket.name)", text(bucket.properties))) }
        facts.append(("acceptors", draft.nameAcceptors.map(\.name).joined(separator: " ")))
        for link in planning.links {
            let price = link.eurPerGB.map { ", \(Quantity.significant($0)) EUR/GB" } ?? ""
            let speed = link.mbit.map { "\(Quantity.significant($0)) Mbit/s" } ?? "speed unknown"
            facts.append(("link \(link.a)-\(link.b)", speed + price))
        }
        return facts
    }

    private static func facts(_ state: RingState) -> [(String, String)] {
        [("cluster", state.cluster), ("partitions", "\(state.partitions)")]
            + state.nodes.map {
                ("node \($0.id)", "\($0.country)/\($0.zone), \(Quantity.bytes(Double($0.capacityBytes)))")
            }
            + state.tables.map { ("placement \($0.placement)", "\($0.assignment.replicas) replicas") }
    }
}

extension RingNode {
    fileprivate var summary: String {
        var parts = ["\(country)/\(zone)\(rack.isEmpty ? "" : "/\(rack)")"]
        parts.append(isGateway ? "gateway" : Quantity.bytes(Double(capacityBytes)))
        if state != .up { parts.append(state.rawValue) }
        if let mbit { parts.append("\(Quantity.significant(mbit)) Mbit/s") }
        if let afr { parts.append("afr \(Quantity.percent(afr))") }
        parts.append("peer \(peer), http \(http)")
        return parts.joined(separator: ", ")
    }
}

/// Row by row, at the finer of the two numbers of partitions.
private struct TableComparison {
    var tables: [RingDiff.TableRow] = []
    var nodes: [RingDiff.NodeRow] = []

    init(_ a: RingState, _ b: RingState) {
        let partitions = max(a.partitions, b.partitions)
        var ids = (a.nodes.map(\.id) + b.nodes.map(\.id)).sorted()
        ids = ids.indices.filter { $0 == 0 || ids[$0] != ids[$0 - 1] }.map { ids[$0] }
        var counts = ids.map { _ in (before: 0, after: 0, arriving: 0, leaving: 0) }
        var names = (a.tables.map(\.placement) + b.tables.map(\.placement)).sorted()
        names = names.indices.filter { $0 == 0 || names[$0] != names[$0 - 1] }.map { names[$0] }
        for name in names {
            func rows(_ state: RingState) -> HeldTable {
                state.table(name).map {
                    HeldTable($0, nodes: state.nodes.map(\.id), in: ids, partitions: partitions)
                } ?? .none
            }
            let (old, new) = (rows(a), rows(b))
            var (changed, moves) = (0, 0)
            for p in 0..<partitions {
                let before = old.nodes[(p * old.width)..<((p + 1) * old.width)]
                let after = new.nodes[(p * new.width)..<((p + 1) * new.width)]
                let arriving = after.filter { !before.contains($0) }
                let leaving = before.filter { !after.contains($0) }
                for node in before { counts[Int(node)].before += 1 }
                for node in after { counts[Int(node)].after += 1 }
                for node in arriving { counts[Int(node)].arriving += 1 }
                for node in leaving { counts[Int(node)].leaving += 1 }
                moves += arriving.count
                changed += arriving.isEmpty && leaving.isEmpty ? 0 : 1
            }
            tables.append(
                RingDiff.TableRow(placement: name, partitionsChanged: changed, partitions: partitions, moves: moves))
        }
        nodes = zip(ids, counts).filter { $1.arriving + $1.leaving > 0 }.map { id, count in
            RingDiff.NodeRow(
                node: id.name, before: count.before, after: count.after, arriving: count.arriving,
                leaving: count.leaving)
        }
    }
}
