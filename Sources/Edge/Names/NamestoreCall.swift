// What operators ask of the namestore itself over HTTP: who votes, another set of acceptors, a number for a ring
// document.

import JSON
package import NameStore
import Ring
package import World

/// A checked call.
package enum NamestoreCall: Sendable {
    case show
    case reconfigure([NodeID])
    /// Claims number `epoch` for the ring document with this digest (32 bytes).
    case claim(epoch: UInt64, digest: [UInt8])

    init(acceptors query: RequestQuery, in ring: RingDocument) throws(Problem) {
        guard let nodes = query.nodes else { throw .malformed("nodes is missing: the new acceptors, comma between") }
        for node in nodes where ring.node(node) == nil { throw .malformed("there is no node \(node) in the ring") }
        guard Set(nodes).count == nodes.count else { throw .malformed("nodes names a node twice") }
        if let weakness = ring.weakness(ofAcceptors: nodes), !query.force {
            throw Problem(
                400, "weak-acceptors", "These acceptors would not survive a loss",
                weakness + "; force=true moves the votes all the same")
        }
        self = .reconfigure(nodes)
    }

    init(ringEpoch query: RequestQuery) throws(Problem) {
        guard let epoch = query.epoch, let digest = query.digest else {
            throw .malformed("epoch and digest say which ring document is meant")
        }
        self = .claim(epoch: epoch, digest: digest)
    }
}

/// What a node knows of the namestore, for whoever asks what it is doing.
package struct NamestoreStatus {
    let identity: NodeID
    let configuration: Configuration?
    /// This node's own store; nil where it has none.
    let store: StoreID?
    /// Why that has no vote.
    let quarantine: String?
    let damagedRecords: Int
    let underWay: Int
    let progress: ReconfigurationProgress?
    let lastOutcome: ReconfigurationOutcome?

    package init(
        of identity: NodeID, configuration: Configuration?, store: StoreID?, quarantine: String?, damagedRecords: Int,
        underWay: Int, progress: ReconfigurationProgress?, lastOutcome: ReconfigurationOutcome?
    ) {
        self.identity = identity
        self.configuration = configuration
        self.store = store
        self.quarantine = quarantine
        self.damagedRecords = damagedRecords
        self.underWay = underWay
        self.progress = progress
        self.lastOutcome = lastOutcome
    }

    package var json: [UInt8] {
        var text = JSONWriter()
        text.open("{")
        text.member("founded", .bool(configuration != nil))
        if let configuration {
            text.member("epoch", .int(Int(clamping: configuration.epoch)))
            text.key("acceptors")
            NamestoreResponses.write(configuration.acceptors, to: &text)
            text.key("successors")
            NamestoreResponses.write(configuration.successors ?? [], to: &text)
        }
        text.key("self")
        text.open("{")
        text.member("standing", .string(standing))
        if let store { text.member("store", .string(store.description)) }
        if let quarantine { text.member("reason", .string(quarantine)) }
        text.member("damaged_records", .int(damagedRecords))
        text.close("}")
        text.member("under_way", .int(underWay))
        if let progress {
            text.key("reconfiguration")
            NamestoreResponses.write(progress, to: &text)
        }
        if let lastOutcome { text.member("last_reconfiguration", .string(NamestoreResponses.text(lastOutcome))) }
        text.close("}")
        return text.bytes + [0x0A]
    }

    /// What this node's own store is in the namestore.
    private var standing: String {
        guard let store else { return "none" }
        if quarantine != nil { return "quarantined" }
        guard let configuration else { return "unfounded" }
        if configuration.contains(AcceptorID(node: identity, store: store)) { return "acceptor" }
        return configuration.members.contains { $0.node == identity } ? "replaced" : "spare"
    }
}

package enum NamestoreResponses {
    fileprivate static func write(_ members: [AcceptorID], to text: inout JSONWriter) {
        text.open("[")
        for member in members {
            text.open("{")
            text.member("node", .string(member.node.name))
            text.member("store", .string(member.store.description))
            text.close("}")
        }
        text.close("]")
    }

    fileprivate static func write(_ progress: ReconfigurationProgress, to text: inout JSONWriter) {
        text.open("{")
        text.member("step", .string(progress.step.rawValue))
        text.member("acceptors", .strings(progress.targets.map(\.name)))
        text.member("names", .int(progress.names))
        if let cursor = progress.cursor { text.member("listed_to", .string(cursor.description)) }
        text.close("}")
    }

    fileprivate static func text(_ outcome: ReconfigurationOutcome) -> String {
        switch outcome {
        case .done(let configuration): "done: \(names(configuration.acceptors)) in epoch \(configuration.epoch)"
        case .conflict(let state):
            "refused: another change stands, epoch \(state.configuration.epoch) "
                + "(\(names(state.configuration.acceptors))"
                + (state.configuration.successors.map { " to \(names($0))" } ?? "") + ")"
        case .unavailable(let nodes):
            "refused: \(nodes.map(\.name).joined(separator: ", ")) must run, with a store that is not quarantined"
        case .underWay: "refused: this node drives a change already"
        case .invalid: "refused: this is no set of acceptors"
        case .unknown: "refused: this node knows no namestore yet"
        }
    }

    private static func names(_ members: [AcceptorID]) -> String {
        "{" + members.map(\.node.name).joined(separator: ", ") + "}"
    }

    /// Nil if it was no refusal.
    package static func refusal(_ outcome: ReconfigurationOutcome) -> HTTPResponse? {
        switch outcome {
        case .done: nil
        case .conflict, .underWay:
            HTTPResponse(
                Problem(409, "reconfiguration-under-way", "The acceptors are being changed already", text(outcome)))
        case .unavailable, .unknown:
            HTTPResponse(Problem(503, "acceptors-unavailable", "The acceptors can't be changed now", text(outcome)))
        case .invalid: HTTPResponse(Problem.malformed(text(outcome)))
        }
    }

    package static func claim(_ answer: NameAnswer) -> HTTPResponse {
        switch answer {
        case .configuration(let state): return ring(state, 200)
        case .conflict(let state): return ring(state, 409)
        case .overloaded: return HTTPResponse(Problem.overloaded)
        default: return NameResponses.response(answer, to: .post)
        }
    }

    private static func ring(_ state: ConfigurationState, _ status: UInt) -> HTTPResponse {
        let digest = state.ringDigest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        if status == 409 {
            var problem = Problem(
                409, "ring-epoch-taken", "Another ring document stands there",
                "a new document takes the number after the last one")
            problem.members = [("epoch", .int(Int(clamping: state.ringEpoch))), ("digest", .string(digest))]
            return HTTPResponse(problem)
        }
        var text = JSONWriter()
        text.open("{")
        text.member("epoch", .int(Int(clamping: state.ringEpoch)))
        text.member("digest", .string(digest))
        text.close("}")
        return .json(text.bytes + [0x0A])
    }
}
