// Ring files: what a good one means, and for every kind of mistake the message and the place.

import Causality
@testable import Ring
@testable import RingFile
import Testing
import World

enum Sample {
    /// A file with every section; tests change one line of it.
    static let file = """
        cluster = "islands"
        partitions = 64
        full_at = 0.80
        slack = "2%"

        [defaults]
        placement = "world"
        read = "quorum"
        write = 2

        [placement.world]
        rule = "any:3"
        min_countries = 3
        max_per_country = 1
        max_per_zone = 1
        survive = "country"

        [placement.german]
        rule = "de:2"
        only = ["de"]

        [bucket.patients]
        placement = "german"
        conflict = "last-write-wins"
        durability = "buffered"
        ttl = "30d"
        max_value = "64KiB"

        [country.de]
        location = [50.11, 8.68]
        [country.us]
        location = [38.95, -77.45]
        [country.jp]
        location = [35.68, 139.69]

        [[node]]
        id = "de-fra-1"
        country = "de"
        zone = "fra1"
        rack = "r1"
        peer = "127.0.0.1:7171"
        http = "127.0.0.1:7071"
        capacity = "8TB"
        state = "up"
        mbit = 1000
        afr = "2%"

        [[node]]
        id = "de-ber-1"
        country = "de"
        zone = "ber1"
        location = [52.52, 13.40]
        peer = "[::1]:7172"
        http = "[::1]:7072"
        capacity = "8TB"

        [[node]]
        id = "us-iad-1"
        country = "us"
        peer = "127.0.0.1:7173"
        http = "127.0.0.1:7073"
        capacity = "8TB"

        [[node]]
        id = "jp-tyo-1"
        country = "jp"
        peer = "tyo.example.org:7174"
        http = "tyo.example.org:7074"
        capacity = "8TB"

        [[node]]
        id = "us-gate-1"
        country = "us"
        peer = "127.0.0.1:7175"
        http = "127.0.0.1:7075"
        capacity = "0"

        [names]
        acceptors = ["de-fra-1", "us-iad-1", "jp-tyo-1"]

        [score]
        distance = 0.5

        [growth]
        data = "2TB"
        per_month = "5%"

        [link.de-us]
        mbit = 1000
        eur_per_gb = 0.02

        """

    /// The sample with one text replaced; the text must occur.
    static func file(_ old: String, _ new: String) -> String {
        guard let range = find(old, in: file) else {
            Issue.record("the sample has no \(old)")
            return file
        }
        return String(file[..<range.lowerBound]) + new + String(file[range.upperBound...])
    }

    static func find(_ needle: String, in text: String) -> Range<String.Index>? {
        var start = text.startIndex
        while start < text.endIndex {
            if text[start...].hasPrefix(needle) { return start..<text.index(start, offsetBy: needle.count) }
            start = text.index(after: start)
        }
        return nil
    }
}

@Suite struct RingFileTests {
    @Test func readsEverySection() throws {
        let ring = try RingDocument.compile(ringFile: Sample.file, fileName: "RING.toml")
        #expect(ring.cluster == "islands" && ring.epoch == 1 && ring.partitions == 64)
        #expect(ring.nodes.map(\.id.name) == ["de-ber-1", "de-fra-1", "jp-tyo-1", "us-gate-1", "us-iad-1"])
        let frankfurt = try #require(ring.node(NodeID(literal: "de-fra-1")))
        #expect(frankfurt.capacityBytes == 8_000_000_000_000 && frankfurt.rack == "r1" && frankfurt.afr == nil)
        #expect(frankfurt.location == Coordinates(latitude: 50.11, longitude: 8.68))
        let berlin = try #require(ring.node(NodeID(literal: "de-ber-1")))
        #expect(berlin.location == Coordinates(latitude: 52.52, longitude: 13.40))
        #expect(berlin.peer.host == "::1" && berlin.peer.description == "[::1]:7172")
        #expect(ring.node(NodeID(literal: "us-gate-1"))?.isGateway == true)
        #expect(ring.node(NodeID(literal: "nobody")) == nil)

        let patients = ring.properties(ofBucket: Array("patients".utf8))
        #expect(patients.placement == "german" && patients.conflict == .lastWriteWins)
        #expect(patients.durability == .buffered && patients.ttlMilliseconds == 30 * 86_400_000)
        #expect(patients.maxValueBytes == 65_536 && patients.write == .count(2))
        let other = ring.properties(ofBucket: Array("other".utf8))
        #expect(other == ring.defaults && other.placement == "world" && other.read == .quorum)

        #expect(ring.nameAcceptors.map(\.name) == ["de-fra-1", "us-iad-1", "jp-tyo-1"])
        #expect(ring.score == ScoreWeights(distance: 0.5))
        let file = try RingSpecification(Sample.file, fileName: "f").draft
        let planning = file.planning
        #expect(file.nodes.map(\.afr) == [nil, 0.02, nil, nil, nil])
        #expect(planning.dataBytes == 2_000_000_000_000 && planning.growth == .ratio(0.05))
        #expect(planning.links == [CountryLink("us", "de", mbit: 1000, eurPerGB: 0.02)])
        #expect(ring.placementRule("german")?.only == ["de"])
        #expect(ring.placementRule("world")?.rule == "any:3")
    }

    @Test func theBuiltInRingsCompile() throws {
        let three = try RingDocument.compile(ringFile: RingDocument.threeCountries, fileName: "built-in")
        #expect(three.nodes.map(\.http.port) == [7071, 7073, 7072])
        for partition in 0..<three.partitions {
            #expect(three.preferenceList(placement: "world", partition: partition).primaries.count == 3)
        }
        let solo = try RingDocument.singleNode()
        #expect(solo.preferenceList(placement: "world", partition: 63).primaries == [NodeID(literal: "solo")])
        #expect(solo.nodes[0].http.description == "127.0.0.1:7070")
    }

    @Test func aFileWithoutPlacementsSpreadsAsFarAsItCan() throws {
        func node(_ id: String, _ country: String, _ zone: String, _ port: Int) -> String {
            "[[node]]\nid=\"\(id)\"\ncountry=\"\(country)\"\nzone=\"\(zone)\"\ncapacity=\"1TB\"\n"
                + "peer=\"h:\(port)\"\nhttp=\"h:\(port + 1)\"\n"
        }
        let head = "cluster=\"c\"\npartitions=16\n[country.a]\n[country.b]\n"
        let one = try RingDocument.compile(ringFile: head + node("n1", "a", "z", 1), fileName: "f")
        #expect(one.placementRule("world")?.replicas == 1)
        let four = try RingDocument.compile(
            ringFile: head + node("n1", "a", "x", 1) + node("n2", "a", "x", 3) + node("n3", "a", "y", 5)
                + node("n4", "b", "z", 7), fileName: "f")
        let rule = try #require(four.placementRule("world"))
        #expect(rule.replicas == 3 && rule.minCountries == 2 && rule.maxPerCountry == 2 && rule.maxPerZone == 1)
        #expect(four.defaults.placement == "world")
    }

    @Test(arguments: [
        ("cluster = \"islands\"", "cluster = ", 1, "value"),
        ("cluster = \"islands\"", "", 1, "needs cluster"),
        ("cluster = \"islands\"", "cluster = \"a b\"", 1, "letters"),
        ("cluster = \"islands\"", "cluster = 4", 1, "must be a string"),
        ("partitions = 64", "partitions = 63", 2, "power of two"),
        ("partitions = 64", "partitions = 65536", 2, "power of two"),
        ("partitions = 64", "partitions = -2", 2, "power of two"),
        ("partitions = 64", "partitions = \"64\"", 2, "whole number"),
        ("partitions = 64", "partitoins = 64", 2, "did you mean partitions?"),
        ("full_at = 0.80", "full_at = 0", 3, "above 0"),
        ("full_at = 0.80", "full_at = nan", 3, "full_at must be a share"),
        ("slack = \"2%\"", "slack = \"2 percent\"", 4, "share"),
        ("slack = \"2%\"", "slack = \"200%\"", 4, "share"),
        ("read = \"quorum\"", "read = \"most\"", 8, "quorum, local"),
        ("write = 2", "write = 4", 9, "has 3 replicas"),
        ("write = 2", "write = 0", 9, "write must be a number"),
        ("write = 2", "wriet = 2", 9, "unknown key wriet in [defaults]; did you mean write?"),
        ("rule = \"any:3\"", "rule = \"fr:3\"", 12, "unknown country fr"),
        ("rule = \"any:3\"", "rule = \"any:17\"", 12, "1 to 16"),
        ("rule = \"any:3\"", "rule = \"any\"", 12, "neither"),
        ("rule = \"any:3\"", "rule = \"\"", 12, "0 replicas"),
        ("rule = \"any:3\"", "rule = \"de:1 de:2\"", 12, "twice"),
        ("rule = \"any:3\"", "", 11, "[placement.world] needs rule"),
        ("min_countries = 3", "min_countries = 4", 13, "only 3 replicas"),
        ("max_per_country = 1", "max_per_country = 0", 14, "at least 1"),
        ("max_per_zone = 1", "max_per_rack = 1", 15, "unknown key max_per_rack"),
        ("survive = \"country\"", "survive = \"planet\"", 16, "node, zone, country"),
        ("rule = \"de:2\"", "rule = \"de:3\"", 18, "needs 3 nodes in de, there are 2"),
        ("only = [\"de\"]", "only = [\"us\"]", 20, "leaves out"),
        ("only = [\"de\"]", "only = [\"de\", \"xx\"]", 20, "unknown country xx"),
        ("only = [\"de\"]", "only = []", 20, "no country"),
        ("only = [\"de\"]", "only = [1]", 20, "strings only"),
        ("placement = \"german\"", "placement = \"saxon\"", 23, "unknown placement saxon"),
        ("conflict = \"last-write-wins\"", "conflict = \"first\"", 24, "siblings, last-write-wins"),
        ("durability = \"buffered\"", "durability = true", 25, "must be a string, not true or false"),
        ("ttl = \"30d\"", "ttl = \"30 days\"", 26, "span"),
        ("max_value = \"64KiB\"", "max_value = \"64 kilo\"", 27, "size"),
        ("max_value = \"64KiB\"", "max_value = \"1GB\"", 27, "MiB"),
        ("max_value = \"64KiB\"", "type = \"map\"", 27, "document, counter"),
        ("max_value = \"64KiB\"", "cors = \"https://example.org\"", 27, "array of strings"),
        ("max_value = \"64KiB\"", "cors = [\"*\"]", 27, "takes no *"),
        ("max_value = \"64KiB\"", "cors = [\"https://Example.org\"]", 27, "small letters"),
        ("max_value = \"64KiB\"", "cors = [\"https://a.example\", \"https://a.example\"]", 27, "twice"),
        ("max_value = \"64KiB\"", "type = \"text\"", 27, "merge by themselves"),
        ("[country.us]", "[country.US]", 31, "a country's name"),
        ("location = [38.95, -77.45]", "location = [98.95, -77.45]", 32, "out of range"),
        ("location = [38.95, -77.45]", "location = [38.95]", 32, "[latitude, longitude]"),
        ("location = [38.95, -77.45]", "lokation = [1, 2]", 32, "did you mean location?"),
        ("country = \"de\"\nzone = \"fra1\"", "country = \"at\"\nzone = \"fra1\"", 38, "no [country.at]"),
        ("id = \"de-fra-1\"", "id = \"De-Fra\"", 37, "a node's id"),
        ("id = \"de-fra-1\"", "", 36, "needs id"),
        ("peer = \"127.0.0.1:7171\"", "peer = \"127.0.0.1\"", 41, "host:port"),
        ("peer = \"127.0.0.1:7171\"", "peer = \"127.0.0.1:70000\"", 41, "host:port"),
        ("http = \"127.0.0.1:7071\"", "http = \"127.0.0.1:7171\"", 42, "an address of de-fra-1 already"),
        ("capacity = \"8TB\"\nstate", "capacity = \"8 terabytes\"\nstate", 43, "size"),
        ("capacity = \"8TB\"\nstate", "capacity = \"99999PB\"\nstate", 43, "size"),
        ("capacity = \"8TB\"\nstate", "state", 36, "needs a capacity"),
        ("state = \"up\"", "state = \"down\"", 44, "new, up, drain"),
        ("mbit = 1000\nafr", "mbit = 0\nafr", 45, "above 0"),
        ("afr = \"2%\"", "afr = \"150%\"", 46, "share"),
        ("id = \"de-ber-1\"", "id = \"de-fra-1\"", 49, "two nodes with the id de-fra-1"),
        ("id = \"us-gate-1\"", "id = \"us-gate-1\"\ncolour = 3", 73, "unknown key colour"),
        ("\"us-iad-1\", \"jp-tyo-1\"]", "\"nobody\"]", 79, "nobody is no node"),
        ("\"us-iad-1\", \"jp-tyo-1\"]", "\"de-fra-1\"]", 79, "twice"),
        ("distance = 0.5", "distance = -0.5", 82, "negative"),
        ("distance = 0.5", "distance = nan", 82, "finite"),
        ("distance = 0.5", "weight = 1", 82, "unknown key weight in [score]"),
        ("per_month = \"5%\"", "per_month = \"fast\"", 86, "per_month"),
        ("[link.de-us]", "[link.de-xx]", 88, "unknown country xx"),
        ("[link.de-us]", "[link.deus]", 88, "two countries"),
        ("eur_per_gb = 0.02", "eur_per_gb = -1", 90, "negative"),
        ("[score]", "[scoer]", 81, "unknown key scoer in the ring file; did you mean score?"),
        ("[score]", "[score", 81, "]"),
    ])
    func namesTheMistakeAndItsLine(old: String, new: String, line: Int, message: String) {
        do {
            _ = try RingDocument.compile(ringFile: Sample.file(old, new), fileName: "RING.toml")
            Issue.record("\(new) was accepted")
        } catch {
            #expect(error.line == line && error.message.contains(message), "\(error)")
            #expect(error.description.hasPrefix("RING.toml:\(line):\(error.column): "))
        }
    }

    @Test func columnsCountCharacters() {
        let file = "cluster = \"c\" # Zürich\n\"schlüssel\" = 1\n"
        do {
            _ = try RingDocument.compile(ringFile: file, fileName: "f")
            Issue.record("accepted")
        } catch { #expect((error.line, error.column) == (2, 1)) }
        let inline = "cluster = \"c\"\nscore = { \"é\" = \"ü\", distance = -1 }\n[[node]]\n"
        do {
            _ = try RingDocument.compile(ringFile: inline, fileName: "f")
            Issue.record("accepted")
        } catch { #expect(error.line == 3) }
        let late = Sample.file("[score]\ndistance = 0.5", "[score]\nresponse_time = 1 # é\n  distance =   -0.5")
        do {
            _ = try RingDocument.compile(ringFile: late, fileName: "f")
            Issue.record("accepted")
        } catch { #expect((error.line, error.column) == (83, 16)) }
    }

    @Test func tooBigAndNULAreRefused() {
        let big = String(repeating: "# filler\n", count: Limits.ringFileBytes / 9 + 1)
        #expect(throws: RingFileError.self) { try RingDocument.compile(ringFile: big, fileName: "f") }
        #expect(throws: RingFileError(file: "f", line: 2, column: 3, message: "expected = after the key")) {
            try RingDocument.compile(ringFile: "a = 1\nb \0= 2", fileName: "f")
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func mutatedFilesNeverCrash(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let alphabet = Array("[]{}=\"'.,#\n\\-_ 09azé:%\t".unicodeScalars)
        let original = Array(Sample.file.unicodeScalars)
        var accepted = 0
        for _ in 0..<400 {
            var text = original
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let at = Int.random(in: 0..<text.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: text[at] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                case 1: text.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &random)], at: at)
                case 2: text.removeSubrange(at..<min(text.count, at + Int.random(in: 1..<30, using: &random)))
                default:
                    let end = min(text.count, at + Int.random(in: 1..<60, using: &random))
                    text.insert(contentsOf: Array(text[at..<end]), at: Int.random(in: 0..<text.count, using: &random))
                }
            }
            var string = String.UnicodeScalarView()
            string.append(contentsOf: text)
            do {
                _ = try RingDocument.compile(ringFile: String(string), fileName: "f")
                accepted += 1
            } catch { #expect(error.line >= 1 && error.column >= 1 && !error.message.isEmpty) }
        }
        // Some mutations fall into comments and names; if none passed, the fuzzer would test nothing but syntax.
        #expect(accepted > 0)
    }
}
