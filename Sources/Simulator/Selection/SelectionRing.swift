// The ring of the comparison: 50 nodes that store, and one for each client, which stores nothing.

import Keys
import Ring
import RingFile
import World

package struct SelectionRing: Sendable {
    let snapshot: RingSnapshot
    let servers: [NodeID]
    let clients: [NodeID]
    /// One for each partition, so that each has as many reads as the others.
    let keys: [StoredKey]
    /// Of each key, as places in `servers`.
    let replicas: [[Int]]

    private static let partitions = 512

    package init(clients count: Int) throws {
        let servers = (0..<SelectionSetting.servers).compactMap { NodeID("server-\($0)") }
        let clients = (0..<count).compactMap { NodeID("client-\($0)") }
        let text = SelectionRing.text(servers: servers, clients: clients)
        let ring = RingSnapshot(try RingDocument.compile(ringFile: text, fileName: "selection"))
        var keys = [StoredKey?](repeating: nil, count: SelectionRing.partitions)
        var (number, missing) = (0, keys.count)
        while missing > 0 {
            let key = try StoredKey(bucket: Array("posts".utf8), partitionKey: Array("\(number)".utf8))
            let partition = key.token.partition(of: SelectionRing.partitions)
            if keys[partition] == nil {
                keys[partition] = key
                missing -= 1
            }
            number += 1
        }
        self.keys = keys.compactMap { $0 }
        let places = Dictionary(uniqueKeysWithValues: zip(servers, servers.indices))
        replicas = self.keys.map { key in
            ring.route(bucket: key.bucket, token: key.token).primaries.compactMap { places[$0] }
        }
        snapshot = ring
        self.servers = servers
        self.clients = clients
    }

    private static func text(servers: [NodeID], clients: [NodeID]) -> String {
        var text = """
            cluster = "selection"
            partitions = \(partitions)
            [defaults]
            placement = "near"
            [placement.near]
            rule = "any:\(SelectionSetting.replicas)"
            [country.de]
            [names]
            acceptors = ["\(servers[0])", "\(servers[1])", "\(servers[2])"]

            """
        for (place, node) in (servers + clients).enumerated() {
            text += """
                [[node]]
                id = "\(node)"
                country = "de"
                zone = "fra"
                peer = "10.0.\(place / 200).\(place % 200 + 1):7171"
                http = "10.0.\(place / 200).\(place % 200 + 1):7071"
                capacity = "\(place < servers.count ? "1TB" : "0")"

                """
        }
        return text
    }
}
