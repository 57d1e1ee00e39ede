// How a run ends: whether all is as it was before the faults, and what was broken.

import Keys
import Node
import Ring
import Storage
import World

extension SimulatedCluster {
    /// What a node may say of its delay when nothing is written any more.
    private static let calmDelayMs = 500.0

    /// What is left to be done until all know all alive and what they say of themselves, nobody keeps hints, and
    /// replicas are the same; nil if nothing is.
    var unsettled: String? {
        for machine in machines {
            guard machine.stoppedUntil < now, let node = machine.node else { return "\(machine.identity) does not run" }
            let living = node.control.state.living.count
            if living != machines.count - 1 { return "\(machine.identity) sees \(living) others" }
            if node.hintBacklog > 0 { return "\(machine.identity) keeps \(node.hintBacklog) hints" }
        }
        for key in load.keys + load.typed.keys.map(\.key) {
            let held = replicas(of: key)
            if let other = held.first(where: { !Checker.isSame($0.bytes, held[0].bytes) }) {
                return "replicas of \(checker.name(key)) differ: \(held[0].node) and \(other.node)"
            }
        }
        return rumour
    }

    /// Where a node has heard, of another, other figures than those of its present life that it says of itself.
    /// (Revision and the disk's room stand still after healing; the other figures may be a round behind.)
    private var rumour: String? {
        let tables = machines.compactMap { $0.node?.control.state.table }
        for (reader, table) in tables.enumerated() {
            for place in table.indices {
                let own = tables[place][place]
                let isRight =
                    table[place].generation == own.generation && table[place].report.revision == own.report.revision
                    // Without writes it falls to nothing.
                    && table[place].report.replicationDelayMs < SimulatedCluster.calmDelayMs
                    && table[place].report.diskFree == own.report.diskFree
                if !isRight {
                    return "\(machines[reader].identity) believes of \(own.node.id) \(table[place].generation) "
                        + "\(table[place].report), and it is \(own.generation) \(own.report)"
                }
            }
        }
        return nil
    }

    /// What each primary of the key has on its disk.
    func replicas(of key: StoredKey) -> [(node: NodeID, bytes: [UInt8]?)] {
        ring.route(bucket: key.bucket, token: key.token).primaries.compactMap { node in
            guard let machine = machines.first(where: { $0.identity == node }) else { return nil }
            return (node, (try? machine.disk.objects.get(key.bytes)) ?? nil)
        }
    }

    mutating func finish(isAtRest: Bool) {
        load.checkAnswered(at: now, &checker)
        if !isAtRest, let unsettled { checker.violate("not the same again a minute after healing: \(unsettled)") }
        for key in load.keys { checker.finish(key, replicas: replicas(of: key)) }
        if isAtRest { finishListening() }
        for (place, key) in load.typed.keys.enumerated() { checker.finish(place, replicas: replicas(of: key.key)) }
        for key in load.keys + load.typed.keys.map(\.key) {
            for replica in replicas(of: key) { trace.add(5, now, 0, UInt64(replica.bytes?.count ?? 0)) }
        }
    }
}
