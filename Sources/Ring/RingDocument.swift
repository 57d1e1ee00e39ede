// The ring document: one numbered, immutable description of a cluster that all its nodes share.

package import World

/// A ring epoch: topology, placements, assignments, buckets. Everything is checked at construction, so no reader of a
/// document needs to check again. Copying one costs a single retain.
package struct RingDocument: Sendable {
    /// One block for all fields: a document is handed to every event loop and request.
    final class Contents: Sendable {
        let draft: RingDraft
        let index: RingIndex
        init(draft: RingDraft, index: RingIndex) {
            self.draft = draft
            self.index = index
        }
    }
    let contents: Contents

    package var cluster: String { contents.draft.cluster }
    /// 1 for a first ring file.
    package var epoch: UInt64 { contents.draft.epoch }
    /// Q, a power of two.
    package var partitions: Int { contents.draft.partitions }
    /// Sorted by id.
    package var nodes: [RingNode] { contents.draft.nodes }
    /// Sorted by id.
    package var countries: [Country] { contents.draft.countries }
    /// Sorted by name.
    package var placements: [Placement] { contents.draft.placements }
    /// In the order of `placements`.
    package var assignments: [Assignment] { contents.draft.assignments }
    /// Those that the ring file names, sorted by name.
    package var buckets: [Bucket] { contents.draft.buckets }
    package var defaults: BucketProperties { contents.draft.defaults }
    /// The namestore's acceptors, in the ring file's order.
    package var nameAcceptors: [NodeID] { contents.draft.nameAcceptors }
    package var score: ScoreWeights { contents.draft.score }
    /// Nil where the deployment has no site.
    package var social: SocialSettings? { contents.draft.social }

    /// Checks and freezes a draft, without what is for planning alone.
    package init(_ draft: RingDraft) throws(RingDocumentError) {
        try RingDocument.check(draft)
        let draft = draft.withoutPlanning
        contents = Contents(draft: draft, index: RingIndex(draft))
    }

    /// The node of that name. O(log n).
    package func node(_ id: NodeID) -> RingNode? {
        nodeIndex(id).map { contents.draft.nodes[$0] }
    }

    /// Where `id` stands in `nodes`. O(log n).
    func nodeIndex(_ id: NodeID) -> Int? {
        let nodes = contents.draft.nodes
        let place = nodes.firstPlace { $0.id < id }
        return place < nodes.count && nodes[place].id == id ? place : nil
    }

    /// The properties of a bucket; one that the ring file does not name has the defaults.
    package func properties(ofBucket bucket: [UInt8]) -> BucketProperties {
        guard let at = contents.index.buckets[bucket] else { return contents.draft.defaults }
        return contents.draft.buckets[at].properties
    }

    package func placementRule(_ name: String) -> Placement? {
        placementIndex(name).map { contents.draft.placements[$0] }
    }

    package func assignment(ofPlacement name: String) -> Assignment? {
        placementIndex(name).map { contents.draft.assignments[$0] }
    }

    /// Linear: a deployment has a handful of placements.
    func placementIndex(_ name: String) -> Int? {
        contents.draft.placements.firstIndex { $0.name == name }
    }
}

extension RingDocument: Hashable {
    /// Two documents are equal if their encodings are.
    package static func == (a: RingDocument, b: RingDocument) -> Bool {
        a.contents === b.contents || a.digest == b.digest
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// What is looked up in a document, derived from its fields once.
struct RingIndex: Sendable {
    /// Only ever asked, never iterated.
    let buckets: [[UInt8]: Int]
    /// Per placement its fallbacks, k per partition, or none where the ring is so large that they are worked out on
    /// demand.
    let fallbacks: [FallbackTable]
    let encoding: [UInt8]
    let digest: [UInt8]

    init(_ draft: RingDraft) {
        var buckets: [[UInt8]: Int] = [:]
        for (at, bucket) in draft.buckets.enumerated() { buckets[Array(bucket.name.utf8)] = at }
        self.buckets = buckets
        fallbacks = draft.placements.indices.map { FallbackTable(draft, placement: $0) }
        encoding = RingCodec.encode(draft)
        digest = RingCodec.digest(encoding)
    }
}
