// What people send, as their browsers and programs do (docs/SOCIAL.md, Calls).

import Edge
import JSON
import Social
import World

extension SocialCall {
    /// Nil where the listener would refuse the path.
    func request(_ people: SocialWorkload, of listener: SiteListener, chance: [UInt8]) -> SiteRequest? {
        var fields = RequestFields()
        func bearer(_ name: String) {
            if let token = people.sessions[name] { fields.take("authorization", "Bearer \(token)") }
        }
        func make(_ method: RequestMethod, _ path: String, _ body: [UInt8] = []) -> SiteRequest? {
            SiteRequest(RequestHead(method, path, fields), body: body, of: listener, chance: chance)
        }
        /// Whoever may change a post: its author, or who has its token.
        func editor(_ attempt: SocialAttempt) {
            if let author = attempt.author { bearer(author) } else { fields.take("atoll-owner", attempt.token) }
        }
        switch self {
        case .attempt(let number):
            let attempt = people.attempts[number]
            fields.take("atoll-owner", attempt.token)
            switch attempt.kind {
            case .person(let name):
                fields.take("content-type", "application/json")
                let home = attempt.home.map { ("home", JSONValue.string($0)) }
                return make(.post, "/v1/users", SocialCall.credentials(name, attempt.text, home))
            case .title(let author, let title):
                bearer(author)
                fields.take("content-type", "text/plain")
                return make(.post, "/v1/posts" + (title.map { "?title=\($0)" } ?? ""), Array(attempt.text.utf8))
            case .slug(let slug):
                fields.take("content-type", "text/plain")
                return make(
                    .post, "/v1/posts?anonymous=true" + (slug.map { "&slug=\($0)" } ?? ""), Array(attempt.text.utf8))
            }
        case .login(let name):
            let password = people.registered.first { people.name(of: $0) == name }.map { people.attempts[$0].text }
            fields.take("content-type", "application/json")
            return make(.post, "/v1/sessions", SocialCall.credentials(name, password ?? "", nil))
        case .read(let number, _): return make(.get, "/v1/posts/\(people.attempts[number].path ?? "")")
        case .look(let path): return make(.get, "/v1/posts/\(path)")
        case .edit(let number, let path, let text, let context):
            editor(people.attempts[number])
            fields.take("content-type", "text/plain")
            fields.take("atoll-context", context)
            return make(.put, "/v1/posts/\(path)", Array(text.utf8))
        case .delete(let number):
            editor(people.attempts[number])
            return make(.delete, "/v1/posts/\(people.attempts[number].path ?? "")")
        case .follow(let who, let whom, let isOn):
            bearer(who)
            return make(isOn ? .put : .delete, "/v1/following/\(whom)")
        case .list(let list):
            switch list {
            case .everybody: return make(.get, "/v1/timelines/public?limit=100")
            case .user(let name): return make(.get, "/v1/timelines/users/\(name)?limit=100")
            case .inbox(let name):
                bearer(name)
                return make(.get, "/v1/timelines/inbox?limit=100")
            case .following(let name):
                bearer(name)
                return make(.get, "/v1/following")
            }
        }
    }

    private static func credentials(_ name: String, _ password: String, _ more: (String, JSONValue)?) -> [UInt8] {
        let members = [("name", JSONValue.string(name)), ("password", .string(password))] + (more.map { [$0] } ?? [])
        return JSONValue.object(members.map { JSONValue.Member($0.0, $0.1) }).encode()
    }
}

/// An answer as a client reads it.
struct SocialReply {
    let status: UInt
    let json: JSONValue
    let context: String?

    init?(_ answer: SiteAnswer) {
        guard case .response(let response) = answer else { return nil }
        status = response.status
        json = (try? JSONValue.decode(response.bytes)) ?? .null
        context = response.header("atoll-context")
    }

    /// The last part of a problem's type.
    var problem: String { json["type"]?.string?.split(separator: "/").last.map(String.init) ?? "\(status)" }
    var isSuccess: Bool { (200..<300).contains(status) }
    /// It was not done, or nobody knows: the same again may be.
    var isOpen: Bool { status == 503 || status == 507 || status == 429 }
    /// There is nothing, or nobody.
    var isNo: Bool { [401, 404, 410].contains(status) }
    var items: [JSONValue] { json["items"]?.array ?? [] }
}
