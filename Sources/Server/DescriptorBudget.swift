// How a node shares out the files it may have open: a client that opens connections without end must never take the one
// that LevelDB needs for its next log, since a failed write ends the node.

import World

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

struct DescriptorBudget: Equatable {
    /// Open tables of either store of objects.
    let objectFiles: Int
    let httpConnections: Int
    /// Accepted ones; those that this node opens itself are provided for.
    let peerConnections: Int

    /// - Parameter limit: how many descriptors this process may have.
    init(limit: Int, nodes: Int, loops: Int) throws(StartFailure) {
        let peers = max(0, nodes - 1)
        // A peer has one connection for each of its loops, and two more lanes; some are being replaced.
        peerConnections = min(Limits.peerConnections, peers * (max(Limits.usualLoops, loops) + 2) + 16)
        let opened = peers * (loops + 2)
        let fixed = Limits.otherFiles + 2 * Limits.smallestStoreFiles + opened + peerConnections
        let rest = limit - fixed
        let needed = fixed + 2 * Limits.smallestStoreFiles + Limits.fewestClients
        guard limit >= needed else {
            throw StartFailure(
                "this process may have \(limit) files open, and a node of this ring needs \(needed); "
                    + "raise the limit (ulimit -n, or LimitNOFILE of a systemd unit)")
        }
        objectFiles = min(max(rest / 8, Limits.smallestStoreFiles), Limits.storeFiles)
        httpConnections = min(Limits.httpConnections, rest - 2 * objectFiles)
    }

    /// Raises the process's soft limit to its hard one, and tells what came of it.
    static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
