// Which epoch is in force, who founded the cluster, and the listing that a rescan reads.

import World

extension ClusterID {
    /// The cluster that `founding` founds.
    init(founding configuration: Configuration) {
        var writer = ByteWriter()
        writer.configuration(configuration)
        self.init(Digest256(domain: "atoll/namestore/cluster", [writer.bytes]))
    }
}

extension Acceptor {
    /// The first founder wins, for ever: a second one, or the first with a wiped disk, gets no cluster of this store.
    mutating func pledge(to founder: AcceptorID, _ work: inout BatchWork<some NameRecords>) -> NameReply {
        guard header.configuration == nil, header.pledge == nil || header.pledge == founder else {
            return .identity(identity)
        }
        if header.pledge == nil {
            header.pledge = founder
            work.headerChanged = true
        }
        return .pledged(founder: founder)
    }

    /// Adopts a later epoch; durable before it is confirmed, and before any vote in it.
    mutating func adopt(
        _ configuration: Configuration, of cluster: ClusterID?, _ work: inout BatchWork<some NameRecords>
    ) -> NameReply? {
        guard let cluster else { return nil }
        if let current = header.configuration {
            guard header.cluster == cluster else { return nil }
            guard current.epoch < configuration.epoch else {
                return current.epoch == configuration.epoch && current != configuration ? nil : .epochSet
            }
        } else {
            // An unfounded store joins only a cluster that counts on this very store.
            guard configuration.contains(AcceptorID(node: node, store: header.store)) else {
                return .identity(identity)
            }
            if configuration.epoch == 1 {
                guard header.pledge != nil, cluster == ClusterID(founding: configuration) else { return nil }
            }
        }
        header.cluster = cluster
        header.configuration = configuration
        work.headerChanged = true
        return .epochSet
    }

    /// Silence if the store can't be read: a listing with holes is worse than none.
    func page(
        after: RegisterKey?, limit: Int, _ work: inout BatchWork<some NameRecords>
    ) -> NameReply? {
        let size = min(max(1, limit), Limits.nameListKeys)
        guard let page = try? work.page(after: after, limit: size) else { return nil }
        return .page(keys: page.keys, isLast: page.isLast)
    }
}
