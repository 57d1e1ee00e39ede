// A node's site: where it listens, what it is not, and what a node without one says.

import Foundation
import Testing

extension Integration {
    @Suite struct SiteTests {
        @Test func aNodeAloneMayHaveOne() throws {
            let cluster = try TestCluster.single(hasSite: true)
            try cluster.start()
            let node = cluster[0]
            #expect(try node.site("GET", "/").status == 200)
            let module = try node.site("GET", "/-/atoll.js")
            #expect(try module.status == 200 && module.body == node.request("GET", "/atoll.js").body)
            #expect(module["content-type"] == "text/javascript; charset=utf-8")
            #expect(try node.site("HEAD", "/-/atoll.js").body.isEmpty)
            // None of the node's paths, and none of its own on the node.
            for path in ["/v1/ring", "/metrics", "/healthz", "/v1/kv/posts/hello", "/v1/names/ann"] {
                #expect(try node.site("GET", path).status != 200, "\(path)")
            }
            #expect(try node.site("PUT", "/v1/kv/posts/hello", body: [1]).status >= 400)
            #expect(try node.request("GET", "/-/atoll.js").status == 404)
            #expect(try node.metric("atoll_site_requests") == 0)
            // A stranger's name may have been pointed here.
            let connection = try node.connectToSite()
            try connection.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            #expect(try connection.response().status == 421)
            // The site may come and go with a start.
            try node.stop()
            let bare = try TestCluster.single(data: node.dataPath)
            try bare.start()
            #expect(try bare[0].put("posts/hello", "v").status == 201)
            #expect(!bare[0].log.contains("critical"))
        }

        @Test func eachNodeOfARingHasOne() throws {
            let cluster = try TestCluster.three(
                site: "origin = \"https://islands.example\"\nhomes = { de = \"world\" }")
            try cluster.start()
            for node in cluster.nodes {
                let connection = try node.connectToSite()
                try connection.send("GET / HTTP/1.1\r\nHost: islands.example\r\n\r\n")
                #expect(try connection.response().status == 200)
                #expect(try node.site("GET", "/").status == 200)
            }
            let ring = try cluster[1].request("GET", "/v1/ring").json
            #expect(ring["version"] as? Int == 4)
            #expect((ring["social"] as? [String: Any])?["origin"] as? String == "https://islands.example")
        }

        @Test(arguments: [
            "/v1/kv/social.users/ann", "/v1/kv/social.posts@de/k/", "/v1/replica/social.users/ann",
            "/v1/live/social.inbox/ann/", "/v1/live?watch=social.users/ann",
        ]) func itsBucketsAreClosed(path: String) throws {
            let cluster = try TestCluster.single(hasSite: true)
            try cluster.start()
            let answer = try cluster[0].request("GET", path)
            #expect(answer.status == 403 && answer.json["type"] as? String == "/problems/reserved-bucket")
            if path.hasPrefix("/v1/kv/social.users") {
                #expect(try cluster[0].put("social.users/ann", "{}").status == 403)
                #expect(try cluster[0].request("DELETE", path).status == 403)
            }
        }

        @Test func whatCannotBeIsSaidAtTheStart() throws {
            let directory = try TemporaryDirectory()
            let ports = try Ports.free(3)
            func refusal(_ flags: [String], _ file: String? = nil) throws -> String {
                var arguments = ["serve", "--data", directory.path + "/data"] + flags
                if let file {
                    let path = directory.path + "/ring.toml"
                    let text = TestCluster.ringFile(
                        [
                            ("de-fra-1", "127.0.0.1", ports[0], ports[1]), ("us-iad-1", "127.0.0.1", 1, 2),
                            ("jp-tyo-1", "127.0.0.1", 3, 4),
                        ], buckets: file)
                    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
                    arguments += ["--ring", path, "--node", "de-fra-1"]
                } else {
                    arguments += ["--http", "127.0.0.1:\(ports[0])"]
                }
                let run = try CommandRun(arguments)
                #expect(run.status == .exited(2), "\(run.output)")
                return run.output
            }
            let open = "0.0.0.0:\(ports[2])"
            #expect(try refusal(["--social", "here"]).contains("--social: \"here\" is no HOST:PORT"))
            #expect(try refusal(["--social", open]).contains("--insecure"))
            #expect(try refusal(["--social", "127.0.0.1:\(ports[2])"], "").contains("needs [social]"))
            #expect(try refusal(["--social", open], "[social]").contains("--insecure"))
            let clear = "[social]\norigin = \"http://islands.example\""
            #expect(try refusal(["--social", "127.0.0.1:\(ports[2])"], clear).contains("have a proxy speak https"))
            #expect(try refusal([], "[bucket.\"social.posts\"]").contains("a site's own"))
        }
    }
}
