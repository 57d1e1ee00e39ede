// A network that is cut between countries: three nodes in network namespaces of their own, joined by a bridge, with a
// filter between them. The tests speak to each node over the bridge, which the cut leaves alone.

import Foundation
import Glibc
import Testing

/// Namespaces, wires and a bridge; gone with their owner.
final class Islands {
    static let tag = "atl\(getpid() % 10_000)"
    /// A documentation range of RFC 5737: nobody's network.
    static func address(_ place: Int) -> String { "198.51.100.\(11 + place)" }
    private let count: Int

    init?(_ count: Int) {
        self.count = count
        let bridge = "\(Islands.tag)br"
        var commands = [
            "ip link add \(bridge) type bridge", "ip addr add 198.51.100.1/24 dev \(bridge)",
            "ip link set \(bridge) up",
        ]
        for place in 0..<count {
            let (space, outer, inner) = (Islands.space(place), "\(Islands.tag)o\(place)", "\(Islands.tag)i\(place)")
            commands += [
                "ip netns add \(space)", "ip link add \(outer) type veth peer name \(inner)",
                "ip link set \(inner) netns \(space)",
                "ip link set \(outer) master \(bridge)", "ip link set \(outer) up",
                "ip netns exec \(space) ip addr add \(Islands.address(place))/24 dev \(inner)",
                "ip netns exec \(space) ip link set \(inner) up", "ip netns exec \(space) ip link set lo up",
                "ip netns exec \(space) iptables -w -L -n",
            ]
        }
        guard commands.allSatisfy(Islands.run) else {
            remove()
            return nil
        }
    }

    deinit { remove() }

    private func remove() {
        for place in 0..<count { _ = Islands.run("ip netns del \(Islands.space(place))") }
        _ = Islands.run("ip link del \(Islands.tag)br")
    }

    static func space(_ place: Int) -> String { "\(tag)n\(place)" }

    /// Drops what `from` is sent by `to`: one direction of a cut.
    func drop(at place: Int, from other: Int, _ isCut: Bool = true) throws {
        let rule =
            "ip netns exec \(Islands.space(place)) iptables -w \(isCut ? "-A" : "-D") INPUT -s \(Islands.address(other)) -j DROP"
        guard Islands.run(rule) else { throw HarnessFailure("cannot filter: \(rule)") }
    }

    func cut(_ place: Int, from others: [Int], _ isCut: Bool = true) throws {
        for other in others {
            try drop(at: place, from: other, isCut)
            try drop(at: other, from: place, isCut)
        }
    }

    private static func run(_ command: String) -> Bool {
        let words = command.split(separator: " ").map(String.init)
        guard let process = try? ChildProcess(words[0], Array(words[1...]), output: "/dev/null", input: []) else {
            return false
        }
        return (try? process.wait(within: 10)) == .exited(0)
    }

    /// They take minutes and a machine of their own: heartbeats that a busy host delays look like a cut.
    static let isPermitted: Bool =
        ProcessInfo.processInfo.environment["ATOLL_NETWORK_TESTS"] == "1" && Islands(1) != nil
}

extension Integration {
    @Suite(.enabled(if: Islands.isPermitted, "set ATOLL_NETWORK_TESTS=1 and allow network namespaces with iptables"))
    struct NetworkTests {
        private func running(_ body: (TestCluster, Islands) throws -> Void) throws {
            let islands = try #require(Islands(3))
            let cluster = try TestCluster.three(
                hosts: (0..<3).map(Islands.address), arguments: ["--insecure"],
                launchers: (0..<3).map { ["ip", "netns", "exec", Islands.space($0)] })
            defer { cluster.end() }
            try cluster.start()
            try body(cluster, islands)
        }

        private func awaitView(of observer: TestNode, _ expected: [String: String], within seconds: Double) throws {
            try eventually("\(observer.name) sees \(expected)", within: seconds) {
                let view = try observer.view()
                return expected.allSatisfy { view[$0.key] == $0.value }
            }
        }

        @Test func aCountryCutOffGoesOnAndComesBack() throws {
            try running { cluster, islands in
                let (de, us, jp) = (cluster[0], cluster[1], cluster[2])
                let before = try #require(try de.put("cut/both?w=all", "before").context)
                try de.put("cut/deleted?w=all", "before")
                try islands.cut(2, from: [0, 1])
                // Before anyone knows of the cut, both sides answer at the levels that they can reach.
                #expect(try de.put("cut/majority-early", "v").status == 201)
                #expect(try jp.put("cut/minority-early?w=one", "v").status == 201)
                try awaitView(of: de, [jp.name: "dead", us.name: "alive"], within: 15)
                try awaitView(of: us, [jp.name: "dead", de.name: "alive"], within: 15)
                try awaitView(of: jp, [de.name: "dead", us.name: "dead"], within: 15)
                #expect(try us.put("cut/both", "majority", ["Atoll-Context": before]).status == 204)
                #expect(try jp.put("cut/both?w=local", "minority", ["Atoll-Context": before]).status == 204)
                #expect(try jp.put("cut/minority?w=1", "v").status == 201)
                #expect(try us.put("cut/majority", "v").status == 201)
                let context = try #require(try us.get("cut/deleted").context)
                #expect(try us.request("DELETE", "/v1/kv/cut/deleted", ["Atoll-Context": context]).status == 204)
                #expect(try jp.get("cut/both?r=one").text == "minority")
                #expect(try de.get("cut/both").text == "majority")
                #expect(try jp.put("cut/refused", "doubtful").status == 503)
                #expect(try jp.get("cut/both").status == 503)
                try islands.cut(2, from: [0, 1], false)
                let healedAt = Stopwatch.now
                for node in cluster.nodes {
                    try awaitView(of: node, [de.name: "alive", us.name: "alive", jp.name: "alive"], within: 10)
                }
                for key in ["cut/majority-early", "cut/minority-early", "cut/minority", "cut/majority", "cut/refused"] {
                    #expect(try cluster.awaitIdentical(key, within: 15).status == 200, "\(key)")
                }
                #expect(try cluster.awaitIdentical("cut/deleted", within: 15).status == 404)
                #expect(try cluster.awaitIdentical("cut/both", within: 15).status == 300)
                #expect(Stopwatch.now - healedAt < 20)
                let both = try jp.get("cut/both")
                let siblings = both.json["siblings"] as? [[String: Any]] ?? []
                #expect(Set(siblings.compactMap { $0["value"] as? String }) == ["majority", "minority"])
                #expect(try de.put("cut/both", "merged", ["Atoll-Context": both.context ?? ""]).status == 204)
                #expect(try cluster.awaitIdentical("cut/both", within: 5).text == "merged")
            }
        }

        @Test func aOneWayCutStopsNobody() throws {
            try running { cluster, islands in
                let load = Load("one-way", on: [cluster[0], cluster[1]])
                try load.awaitProgress(50)
                // Germany no longer hears Japan, which goes on hearing Germany; the USA hear and are heard by both.
                try islands.drop(at: 0, from: 2)
                try load.awaitProgress(300)
                try islands.drop(at: 0, from: 2, false)
                try load.awaitProgress(50)
                let report = load.stop()
                #expect(report.failures == [])
                #expect(report.slowest < 5)
                for node in cluster.nodes {
                    try awaitView(
                        of: node, Dictionary(uniqueKeysWithValues: cluster.nodes.map { ($0.name, "alive") }), within: 10
                    )
                }
                try cluster.awaitIdentical(report.promises, within: 60)
            }
        }
    }
}
