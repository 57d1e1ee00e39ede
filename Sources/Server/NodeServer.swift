// One running node: opens the stores, starts the threads and loops, listens, and takes it all down again in order.

import Dispatch
package import Edge
import Foundation
import Gossip
import HintedHandoff
package import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix
import Node
package import Ring
import ServiceLifecycle
import Storage
import Vnodes
import Wire
package import World

/// How `atoll serve` runs a node.
package struct ServerConfiguration: Sendable {
    package var ring: RingDocument
    package var identity: NodeID
    package var dataPath: String
    package var revision: String
    /// Event loops for clients and peers. Unless told otherwise one a core, as a request spends most of its time there:
    /// a core without a loop is a core without work.
    package var loops: Int
    /// Storage threads.
    package var shards: Int
    /// What the node may use; nil: half of what the machine has, of several nodes on it all together.
    package var memoryBytes: Int?
    package var repairCycle: Span
    package var nameRate: ClientRate
    /// Of new live reads.
    package var watchRate: ClientRate
    /// Serve on more than loopback without TLS and a token.
    package var isInsecureAllowed: Bool
    /// Other nodes run on this machine's cores.
    package var sharesCores: Bool
    /// A page for trying things out is there.
    package var showsDemo = false
    /// For people, where the ring has one and the node an address for it.
    package var site: SiteConfiguration?
    /// How long requests may take to end once the node stops.
    var gracePeriod: Span

    package init(ring: RingDocument, identity: NodeID, dataPath: String, revision: String) {
        self.ring = ring
        self.identity = identity
        self.dataPath = dataPath
        self.revision = revision
        let cores = ProcessInfo.processInfo.activeProcessorCount
        loops = min(max(1, cores), Limits.usualLoops)
        shards = max(1, cores / 2)
        repairCycle = Limits.repairCycle
        nameRate = .standard
        watchRate = .standard
        isInsecureAllowed = false
        sharesCores = false
        gracePeriod = Limits.gracePeriod
    }
}

package final class NodeServer: Service {
    private let configuration: ServerConfiguration
    private let logger: Logger

    package init(_ configuration: ServerConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Runs until the surrounding `ServiceGroup` shuts down. Throws an error with words for the operator where the node
    /// cannot start.
    package func run() async throws {
        let node = try checkedNode()
        let files = try DescriptorBudget(
            limit: DescriptorBudget.raiseLimit(), nodes: configuration.ring.nodes.count, loops: configuration.loops)
        let budgets = NodeBudgets(files: files, memory: try MemoryBudget(configuration))
        let opened = try OpenedDirectory(
            path: configuration.dataPath, ring: configuration.ring, node: configuration.identity, budgets, logger)
        let assembly = try NodeAssembly(configuration, node, opened, budgets, logger)
        do {
            try await assembly.listen()
        } catch {
            await assembly.stop(grace: .zero)
            throw error
        }
        logger.info(
            "node is serving",
            metadata: [
                "node": "\(node.id)", "http": "\(node.http)", "peer": "\(node.peer)",
                "social": "\(configuration.site.map { "\($0.address)" } ?? "none")",
                "data": "\(configuration.dataPath)",
                "ring": "\(configuration.ring.cluster) epoch \(configuration.ring.epoch)",
            ])
        try? await gracefulShutdown()
        logger.info("node is stopping", metadata: ["node": "\(node.id)"])
        await assembly.stop(grace: configuration.gracePeriod)
    }

    private func checkedNode() throws -> RingNode {
        guard let node = configuration.ring.node(configuration.identity) else {
            let names = configuration.ring.nodes.map(\.id.name).joined(separator: ", ")
            throw StartFailure("there is no node \(configuration.identity) in the ring; it has \(names)")
        }
        if let site = configuration.site, !configuration.isInsecureAllowed { try site.check(configuration.ring.social) }
        for address in [node.http, node.peer] where !configuration.isInsecureAllowed && !address.isLoopback {
            throw StartFailure(
                "\(address) is reachable from other machines, and this version has neither TLS nor a token; "
                    + "bind to 127.0.0.1, or say --insecure if the network is yours alone")
        }
        return node
    }
}
