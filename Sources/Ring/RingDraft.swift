// A ring document before it is checked: what the ring file, the decoder and the JSON reader fill in.

package import World

/// One placement's table, flat: replicas of partition p are `nodes[p*n ..< (p+1)*n]`, each an index into the document's
/// sorted nodes.
package struct Assignment: Hashable, Sendable {
    /// n: replicas per partition.
    package let replicas: Int
    package let nodes: [UInt16]

    /// - Precondition: `nodes.count` is a multiple of `replicas`.
    package init(replicas: Int, nodes: [UInt16]) {
        precondition(replicas > 0 && nodes.count % replicas == 0, "an assignment's table is not rectangular")
        self.replicas = replicas
        self.nodes = nodes
    }

    package var partitions: Int { nodes.count / replicas }
    package subscript(partition: Int) -> ArraySlice<UInt16> {
        nodes[(partition * replicas)..<((partition + 1) * replicas)]
    }
}

/// The fields of a ring document, free to be filled in any order; `RingDocument(_:)` checks and freezes them.
package struct RingDraft: Sendable {
    package var cluster = "atoll"
    package var epoch: UInt64 = 1
    package var partitions = 256
    package var countries: [Country] = []
    package var nodes: [RingNode] = []
    package var placements: [Placement] = []
    /// In the order of `placements`; node indexes refer to `nodes` sorted by id.
    package var assignments: [Assignment] = []
    package var buckets: [Bucket] = []
    package var defaults = BucketProperties()
    package var nameAcceptors: [NodeID] = []
    package var score = ScoreWeights()
    /// Nil where the deployment has no site.
    package var social: SocialSettings?
    /// The ring file's alone: a ring document leaves it out, and so does it with `afr` of the nodes.
    package var planning = PlanningInputs()

    package init() {}

    /// What nodes must agree on. Prices and forecasts are not among it: an edited one makes no other document.
    var withoutPlanning: RingDraft {
        var draft = self
        draft.planning = PlanningInputs()
        for at in draft.nodes.indices { draft.nodes[at].afr = nil }
        return draft
    }

    /// A draft that was read from an older version's bytes. Version 1 had buckets in Swift's order of strings.
    func upgraded(from version: UInt16) -> RingDraft {
        guard version == 1 else { return self }
        var draft = self
        draft.buckets.sort { $0.name.isSpelledBefore($1.name) }
        return draft
    }
}

/// Why a draft is no ring document. Only decoders and tests meet it: the ring file's own errors carry a position.
package struct RingDocumentError: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }
}
