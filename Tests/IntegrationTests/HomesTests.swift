// A site with an origin of its own, one for files, a residency and rates: five nodes, three of them in Germany, which
// also keep the names.

import Foundation
import Testing

extension ClusterTrait {
    fileprivate static let homes = ClusterTrait {
        try TestCluster.three(
            names: TestCluster.names + ["de-ber-1", "de-muc-1"],
            buckets: """
                [placement.german]
                rule = "de:3"
                only = ["de"]
                [names]
                acceptors = ["de-fra-1", "de-ber-1", "de-muc-1"]
                """,
            site: """
                origin = "https://islands.example"
                raw_origin = "https://islands-raw.example"
                homes = { de = "german" }
                limit_loopback = true
                public_shards = 8
                """)
    }
}

extension Integration {
    @Suite(.serialized, ClusterTrait.homes) struct HomesTests {
        private func sites() throws -> TestCluster {
            let cluster = try cluster()
            try cluster.awaitSites()
            return cluster
        }

        /// Nodes whose files hold these bytes.
        private func holders(of text: String, in cluster: TestCluster) throws -> Set<String> {
            Set(
                try cluster.nodes.filter { node in
                    let files = try #require(FileManager.default.enumerator(atPath: node.dataPath))
                    return files.contains { file in
                        let data = FileManager.default.contents(atPath: "\(node.dataPath)/\(file)")
                        return data?.range(of: Data(text.utf8)) != nil
                    }
                }.map(\.name))
        }

        @Test func whatResidentsWriteStaysAtHome() throws {
            let cluster = try sites()
            let (german, american) = (["de-fra-1", "de-ber-1", "de-muc-1"], cluster[1])
            let account = try cluster[2].account("resident", home: "de")
            // A text that nothing compresses, and that no other file holds.
            let (open, unlisted) = ("zaunkoenig-5531 sings", "nachtigall-8190 sings")
            #expect(try american.post("title=Singvogel", open, by: account).status == 201)
            #expect(try american.post("title=Geheimnis&listed=false", unlisted, by: account).status == 201)
            let draft = try american.siteJSON(
                "POST", "/v1/drafts", ["title": "Entwurf", "text": "rotkehlchen-2207"], account.bearer)
            #expect(draft.status == 201 && (draft.json["id"] as? String)?.hasPrefix("de.") == true, "\(draft.text)")
            for node in cluster.nodes {
                #expect(try node.site("GET", "/v1/posts/resident/singvogel/raw").text == open)
                #expect(try node.site("GET", "/v1/posts/resident/geheimnis").json["text"] as? String == unlisted)
                try eventually("\(node.name) lists it", within: 10) {
                    let items = try node.site("GET", "/v1/timelines/users/resident").json["items"]
                    return (items as? [[String: Any]])?.map { $0["summary"] as? String } == [open]
                }
            }
            // What lay in a log is on the disk now.
            for text in [open, unlisted, "rotkehlchen-2207", "geheimnis", "Entwurf"] {
                #expect(try holders(of: text, in: cluster) == Set(german), "\(text)")
            }
            // But somebody who is at home everywhere is everywhere.
            let other = try cluster[0].account("traveller")
            #expect(try american.post("title=Unterwegs", "kuckuck-7741", by: other).status == 201)
            try eventually("each country has it", within: 10) {
                try holders(of: "kuckuck-7741", in: cluster).isSuperset(of: ["us-iad-1", "jp-tyo-1"])
            }
            // Titles are claimed by digests.
            #expect(try american.request("GET", "/v1/names/post:resident%2Fsingvogel").status == 404)
            #expect(try american.request("GET", "/v1/names/post:traveller%2Funterwegs").status == 200)
            #expect(try american.post("title=Singvogel", "again", by: account).status == 409)
        }

        /// Two of three acceptors are silent, and every key has its quorum.
        @Test func withoutANamestoreTitlesWait() throws {
            let cluster = try sites()
            let (node, silent) = (cluster[1], [cluster[3], cluster[4]])
            let account = try node.account("patient")
            let (registration, title) = (Names.token(), Names.token())
            var path = ""
            try cluster.silencing(silent) {
                let answers = try atOnce(2) { number in
                    number == 0
                        ? try node.register("stranger", token: registration)
                        : try node.post("title=Later", "soon", by: account, token: title)
                }
                #expect(answers[0].status == 503 && answers[0].json["may_take_effect"] as? Bool == true)
                #expect(answers[0].text.contains("/problems/outcome-unknown"), "\(answers[0].text)")
                #expect(answers[1].status == 201 && answers[1].json["provisional"] as? Bool == true)
                path = try #require(answers[1].json["path"] as? String)
                #expect(path.hasPrefix("patient/~"))
                for other in cluster.nodes[...2] {
                    #expect(try known { try other.site("GET", "/v1/posts/\(path)/raw") }.text == "soon")
                }
            }
            try cluster.awaitSites()
            for other in cluster.nodes {
                let moved = try eventually("the title is claimed", within: 30) { () -> Response? in
                    let answer = try other.page("/\(path)/")
                    return answer.status == 308 ? answer : nil
                }
                #expect(moved["location"] == "/patient/later/")
            }
            #expect(try node.post("title=Later", "soon", by: account, token: title).status == 200)
            #expect([200, 201].contains(try known { try node.register("stranger", token: registration) }.status))
        }

        @Test func filesAreAtAnOriginOfTheirOwn() throws {
            let cluster = try sites()
            let node = cluster[0]
            let account = try cluster[3].account("painter")
            let image = try node.post("title=Sea", "no picture", by: account, type: "image/png")
            #expect(image.status == 201)
            func at(_ host: String, _ path: String, _ more: String = "") throws -> Response {
                let connection = try node.connectToSite()
                try connection.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nAccept: text/html\r\n\(more)\r\n")
                return try connection.response()
            }
            let page = try at("islands.example", "/painter/sea/")
            #expect(page.status == 200 && page.text.contains("src=\"/painter/sea/raw\""))
            let sent = try at("islands.example", "/painter/sea/raw")
            #expect(sent.status == 307 && sent["location"] == "https://islands-raw.example/painter/sea/raw")
            let policy = try #require(page["content-security-policy"])
            for part in ["img-src 'self' data: https://islands-raw.example;", "script-src 'self';"] {
                #expect(policy.contains(part), "\(policy)")
            }
            #expect(try at("islands-raw.example", "/painter/sea/raw").text == "no picture")
            // Nothing else of the site is there, whoever asks.
            let cookie = "Cookie: __Host-atoll=\(account.token)\r\n"
            for path in ["/", "/painter/", "/painter/sea/", "/-/login", "/v1/posts/painter/sea", "/v1/profile"] {
                #expect(try at("islands-raw.example", path, cookie).status == 404, "\(path)")
            }
        }

        @Test func cookiesOfAnOriginWithTLSAreItsOwn() throws {
            let cluster = try sites()
            let node = cluster[4]
            _ = try node.account("secure")
            let cookies = try node.cookies("secure")
            for cookie in cookies {
                let parts = cookie.split(separator: "; ").map(String.init)
                #expect(parts[0].wholeMatch(of: try Regex("__Host-atoll(-device)?=[0-9a-f]{64}")) != nil, "\(cookie)")
                #expect(parts[2...] == ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"], "\(cookie)")
            }
            // Only under its full name.
            let token = try #require(cookies.first { $0.hasPrefix("__Host-atoll=") }?.split(separator: ";").first)
            #expect(try node.site("GET", "/v1/profile", ["Cookie": String(token)]).status == 200)
            #expect(try node.site("GET", "/v1/profile", ["Cookie": String(token.dropFirst(7))]).status == 401)
        }

        @Test func whoDoesTooMuchIsToldToWait() throws {
            let cluster = try sites()
            let node = cluster[2]
            let account = try cluster[1].account("eager")
            func isTooMuch(_ answer: Response) -> Bool {
                answer.status == 429 && answer.text.contains("/problems/too-many")
                    && (answer["retry-after"].flatMap { Int($0) } ?? 0) >= 1
            }
            func statuses(_ count: Int, _ ask: (Int) throws -> Response) throws -> [Int] {
                try (0..<count).map { number in
                    let answer = try ask(number)
                    return isTooMuch(answer) ? 429 : answer.status
                }
            }
            let posts = try statuses(11) { try node.post("title=Number%20\($0)", "\($0)", by: account) }
            #expect(posts == Array(repeating: 201, count: 10) + [429])
            let anonymous = try statuses(4) { try node.post("", "\($0)", by: nil) }
            #expect(anonymous == [201, 201, 201, 429])
            let follows = try statuses(61) { _ in try node.site("PUT", "/v1/following/traveller", account.bearer) }
            #expect(follows.prefix(60).allSatisfy { $0 != 429 } && follows[60] == 429, "\(follows)")
            // A name that makes no hash: it counts as well.
            let registrations = try statuses(4) { _ in try node.register("no name at all") }
            #expect(registrations.last == 429, "\(registrations)")
            let exports = try statuses(6) { _ in try node.site("GET", "/v1/export", account.bearer) }
            #expect(exports == [200, 200, 200, 200, 200, 429])
            #expect(try node.site("GET", "/v1/export?after=listed.0000000000000000.0", account.bearer).status == 200)
            // By the node, as it says.
            #expect(try cluster[3].post("title=Elsewhere", "more", by: account).status == 201)
        }
    }
}
