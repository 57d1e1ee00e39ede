// People at the sites of nodes, as programs: they register, log in and post. What a node can't tell yet, or has no
// time for (503), is asked again with the same token, as any program should.

import Foundation
import Testing

/// Somebody who has logged in.
struct Account: Sendable {
    let name: String
    let token: String

    var bearer: [String: String] { ["Authorization": "Bearer \(token)"] }

    static func password(_ name: String) -> String { "a long sentence of \(name)" }
}

extension TestNode {
    func siteJSON(
        _ method: String, _ target: String, _ members: [String: String], _ headers: [String: String] = [:]
    ) throws -> Response {
        try site(
            method, target, headers.merging(["Content-Type": "application/json"]) { own, _ in own },
            body: Array(JSONSerialization.data(withJSONObject: members)), timeout: 60)
    }

    func register(_ name: String, token: String = Names.token(), home: String? = nil) throws -> Response {
        var members = ["name": name, "password": Account.password(name)]
        members["home"] = home
        return try siteJSON("POST", "/v1/users", members, ["Atoll-Owner": token])
    }

    func logIn(_ name: String) throws -> Response {
        try siteJSON("POST", "/v1/sessions", ["name": name, "password": Account.password(name)])
    }

    /// Registers somebody and logs in.
    func account(_ name: String, home: String? = nil) throws -> Account {
        let token = Names.token()
        let registered = try known { try register(name, token: token, home: home) }
        guard [200, 201].contains(registered.status) else { throw HarnessFailure("\(name): \(registered.text)") }
        let started = try known { try logIn(name) }
        return Account(name: name, token: try #require(started.json["token"] as? String, "\(started.text)"))
    }

    /// Logs in by the form; the cookies that it sets.
    func cookies(_ name: String) throws -> [String] {
        let form = "name=\(name)&password=\(Account.password(name).replacing(" ", with: "+"))"
        let headers = ["Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"]
        let answer = try site("POST", "/-/login", headers, body: Array(form.utf8))
        let cookies = answer.headers.filter { $0.name == "set-cookie" }.map(\.value)
        guard answer.status == 303, cookies.count == 2 else { throw HarnessFailure("\(name): \(answer.text)") }
        return cookies
    }

    /// A post with a title or a chosen slug, which the query says.
    func post(
        _ query: String, _ text: String, by account: Account?, token: String = Names.token(),
        type: String = "text/plain"
    ) throws -> Response {
        let headers = ["Atoll-Owner": token, "Content-Type": type].merging(account?.bearer ?? [:]) { own, _ in own }
        return try site("POST", "/v1/posts?\(query)", headers, body: Array(text.utf8), timeout: 30)
    }

    /// Of a path at the site, as a browser asks for it.
    func page(_ path: String, _ headers: [String: String] = [:]) throws -> Response {
        try site("GET", path, headers.merging(["Accept": "text/html"]) { own, _ in own }, timeout: 30)
    }
}

/// The first answer that is not 503.
func known(within seconds: Double = 60, _ ask: () throws -> Response) throws -> Response {
    try eventually("it is known", within: seconds, every: 0.1) {
        let answer = try ask()
        return answer.status == 503 ? nil : answer
    }
}

extension TestCluster {
    /// Three nodes that keep names, each with a site.
    static func sites(_ settings: String = "public_shards = 8\nmoderators = [\"moda\"]") throws -> TestCluster {
        try TestCluster.three(buckets: Names.acceptors, site: settings)
    }

    /// Waits until every node has everybody, and the namestore.
    func awaitSites(within seconds: Double = 30) throws {
        try awaitUnity(within: seconds)
        for node in nodes { try Names.awaitFounded(node) }
    }

    /// While `nodes` are silent: they take nothing in and say nothing, as behind a cut.
    func silencing(_ nodes: [TestNode], _ body: () throws -> Void) throws {
        for node in nodes { node.process?.signal(SIGSTOP) }
        defer { for node in nodes { node.process?.signal(SIGCONT) } }
        try body()
    }
}

extension Trait where Self == ClusterTrait {
    static var threeSites: ClusterTrait { ClusterTrait { try TestCluster.sites() } }
}

/// `make soak` plays at length what `make test` plays for seconds.
enum Soak {
    static let isOn = ProcessInfo.processInfo.environment["ATOLL_SOAK"] != nil
}
