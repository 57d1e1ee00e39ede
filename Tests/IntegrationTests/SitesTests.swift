// The site on three real nodes: links that are good at once, names that are given once whoever crashes, and what a node
// says that is cut off.

import Foundation
import Glibc
import Testing

extension Integration {
    @Suite(.threeSites) struct SitesTests {
        /// 2,000 links, 100,000 in `make soak`; a node dies each time that so many have been posted.
        private static let links = Soak.isOn ? 100_000 : 2_000
        private static let linksOfALife = 500

        private func sites() throws -> TestCluster {
            let cluster = try cluster()
            try cluster.awaitSites()
            return cluster
        }

        @Test func aLinkIsGoodAtEveryNodeFromItsAnswerOn() throws {
            let cluster = try sites()
            let accounts = try ["ann", "ben"].map { try cluster[0].account("link-\($0)") }
            let posters = Posters(SitesTests.links, on: cluster.nodes, by: accounts)
            var kills = 0
            while !posters.isDone {
                let goal = min((kills + 1) * SitesTests.linksOfALife, SitesTests.links)
                try eventually("\(goal) links", within: 300) { posters.posted >= goal }
                if posters.isDone { break }
                let victim = cluster[kills % 3]
                kills += 1
                victim.kill()
                let before = posters.posted
                try eventually("people post on", within: 60) { posters.posted >= before + 50 || posters.isDone }
                try victim.start()
                try cluster.awaitSites()
            }
            let report = posters.wait()
            #expect(report.failures.isEmpty, "\(report.failures.count), such as \(report.failures.prefix(3))")
            #expect(report.posted == SitesTests.links && kills >= 3)
            // Where the others are alive there is a majority: hardly any has to wait for its title.
            #expect(report.provisional <= report.posted / 20, "\(report.provisional)")
        }

        // MARK: Many at once

        @Test func ofManyWhoRegisterOneNameOneGetsIt() throws {
            let cluster = try sites()
            // Each makes a hash, a second of a debug build.
            let count = Soak.isOn ? 200 : 12
            let answers = try atOnce(count) { number in
                try known(within: 300) { try cluster[number % 3].register("wanted") }
            }
            let statuses = answers.map(\.status)
            #expect(statuses.count { $0 == 201 } == 1 && statuses.count { $0 == 409 } == count - 1, "\(statuses)")
            #expect(answers.filter { $0.status == 409 }.allSatisfy { $0.text.contains("/problems/name-taken") })
            #expect(try cluster[1].logIn("wanted").status == 201)
        }

        @Test func ofManyPostsOfOneTitleOneStands() throws {
            let cluster = try sites()
            let author = try cluster[0].account("busy")
            let tokens = (0..<200).map { _ in Names.token() }
            let answers = try atOnce(tokens.count) { number in
                try known {
                    try cluster[number % 3].post("title=Once", "text \(number)", by: author, token: tokens[number])
                }
            }
            // Whoever the namestore had no time for is told that the title is not claimed yet.
            let waiting = answers.count { $0.status == 201 && $0.json["provisional"] as? Bool == true }
            let (made, refused) = (answers.count { $0.status == 201 } - waiting, answers.count { $0.status == 409 })
            #expect(made + waiting + refused == 200 && made <= 1 && refused > 100, "\(made), \(waiting), \(refused)")
            let text = try eventually("one stands", within: 60) { () -> String? in
                let answer = try cluster[0].site("GET", "/busy/once/raw")
                return answer.status == 200 ? answer.text : nil
            }
            let winner = try #require(Int(text.dropFirst("text ".count)))
            #expect(made == 0 || answers[winner].json["provisional"] as? Bool == false)
            for node in cluster.nodes {
                #expect(try node.site("GET", "/busy/once/raw").text == text)
                let again = try known { try node.post("title=Once", text, by: author, token: tokens[winner]) }
                #expect(again.status == 200, "\(again.text)")
            }
            let listed = try eventually("it is listed", within: 10) { () -> Int? in
                let items = try cluster[1].site("GET", "/v1/timelines/users/busy").json["items"] as? [Any] ?? []
                return items.isEmpty ? nil : items.count
            }
            #expect(listed <= 1 + waiting)
        }

        // MARK: Crashes

        /// Sends a request to a node and kills that as soon as another one knows that the name is taken.
        private func crash(
            _ victim: TestNode, of cluster: TestCluster, holding name: String,
            _ send: @escaping @Sendable () throws -> Response
        ) throws {
            let observer = try #require(cluster.nodes.first { $0 !== victim })
            let sender = Thread { _ = try? send() }
            sender.start()
            let connection = try observer.connect()
            try eventually("\(name) is claimed", within: 30, every: 0.001) {
                try connection.request("GET", "/v1/names/\(name)").status == 200
            }
            victim.kill()
        }

        @Test func whoeverDiesBehindItsClaimHoldsNothingUp() throws {
            let cluster = try sites()
            let author = try cluster[0].account("brave")
            for (place, victim) in cluster.nodes.enumerated() {
                let others = cluster.nodes.filter { $0 !== victim }
                let (token, title) = (Names.token(), "Last words \(place)")
                let query = "title=" + title.replacing(" ", with: "%20")
                try crash(victim, of: cluster, holding: "post:brave%2Flast-words-\(place)") {
                    try victim.post(query, title, by: author, token: token)
                }
                let other = try known { try others[0].post(query, "another", by: author) }
                #expect(other.status == 409, "\(other.text)")
                let again = try known { try others[1].post(query, title, by: author, token: token) }
                #expect([200, 201].contains(again.status), "\(again.text)")
                #expect(try known { try others[0].site("GET", "/brave/last-words-\(place)/raw") }.text == title)
                try victim.start()
                try cluster.awaitSites()
            }
        }

        @Test func anAccountThatWasBegunIsFinished() throws {
            let cluster = try sites()
            let (victim, token) = (cluster[2], Names.token())
            try crash(victim, of: cluster, holding: "user:half") { try victim.register("half", token: token) }
            let other = try known { try cluster[1].register("half") }
            #expect(other.status == 409 && other.text.contains("/problems/name-taken"), "\(other.text)")
            let again = try known { try cluster[0].register("half", token: token) }
            #expect([200, 201].contains(again.status), "\(again.text)")
            #expect(try known { try cluster[1].logIn("half") }.status == 201)
            try victim.start()
            try cluster.awaitSites()
            #expect(try known { try victim.register("half", token: token) }.status == 200)
        }

        // MARK: Cut off

        /// Two of three are silent: yes is said of what is there, and no of nothing.
        @Test func whoIsCutOffNeverSaysNo() throws {
            let cluster = try sites()
            let (node, others) = (cluster[0], Array(cluster.nodes.dropFirst()))
            let author = try node.account("lonely")
            for title in ["here", "gone"] {
                #expect(try node.post("title=\(title)", title, by: author).status == 201)
            }
            #expect(try node.site("DELETE", "/v1/posts/lonely/gone", author.bearer).status == 204)
            for other in cluster.nodes { #expect(try other.page("/lonely/gone/").status == 410) }
            let tokens = [Names.token(), Names.token(), Names.token()]
            let asks: [@Sendable () throws -> Response] = [
                { try node.site("GET", "/v1/posts/lonely/nothing", timeout: 30) },
                { try node.site("GET", "/v1/posts/lonely/gone", timeout: 30) },
                { try node.page("/lonely/nothing/") }, { try node.page("/no-such-slug/") },
                { try node.page("/lonely/gone/") }, { try node.site("GET", "/lonely/nothing/raw", timeout: 30) },
                { try node.site("DELETE", "/v1/posts/lonely/nothing", author.bearer, timeout: 30) },
                { try node.register("stranger", token: tokens[0]) }, { try node.page("/lonely/here/") },
                { try node.post("title=alone", "alone", by: author, token: tokens[1]) },
                { try node.post("", "nobody", by: nil, token: tokens[2]) },
            ]
            var answers: [Response] = []
            try cluster.silencing(others) {
                answers = try atOnce(asks.count) { try asks[$0]() }
                let path = answers[9].json["path"] as? String ?? ""
                #expect(try node.site("GET", "/\(path)/raw").text == "alone")
            }
            for answer in answers[..<8] {
                #expect(answer.status == 503 && answer["retry-after"] == "1", "\(answer.status) \(answer.text)")
                let isJSON = answer["content-type"] == "application/problem+json"
                let says = isJSON ? "/problems/cut-off" : "data-retry="
                #expect(answer.text.contains(says), "\(answer.text)")
            }
            #expect(answers[8].status == 200)
            for answer in answers[9...] {
                #expect(answer.status == 201 && answer.json["provisional"] as? Bool == true, "\(answer.text)")
                #expect(answer.json["readable_in"] as? [String] == ["de"])
            }
            try cluster.awaitSites()
            #expect([200, 201].contains(try known { try node.register("stranger", token: tokens[0]) }.status))
            let path = try #require(answers[9].json["path"] as? String)
            for other in cluster.nodes {
                let moved = try eventually("the title is claimed", within: 30) { () -> Response? in
                    let answer = try other.page("/\(path)/")
                    return answer.status == 308 ? answer : nil
                }
                #expect(moved["location"] == "/lonely/alone/")
                #expect(try other.site("GET", "/lonely/alone/raw").text == "alone")
            }
            #expect(try others[0].post("title=alone", "alone", by: author, token: tokens[1]).status == 200)
            let nobody = try known { try others[0].post("", "nobody", by: nil, token: tokens[2]) }
            let (long, short) = (answers[10].json["path"] as? String, nobody.json["path"] as? String)
            #expect(nobody.status == 200 && long?.count == 64 && short.map { long?.hasPrefix($0) } == false)
            try eventually("the long link leads to the short one", within: 30) {
                try others[1].page("/\(long ?? "")/")["location"] == "/\(short ?? "")/"
            }
        }
    }
}
