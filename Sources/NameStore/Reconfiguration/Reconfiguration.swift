// From one set of acceptors to another without a stop (docs/NAMESTORE.md, "Reconfiguration"): choose the joint epoch,
// fence the old one, choose every name again in both sets, choose the new epoch. Each step is idempotent, so whoever
// finds the work half done takes it up where the configuration register says it stands.

import Quorums
package import World

/// How far a reconfiguration has come.
package struct ReconfigurationProgress: Equatable, Sendable {
    package enum Step: String, Equatable, Sendable {
        /// Asking the new acceptors for their stores.
        case identifying
        /// Choosing the joint epoch.
        case beginning
        /// Ending the old epoch on a majority of each set.
        case fencing
        /// Choosing every name again.
        case rescanning
        /// Choosing the new epoch.
        case finishing
        /// Telling the new acceptors.
        case settling
    }

    package let step: Step
    package let from: Configuration
    package let targets: [NodeID]
    /// Names chosen again so far.
    package let names: Int
    /// The rescan has listed every name up to this one.
    package let cursor: RegisterKey?
}

package enum ReconfigurationOutcome: Equatable, Sendable {
    /// In force now.
    case done(Configuration)
    /// Another change stands in the configuration register.
    case conflict(ConfigurationState)
    /// These don't answer and aren't acceptors, or are quarantined.
    case unavailable([NodeID])
    /// This node drives one already.
    case underWay
    /// No set, too large a one, or a node twice.
    case invalid
    /// This node knows no configuration, or no majority answered: what was begun stands, and can be taken up again.
    case unknown
}

/// The driver's state. `Registry+Reconfiguration.swift` feeds it.
struct Reconfiguration: Sendable {
    enum Step: Sendable {
        case identifying(stores: [StoreID?], rounds: Int)
        case beginning(Configuration)
        case fencing(QuorumSystem, told: MemberSet)
        case rescanning(QuorumSystem)
        case finishing(Configuration)
        case settling(QuorumSystem, told: MemberSet)
    }

    let request: UInt64?
    /// Sorted by name.
    let targets: [NodeID]
    let from: Configuration
    /// The upper part of this driver's exchange numbers.
    let number: UInt64
    var step: Step
    var rescan = Rescan(window: Limits.nameRescanWindow)
    /// The lower part: which page is being asked for.
    var page: UInt16 = 0
    var timerToken: UInt64 = 0
    /// An operation on the configuration register is under way.
    var isSubmitted = false

    var exchange: UInt64 { number << 16 | UInt64(page) }

    var progress: ReconfigurationProgress {
        ReconfigurationProgress(step: named, from: from, targets: targets, names: rescan.done, cursor: rescan.cursor)
    }

    private var named: ReconfigurationProgress.Step {
        switch step {
        case .identifying: .identifying
        case .beginning: .beginning
        case .fencing: .fencing
        case .rescanning: .rescanning
        case .finishing: .finishing
        case .settling: .settling
        }
    }

    /// The joint epoch that the step is about; nil before there is one and after it is over.
    var joint: Configuration? {
        switch step {
        case .identifying, .settling: nil
        case .beginning(let joint), .finishing(let joint): joint
        case .fencing(let quorums, _), .rescanning(let quorums): quorums.configuration
        }
    }

    /// The new set, once every target's store is known. A silent target keeps the store it votes from now.
    func successors(_ stores: [StoreID?], isLastRound: Bool) -> [AcceptorID]? {
        var members: [AcceptorID] = []
        for (node, store) in zip(targets, stores) {
            let known = store ?? (isLastRound ? from.acceptors.first { $0.node == node }?.store : nil)
            guard let known else { return nil }
            members.append(AcceptorID(node: node, store: known))
        }
        return members
    }

    func missing(_ stores: [StoreID?]) -> [NodeID] {
        zip(targets, stores).filter { node, store in
            store == nil && !from.acceptors.contains { $0.node == node }
        }.map(\.0)
    }
}
