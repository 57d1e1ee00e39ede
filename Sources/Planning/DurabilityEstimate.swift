// How likely it is that all copies of something fail before they are made anew.
//
// With independent failures, N particular nodes lose their common data about N · λᴺ · Tᴺ⁻¹ times a year (λ: failures
// per node and year; T: years to rebuild one node): one of N fails first, the others within T of it. Copysets (the
// distinct sets of N nodes that keep some partition; Cidon et al., "Copysets", USENIX ATC 2013) count how many such
// sets there are. Floods, fires and operators are not independent: the figure is a limit on optimism, no promise.

import Ring
import RingFile
import Solver
import World

package struct DurabilityEstimate: Sendable {
    package struct Row: Hashable, Sendable {
        package let placement: String
        package let replicas: Int
        package let copysets: Int
        /// Other nodes that share a partition with a node: the mean and the least over its nodes.
        package let meanPeers: Double
        package let fewestPeers: Int
        /// T: from a node's failure to its last copy made anew.
        package let repairSeconds: Double
        /// Expected losses of some data per year.
        package let lossPerYear: Double
        /// −log10 of it.
        package let nines: Double
    }

    /// A correlated loss, beside the independent ones.
    package struct Correlated: Hashable, Sendable {
        package let placement: String
        package let effect: LossEffect
    }

    package let rows: [Row]
    /// λ: the mean over the nodes that store.
    package let failuresPerYear: Double
    /// For each placement, the worst zone and the worst country.
    package let correlated: [Correlated]
    package let assumptions: [String]
    package let sizeNote: String?

    /// What is taken where the ring file is silent: disks of large fleets fail at 1 to 2% a year, whole servers at a
    /// few percent; a gigabit is the least that servers are sold with.
    static let assumedFailuresPerYear = 0.04
    static let assumedMbit = 1_000.0

    /// - Parameter delaySeconds: from a failure to the beginning of the rebuild.
    package init(
        _ layout: Layout, shares: [Double], delaySeconds: Double,
        progress: @escaping (String, Double) -> Void = { _, _ in }
    ) {
        let storing = layout.draft.nodes.filter { $0.capacityBytes > 0 }
        let rates = storing.map { $0.afr ?? DurabilityEstimate.assumedFailuresPerYear }
        let failures = rates.reduce(0, +) / Double(max(1, rates.count))
        let repair = Repair(layout, shares: shares, progress)
        let seconds = delaySeconds + repair.seconds
        let years = seconds / (365.25 * 86_400)

        rows = layout.placed.map { placed in
            let n = placed.rule.replicas
            let sharing = Sharing(placed.table, nodes: layout.draft.nodes.count)
            var loss = Double(sharing.copysets * n)
            for _ in 0..<n { loss *= failures }
            for _ in 0..<(n - 1) { loss *= years }
            return Row(
                placement: placed.rule.name, replicas: n, copysets: sharing.copysets, meanPeers: sharing.meanPeers,
                fewestPeers: sharing.fewestPeers, repairSeconds: seconds, lossPerYear: loss,
                nines: loss > 0 ? max(0, -Logarithm.base10(loss)) : .infinity)
        }
        failuresPerYear = failures
        correlated = layout.placed.indices.flatMap { at in
            [FailureDomain.zone, .country].compactMap { kind in
                layout.losses(at, kind).max {
                    ($0.withoutCopy, $0.withoutWrite, $0.withoutRead) < (
                        $1.withoutCopy, $1.withoutWrite, $1.withoutRead
                    )
                }.map { Correlated(placement: layout.placed[at].rule.name, effect: $0) }
            }
        }
        sizeNote = layout.sizeNote

        var assumptions = ["nodes fail independently of each other; zones, countries and operators do not: see below"]
        let silent = storing.count { $0.afr == nil }
        if silent > 0 {
            assumptions.append(
                "\(silent) of \(storing.count) nodes have no afr: "
                    + "\(Quantity.percent(DurabilityEstimate.assumedFailuresPerYear, digits: 0)) a year is taken")
        }
        assumptions.append(
            delaySeconds > 0
                ? "a rebuild begins \(Quantity.span(seconds: delaySeconds)) after the failure"
                : "a rebuild begins at once: an operator who sleeps first is --delay HOURS")
        self.assumptions = assumptions + repair.assumptions
    }
}

/// Who shares partitions with whom.
private struct Sharing {
    let copysets: Int
    let meanPeers: Double
    let fewestPeers: Int

    init(_ table: Assignment, nodes: Int) {
        // Only ever counted.
        var sets: Set<[UInt16]> = []
        var peers: [Set<UInt16>] = Array(repeating: [], count: nodes)
        for partition in 0..<table.partitions {
            sets.insert(table[partition].sorted())
            for node in table[partition] { peers[Int(node)].formUnion(table[partition]) }
        }
        let counts = peers.filter { !$0.isEmpty }.map { $0.count - 1 }
        copysets = sets.count
        meanPeers = Double(counts.reduce(0, +)) / Double(max(1, counts.count))
        fewestPeers = counts.min() ?? 0
    }
}

/// How long it takes to make the fullest node's copies anew.
private struct Repair {
    let seconds: Double
    let assumptions: [String]

    init(_ layout: Layout, shares: [Double], _ progress: @escaping (String, Double) -> Void) {
        var draft = layout.draft
        let isGuessed = draft.nodes.contains { $0.capacityBytes > 0 && $0.mbit == nil }
        for at in draft.nodes.indices where draft.nodes[at].mbit == nil {
            draft.nodes[at].mbit = DurabilityEstimate.assumedMbit
        }
        draft.planning.dataBytes = UInt64(layout.dataBytes)
        let bytes = layout.bytesByNode()
        let node = bytes.indices.max { (bytes[$0], $1) < (bytes[$1], $0) } ?? 0
        let name = draft.nodes[node].id.name
        var assumptions: [String] = []
        if isGuessed {
            assumptions.append("nodes without mbit send and receive \(Int(DurabilityEstimate.assumedMbit)) Mbit/s")
        }
        var without = draft
        without.nodes.remove(at: node)
        let rebuilt = try? Layout.solve(draft: without, shares: shares, from: layout.state, progress: progress)
        if let rebuilt, let seconds = Plan(from: layout.state, to: rebuilt).seconds {
            self.seconds = seconds
            assumptions.append("the fullest node, \(name), is rebuilt by the others among themselves")
        } else {
            // Nobody may take its replicas: a new node in its place fetches them all, over its own line.
            let line = draft.nodes[node].mbit ?? DurabilityEstimate.assumedMbit
            let links = LinkTable(draft.planning.links)
            let home = draft.nodes[node].country
            let near = draft.nodes.indices.contains { $0 != node && draft.nodes[$0].country == home && bytes[$0] > 0 }
            let abroad = layout.domains(.country).map(\.name).filter { $0 != home }
                .compactMap { links.between($0, home)?.mbit }
            let speed = near || abroad.isEmpty ? line : min(line, abroad.reduce(0, +))
            seconds = bytes[node] * 8 / (speed * 1e6)
            assumptions.append(
                "no rule lets others take what \(name) keeps: a new node in its place is filled at "
                    + "\(Quantity.significant(speed)) Mbit/s; the time to get one is --delay HOURS")
        }
        self.assumptions = assumptions
    }
}
