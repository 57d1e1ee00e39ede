// Values with a short life on a real disk: round after round is written and forgotten, and the disk does not fill.

import Foundation
import Testing

extension Integration {
    @Suite struct ExpiryTests {
        private func diskBytes(_ node: TestNode) throws -> Int {
            let path = node.dataPath + "/objects"
            return try FileManager.default.contentsOfDirectory(atPath: path).reduce(0) { sum, name in
                let attributes = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
                return sum + (attributes?[.size] as? Int ?? 0)
            }
        }

        @Test func expiredValuesLeaveTheDisk() throws {
            let cluster = try TestCluster.three(arguments: ["--repair-cycle", "2"])
            defer { cluster.end() }
            try cluster.start()
            let connection = try cluster[0].connect()
            var dice = SystemRandomNumberGenerator()
            // Random, so that no compression makes room.
            let body = (0..<131_072).flatMap { _ in withUnsafeBytes(of: dice.next() as UInt64) { Array($0) } }
            let rounds = 8
            let values = 12
            for round in 1...rounds {
                for index in 0..<values {
                    let answer = try connection.request(
                        "PUT", "/v1/kv/brief/\(round)-\(index)?ttl=100&w=all", body: body)
                    #expect(answer.status == 201)
                }
                for node in cluster.nodes {
                    try eventually("\(node.name) has dropped what expired", within: 60) {
                        try (node.metric("atoll_expired_objects_total") ?? 0) >= Double(round * values)
                    }
                }
            }
            // All together were 96 MiB; LevelDB keeps what it has not come to compact yet.
            for node in cluster.nodes {
                let bytes = try diskBytes(node)
                #expect(bytes < 72 << 20, "\(node.name) has \(bytes >> 20) MiB on its disk")
                #expect(try node.replica("brief/1-0").status == 404)
            }
        }
    }
}
