// Damaged stores under real nodes. Every file and every damage stands in a table in ServerTests; here is what it means
// for a cluster and its clients.

import Foundation
import Testing

extension Integration {
    @Suite struct DamageTests {
        private func flip(_ node: TestNode, _ store: String, _ prefix: String) throws {
            let directory = "\(node.dataPath)/\(store)"
            let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasPrefix(prefix) }
            #expect(!names.isEmpty)
            for name in names {
                let file = URL(fileURLWithPath: "\(directory)/\(name)")
                var bytes = [UInt8](try Data(contentsOf: file))
                bytes[bytes.count / 2] ^= 0x10
                try Data(bytes).write(to: file)
            }
        }

        private func movedAside(_ node: TestNode, _ store: String) throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: node.dataPath).count {
                $0.hasPrefix("\(store).damaged-")
            }
        }

        /// A replica that begins empty must not mint under its old life: its new dot would claim all that it had minted
        /// before, and erase it from the other replicas.
        @Test func aReplicaThatBeginsEmptyErasesNothing() throws {
            let cluster = try TestCluster.three()
            defer { cluster.end() }
            try cluster.start()
            let node = cluster[0]
            var contexts: [String] = []
            for i in 0..<20 {
                contexts.append(try #require(try node.put("reborn/k\(i)?w=all", "first").context))
                #expect(try node.put("reborn/k\(i)?w=all", "acknowledged").status == 204)
            }
            #expect(try node.stop() == .exited(0))
            try flip(node, "objects", "MANIFEST-")
            try node.start()
            try node.awaitHealth()
            #expect(node.log.contains("moved aside"))
            let connection = try node.connect()
            for i in 0..<20 {
                let answer = try connection.request(
                    "PUT", "/v1/kv/reborn/k\(i)", ["Atoll-Context": contexts[i]], body: Array("late".utf8))
                #expect(answer.status < 300, "\(answer.status) \(answer.text)")
            }
            #expect(try movedAside(node, "objects") == 1)
            try cluster.awaitUnity()
            for i in 0..<20 {
                let held = try cluster.awaitIdentical("reborn/k\(i)", within: 30)
                #expect(held.status == 300, "the write that was acknowledged stands beside the late one")
                let siblings = try node.get("reborn/k\(i)", ["Accept": "multipart/mixed"]).text
                #expect(siblings.contains("acknowledged") && siblings.contains("late") && !siblings.contains("first"))
            }
        }

        @Test func aLoneNodeWithoutCURRENTThrowsNothingAway() throws {
            let cluster = try TestCluster.single()
            defer { cluster.end() }
            let node = cluster[0]
            try cluster.start()
            for i in 0..<50 { try node.put("lone/k\(i)", "v\(i)") }
            node.kill()
            let current = "\(node.dataPath)/objects/CURRENT"
            let bytes = try Data(contentsOf: URL(fileURLWithPath: current))
            try FileManager.default.removeItem(atPath: current)
            for _ in 0..<2 {
                try node.start()
                #expect(try node.process?.wait(within: 15) == .exited(2))
                #expect(node.log.contains("is damaged") && node.log.contains("CURRENT is missing"))
            }
            // Its operator brings the file back, and takes the mark away.
            try bytes.write(to: URL(fileURLWithPath: current))
            try FileManager.default.removeItem(atPath: "\(node.dataPath)/objects/DAMAGED")
            try node.start()
            try node.awaitHealth()
            for i in 0..<50 { #expect(try node.get("lone/k\(i)").text == "v\(i)") }
        }

        /// Neither its hints nor its votes are what a node needs to serve.
        @Test func aNodeRunsWithoutItsHintsAndItsVotes() throws {
            let cluster = try TestCluster.single()
            defer { cluster.end() }
            let node = cluster[0]
            try cluster.start()
            try node.put("other/k", "v")
            #expect(try node.stop() == .exited(0))
            for store in ["hints", "names"] { try flip(node, store, "MANIFEST-") }
            try node.start()
            try node.awaitHealth()
            #expect(try node.get("other/k").text == "v")
            #expect(try node.put("other/k", "w").status == 204)
            #expect(try movedAside(node, "hints") == 1 && movedAside(node, "names") == 0)
            #expect(node.log.contains("the namestore casts no votes"))
            let standing = try node.request("GET", "/v1/namestore").text
            #expect(standing.contains("quarantined"), "\(standing)")
        }
    }
}
