// A ring file's site: its settings, the buckets that follow from them, and the document that has both.

import Causality
import JSON
import Testing
import World

@testable import Ring
@testable import RingFile

@Suite struct SiteFileTests {
    private func compile(_ site: String, node: String = "social = \"127.0.0.1:7081\"") throws -> RingDocument {
        let file = Sample.file("http = \"127.0.0.1:7071\"", "http = \"127.0.0.1:7071\"\n\(node)")
        return try RingDocument.compile(ringFile: file + "\n" + site, fileName: "RING.toml")
    }

    private static let full = """
        [social]
        origin = "https://islands.example"
        raw_origin = "https://islands-raw.example"
        homes = { de = "german", zz = "world" }
        registration = "closed"
        anonymous = false
        moderators = ["zoe", "ann-1"]
        public_shards = 16
        trusted_proxies = ["10.0.0.0/8", "::1"]
        poll_from = ["us", "de"]
        limit_loopback = true
        """

    private func properties(_ ring: RingDocument, _ bucket: String) -> BucketProperties {
        ring.properties(ofBucket: Array(bucket.utf8))
    }

    @Test func whatItSaysIsRead() throws {
        let site = try #require(compile(SiteFileTests.full).social)
        #expect(site.origin == "https://islands.example" && site.rawOrigin == "https://islands-raw.example")
        #expect(site.homes.map(\.name) == ["de", "zz"] && site.homes.map(\.placement) == ["german", "world"])
        #expect(site.registration == .closed && !site.isAnonymousAllowed && site.limitsLoopback && site.isSecure)
        #expect(site.moderators == ["ann-1", "zoe"] && site.publicShards == 16)
        #expect(site.trustedProxies == ["10.0.0.0/8", "::1"] && site.pollFrom == ["de", "us"])
        let plain = try compile("[social]")
        #expect(plain.social == SocialSettings() && plain.social?.isSecure == false)
        #expect(plain.node(NodeID(literal: "de-fra-1"))?.social == HostPort("127.0.0.1:7081"))
        #expect(plain.nodes.count { $0.social != nil } == 1)
        #expect(try compile("", node: "").social == nil)
    }

    @Test func itsBucketsComeWithIt() throws {
        let ring = try compile(SiteFileTests.full)
        let posts = properties(ring, "social.posts")
        #expect(posts.placement == "world" && posts.maxValueBytes == 8 << 20 && posts.type == .opaque)
        #expect(posts.read == .one && posts.write == .quorum && posts.durability == .synced)
        #expect(posts.ttlMilliseconds == nil && posts.conflict == .siblings)
        let inbox = properties(ring, "social.inbox")
        #expect(inbox.durability == .buffered && inbox.write == .one && inbox.conflict == .lastWriteWins)
        #expect(inbox.ttlMilliseconds == 30 * 86_400_000)
        #expect(properties(ring, "social.profiles").type == .document)
        #expect(properties(ring, "social.drafts@de").type == .document)
        #expect(properties(ring, "social.throttle").type == .counter)
        for bucket in ["accounts", "work", "posts", "drafts"] {
            #expect(properties(ring, "social.\(bucket)@de").placement == "german", "\(bucket)")
            #expect(properties(ring, "social.\(bucket)@zz").placement == "world", "\(bucket)")
        }
        // A resident's other buckets hold nothing that has to stay.
        #expect(!ring.buckets.contains { $0.name == "social.users@de" })
        let names = ring.buckets.map(\.name)
        #expect(names.count { $0.hasPrefix("social.") } == SocialBuckets.count(for: try #require(ring.social)))
        #expect(try compile("", node: "").buckets.allSatisfy { !$0.name.hasPrefix("social.") })
    }

    @Test func itIsVersionFour() throws {
        for text in [SiteFileTests.full, "[social]", "[social]\nhomes = { de = \"german\" }"] {
            let ring = try compile(text)
            let bytes = ring.encode()
            #expect(bytes[4...5] == [0, 4])
            #expect(try RingDocument.decode(bytes) == ring)
            #expect(try RingDocument.decode(bytes).social == ring.social)
            let json = try RingDocument.decode(json: ring.json())
            #expect(json == ring && json.social == ring.social && json.nodes == ring.nodes)
            for length in stride(from: bytes.count - 200, to: bytes.count, by: 1) {
                #expect(throws: RingDocumentError.self) { try RingDocument.decode(Array(bytes[..<length])) }
            }
            #expect(throws: RingDocumentError.self) { try RingDocument.decode(bytes + [0]) }
            for place in (bytes.count - 120)..<bytes.count {
                var other = bytes
                other[place] ^= 0x41
                // Another document, or none; never one that is taken for this.
                if let read = try? RingDocument.decode(other) { #expect(read != ring) }
            }
        }
        // Without a site nothing of it is written.
        let plain = try RingDocument.compile(ringFile: Sample.file, fileName: "RING.toml")
        #expect(plain.encode()[5] == 2 && !String(decoding: plain.json(), as: UTF8.self).contains("\"social\""))
    }

    @Test func aDocumentKeepsItsBuckets() throws {
        let ring = try compile(SiteFileTests.full)
        func refusal(_ change: (inout RingDraft) -> Void) -> String? {
            var draft = ring.contents.draft
            change(&draft)
            do { _ = try RingDocument(draft) } catch { return error.message }
            return nil
        }
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0.buckets.removeAll { $0.name == "social.posts@zz" } }?.contains("posts@zz") == true)
        #expect(
            refusal { draft in
                guard let place = draft.buckets.firstIndex(where: { $0.name == "social.throttle" }) else { return }
                draft.buckets[place] = Bucket(name: "social.throttle", properties: BucketProperties())
            }?.contains("social.throttle") == true)
        #expect(refusal { $0.social = nil } != nil)
        #expect(refusal { $0.social?.publicShards = 0 } != nil && refusal { $0.social?.publicShards = 65 } != nil)
        #expect(refusal { $0.social?.origin = "https://Islands.example" } != nil)
        #expect(refusal { $0.social?.origin = nil } != nil)
        #expect(refusal { $0.social?.moderators = ["b", "a"] } != nil)
        #expect(refusal { $0.social?.moderators = ["Ann"] } != nil)
        #expect(refusal { $0.social?.trustedProxies = ["10.0.0.1/8"] } != nil)
        #expect(refusal { $0.social?.pollFrom = ["fr"] } != nil)
        #expect(refusal { $0.social?.homes = [SocialHome(name: "de", placement: "saxon")] } != nil)
    }

    @Test(arguments: [
        ("[bucket.\"social.posts\"]", "begin with social. are a site's own"),
        ("[social]\n[bucket.\"social.x\"]", "begin with social. are a site's own"),
        ("[social]\norigin = \"islands.example\"", "origin must be an origin"),
        ("[social]\norigin = \"https://islands.example/\"", "origin must be an origin"),
        ("[social]\norigin = 7", "origin must be a string"),
        ("[social]\nraw_origin = \"https://raw.example\"", "say that too"),
        ("[social]\norigin = \"https://a.example\"\nraw_origin = \"https://a.example\"", "keeps nothing apart"),
        ("[social]\nhomes = { de = \"saxon\" }", "home de names the unknown placement saxon"),
        ("[social]\nhomes = { DE = \"german\" }", "a home's name"),
        ("[social]\nhomes = { any = \"german\" }", "a home's name"),
        ("[social]\nhomes = { de = 1 }", "de must be a string"),
        ("[social]\nhomes = [\"de\"]", "homes must be a table"),
        ("[social]\nregistration = \"maybe\"", "registration must be one of open, closed"),
        ("[social]\nanonymous = \"yes\"", "anonymous must be true or false"),
        ("[social]\nmoderators = [\"Ann\"]", "Ann is none"),
        ("[social]\nmoderators = [\"ann\", \"ann\"]", "names ann twice"),
        ("[social]\npublic_shards = 0", "public_shards must be 1 to 64"),
        ("[social]\npublic_shards = 65", "public_shards must be 1 to 64"),
        ("[social]\ntrusted_proxies = [\"10.0.0.1/8\"]", "10.0.0.1/8 is none"),
        ("[social]\ntrusted_proxies = [\"proxy.example\"]", "proxy.example is none"),
        ("[social]\npoll_from = [\"fr\"]", "fr is none"),
        ("[social]\nlimit_loopback = 1", "limit_loopback must be true or false"),
        ("[social]\norigins = \"https://a.example\"", "did you mean origin?"),
    ]) func mistakesAreTold(text: String, message: String) throws {
        let first = Sample.file.split(separator: "\n", omittingEmptySubsequences: false).count + 1
        do {
            _ = try RingDocument.compile(ringFile: Sample.file + "\n" + text, fileName: "RING.toml")
            Issue.record("it was taken")
        } catch {
            #expect(error.message.contains(message), "\(error)")
            #expect(error.line >= first && error.column >= 1, "\(error)")
        }
    }

    @Test func aNodesSiteNeedsOne() throws {
        let error = #expect(throws: RingFileError.self) { try compile("") }
        #expect(error?.message.contains("there is no [social]") == true)
        let twice = #expect(throws: RingFileError.self) { try compile("[social]", node: "social = \"127.0.0.1:7071\"") }
        #expect(twice?.message.contains("is an address of de-fra-1 already") == true)
        let none = #expect(throws: RingFileError.self) { try compile("[social]", node: "social = \"here\"") }
        #expect(none?.message.contains("social must be host:port") == true)
    }

    @Test func aLoneNodeMayHaveOne() throws {
        let lone = try RingDocument.singleNode(social: HostPort("127.0.0.1:7080"))
        #expect(lone.social == SocialSettings() && lone.nodes[0].social == HostPort("127.0.0.1:7080"))
        #expect(properties(lone, "social.drafts").type == .document)
        #expect(try RingDocument.singleNode().social == nil)
        let islands = try RingDocument.compile(ringFile: RingDocument.threeCountries, fileName: "f")
        #expect(islands.nodes.compactMap(\.social).map(\.port) == [7081, 7083, 7082])
    }
}
