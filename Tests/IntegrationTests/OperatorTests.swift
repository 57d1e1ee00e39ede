// What operators and their tools ask a node: ring, nodes, health, metrics, its own replica; and what errors look like.

import Foundation
import Testing

extension Integration {
    @Suite(.threeNodes) struct OperatorTests {
        @Test func replicasShowWhatANodeHolds() throws {
            let cluster = try cluster()
            let put = try cluster[0].put("own/k?w=all", "v", ["Content-Type": "text/plain"])
            for node in cluster.nodes {
                let replica = try node.replica("own/k")
                #expect(replica.status == 200 && replica.text == "v" && replica["content-type"] == "text/plain")
                #expect(replica.context == put.context)
                #expect(try node.replica("own/none").status == 404)
                #expect(try node.request("HEAD", "/v1/replica/own/k").status == 200)
                #expect(try node.request("PUT", "/v1/replica/own/k", body: [1]).status == 405)
            }
            try cluster[0].put("own/k/sort?w=all", "item")
            #expect(try cluster[2].replica("own/k/sort").text == "item")
        }

        @Test func theRingIsTheSameEverywhere() throws {
            let cluster = try cluster()
            let first = try cluster[0].request("GET", "/v1/ring")
            #expect(first.status == 200 && first["content-type"] == "application/json")
            #expect(first.json["cluster"] as? String == "testing")
            for node in cluster.nodes { #expect(try node.request("GET", "/v1/ring").body == first.body) }
        }

        @Test func everyNodeIsShownWithWhatItSaysOfItself() throws {
            let cluster = try cluster()
            for viewer in cluster.nodes {
                try eventually("\(viewer.name) has heard from all", within: 10) {
                    let answer = try viewer.request("GET", "/v1/nodes")
                    let rows = answer.json["nodes"] as? [[String: Any]] ?? []
                    return rows.count == 3
                        && rows.allSatisfy { row in
                            let isOwn = row["node"] as? String == viewer.name
                            return row["status"] as? String == "alive" && row["self"] as? Bool == isOwn
                                && (row["revision"] as? String)?.isEmpty == false
                                && row["mean_response_ms"] is Double && row["error_rate"] is Double
                                && row["replication_delay_ms"] is Double && (row["location"] as? [Double])?.count == 2
                                && (row["heartbeat_age_ms"] as? Double ?? .infinity) < 5_000
                                && (row["generation"] as? Int ?? 0) > 0
                        }
                }
            }
        }

        @Test func healthAndReadiness() throws {
            let node = try cluster()[1]
            #expect(try node.request("GET", "/healthz").status == 200)
            #expect(try node.request("HEAD", "/healthz").status == 200)
            #expect(try node.request("GET", "/readyz").text == "3 of 3 nodes alive\n")
        }

        @Test func metricsAreWhatPrometheusReads() throws {
            let cluster = try cluster()
            try cluster[0].put("metrics/k", "v")
            _ = try cluster[0].get("metrics/k")
            let answer = try cluster[0].request("GET", "/metrics")
            #expect(answer["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
            let families = try Exposition.parse(answer.text)
            for name in [
                "atoll_info", "atoll_http_requests_total", "atoll_request_seconds", "atoll_quorum_outcomes_total",
                "atoll_hints",
                "atoll_nodes_alive", "atoll_storage_commit_seconds", "atoll_peer_rejected_total",
                "atoll_disk_free_ratio",
            ] { #expect(families[name] != nil, "\(name)") }
            #expect(families["atoll_http_requests_total"]?["route=\"kv\",code=\"200\""] ?? 0 > 0)
            #expect(families["atoll_nodes_alive"]?[""] == 3)
        }

        @Test(arguments: [
            ("GET", "/", 404, "no-such-path"), ("GET", "/v1/kv/b", 404, "no-such-path"),
            ("GET", "/v1/kv/b/none", 404, "not-found"),
            ("GET", "/v1/kv/b/%zz", 400, "malformed"), ("GET", "/v1/kv/b/k?q=1", 400, "malformed"),
            ("POST", "/v1/kv/b/k", 405, "method-not-allowed"), ("PATCH", "/v1/ring", 405, "method-not-allowed"),
            ("DELETE", "/v1/nodes", 405, "method-not-allowed"), ("PUT", "/healthz", 405, "method-not-allowed"),
            ("PUT", "/v1/kv/b/k?w=9", 400, "level-not-possible"), ("GET", "/v1/replica/b/none", 404, "not-found"),
            ("GET", "/v1/kv/\(String(repeating: "b", count: 65))/k", 414, "target-too-long"),
        ])
        func errorsAreProblemDocuments(_ method: String, _ target: String, _ status: Int, _ type: String) throws {
            let answer = try cluster()[0].request(method, target, body: method == "GET" ? nil : [])
            #expect(answer.status == status)
            #expect(answer["content-type"] == "application/problem+json")
            #expect(answer.json["type"] as? String == "/problems/\(type)")
            #expect(answer.json["status"] as? Int == status)
            #expect((answer.json["title"] as? String)?.isEmpty == false)
            if status == 405 { #expect(answer["allow"]?.isEmpty == false) }
        }
    }
}

/// The text format of Prometheus, read strictly.
enum Exposition {
    /// Samples by family and labels; a histogram's under its own name with the suffix in front of the labels.
    static func parse(_ text: String) throws -> [String: [String: Double]] {
        var families: [String: [String: Double]] = [:]
        var types: [String: String] = [:]
        func check(_ isRight: Bool, _ line: Substring) throws {
            if !isRight { throw HarnessFailure("no exposition format: \(line)") }
        }
        guard text.hasSuffix("\n") else { throw HarnessFailure("the last line does not end") }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") { continue }
            if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                try check(words.count == 4 && ["counter", "gauge", "histogram"].contains(words[3]), line)
                try check(types.updateValue(String(words[3]), forKey: String(words[2])) == nil, line)
                continue
            }
            let match = try /([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)/.wholeMatch(in: line)
            guard let match, let value = Double(match.3) else { throw HarnessFailure("no sample: \(line)") }
            let labels = String(match.2 ?? "")
            if !labels.isEmpty { try check(try /(?:[a-zA-Z_]\w*="[^"\\]*",?)+/.wholeMatch(in: labels) != nil, line) }
            var name = String(match.1)
            var suffix = ""
            for end in ["_bucket", "_sum", "_count"]
            where name.hasSuffix(end) && types[String(name.dropLast(end.count))] == "histogram" {
                name = String(name.dropLast(end.count))
                suffix = end
            }
            try check(types[name] != nil && value >= 0, line)
            try check(families[name, default: [:]].updateValue(value, forKey: suffix + labels) == nil, line)
        }
        for (name, type) in types where type == "histogram" {
            let samples = families[name] ?? [:]
            guard let total = samples["_count"], samples["_bucketle=\"+Inf\""] == total,
                samples.filter({ $0.key.hasPrefix("_bucket") }).values.allSatisfy({ $0 <= total })
            else { throw HarnessFailure("histogram \(name) does not add up") }
        }
        return families
    }
}
