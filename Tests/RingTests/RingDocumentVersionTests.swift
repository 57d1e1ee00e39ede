// Version 3 of the ring document has types of buckets, and is written where there are any (version 4, with a site:
// SiteFileTests); version 2 has nothing that
// is for planning alone; version 1 is still read.

import JSON
import Testing

@testable import Ring
@testable import RingFile

@Suite struct RingDocumentVersionTests {
    /// Of `Sample.file` in version 1, as the software that wrote version 1 gave it.
    private static let oldDigest = "dcad29fe3b28adfff636de29f6f11abf638469a105a98e0f5c58abdfd248f5ab"

    private func compile(_ text: String) throws -> RingDocument {
        try RingDocument.compile(ringFile: text, fileName: "RING.toml")
    }

    /// What version 1 had in it: the document's fields and the file's planning inputs.
    private func old(_ text: String) throws -> (document: RingDocument, draft: RingDraft) {
        let document = try compile(text)
        var draft = try RingSpecification(text, fileName: "RING.toml").draft
        draft.assignments = document.assignments
        return (document, draft)
    }

    @Test(arguments: [
        ("eur_per_gb = 0.02", "eur_per_gb = 0.09"), ("mbit = 1000\neur", "mbit = 2000\neur"),
        ("full_at = 0.80", "full_at = 0.70"), ("slack = \"2%\"", "slack = \"30%\""), ("slack = \"2%\"", "slack = 0"),
        ("data = \"2TB\"", "data = \"3TB\""), ("per_month = \"5%\"", "per_month = \"6%\""),
        ("afr = \"2%\"", "afr = \"3%\""),
    ])
    func whatIsForPlanningAloneChangesNoDigest(old: String, new: String) throws {
        #expect(try compile(Sample.file(old, new)).digest == compile(Sample.file).digest)
    }

    /// Also where the slack would leave the solver a choice.
    @Test func anEditedSlackGivesTheSameTables() throws {
        let fleet = Sample.fleet(countries: 4, zones: 3, nodes: 3)
        let digests = try ["0", "\"2%\"", "\"50%\""].map { try compile("slack = \($0)\n" + fleet).digest }
        #expect(digests.allSatisfy { $0 == digests[0] })
    }

    @Test func versionOneIsRead() throws {
        let (document, draft) = try old(Sample.file)
        let bytes = RingCodec.encode(draft, as: 1)
        #expect(hexadecimal(RingCodec.digest(bytes)) == RingDocumentVersionTests.oldDigest)
        let read = try RingDocument.decode(bytes)
        #expect(read == document && read.encode() == document.encode() && read.encode() != bytes)
        #expect(read.nodes.allSatisfy { $0.afr == nil } && read.nodes.contains { $0.mbit == 1_000 })
        for length in stride(from: bytes.count - 120, to: bytes.count, by: 1) {
            #expect(throws: RingDocumentError.self) { try RingDocument.decode(Array(bytes[..<length])) }
        }
        // A flag of an optional field that is neither 0 nor 1 is not canonical in any version.
        #expect(throws: RingDocumentError.self) { try RingDocument.decode(bytes + [0]) }
    }

    /// It had buckets in the order of Swift's strings: é before z, however é is written.
    @Test func versionOneHadAnotherOrderOfBuckets() throws {
        var (document, draft) = try old(
            Sample.file + "\n[bucket.\"z\"]\n[bucket.\"e\u{301}\"]\n[bucket.\"\u{E9}a\"]\n")
        #expect(document.buckets.map(\.name).first.map { Array($0.utf8) } == Array("e\u{301}".utf8))
        draft.buckets.sort { $0.name < $1.name }
        let read = try RingDocument.decode(RingCodec.encode(draft, as: 1))
        #expect(read.encode() == document.encode())
    }

    @Test func aLaterVersionIsRefused() throws {
        var bytes = try compile(Sample.file).encode()
        #expect(bytes[4...5] == [0, 2])
        for version in [0, 3, 4, 5] as [UInt8] {
            bytes[5] = version
            #expect(throws: RingDocumentError.self) { try RingDocument.decode(bytes) }
        }
    }

    @Test(arguments: BucketType.allCases) func aTypeIsVersionThree(type: BucketType) throws {
        let plain = try compile(Sample.file + "\n[bucket.docs]\n")
        let typed = try compile(Sample.file + "\n[bucket.docs]\ntype = \"\(type.rawValue)\"\n")
        #expect(typed.encode()[5] == (type == .opaque ? 2 : 3))
        #expect((typed.digest == plain.digest) == (type == .opaque))
        #expect(typed.buckets.first { $0.name == "docs" }?.properties.type == type)
        #expect(try RingDocument.decode(typed.encode()) == typed)
        #expect(try RingDocument.decode(json: typed.json()) == typed)
    }

    @Test func originsAreVersionThree() throws {
        func origins(_ text: String) throws -> RingDocument { try compile(Sample.file + "\n[bucket.docs]\n" + text) }
        let document = try origins(#"cors = ["https://example.org", "http://[::1]:8080", "http://a.example:8080"]"#)
        #expect(document.encode()[5] == 3)
        let named = document.properties(ofBucket: Array("docs".utf8)).cors
        #expect(named == ["http://[::1]:8080", "http://a.example:8080", "https://example.org"])
        #expect(try RingDocument.decode(document.encode()) == document)
        #expect(try RingDocument.decode(json: document.json()) == document)
        // Their order means nothing, and none is none.
        let other = try origins(#"cors = ["http://a.example:8080", "http://[::1]:8080", "https://example.org"]"#)
        #expect(other.digest == document.digest)
        #expect(try origins("cors = []").encode()[5] == 2)
        #expect(document.properties(ofBucket: Array("other".utf8)).cors.isEmpty)
    }

    @Test(arguments: [
        "", "*", "null", "example.org", "https://", "https://example.org/", "HTTPS://example.org", "ftp://example.org",
        "https://example.org:443", "http://example.org:80", "https://example.org:", "https://example.org:0",
        "https://example.org:08080", "https://example.org:65536", "https://user@example.org", "https://exa mple.org",
        "https://example.org?x", "https://Example.org", "https://é.example", "https://*.example.org", "https://[::1",
        "https://[1.2.3.4]", "https://[::G]", "https://example.org:+80", "https://\u{0}",
        "https://" + String(repeating: "a", count: 300),
    ]) func whatIsNoOriginIsRefused(_ text: String) {
        #expect(!WebOrigin.isCanonical(text))
    }

    /// What version 2 has a place for is not written as version 3: one encoding for one document.
    @Test func versionThreeWithoutTypesIsRefused() throws {
        let document = try compile(Sample.file)
        var draft = try RingSpecification(Sample.file, fileName: "RING.toml").draft
        draft.assignments = document.assignments
        #expect(RingCodec.encode(draft) == document.encode())
        #expect(throws: RingDocumentError.self) { try RingDocument.decode(RingCodec.encode(draft, as: 3)) }
    }

    @Test func theJSONOfVersionOneIsRead() throws {
        let (document, _) = try old(Sample.file)
        let two = String(decoding: document.json(), as: UTF8.self)
        #expect(!two.contains("\"afr\"") && !two.contains("\"planning\"") && two.contains("\"version\":2"))
        func replace(_ text: String, _ old: String, _ new: String) throws -> String {
            let range = try #require(Sample.find(old, in: text), "\(old)")
            return String(text[..<range.lowerBound]) + new + String(text[range.upperBound...])
        }
        var one = try replace(two, "\"version\":2", "\"version\":1")
        one = try replace(one, hexadecimal(document.digest), RingDocumentVersionTests.oldDigest)
        one = try replace(
            one, "\"state\":\"up\",\"location\":[50.11,8.68],\"mbit\":1000",
            "\"state\":\"up\",\"location\":[50.11,8.68],\"mbit\":1000,\"afr\":0.02")
        one.removeLast()
        let planning = """
            ,"planning":{"full_at":0.8,"slack":0.02,"data":2000000000000,"per_month":{"ratio":0.05},\
            "links":[{"a":"de","b":"us","mbit":1000,"eur_per_gb":0.02}]}}
            """
        #expect(try RingDocument.decode(json: Array((one + planning).utf8)) == document)
        #expect(throws: JSONError.self) {
            try RingDocument.decode(json: Array((one + replace(planning, "0.02}]", "0.03}]")).utf8))
        }
    }
}
