// The ring state: who keeps what, as a file that plans begin from and end in. docs/formats/ring-state.md describes it.

package import JSON
package import Ring
package import World

/// Nodes, and per placement the table partition → nodes. Everything is checked at construction.
package struct RingState: Hashable, Sendable {
    /// What a plan must know of a node even after the ring file has forgotten it.
    package struct Member: Hashable, Sendable {
        package let id: NodeID
        package let country: String
        package let zone: String
        package let capacityBytes: UInt64

        package init(id: NodeID, country: String, zone: String, capacityBytes: UInt64) {
            self.id = id
            self.country = country
            self.zone = zone
            self.capacityBytes = capacityBytes
        }
    }

    package struct Table: Hashable, Sendable {
        package let placement: String
        /// Indexes into the state's nodes.
        package let assignment: Assignment

        package init(placement: String, assignment: Assignment) {
            self.placement = placement
            self.assignment = assignment
        }
    }

    package let cluster: String
    /// Q.
    package let partitions: Int
    /// Sorted by id.
    package let nodes: [Member]
    /// Sorted by placement.
    package let tables: [Table]

    init(cluster: String, partitions: Int, nodes: [RingNode], tables: [Table]) {
        self.cluster = cluster
        self.partitions = partitions
        self.nodes = nodes.map {
            Member(id: $0.id, country: $0.country, zone: $0.zone, capacityBytes: $0.capacityBytes)
        }
        self.tables = tables
    }

    init(_ document: RingDocument) {
        self.init(
            cluster: document.cluster, partitions: document.partitions, nodes: document.nodes,
            tables: zip(document.placements, document.assignments).map {
                Table(placement: $0.name, assignment: $1)
            })
    }

    package func table(_ placement: String) -> Assignment? {
        tables.first { $0.placement == placement }?.assignment
    }
}

// MARK: JSON

extension RingState {
    /// docs/formats/ring-state.md
    package static let format = "atoll ring state"
    package static let version = 1

    package var json: JSONValue {
        .object([
            "format": .string(RingState.format), "version": .int(RingState.version), "cluster": .string(cluster),
            "partitions": .int(partitions),
            "nodes": .array(
                nodes.map {
                    .object([
                        "id": .string($0.id.name), "country": .string($0.country), "zone": .string($0.zone),
                        "capacity": .int(Int(clamping: $0.capacityBytes)),
                    ])
                }),
            "placements": .array(
                tables.map { table in
                    let rows = (0..<partitions).map { partition in
                        JSONValue.strings(table.assignment[partition].map { nodes[Int($0)].id.name })
                    }
                    return .object([
                        "name": .string(table.placement), "replicas": .int(table.assignment.replicas),
                        "table": .array(rows),
                    ])
                }),
        ])
    }

    /// Reads a state file, or what `GET /v1/ring` answers: the tables of a running cluster.
    package static func decode(_ bytes: [UInt8]) throws(JSONError) -> RingState {
        let value = try JSONValue.decode(bytes)
        if value["digest"] != nil { return RingState(try RingDocument.decode(json: bytes)) }
        guard value["format"]?.string == format else {
            throw JSONError("this is no ring state: its format is not \"\(format)\"")
        }
        guard value["version"]?.int == version else {
            throw JSONError("this is no ring state of version \(version)")
        }
        let partitions = try RingJSON.int(value, "partitions")
        guard (1...Limits.partitions).contains(partitions), partitions.nonzeroBitCount == 1 else {
            throw JSONError("partitions must be a power of two up to \(Limits.partitions)")
        }
        let cluster = try RingJSON.string(value, "cluster")
        guard RingNames.isLabel(cluster) else { throw JSONError("the cluster's name is malformed") }
        let nodes = try RingJSON.list(value, "nodes", node)
        guard (1...Limits.nodes).contains(nodes.count) else { throw JSONError("there are \(nodes.count) nodes") }
        guard zip(nodes, nodes.dropFirst()).allSatisfy({ $0.id < $1.id }) else {
            throw JSONError("nodes are out of order or named twice")
        }
        // Only ever asked.
        var indexes: [String: UInt16] = [:]
        for (at, node) in nodes.enumerated() { indexes[node.id.name] = UInt16(at) }
        let tables = try RingJSON.list(value, "placements") { (entry) throws(JSONError) in
            try table(entry, partitions: partitions, nodes: indexes)
        }
        guard tables.count <= Limits.placements,
            zip(tables, tables.dropFirst()).allSatisfy({ $0.placement < $1.placement })
        else { throw JSONError("placements are too many, out of order or named twice") }
        return RingState(cluster: cluster, partitions: partitions, checked: nodes, tables: tables)
    }

    private init(cluster: String, partitions: Int, checked nodes: [Member], tables: [Table]) {
        self.cluster = cluster
        self.partitions = partitions
        self.nodes = nodes
        self.tables = tables
    }

    private static func node(_ value: JSONValue) throws(JSONError) -> Member {
        let name = try RingJSON.string(value, "id")
        guard let id = NodeID(name) else { throw JSONError("a node's id is malformed: \(name.prefix(80))") }
        let country = try RingJSON.string(value, "country")
        let zone = try RingJSON.string(value, "zone")
        guard RingNames.isCountry(country), RingNames.isLabel(zone) else {
            throw JSONError("the country or zone of \(id) is malformed")
        }
        return Member(
            id: id, country: country, zone: zone, capacityBytes: try RingJSON.unsigned(value, "capacity"))
    }

    private static func table(
        _ value: JSONValue, partitions: Int, nodes: [String: UInt16]
    ) throws(JSONError) -> Table {
        let name = try RingJSON.string(value, "name")
        let replicas = try RingJSON.int(value, "replicas")
        guard RingNames.isLabel(name), (1...Limits.replicas).contains(replicas) else {
            throw JSONError("a placement's name or number of replicas is malformed")
        }
        let rows = try RingJSON.list(value, "table") { (row) throws(JSONError) in row.array ?? [] }
        guard rows.count == partitions else {
            throw JSONError("placement \(name) has \(rows.count) rows for \(partitions) partitions")
        }
        var flat: [UInt16] = []
        flat.reserveCapacity(partitions * replicas)
        for (partition, row) in rows.enumerated() {
            let place = "placement \(name), partition \(partition)"
            guard row.count == replicas else { throw JSONError("\(place): \(row.count) of \(replicas) nodes") }
            for entry in row {
                guard let id = entry.string, let node = nodes[id] else {
                    throw JSONError("\(place): a node that is not among the nodes")
                }
                guard !flat[(partition * replicas)...].contains(node) else {
                    throw JSONError("\(place): \(id) stands twice")
                }
                flat.append(node)
            }
        }
        return Table(placement: name, assignment: Assignment(replicas: replicas, nodes: flat))
    }
}
