// One node of the model: a registry, an acceptor and a disk, and what a shell does for them, with the time it takes.

import NameStore
import World

/// A node, up or down. Its disk outlives it.
struct NamesNode: Sendable {
    let id: NodeID
    var store = SimulatedStore()
    /// Nil while the process is down.
    var registry: Registry?
    var acceptor: Acceptor?
    /// Counts starts: an event of an earlier life is void.
    var life = 0
    /// Requests for the acceptor's next batch.
    var inbox: [Inbound] = []
    /// The batch that is being synced.
    var syncing: VoteBatch?
    /// Handles nothing before this.
    var pausedUntil = Instant.origin
    var held: [NamesEvent] = []
    var wakeAt: Instant?
    var firstIncarnation: UInt64 = 0

    var isUp: Bool { registry != nil }
}

/// What happens at some time.
indirect enum NamesEvent: Sendable {
    case arrival(Inbound, at: Int)
    case wake(Int, life: Int)
    case synced(Int, life: Int)
    case client(Int)
    case fault(NamesFault)
    case restart(Int)
    case heal
    case resume(Int)

    /// The node whose process handles it.
    var node: Int? {
        switch self {
        case .arrival(_, let node), .wake(let node, _), .synced(let node, _): node
        case .client, .fault, .restart, .heal, .resume: nil
        }
    }
}

enum NamesFault: Sendable {
    case partition
    case crash
    case pause
    case wipe
    case corrupt
    case reconfigure
}
