// What people say to a site and what it makes of it: of documents that several write, on real nodes.

import Foundation
import Testing

extension Integration.SitesTests {
    @Test func whoIsBlockedFollowsNoLonger() throws {
        let node = try cluster()[0]
        let (ann, ben) = (try node.account("blocked-ann"), try node.account("blocking-ben"))
        #expect(try node.site("PUT", "/v1/following/blocking-ben", ann.bearer).status == 201)
        #expect(try node.site("PUT", "/v1/blocks/blocked-ann", ben.bearer).status == 204)
        #expect(try node.post("title=unseen", "not for ann", by: ben).status == 201)
        try eventually("ann follows nobody", within: 10) {
            (try node.site("GET", "/v1/following", ann.bearer).json["items"] as? [Any])?.isEmpty == true
        }
        #expect((try node.site("GET", "/v1/timelines/inbox", ann.bearer).json["items"] as? [Any])?.isEmpty == true)
    }

    @Test func whatIsNotReadChangesNothing() throws {
        let node = try cluster()[0]
        let ann = try node.account("profiled-ann")
        #expect(
            try node.siteJSON("PUT", "/v1/profile", ["display": "Ann", "bio": "sails"], ann.bearer).status == 204)
        let text = ann.bearer.merging(["Content-Type": "text/plain"]) { own, _ in own }
        #expect(try node.site("PUT", "/v1/profile", text, body: Array("display=x".utf8)).status == 415)
        #expect(try node.siteJSON("PUT", "/v1/profile", ["display": "Anna"], ann.bearer).status == 204)
        try eventually("the name is new and the text stays", within: 10) {
            let profile = try node.site("GET", "/v1/profile", ann.bearer).json
            return profile["display"] as? String == "Anna" && profile["bio"] as? String == "sails"
        }
    }

    @Test func aDraftStaysAText() throws {
        let node = try cluster()[0]
        let ann = try node.account("drafting-ann")
        let made = try node.siteJSON("POST", "/v1/drafts", ["title": "Plan", "text": "one"], ann.bearer)
        let path = "/v1/drafts/\(try #require(made.json["id"] as? String, "\(made.text)"))"
        func patch(_ type: String, _ body: String) throws -> Int {
            let headers = ann.bearer.merging(["Content-Type": type]) { own, _ in own }
            return try node.site("PATCH", path, headers, body: Array(body.utf8)).status
        }
        for body in [#"{"text":5}"#, #"{"text":null}"#, #"{"text":{"a":1}}"#, #"{"text":"a","x":1}"#, "{}", "[]"] {
            #expect(try patch("application/merge-patch+json", body) == 400, "\(body)")
        }
        for operation in [#"{"op":"set","path":"/text","value":5}"#, #"{"op":"remove","path":"/text"}"#] {
            #expect(try patch("application/vnd.atoll.ops+json", "[\(operation)]") == 400, "\(operation)")
        }
        #expect(try patch("application/merge-patch+json", #"{"text":"one, two"}"#) == 200)
        let splice = #"[{"op":"splice","path":"/text","at":0,"text":"zero, "}]"#
        #expect(try patch("application/vnd.atoll.ops+json", splice) == 200)
        try eventually("both changes are there", within: 10) {
            try node.site("GET", path, ann.bearer).json["text"] as? String == "zero, one, two"
        }
    }
}
