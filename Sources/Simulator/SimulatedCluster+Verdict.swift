// How a run ends: whether all is as it was before the faults, and what was broken.

import Keys
import Node
import Ring
import Storage
import World

extension SimulatedCluster {
    /// What a node may say of its delay when nothing is written any more.
    private static let calmDelayMs = 500.0

    /// Whether nothing is left to be done: all know all alive and what they say of themselves, no hints, replicas the
    /// same.
    var isConverged: Bool {
        for machine in machines {
            guard machine.stoppedUntil < now, let node = machine.node,
                node.control.state.living.count == machines.count - 1,
                node.hintBacklog == 0
            else { return false }
        }
        guard isGossipConverged else { return false }
        return load.keys.allSatisfy { key in
            let held = replicas(of: key).map(\.bytes)
            return held.dropFirst().allSatisfy { Checker.isSame($0, held[0]) }
        }
    }

    /// Every node has heard, of every other, the very figures of its present life that it says of itself. (Revision and
    /// slowness stand still after healing; the other figures may be a round behind.)
    private var isGossipConverged: Bool {
        let tables = machines.compactMap { $0.node?.control.state.table }
        return tables.allSatisfy { table in
            table.indices.allSatisfy { place in
                let own = tables[place][place]
                return table[place].generation == own.generation
                    && table[place].report.revision == own.report.revision
                    // Without writes it falls to nothing.
                    && table[place].report.replicationDelayMs < SimulatedCluster.calmDelayMs
                    && table[place].report.responseMs == own.report.responseMs
            }
        }
    }

    /// What each primary of the key has on its disk.
    func replicas(of key: StoredKey) -> [(node: NodeID, bytes: [UInt8]?)] {
        ring.route(bucket: key.bucket, token: key.token).primaries.compactMap { node in
            guard let machine = machines.first(where: { $0.identity == node }) else { return nil }
            return (node, (try? machine.disk.objects.get(key.bytes)) ?? nil)
        }
    }

    mutating func finish(convergedIn span: Span?) {
        load.checkAnswered(at: now, &checker)
        if span == nil {
            let living = machines.map {
                "\($0.identity) sees \($0.node?.control.state.living.count ?? -1), keeps \($0.node?.hintBacklog ?? -1) hints"
            }
            checker.violate("not converged a minute after healing: " + living.joined(separator: "; "))
        }
        for key in load.keys { checker.finish(key, replicas: replicas(of: key)) }
        for key in load.keys {
            for replica in replicas(of: key) { trace.add(5, now, 0, UInt64(replica.bytes?.count ?? 0)) }
        }
    }
}
