// Clusters for tests: one node alone, or three in three countries; started for a suite, ended with it.

import Foundation
import Testing

final class TestCluster: @unchecked Sendable {
    let directory: TemporaryDirectory
    let nodes: [TestNode]
    /// The ring file's path; nil for the node that has none.
    let ringPath: String?
    /// What lies between its nodes; nil: the loopback.
    let network: FarNetwork?

    subscript(_ index: Int) -> TestNode { nodes[index] }

    private init(
        _ directory: TemporaryDirectory, _ nodes: [TestNode], ring: String?, network: FarNetwork? = nil
    ) {
        self.directory = directory
        self.nodes = nodes
        self.network = network
        ringPath = ring
    }

    deinit { end() }

    func end() { nodes.forEach { $0.end() } }

    /// `atoll serve` as it comes, without a ring file.
    static func single(data: String? = nil, hasSite: Bool = false) throws -> TestCluster {
        let directory = try TemporaryDirectory()
        // The peer port of a node without a ring file lies a hundred above.
        let http = try eventually("two free ports", within: 1) { () -> Int? in
            let port = try Ports.free(1)[0]
            return Ports.isFree(port + 100) ? port : nil
        }
        let node = TestNode(
            "solo", http: http, peer: http + 100, social: hasSite ? try Ports.free(1)[0] : nil,
            data: data ?? directory.path + "/solo", in: directory.path,
            arguments: ["--http", "127.0.0.1:\(http)"])
        return TestCluster(directory, [node], ring: nil)
    }

    static let names = ["de-fra-1", "us-iad-1", "jp-tyo-1"]

    /// Three nodes in three countries, every key on all of them; or those named, of which three have a key.
    ///
    /// - Parameter site: what stands in `[social]`; nil: no site.
    static func three(
        names: [String] = names, buckets: String = "", site: String? = nil, network: FarNetwork? = nil,
        arguments: [String] = [],
        moving moved: Int? = nil, to data: String = ""
    ) throws -> TestCluster {
        let directory = try TemporaryDirectory()
        let ports = try Ports.free(2 * names.count)
        let places = names.enumerated().map { place, name in
            (
                name, host: network?.address(of: name) ?? "127.0.0.1", http: ports[place],
                peer: ports[place + names.count]
            )
        }
        let path = directory.path + "/ring.toml"
        let sitePorts = site == nil ? [] : try Ports.free(names.count)
        let sections = buckets + (site.map { "\n[social]\n\($0)\n" } ?? "")
        try Data(ringFile(places, buckets: sections).utf8).write(to: URL(fileURLWithPath: path))
        let nodes = places.enumerated().map { place, entry in
            TestNode(
                entry.0, host: entry.host, http: entry.http, peer: entry.peer,
                social: site == nil ? nil : sitePorts[place],
                data: place == moved ? data : "\(directory.path)/\(entry.0)", in: directory.path,
                arguments: ["--ring", path, "--node", entry.0] + (network == nil ? [] : ["--insecure"]) + arguments,
                space: network?.space(of: entry.0))
        }
        return TestCluster(directory, nodes, ring: path, network: network)
    }

    static func ringFile(
        _ nodes: [(name: String, host: String, http: Int, peer: Int)], cluster: String = "testing", buckets: String = ""
    ) -> String {
        var text = """
            cluster = "\(cluster)"
            partitions = 16
            [placement.world]
            rule = "any:3"
            min_countries = 3
            max_per_country = 1
            [country.de]
            location = [50.11, 8.68]
            [country.us]
            location = [38.95, -77.45]
            [country.jp]
            location = [35.68, 139.69]
            \(buckets)

            """
        for (name, host, http, peer) in nodes {
            text += """
                [[node]]
                id = "\(name)"
                country = "\(name.prefix(2))"
                zone = "\(name.dropFirst(3))"
                peer = "\(host):\(peer)"
                http = "\(host):\(http)"
                capacity = "1TB"

                """
        }
        return text
    }

    /// Starts all nodes and waits until each sees each.
    func start() throws {
        for node in nodes { try node.start() }
        try awaitUnity()
    }

    /// Waits until every node sees every node alive and has its links to all of them.
    func awaitUnity(within seconds: Double = 20) throws {
        for node in nodes {
            try node.awaitHealth(within: seconds)
            try eventually("\(node.name) sees everybody", within: seconds) {
                try node.view().values.allSatisfy { $0 == "alive" } && node.request("GET", "/readyz").status == 200
                    && (node.metric("atoll_peer_links_up") ?? 0) >= Double(self.nodes.count - 1)
            }
        }
    }

    /// Waits until `key` is the same on all nodes, bytes and context, and gives what they hold. Asks each node for its
    /// own replica only, so that no read can mend anything.
    @discardableResult
    func awaitIdentical(_ key: String, within seconds: Double) throws -> Response {
        var last = ""
        do {
            return try eventually("\(key) is the same everywhere", within: seconds) {
                let answers = try nodes.map { try $0.replica(key) }
                last = answers.map { "\($0.status) \($0.context ?? "-") \($0.text.prefix(60))" }.joined(
                    separator: " | ")
                let first = answers[0]
                let isSame = answers.allSatisfy {
                    $0.status == first.status && $0.body == first.body && $0.context == first.context
                        && $0.context != nil
                        && $0["content-type"] == first["content-type"]
                }
                return isSame ? first : nil
            }
        } catch { throw HarnessFailure("\(error): \(last)") }
    }
}

/// Runs a suite inside a cluster that starts before its first test and ends after its last.
struct ClusterTrait: SuiteTrait, TestScoping {
    let make: @Sendable () throws -> TestCluster

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let cluster = try make()
        try cluster.start()
        defer { cluster.end() }
        try await ClusterTrait.$current.withValue(cluster) { try await function() }
    }

    @TaskLocal static var current: TestCluster?
}

extension Trait where Self == ClusterTrait {
    static var singleNode: ClusterTrait { ClusterTrait { try TestCluster.single() } }
    static var threeNodes: ClusterTrait { ClusterTrait { try TestCluster.three(buckets: TestBuckets.text) } }
}

enum TestBuckets {
    /// Buckets with properties of their own, for the suites that share a cluster.
    static let text = """
        [bucket.latest]
        conflict = "last-write-wins"
        [bucket.small]
        max_value = "1KB"
        [bucket.large]
        max_value = "8MiB"
        [bucket.brief]
        ttl = "1s"
        """
}

/// The cluster that the suite's trait has started.
func cluster() throws -> TestCluster { try #require(ClusterTrait.current) }

/// All tests with real processes, one after the other: they share two cores and look at the clock.
@Suite(.serialized) struct Integration {}
