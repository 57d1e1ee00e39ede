// What two sides of a cut have written to one key, however much each of them took, comes together when they meet.

import Foundation
import Testing

extension Integration {
    @Suite struct ReunionTests {
        @Test func whatBothSidesTookFitsTogether() throws {
            let cluster = try TestCluster.three(buckets: TestBuckets.text)
            defer { cluster.end() }
            try cluster.start()
            let target = "large/both"
            let size = 8 << 20
            #expect(try cluster[0].put("\(target)?w=all", "before").status == 201)
            let seen = try #require(try cluster[0].get(target).context)

            // Each side alone: it takes what fits, and says no to more than all sides together could hold.
            for place in [0, 1] {
                for node in cluster.nodes { node.kill() }
                try cluster[place].start()
                try cluster[place].awaitHealth()
                // Each its own, as the same value twice is shown as one.
                let body = [UInt8](repeating: UInt8(0x61 + place), count: size)
                let answers = try (0..<2).map { _ in
                    try cluster[place].request(
                        "PUT", "/v1/kv/\(target)?w=1", ["Atoll-Context": seen], body: body, timeout: 30)
                }
                #expect(answers.map(\.status) == [204, 413])
                #expect(answers[1].json["type"] as? String == "/problems/too-large")
            }

            try cluster[0].start()
            try cluster[2].start()
            try cluster.awaitUnity()
            for node in cluster.nodes {
                try eventually("\(node.name) has no hints left", within: 60) { try node.metric("atoll_hints") == 0 }
            }
            for node in cluster.nodes {
                try eventually("\(node.name) has both", within: 60, every: 1) {
                    let answer = try node.request(
                        "GET", "/v1/replica/\(target)", ["Accept": "multipart/mixed"], timeout: 30)
                    return answer.status == 300 && answer.body.count > 2 * size
                }
                #expect(try node.metric("atoll_merges_refused_total") == 0)
                #expect(try node.metric("atoll_keys_apart") == 0)
            }
        }
    }
}
