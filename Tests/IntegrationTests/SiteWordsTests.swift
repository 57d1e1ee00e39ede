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
        func patched(_ type: String, _ body: String) throws -> Response {
            let headers = ann.bearer.merging(["Content-Type": type]) { own, _ in own }
            return try node.site("PATCH", path, headers, body: Array(body.utf8))
        }
        func patch(_ type: String, _ body: String) throws -> Int { try patched(type, body).status }
        for body in [#"{"text":5}"#, #"{"text":null}"#, #"{"text":{"a":1}}"#, #"{"text":"a","x":1}"#, "{}", "[]"] {
            #expect(try patch("application/merge-patch+json", body) == 400, "\(body)")
        }
        for operation in [#"{"op":"set","path":"/text","value":5}"#, #"{"op":"remove","path":"/text"}"#] {
            #expect(try patch("application/vnd.atoll.ops+json", "[\(operation)]") == 400, "\(operation)")
        }
        // As documents of a node: a merge patch is answered with what it has led to, operations with their results.
        let whole = try patched("application/merge-patch+json", #"{"text":"one, two"}"#)
        #expect(whole.status == 200 && whole.json["text"] as? String == "one, two", "\(whole.text)")
        #expect(whole.json["title"] as? String == "Plan" && whole.json["author"] as? String == "drafting-ann")
        let splice = #"[{"op":"splice","path":"/text","at":0,"text":"zero, "}]"#
        let done = try patched("application/vnd.atoll.ops+json", splice)
        #expect(done.status == 200 && (done.json["results"] as? [Any])?.count == 1, "\(done.text)")
        try eventually("both changes are there", within: 10) {
            try node.site("GET", path, ann.bearer).json["text"] as? String == "zero, one, two"
        }
    }

    /// Whatever is wrong, the form has what was typed.
    @Test func aDraftsFormKeepsWhatWasTyped() throws {
        let node = try cluster()[1]
        let ann = try node.account("typing-ann")
        #expect(try node.post("title=Taken", "taken", by: ann).status == 201)
        let made = try node.siteJSON("POST", "/v1/drafts", ["title": "Plan", "text": "one"], ann.bearer)
        let path = "/-/drafts/\(try #require(made.json["id"] as? String, "\(made.text)"))"
        func send(_ path: String, _ form: String, by account: Account?) throws -> Response {
            var headers = ["Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"]
            if let account { headers["Cookie"] = "atoll=\(account.token)" }
            return try node.site(
                "POST", path, headers.merging(["Accept": "text/html"]) { own, _ in own }, body: Array(form.utf8))
        }
        for (target, form, account, status) in [
            (path + "/publish", "title=Taken&text=typed+words", ann, 409),
            (path, "title=Plan&text=typed+words", nil, 403),
            (path, "title=Plan&text=other+typed+words&context=AAAA", ann, 409),
        ] as [(String, String, Account?, Int)] {
            let answer = try send(target, form, by: account)
            #expect(answer.status == status && answer.text.contains("typed words"), "\(target): \(answer.text)")
            #expect(answer.text.contains("class=\"error\""), "\(target)")
        }
        let saved = try send(path, "title=Plan&text=typed+words", by: ann)
        #expect(saved.status == 200 && saved.text.contains("typed words") && saved.text.contains("Saved."))
    }

    @Test func draftsGoWithTheAccount() throws {
        let node = try cluster()[2]
        let ann = try node.account("leaving-ann")
        let made = try node.siteJSON("POST", "/v1/drafts", ["title": "Plan", "text": "left behind"], ann.bearer)
        let (id, invitation) = (made.json["id"] as? String ?? "", made.json["invitation"] as? String ?? "")
        func invited() throws -> Response { try node.site("GET", "/v1/drafts/\(id)?invitation=\(invitation)") }
        #expect(try invited().json["text"] as? String == "left behind")
        let password = ["password": Account.password("leaving-ann")]
        #expect(try node.siteJSON("DELETE", "/v1/users/me", password, ann.bearer).status == 202)
        try eventually("nobody reads it any more", within: 10) {
            let answer = try invited()
            return answer.status == 404 && answer.text.contains("/problems/no-such-draft")
        }
        #expect(try node.page("/leaving-ann/").text.contains("This was deleted"))
    }
}
