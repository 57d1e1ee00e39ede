// The ring that needs no file: `atoll serve` alone.

package import World

extension RingDocument {
    /// The document of `atoll serve` without a file: one node, one replica.
    ///
    /// - Parameters: where the node listens, and with `social` its site; the capacity matters to planning alone.
    package static func singleNode(
        id: NodeID = NodeID(literal: "solo"), http: HostPort? = nil, peer: HostPort? = nil, social: HostPort? = nil,
        partitions: Int = 64
    ) throws(RingDocumentError) -> RingDocument {
        guard let http = http ?? HostPort(host: "127.0.0.1", port: 7070),
            let peer = peer ?? HostPort(host: "127.0.0.1", port: 7170)
        else { throw RingDocumentError("an address is malformed") }
        var draft = RingDraft()
        draft.cluster = "solo"
        draft.partitions = partitions
        draft.countries = [Country(id: "here")]
        draft.nodes = [
            RingNode(
                id: id, country: "here", peer: peer, http: http, social: social, capacityBytes: 1_000_000_000_000)
        ]
        draft.placements = [Placement(name: "world", replicas: 1)]
        draft.assignments = [Assignment(replicas: 1, nodes: Array(repeating: 0, count: max(0, partitions)))]
        draft.nameAcceptors = [id]
        if social != nil { draft.addSite(SocialSettings()) }
        return try RingDocument(draft)
    }
}
