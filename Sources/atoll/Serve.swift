// `atoll serve`: one node in this process.

import ArgumentParser
import Edge
import Foundation
import Logging
import Ring
import RingFile
import Server
import ServiceLifecycle
import SocialSite
import UnixSignals
import World

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run one node.",
        discussion: """
            Without arguments: a cluster of one node, data in ./atoll-data, HTTP on 127.0.0.1:7070.
            With --ring and --node: that node of the ring file. With --seed and --node: the ring is asked from a node \
            that runs.
            Each flag may also be given as an environment variable: ATOLL_RING, ATOLL_NODE, ATOLL_SEED, ATOLL_DATA, \
            ATOLL_HTTP, ATOLL_SOCIAL, ATOLL_MEMORY, ATOLL_LOOPS, ATOLL_STORAGE_THREADS, ATOLL_NAME_RATE, ATOLL_REPAIR_CYCLE, ATOLL_LOG_LEVEL, \
            ATOLL_INSECURE (1 or 0).
            """)

    @Option(help: "The ring file (TOML).") var ring: String?
    @Option(help: "This node's id in the ring.") var node: String?
    @Option(help: "HOST:PORT of a running node's peer address, to get the ring from.") var seed: String?
    @Option(help: "The data directory.") var data: String?
    @Option(help: "HOST:PORT for HTTP, of a node without a ring file.") var http: String?
    @Option(help: "HOST:PORT for the site, for people; default: where the ring file says, without one: none.")
    var social: String?
    @Option(help: "Memory that the node may use, such as 512MiB; default: half of the machine's.") var memory: String?
    @Option(help: "Event loops; default: one a core, at most 16.") var loops: Int?
    @Option(name: .customLong("storage-threads"), help: "Storage threads; default: half the cores.") var storageThreads:
        Int?
    @Option(help: "Seconds in which every pair of replicas is compared once.") var repairCycle: Int?
    @Option(
        help: """
            Names that one client address may register, release or transfer a second, 0 for any number; default: 100, \
            and any number from loopback.
            """)
    var nameRate: Int?
    @Option(
        help: """
            Live reads that one client address may begin a second, 0 for any number; default: 20, and any number from \
            loopback.
            """)
    var watchRate: Int?
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel: String?
    @Flag(help: "Listen on other than loopback addresses, without TLS and token.") var insecure = false

    @Flag(help: ArgumentHelp("Stop when standard input ends.", visibility: .hidden)) var stopWithParent = false
    @Flag(help: ArgumentHelp("Other nodes run on the same cores.", visibility: .hidden)) var sharesCores = false
    @Flag(help: ArgumentHelp("Show a page for trying things out.", visibility: .hidden)) var demo = false

    func run() async throws {
        if stopWithParent { stopWhenInputEnds() }
        let environment = ProcessInfo.processInfo.environment
        let levelName = logLevel ?? environment["ATOLL_LOG_LEVEL"] ?? "info"
        guard let level = Logger.Level(rawValue: levelName) else {
            throw CommandFailure.usage("unknown log level \"\(levelName)\"")
        }
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "atoll")
        logger.logLevel = level
        let server: NodeServer
        do { server = NodeServer(try await configuration(environment, logger), logger: logger) } catch let failure
            as StartFailure
        {
            throw CommandFailure(status: failure.status.rawValue, message: failure.description)
        }
        var quiet = logger
        quiet.logLevel = max(level, .error)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        do { try await group.run() } catch let failure as StartFailure {
            throw CommandFailure(status: failure.status.rawValue, message: failure.description)
        } catch {
            throw CommandFailure.usage("\(error)")
        }
    }

    /// Whoever started this process holds the other end of its standard input; when that is gone, so is its reason to
    /// run.
    private func stopWhenInputEnds() {
        FileHandle.standardInput.readabilityHandler = { handle in
            guard handle.availableData.isEmpty else { return }
            handle.readabilityHandler = nil
            kill(getpid(), SIGTERM)
        }
    }

    private func configuration(_ environment: [String: String], _ logger: Logger) async throws -> ServerConfiguration {
        let dataPath = data ?? environment["ATOLL_DATA"] ?? "./atoll-data"
        let (document, identity) = try await document(environment, dataPath, logger)
        var configuration = ServerConfiguration(
            ring: document, identity: identity, dataPath: dataPath, revision: Atoll.revision)
        if let text = memory ?? environment["ATOLL_MEMORY"] {
            guard let bytes = Units.bytes(text).map({ Int(clamping: $0) }), Limits.memoryBytes.contains(bytes) else {
                throw CommandFailure.usage("memory: \"\(text)\" is no size such as 512MiB")
            }
            configuration.memoryBytes = bytes
        }
        if let count = try number(loops, environment["ATOLL_LOOPS"], "loops") { configuration.loops = count }
        if let count = try number(storageThreads, environment["ATOLL_STORAGE_THREADS"], "storage threads") {
            configuration.shards = count
        }
        if let seconds = try number(
            repairCycle, environment["ATOLL_REPAIR_CYCLE"], "seconds of the repair cycle", most: 86_400 * 30)
        {
            configuration.repairCycle = .seconds(Int64(seconds))
        }
        if let rate = try number(nameRate, environment["ATOLL_NAME_RATE"], "names a second", least: 0, most: 1_000_000)
        {
            configuration.nameRate = rate == 0 ? .unlimited : .everyone(perSecond: rate)
        }
        if let rate = try number(
            watchRate, environment["ATOLL_WATCH_RATE"], "live reads a second", least: 0, most: 1_000_000)
        {
            configuration.watchRate = rate == 0 ? .unlimited : .everyone(perSecond: rate)
        }
        configuration.site = try site(of: document, identity, environment, logger)
        configuration.sharesCores = sharesCores
        configuration.showsDemo = demo
        configuration.isInsecureAllowed = try insecure || flag(environment["ATOLL_INSECURE"], "ATOLL_INSECURE")
        return configuration
    }

    /// The address of the flag counts more than the ring's.
    private func site(
        of document: RingDocument, _ identity: NodeID, _ environment: [String: String], _ logger: Logger
    ) throws -> SiteConfiguration? {
        let named = try (social ?? environment["ATOLL_SOCIAL"]).map(SingleNode.site)
        guard let address = named ?? document.node(identity)?.social else { return nil }
        let site = Site.configuration(ring: document, identity: identity, address: address, logger: logger)
        guard let site else {
            throw CommandFailure.usage("--social \(address) is for a site, and the ring has none: it needs [social]")
        }
        return site
    }

    private func flag(_ variable: String?, _ name: String) throws -> Bool {
        switch variable {
        case nil, "", "0", "false": return false
        case "1", "true": return true
        case .some(let text): throw CommandFailure.usage("\(name) must be 1 or 0, not \"\(text)\"")
        }
    }

    private func number(_ flag: Int?, _ variable: String?, _ what: String, least: Int = 1, most: Int = 256) throws
        -> Int?
    {
        if let variable, flag == nil, Int(variable) == nil {
            throw CommandFailure.usage("\(what): \"\(variable)\" is no number")
        }
        guard let count = flag ?? variable.flatMap({ Int($0) }) else { return nil }
        guard (least...most).contains(count) else {
            throw CommandFailure.usage("\(what) must be \(least) to \(most)")
        }
        return count
    }

    private func document(
        _ environment: [String: String], _ dataPath: String, _ logger: Logger
    ) async throws -> (RingDocument, NodeID) {
        let node = try (self.node ?? environment["ATOLL_NODE"]).map(RingFiles.nodeID)
        switch try RingSource(self, environment, node) {
        case .file(let path):
            let document = try RingFiles.load(path)
            if let node { return (document, node) }
            guard document.nodes.count == 1 else {
                let names = document.nodes.map(\.id.name).joined(separator: ", ")
                throw CommandFailure.usage("say which node this is: --node, one of \(names)")
            }
            return (document, document.nodes[0].id)
        case .seed(let seed):
            guard let node else { throw CommandFailure.usage("--seed needs --node, this node's id in the ring") }
            guard let address = HostPort(seed) else {
                throw CommandFailure.usage("--seed: \"\(seed)\" is no HOST:PORT")
            }
            do {
                return (
                    try await SeedClient.fetchRing(from: address, as: node, dataPath: dataPath, logger: logger), node
                )
            } catch let failure as StartFailure { throw failure } catch { throw CommandFailure.usage("\(error)") }
        case .none:
            let document = try SingleNode.document(
                http: http ?? environment["ATOLL_HTTP"], social: social ?? environment["ATOLL_SOCIAL"])
            return (document, document.nodes[0].id)
        }
    }
}

/// Where a node has its ring from. What would be ignored there is refused: a node that listens elsewhere than it was
/// told, or belongs to another cluster, looks well and is not.
enum RingSource {
    case file(String)
    case seed(String)
    /// A cluster of its own.
    case none

    /// A flag counts more than a variable of the environment, also than one of another name.
    init(_ serve: Serve, _ environment: [String: String], _ node: NodeID?) throws {
        if serve.ring != nil || serve.seed != nil {
            try self.init(ring: serve.ring, seed: serve.seed, http: serve.http)
        } else {
            try self.init(
                ring: environment["ATOLL_RING"], seed: environment["ATOLL_SEED"],
                http: serve.http ?? environment["ATOLL_HTTP"])
        }
        if case .none = self, let node {
            throw CommandFailure.usage(
                "--node \(node) says which node of a ring this is, and there is no ring: give --ring or --seed too")
        }
    }

    private init(ring: String?, seed: String?, http: String?) throws {
        switch (ring, seed) {
        case (.some, .some):
            throw CommandFailure.usage("the ring comes from a file or from a node: --ring or --seed, not both")
        case (.some(let path), nil): self = .file(path)
        case (nil, .some(let address)): self = .seed(address)
        case (nil, nil):
            self = .none
            return
        }
        guard http == nil else {
            throw CommandFailure.usage(
                "--http is for a node without a ring; in one the ring file says where it listens")
        }
    }
}

enum SingleNode {
    /// `http`: where it listens; its peer port, which nobody calls, lies a hundred further.
    static func document(http text: String?, social: String? = nil) throws -> RingDocument {
        do {
            let social = try social.map(site)
            guard let text else { return try RingDocument.singleNode(social: social) }
            guard let http = HostPort(text) else { throw CommandFailure.usage("--http: \"\(text)\" is no HOST:PORT") }
            guard let peer = HostPort(host: http.host, port: http.port + 100) else {
                throw CommandFailure.usage(
                    "--http: the peer port lies 100 above \(http.port), and there is no port \(http.port + 100); "
                        + "take one up to 65435")
            }
            return try RingDocument.singleNode(http: http, peer: peer, social: social)
        } catch let failure as CommandFailure {
            throw failure
        } catch { throw CommandFailure.usage("\(error)") }
    }

    /// Where the site of a node listens.
    static func site(_ text: String) throws -> HostPort {
        guard let address = HostPort(text) else { throw CommandFailure.usage("--social: \"\(text)\" is no HOST:PORT") }
        return address
    }
}
