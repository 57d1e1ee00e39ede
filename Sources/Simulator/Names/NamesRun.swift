// A whole run: faults and clients, then calm, then a last look at every name, then the verdict.

import NameStore
import World

/// What a run did, and what was wrong with it.
package struct NamesReport: Sendable {
    package var events = 0
    package var messages = 0
    package var syncs = 0
    package var requests = 0
    package var answered = 0
    package var unknown = 0
    package var unavailable = 0
    package var crashes = 0
    package var wipes = 0
    package var corruptions = 0
    package var faults = 0
    package var quarantines = 0
    package var codecFailures = 0
    package var names = 0
    package var reconfigurationsBegun = 0
    package var reconfigurationsDone = 0
    /// Runs whose last acceptors had lost a majority of their disks: nothing could be read at the end, rightly.
    package var lost = 0
    package var epoch: UInt64 = 0
    /// Empty if all is well. Each says what was violated, and where.
    package var violations: [String] = []

    package init() {}

    mutating func count(_ outcome: ReconfigurationOutcome) {
        if case .done = outcome { reconfigurationsDone += 1 }
    }
}

extension NamesModel {
    /// Runs `settings` to the end and judges it.
    package static func run(_ settings: NamesSettings, seams: NamesSeams = NamesSeams()) -> NamesReport {
        var model = NamesModel(settings, seams: seams)
        model.runToEnd()
        return model.report
    }

    package mutating func runToEnd() {
        let longest = settings.pause * Int64(settings.requests) * 4 + settings.timeout * 10
        while step(upTo: .origin + longest) {
            if clients.allSatisfy({ $0.made >= settings.requests && $0.asked == nil }) { break }
        }
        isEnding = true
        heal()
        loss = 0
        for index in nodes.indices {
            nodes[index].pausedUntil = .origin
            events.insert(.resume(index), at: instant)
            start(index)
        }
        lastLook()
        judge()
    }

    /// With every node up and the network whole, each name must be readable, and soon.
    private mutating func lastLook() {
        let end = instant + .seconds(60)
        for name in history.indices {
            for attempt in 0..<12 {
                let node = (name + attempt) % nodes.count
                clients[0].asked = nil
                let before = report.answered
                ask(0, .read, name, at: node)
                while clients[0].asked != nil, step(upTo: end) {}
                if report.answered > before { break }
                if attempt == 11, isReachable { report.violations.append("name \(name) can't be read at the end") }
            }
        }
        report.epoch = latest?.epoch ?? 0
        if !isReachable { report.lost += 1 }
    }

    /// Whether every set of the latest configuration still has a majority of the disks it was made of. A node whose
    /// disk is wiped after it was asked for its store, and before the new set is chosen, makes a set that doesn't.
    private var isReachable: Bool {
        guard let latest else { return true }
        return [latest.acceptors, latest.successors ?? []].allSatisfy { set in
            let sound = set.count { member in
                nodes.contains { node in
                    node.id == member.node && node.acceptor?.header.store == member.store
                        && node.acceptor?.quarantine == nil && !damaged.contains(member.store)
                }
            }
            return set.isEmpty || sound > set.count / 2
        }
    }

    private mutating func judge() {
        if report.quarantines > 0, settings.corruptions == nil {
            report.violations.append("a store was quarantined after an honest crash")
        }
        if report.codecFailures > 0 { report.violations.append("a message changed in the codec") }
        for (name, entries) in history.enumerated() {
            let heard = NamesSpecification.withoutLonelyIDs(entries.filter { $0.returned != 0 })
            switch Linearizability<NamesSpecification>.check(heard) {
            case .linearizable: break
            case .undecided: report.violations.append("name \(name): linearizability undecided")
            case .violated(let index):
                report.violations.append("name \(name): not linearizable at \(describe(heard, index))")
            }
        }
    }

    private func describe(_ entries: [HistoryEntry<NamesCall, NamesReturn>], _ index: Int) -> String {
        let entry = entries[index]
        return "\(index) \(entry.operation) = \(entry.answer.map { "\($0)" } ?? "?")"
    }

    /// A name's history as text, for a seed that failed.
    package func story(of name: Int) -> String {
        history[name].map { entry in
            let end = entry.returned.map { $0 == 0 ? "no effect" : "\($0)" } ?? "…"
            return "[\(entry.called), \(end)] \(entry.operation) → \(entry.answer.map { "\($0)" } ?? "?")"
        }.joined(separator: "\n")
    }
}
