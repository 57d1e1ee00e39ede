// Paths and queries: what they mean, what is refused, and that no bytes whatever trap or mean two things.

import Keys
import Ring
import Testing
import World

@testable import Edge

@Suite struct RequestTargetTests {
    private func item(_ target: String) throws -> (key: StoredKey, query: RequestQuery) {
        let parsed = try RequestTarget.parse(target)
        return (try #require(parsed.key), parsed.query)
    }

    @Test func segmentsAreDecodedOnce() throws {
        let key = try item("/v1/kv/b%2Fx/a%00b/%25%32%35").key
        #expect(key.bucket == Array("b/x".utf8))
        #expect(key.partitionKey == [0x61, 0, 0x62])
        #expect(key.sortKey == Array("%25".utf8))
        #expect(try item("/v1/kv/b/%FF%fe").key.partitionKey == [0xFF, 0xFE])
        #expect(try item("/v1/kv/b/a+b").key.partitionKey == Array("a+b".utf8))
        #expect(try item("/v1/kv/b/ü").key.partitionKey == Array("ü".utf8))
    }

    @Test func parametersAreRead() throws {
        let query = try item("/v1/kv/b/k?r=quorum&strict=true&resolve=latest&timeout=250").query
        #expect(query.readLevel == .quorum && query.writeLevel == nil)
        #expect(query.strict && query.resolveLatest)
        #expect(query.timeout == .milliseconds(250))
        #expect(try item("/v1/kv/b/k?w=3&ttl=1").query.writeLevel == .count(3))
        let target = try RequestTarget.parse("/v1/kv/b/k/?start=%00&end=b&prefix=%2F&reverse&limit=1000")
        let list = target.query
        #expect(target.route.label == "list" && target.key?.sortKey == nil)
        #expect(list.start == [0] && list.end == [0x62] && list.prefix == [0x2F] && list.reverse && list.limit == 1_000)
    }

    @Test(arguments: [
        "", "v1/kv/b/k", "http://h/v1/kv/b/k", "*", "/v1/kv/b/%", "/v1/kv/b/%1", "/v1/kv/b/%zz", "/v1/kv/b/%-1",
        "/v1/kv//k", "/v1/kv/b/k?x=1", "/v1/kv/b/k?r=0", "/v1/kv/b/k?r=17", "/v1/kv/b/k?r=most", "/v1/kv/b/k?r=",
        "/v1/kv/b/k?r=+1", "/v1/kv/b/k?r=1&r=1", "/v1/kv/b/k?strict=yes", "/v1/kv/b/k?resolve=oldest",
        "/v1/kv/b/k?timeout=0",
        "/v1/kv/b/k?timeout=60001", "/v1/kv/b/k?timeout=1e3", "/v1/kv/b/k?ttl=0", "/v1/kv/b/k?ttl=99999999999999999999",
        "/v1/kv/b/k?%zz=1", "/v1/kv/b/k?r=%", "/v1/kv/b/k?=", "/v1/kv/b/k/?limit=0", "/v1/kv/b/k/?limit=1001",
        "/v1/kv/b/k/?w=1",
        "/v1/kv/b/k?limit=1", "/v1/kv/b//",
    ])
    func whatIsWrongIsMalformed(_ target: String) {
        #expect { try RequestTarget.parse(target) } throws: { ($0 as? TargetError)?.kind == .malformed }
    }

    @Test(arguments: [
        "/", "/v1", "/v1/kv", "/v1/kv/b", "/v2/kv/b/k", "/v1/kv/b/k/s/t", "/v1/kv/b/k/s/", "/healthz/", "/V1/ring",
        "/v1/replica/b/k/",
    ])
    func whatIsNowhereIsNotFound(_ target: String) {
        #expect { try RequestTarget.parse(target) } throws: { ($0 as? TargetError)?.kind == .notFound }
    }

    @Test func whatIsTooLongIsRefused() throws {
        let long = String(repeating: "k", count: Limits.keyBytes)
        _ = try RequestTarget.parse("/v1/kv/b/" + String(long.dropLast()))
        for target in [
            "/v1/kv/b/\(long)", "/v1/kv/\(String(repeating: "b", count: Limits.bucketNameBytes + 1))/k",
            "/v1/kv/b/k?prefix=" + String(repeating: "x", count: Limits.targetBytes),
        ] {
            #expect { try RequestTarget.parse(target) } throws: { ($0 as? TargetError)?.kind == .tooLong }
        }
    }

    @Test func everyKeyHasOneEncodingThatComesBack() throws {
        var random = SeededRandom(seed: 31)
        func part(_ most: UInt64) -> [UInt8] {
            (0...random.next() % most).map { _ in
                random.chance(0.3)
                    ? [0, 1, 0xFF, 0x25, 0x2F, 0x3F, 0x26, 0x2B][Int(random.next() % 8)]
                    : UInt8(truncatingIfNeeded: random.next())
            }
        }
        func encoded(_ bytes: [UInt8]) -> String {
            bytes.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        for _ in 0..<3_000 {
            let (bucket, partition, sort) = (part(30), part(60), part(60))
            let key = try item("/v1/kv/\(encoded(bucket))/\(encoded(partition))/\(encoded(sort))").key
            #expect(key.bucket == bucket && key.partitionKey == partition && key.sortKey == sort)
            #expect(try StoredKey(decoding: key.bytes) == key)
        }
    }

    @Test func chanceTargetsNeverTrap() {
        var random = SeededRandom(seed: 32)
        let pieces = [
            "/", "//", "/v1", "/kv", "/names", "/replica", "/ring", "/b", "/k", "?", "&", "=", "%", "%00", "%FF", "%2F",
            "r", "w", "limit",
            "start", "end", "prefix", "timeout", "ttl", "reverse", "strict", "true", "1", "-1", "9223372036854775808",
            "all", "+", "ü", "#",
        ].map { Array($0.utf8) }
        for _ in 0..<40_000 {
            var bytes: [UInt8] = random.chance(0.7) ? Array("/v1/kv/b/k".utf8) : []
            for _ in 0..<random.next() % 12 {
                if random.chance(0.9) {
                    bytes += pieces[Int(random.next() % UInt64(pieces.count))]
                } else {
                    bytes.append(UInt8(truncatingIfNeeded: random.next()))
                }
            }
            guard let target = try? RequestTarget.parse(bytes: bytes) else { continue }
            // A target means one thing: read again it means the same.
            let again = try? RequestTarget.parse(bytes: bytes)
            #expect(again?.route === target.route && again?.key == target.key && again?.query == target.query)
        }
    }
}
