// The ring file's countries and nodes.

import Ring
import World

extension RingFileCompiler {
    mutating func countries(_ tables: [(name: String, table: RingFileTable)]) throws(RingFileError) {
        guard tables.count <= Limits.countries else {
            throw tables[Limits.countries].table.error("more than \(Limits.countries) countries")
        }
        for (name, table) in tables {
            var table = table
            guard RingNames.isCountry(name) else {
                throw table.error(
                    "a country's name is 1 to \(Limits.countryNameBytes) of a-z, 0-9 and '_', and not 'any'")
            }
            let location = try table.coordinates("location")
            try table.finish()
            draft.countries.append(Country(id: name, location: location))
        }
        draft.countries.sort { $0.id < $1.id }
    }

    mutating func nodes(
        _ tables: [RingFileTable], _ root: RingFileTable, hasSite: Bool
    ) throws(RingFileError) {
        guard !tables.isEmpty else { throw root.error("there is no [[node]]: a cluster needs at least one") }
        guard tables.count <= Limits.nodes else {
            throw tables[Limits.nodes].error("more than \(Limits.nodes) nodes")
        }
        // Only ever asked.
        var ids: Set<NodeID> = []
        var addresses: [HostPort: NodeID] = [:]
        for table in tables {
            var table = table
            let node = try self.node(&table)
            guard ids.insert(node.id).inserted else {
                throw table.error("there are two nodes with the id \(node.id)", key: "id")
            }
            for (key, address) in [("peer", node.peer), ("http", node.http), ("social", node.social)] {
                guard let address else { continue }
                if let other = addresses.updateValue(node.id, forKey: address) {
                    throw table.error("\(address) is an address of \(other) already", key: key)
                }
            }
            guard node.social == nil || hasSite else {
                throw table.error("node \(node.id) has a site's address, and there is no [social]", key: "social")
            }
            draft.nodes.append(node)
        }
        draft.nodes.sort { $0.id < $1.id }
        guard draft.nodes.contains(where: \.takesReplicas) else {
            throw root.error("no node stores anything: each is a gateway or draining")
        }
    }

    private func node(_ table: inout RingFileTable) throws(RingFileError) -> RingNode {
        let name = try table.requiredString("id")
        guard let id = NodeID(name) else {
            throw table.error(
                "a node's id is 1 to \(Limits.nodeNameBytes) of a-z, 0-9, '.', '_' and '-', beginning with a letter "
                    + "or a digit", key: "id")
        }
        let country = try table.requiredString("country")
        guard let home = draft.countries.first(where: { $0.id.isSpelled(country) }) else {
            throw table.error(
                "node \(id) stands in country \(country), which has no [country.\(country)]",
                key: "country")
        }
        let zone = try label("zone", in: &table, "a zone") ?? country
        let rack = try label("rack", in: &table, "a rack") ?? ""
        let peer = try address("peer", of: id, in: &table)
        let http = try address("http", of: id, in: &table)
        let social = try optionalAddress("social", in: &table)
        guard let capacity = try bytes("capacity", in: &table) else {
            throw table.error("node \(id) needs a capacity, such as \"8TB\", or \"0\" for a gateway")
        }
        let state = try choice("state", in: &table, NodeState.self) ?? .up
        let location = try table.coordinates("location") ?? home.location
        let mbit = try positive("mbit", in: &table)
        let afr = try share("afr", in: &table)
        try table.finish()
        return RingNode(
            id: id, country: country, zone: zone, rack: rack, peer: peer, http: http, social: social,
            capacityBytes: capacity, state: state, location: location, mbit: mbit, afr: afr)
    }

    private func address(
        _ key: String, of id: NodeID, in table: inout RingFileTable
    ) throws(RingFileError) -> HostPort {
        guard let address = try optionalAddress(key, in: &table) else {
            throw table.error("node \(id) needs \(key), such as \"10.0.0.1:7070\"")
        }
        return address
    }

    private func optionalAddress(_ key: String, in table: inout RingFileTable) throws(RingFileError) -> HostPort? {
        guard let text = try table.string(key) else { return nil }
        guard let address = HostPort(text) else {
            throw table.error(
                "\(key) must be host:port, such as \"10.0.0.1:7171\" or \"[::1]:7171\", not \(text)",
                key: key)
        }
        return address
    }
}
