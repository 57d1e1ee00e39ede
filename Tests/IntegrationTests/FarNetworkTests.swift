// Three countries with oceans between them: how soon all is well again after a cut, a lost disk, an outage, and how far
// a name is. `FarFigures` says what each figure must come to; `make wan` plays it all at length.

import Foundation
import Testing

extension ClusterTrait {
    /// Countries at their distances, the namestore's acceptors in all of them.
    static let farNodes = ClusterTrait {
        let far = try TestCluster.far()
        try far.network?.separate()
        return far
    }
}

extension TestCluster {
    /// Three countries, near until their network says otherwise.
    static func far(site: String? = nil) throws -> TestCluster {
        try TestCluster.three(buckets: Names.acceptors, site: site, network: try FarNetwork(names))
    }
}

extension Integration {
    @Suite(.farNetworkPermitted, .serialized, ClusterTrait.farNodes) struct FarNetworkTests {
        private let length = FarLength.current

        /// Waits for something, but not for ever; gives the seconds since `start`, and whether it came.
        private func seconds(
            since start: Double, every pause: Double, until isSo: () throws -> Bool
        ) -> (Double, isGivenUp: Bool) {
            let came = try? eventually("it", within: length.patience, every: pause) { try isSo() ? true : nil }
            return (Stopwatch.now - start, came == nil)
        }

        /// The higher of a read's and a write's share in what it took before.
        private func slowing(of load: [PacedLoad.Sample], from begin: Double, to end: Double, before: Double) -> Double
        {
            PacedLoad.Kind.allCases.map { kind in
                let calm = load.of(kind).due(from: before - length.calm, to: before).percentile(0.99) ?? 1
                return (load.of(kind).due(from: begin, to: end).percentile(0.99) ?? calm) / calm
            }.max() ?? 1
        }

        // MARK: The network itself

        @Test func theNetworkIsAsFarAsItSays() throws {
            let (far, network) = (try cluster(), try #require(try cluster().network))
            func connecting(timeout: Double) throws -> Double {
                let begin = Stopwatch.now
                _ = try network.connect(from: far[0].name, to: far[2], timeout: timeout)
                return Stopwatch.now - begin
            }
            #expect((0.22..<0.6).contains(try connecting(timeout: 10)))
            // What Japan says does not arrive, though it hears.
            try network.cut(from: far[2].name, to: far[0].name)
            #expect(throws: HarnessFailure.self) { try connecting(timeout: 0.7) }
            try network.cut(from: far[2].name, to: far[0].name, false)
            #expect(try connecting(timeout: 10) > 0.22)
        }

        @Test func aNarrowLineTakesItsTime() throws {
            let (far, network) = (try cluster(), try #require(try cluster().network))
            try far.awaitUnity()
            #expect(try far[2].put("narrow/k?w=all", String(repeating: "a", count: 100_000)).status == 201)
            try network.setRate("de", "jp", megabits: 1)
            defer { try? network.setRate("de", "jp", megabits: 0) }
            let begin = Stopwatch.now
            let connection = try network.connect(from: far[0].name, to: far[2], timeout: 10)
            #expect(try connection.request("GET", "/v1/replica/narrow/k").body.count == 100_000)
            #expect(Stopwatch.now - begin > 0.8)
        }

        @Test func whatTheOceanLosesIsSentAgain() throws {
            let (far, network) = (try cluster(), try #require(try cluster().network))
            try far.awaitUnity()
            try network.lose(3, from: "*", to: "*")
            let load = try PacedLoad("lossy", on: far.nodes, writes: 50, reads: 50)
            Thread.sleep(forTimeInterval: length.calm)
            let samples = load.stop()
            try network.lose(0, from: "*", to: "*")
            #expect(samples.count > 50 && samples.allSatisfy(\.isAnswered))
        }

        // MARK: A cut

        @Test func aCountryThatWasCutOffCatchesUp() throws {
            let (far, network) = (try cluster(), try #require(try cluster().network))
            let (near, away) = ([far[0], far[1]], far[2])
            try far.awaitUnity()
            let load = try PacedLoad(
                "cut", on: near, writes: length.writesPerSecond, reads: length.readsPerSecond)
            Thread.sleep(forTimeInterval: length.calm + 0.5)
            let cutAt = Stopwatch.now
            try network.cutOff(away.name)
            Thread.sleep(forTimeInterval: length.cut)
            let hints = try near.map { try $0.metric("atoll_hints") ?? 0 }.reduce(0, +)
            #expect(hints > length.writesPerSecond * length.cut / 2)
            try network.cutOff(away.name, false)
            let healedAt = Stopwatch.now
            #expect(try near[0].put("fresh/write", "new").status == 201)
            let (fresh, isLate) = seconds(since: healedAt, every: 0.02) {
                try away.replica("fresh/write").status == 200
            }
            let (home, isLeft) = seconds(since: healedAt, every: 0.1) {
                try near.allSatisfy { try $0.metric("atoll_hints") == 0 }
            }
            Thread.sleep(forTimeInterval: length.calm / 2)
            let samples = load.stop()
            let failures = samples.filter { !$0.isAnswered }.count
            // What was on its way when the cut came may wait longer than its client; nothing else fails.
            #expect(Double(failures) < length.writesPerSecond / 10)
            FarFigure.freshWrite.note(fresh, isGivenUp: isLate)
            FarFigure.lastHint.note(home, isGivenUp: isLeft, "of \(Int(hints))")
            FarFigure.healedForeground.note(
                slowing(of: samples, from: healedAt, to: healedAt + home, before: cutAt))
            if let directory = FarLength.directory {
                let marks = [
                    ("cut", cutAt), ("healed", healedAt), ("fresh write there", healedAt + fresh),
                    ("last hint home", healedAt + home),
                ]
                try LatencyPicture(samples: samples, marks: marks).svg.write(
                    toFile: directory + "/latency.svg", atomically: true, encoding: .utf8)
            }
        }

        // MARK: A disk

        /// Writes `count` keys of 100 bytes to all nodes.
        private func fill(_ cluster: TestCluster, _ count: Int) throws {
            let run = try cluster[0].run(
                [
                    "bench", "--url", cluster[0].url, "--workload", "put", "--load", "--duration", "0", "--keys",
                    "\(count)", "--connections", "64", "--bucket", "disk", "-w", "all",
                ], output: "fill.log")
            #expect(try run.wait(within: 300) == .exited(0), "\(run.output)")
        }

        /// The last node loses its disk and starts again; gives when that was, and when it has all keys.
        private func loseDisk(_ cluster: TestCluster, _ count: Int) throws -> (at: Double, Double, isGivenUp: Bool) {
            let victim = cluster[2]
            victim.kill()
            try FileManager.default.removeItem(atPath: victim.dataPath)
            let startedAt = Stopwatch.now
            try victim.start()
            try victim.awaitHealth()
            let connection = try victim.connect()
            func isThere(_ number: Int) throws -> Bool {
                let key = "user" + String(format: "%012d", number)
                return try connection.request("HEAD", "/v1/replica/disk/\(key)").status == 200
            }
            // Some of them tell when it is whole, and all of them that it is.
            var missing = Array(stride(from: 0, to: count, by: max(1, count / 1_000)))
            let (whole, isGivenUp) = seconds(since: startedAt, every: 0.05) {
                while let last = missing.last, try isThere(last) { missing.removeLast() }
                return missing.isEmpty
            }
            if !isGivenUp {
                var left = Array(0..<count)
                try eventually("all keys are there", within: 20) {
                    left = try left.filter { try !isThere($0) }
                    return left.isEmpty
                }
            }
            return (startedAt, whole, isGivenUp)
        }

        @Test func aDiskThatWasLostIsFilledFromAfar() throws {
            // One of its own, as a disk is filled with all that was ever written here; and its distances come when it
            // is.
            let far = try TestCluster.far()
            defer { far.end() }
            let network = try #require(far.network)
            try far.start()
            try fill(far, length.farKeys)
            try network.separate()
            try network.setRoundTrip("us", "jp", milliseconds: 220)
            let load = try PacedLoad("beside", on: [far[0], far[1]], writes: 10, reads: 90)
            Thread.sleep(forTimeInterval: length.calm + 0.5)
            let lostAt = Stopwatch.now
            let (startedAt, whole, isGivenUp) = try loseDisk(far, length.farKeys)
            let samples = load.stop()
            FarFigure.farDisk.note(whole, isGivenUp: isGivenUp, "\(length.farKeys) keys")
            FarFigure.diskForeground.note(
                slowing(of: samples, from: startedAt, to: startedAt + whole, before: lostAt))
        }

        @Test func aDiskThatWasLostIsFilledFromNearby() throws {
            let near = try TestCluster.three()
            defer { near.end() }
            try near.start()
            try fill(near, length.nearKeys)
            let (_, whole, isGivenUp) = try loseDisk(near, length.nearKeys)
            FarFigure.nearDisk.note(whole, isGivenUp: isGivenUp, "\(length.nearKeys) keys")
        }

        // MARK: Names

        /// Round trips to the nearest majority that a registration takes through `node`: the first, and the median of
        /// others.
        private func registrations(at node: TestNode, _ milliseconds: Double) throws -> (first: Double, later: Double) {
            let connection = try node.connect()
            let times = try (0..<8).map { number in
                let begin = Stopwatch.now
                let answer = try connection.request(
                    "PUT", "/v1/names/far:\(node.name)-\(number)-\(node.host)", ["Atoll-Owner": Names.token()], body: []
                )
                #expect(answer.status == 201)
                return (Stopwatch.now - begin) * 1e3 / milliseconds
            }
            return (times[0], times.dropFirst().sorted()[3])
        }

        /// Each node's, after a start of all of them.
        private func registrations(_ cluster: TestCluster) throws -> [String: (first: Double, later: Double)] {
            try cluster.start()
            for node in cluster.nodes { try Names.awaitFounded(node) }
            // Which includes that they know their distances.
            for node in cluster.nodes {
                try eventually("\(node.name) is ready", within: 20) { try node.request("GET", "/readyz").status == 200 }
            }
            let nearest = ["de": 90.0, "us": 90, "jp": 150]
            return try Dictionary(
                uniqueKeysWithValues: cluster.nodes.map { node in
                    let country = String(node.name.prefix(2))
                    return (node.name, try registrations(at: node, nearest[country] ?? 1))
                })
        }

        @Test func aNameIsNoFartherThanAMajorityOfThree() throws {
            let far = try cluster()
            for node in far.nodes { try node.stop() }
            note(try registrations(far), FarFigure.firstOfThree, FarFigure.laterOfThree)
        }

        /// Four of five are as near as three to all but one: its fast quorum lies beyond its majority.
        @Test func aNameIsOneRoundTripAwayFromFourOfFive() throws {
            let names = ["de-fra-1", "de-ber-1", "us-iad-1", "us-sfo-1", "jp-tyo-1"]
            let network = try FarNetwork(names)
            try network.separate()
            let acceptors = names.map { "\"\($0)\"" }.joined(separator: ", ")
            let five = try TestCluster.three(
                names: names, buckets: "[names]\nacceptors = [\(acceptors)]", network: network)
            defer { five.end() }
            let figures = try registrations(five)
            note(figures.filter { $0.key != "jp-tyo-1" }, FarFigure.firstOfFive, FarFigure.laterOfFive)
            note(figures.filter { $0.key == "jp-tyo-1" }, FarFigure.firstOfFiveFar, FarFigure.laterOfFiveFar)
        }

        /// The worst node's, and which that is.
        private func note(
            _ figures: [String: (first: Double, later: Double)], _ first: FarFigure, _ later: FarFigure
        ) {
            guard let one = figures.max(by: { $0.value.first < $1.value.first }),
                let other = figures.max(by: { $0.value.later < $1.value.later })
            else { return }
            first.note(one.value.first, one.key)
            later.note(other.value.later, other.key)
        }

        // MARK: The site

        /// From a click in Germany to a screen in Japan, by two browsers; and what the author waits for.
        @Test func aPostIsSoonOnAScreenFarAway() throws {
            let far = try TestCluster.far(site: "public_shards = 8")
            defer { far.end() }
            let network = try #require(far.network)
            try far.start()
            for node in far.nodes { try Names.awaitFounded(node) }
            try network.separate()
            let scratch = try TemporaryDirectory()
            let places = try [far[0], far[2]].flatMap { node in
                ["http://\(node.host):\(try #require(node.socialPort))", try #require(network.space(of: node.name))]
            }
            let browsers = try ChildProcess(
                "/usr/bin/python3",
                [sourceRoot.path + "/Tests/IntegrationTests/Browser/far.py"] + places + ["\(length.posts)"],
                output: scratch.path + "/output", input: [])
            let status = try browsers.wait(within: 60 + 9 * Double(length.posts))
            try #require(status == .exited(0), "\(browsers.output.suffix(5_000))")
            let lines = browsers.output.split(separator: "\n").suffix(2).map { line in
                line.split(separator: " ").compactMap { Double($0) }.sorted()
            }
            try #require(lines.count == 2 && lines.allSatisfy { $0.count == length.posts })
            let (seen, answered) = (lines[0], lines[1])
            let remark = "of \(length.posts)"
            FarFigure.screenMedian.note(seen[seen.count / 2], remark)
            FarFigure.screenLast.note(seen[(seen.count * 99 - 1) / 100], remark)
            FarFigure.farPost.note(answered[(answered.count * 99 - 1) / 100], remark)
        }

        // MARK: An outage

        /// Seconds until every node reaches all of them again.
        private func reach(_ cluster: TestCluster, since healedAt: Double) throws -> (Double, isGivenUp: Bool) {
            let times = try atOnce(cluster.nodes.count) { place in
                let connection = try cluster[place].connect()
                var number = 0
                return seconds(since: healedAt, every: 0.02) {
                    number += 1
                    // The longest round trip has room in it, and what came too late is soon tried again.
                    let target = "/v1/kv/outage/\(healedAt)-\(place)-\(number)?w=all&strict=true&timeout=350"
                    return try connection.request("PUT", target, body: [1]).status == 201
                }
            }
            return (times.map(\.0).max() ?? 0, times.contains { $0.1 })
        }

        /// Either the connections stand all the time, with what was sent waiting to be sent again, or an end of them
        /// has died: it is to be found out, and its address to be tried again, as soon as it can be reached.
        @Test(arguments: [false, true]) func aNetworkThatComesBackIsUsedAtOnce(breaks: Bool) throws {
            let (far, network) = (try cluster(), try #require(try cluster().network))
            let times = try length.outages.map { outage in
                try far.awaitUnity()
                try network.cutOff(far[2].name)
                let cutAt = Stopwatch.now
                if breaks {
                    far[2].kill()
                    try far[2].start()
                    try far[2].awaitHealth()
                }
                Thread.sleep(forTimeInterval: max(0, cutAt + outage - Stopwatch.now))
                try network.cutOff(far[2].name, false)
                return try reach(far, since: Stopwatch.now)
            }
            (breaks ? FarFigure.brokenLinks : .standingLinks).note(
                times.map(\.0).max() ?? 0, isGivenUp: times.contains { $0.1 })
        }
    }
}
