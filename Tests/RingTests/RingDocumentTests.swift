// Documents: lookups, preference lists, the canonical encoding and what it refuses.

import Ring
import RingFile
import Testing
import World

@Suite struct RingDocumentTests {
    let ring: RingDocument

    init() throws { ring = try RingDocument.compile(ringFile: Sample.file, fileName: "RING.toml", epoch: 7) }

    @Test func placesEveryPartitionByTheRule() throws {
        for partition in 0..<ring.partitions {
            let world = ring.preferenceList(placement: "world", partition: partition)
            #expect(Set(world.primaries.compactMap { ring.node($0)?.country }).count == 3)
            #expect(Set(world.fallbacks).isDisjoint(with: world.primaries))
            // Five nodes, one a gateway, three are primaries.
            #expect(world.fallbacks.count == 1)
            let german = ring.preferenceList(placement: "german", partition: partition)
            #expect(german.primaries.count == 2 && german.fallbacks.isEmpty)
            #expect(german.primaries.allSatisfy { ring.node($0)?.country == "de" })
        }
        #expect(ring.preferenceList(placement: "saxon", partition: 0).primaries.isEmpty)
        #expect(ring.preferenceList(placement: "world", partition: 64).primaries.isEmpty)
        #expect(ring.preferenceList(placement: "world", partition: -1).primaries.isEmpty)
    }

    @Test func fallbacksOfADeadNodeAreManyAndStayInside() throws {
        let ring = try RingDocument.compile(ringFile: Sample.fleet(countries: 3, zones: 2, nodes: 2), fileName: "f")
        let dead = ring.nodes[0].id
        var first: [NodeID: Int] = [:]
        for partition in 0..<ring.partitions {
            let list = ring.preferenceList(placement: "world", partition: partition)
            #expect(list.fallbacks.count == 9 && Set(list.fallbacks).count == 9)
            guard list.primaries.contains(dead) else { continue }
            first[list.fallbacks[0], default: 0] += 1
            // Each country keeps one replica, so the first fallback is in a zone that keeps none.
            let zones = list.primaries.compactMap { ring.node($0).map { $0.country + "/" + $0.zone } }
            let fallback = try #require(ring.node(list.fallbacks[0]))
            #expect(!zones.contains(fallback.country + "/" + fallback.zone))
        }
        #expect(first.count >= 6)
        let german = ring.preferenceList(placement: "german", partition: 3)
        #expect(german.fallbacks.count == 2)
        #expect((german.primaries + german.fallbacks).allSatisfy { ring.node($0)?.country == "c0" })
    }

    @Test func theEncodingReturnsTheDocument() throws {
        let bytes = ring.encode()
        let again = try RingDocument.decode(bytes)
        #expect(again == ring && again.encode() == bytes && again.digest == ring.digest && again.digest.count == 32)
        #expect(again.epoch == 7 && again.nodes == ring.nodes && again.assignments == ring.assignments)
        #expect(again.buckets == ring.buckets && again.placements == ring.placements)
        #expect(again.score == ring.score && again.countries == ring.countries)
        let other = try RingDocument.compile(ringFile: Sample.file, fileName: "RING.toml", epoch: 8)
        #expect(other != ring && other.digest != ring.digest)
    }

    @Test func anyTruncationIsRefused() {
        let bytes = ring.encode()
        for length in 0..<bytes.count where length % 7 == 0 || length < 300 {
            #expect(throws: RingDocumentError.self) { try RingDocument.decode(Array(bytes[..<length])) }
        }
        #expect(throws: RingDocumentError.self) { try RingDocument.decode(bytes + [0]) }
        #expect(throws: RingDocumentError.self) {
            try RingDocument.decode(Array(repeating: 0, count: Limits.ringDocumentBytes + 1))
        }
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func hostileBytesNeverCrash(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let bytes = ring.encode()
        for _ in 0..<2_000 {
            var copy = bytes
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                copy[Int.random(in: 0..<copy.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            // Whatever is accepted is canonical.
            if let document = try? RingDocument.decode(copy) { #expect(document.encode() == copy) }
        }
    }

    @Test func hostPortsAreReadStrictly() {
        for good in ["127.0.0.1:1", "[::1]:65535", "a-b.example:80", "[fe80::1%eth0]:7070"] {
            #expect(HostPort(good)?.description == good)
        }
        for bad in [
            "", ":80", "host", "host:", "host:0", "host:65536", "::1:80", "[::1]80", "[]:80", "a b:80",
            "host:+80", "[host]:80", "host:080808", "h/x:80", "[::1%]:80",
        ] {
            #expect(HostPort(bad) == nil, "\(bad)")
        }
    }

    @Test func levelsAreReadStrictly() {
        for good in ["1", "16", "one", "quorum", "local", "each", "all"] {
            #expect(ConsistencyLevel(good)?.description == good)
        }
        for bad in ["", "0", "17", "-1", "+1", "Quorum", "1.0", "999999999999999999999"] {
            #expect(ConsistencyLevel(bad) == nil, "\(bad)")
        }
    }
}

extension Sample {
    /// `nodes` nodes in each of `zones` zones of each of `countries` countries c0, c1, …
    static func fleet(countries: Int, zones: Int, nodes: Int, partitions: Int = 256) -> String {
        var text = "cluster = \"fleet\"\npartitions = \(partitions)\n"
        text += "[placement.world]\nrule = \"any:3\"\nmin_countries = 3\nmax_per_country = 1\n"
        text += "[placement.german]\nrule = \"c0:2\"\nonly = [\"c0\"]\nmax_per_zone = 1\n"
        var port = 1_000
        for country in 0..<countries {
            text += "[country.c\(country)]\n"
            for zone in 0..<zones {
                for node in 0..<nodes {
                    text += "[[node]]\nid = \"c\(country)-z\(zone)-n\(node)\"\ncountry = \"c\(country)\"\n"
                    text += "zone = \"z\(zone)\"\ncapacity = \"1TB\"\npeer = \"h:\(port)\"\nhttp = \"h:\(port + 1)\"\n"
                    port += 2
                }
            }
        }
        return text
    }
}
