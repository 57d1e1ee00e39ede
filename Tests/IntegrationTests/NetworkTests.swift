// A network that is cut between countries, and one that carries one way only. The tests speak to each node from where
// it lives, which no cut touches.

import Foundation
import Testing

extension Integration {
    /// They take a machine of their own: heartbeats that a busy host delays look like a cut.
    @Suite(
        .enabled(
            if: ProcessInfo.processInfo.environment["ATOLL_NETWORK_TESTS"] == "1", "set ATOLL_NETWORK_TESTS=1 for these"
        ),
        .farNetworkPermitted)
    struct NetworkTests {
        private func running(_ body: (TestCluster, FarNetwork) throws -> Void) throws {
            let network = try FarNetwork(TestCluster.names)
            let cluster = try TestCluster.three(network: network)
            defer { cluster.end() }
            try cluster.start()
            try body(cluster, network)
        }

        private func awaitView(of observer: TestNode, _ expected: [String: String], within seconds: Double) throws {
            try eventually("\(observer.name) sees \(expected)", within: seconds) {
                let view = try observer.view()
                return expected.allSatisfy { view[$0.key] == $0.value }
            }
        }

        @Test func aCountryCutOffGoesOnAndComesBack() throws {
            try running { cluster, network in
                let (de, us, jp) = (cluster[0], cluster[1], cluster[2])
                let before = try #require(try de.put("cut/both?w=all", "before").context)
                try de.put("cut/deleted?w=all", "before")
                try network.cutOff(jp.name)
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
                try network.cutOff(jp.name, false)
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
            try running { cluster, network in
                let load = Load("one-way", on: [cluster[0], cluster[1]])
                try load.awaitProgress(50)
                // Germany no longer hears Japan, which goes on hearing Germany; the USA hear and are heard by both.
                try network.cut(from: cluster[2].name, to: cluster[0].name)
                try load.awaitProgress(300)
                try network.cut(from: cluster[2].name, to: cluster[0].name, false)
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
