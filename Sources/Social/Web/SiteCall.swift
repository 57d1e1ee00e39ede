// One request on its way: who asks, from where, with what; and whether it may change anything.

import Edge
import JSON
import Keys
import Ring
import World

struct SiteCall: Sendable {
    let request: SiteRequest
    let form: SiteForm
    let viewer: Visitor?
    /// The settings of the site.
    let settings: SocialSettings
    /// Without a header that a browser sends: a program, to which JSON is answered.
    let isAPI: Bool

    // MARK: Parts

    func parameter(_ place: Int) -> String {
        request.parameters.indices.contains(place) ? String(decoding: request.parameters[place], as: UTF8.self) : ""
    }

    var owner: String? { form["token"] ?? request.head.fields.first(.atollOwner) }

    /// What the request calls itself, or a token that nobody else has.
    var token: SocialToken? {
        guard let owner, !owner.isEmpty else { return SocialToken(random: chance(0)) }
        return SocialToken(owner)
    }

    /// 16 random bytes, others for each place: 0 a token, 1 a session, 2 a salt, 3 an id.
    func chance(_ place: Int) -> ArraySlice<UInt8> { request.chance.dropFirst(16 * place).prefix(16) }

    /// For a form, hidden in it, so that sending it twice does it once.
    var newToken: String { SocialToken(random: chance(0)).text }

    var isLoopback: Bool { IPAddress(request.address)?.isLoopback ?? false }
    var isExempt: Bool { isLoopback && !settings.limitsLoopback }

    /// Whoever may do this only so often.
    var who: String { viewer?.name ?? SiteRates.network(request.address) }

    /// The page's own path, with the query.
    var path: String { request.head.target }

    /// Who must be there.
    func needsViewer() throws(Problem) -> Visitor {
        guard let viewer else { throw .notLoggedIn }
        return viewer
    }

    /// Of a session, be it over.
    var bearsSession: Bool {
        request.head.fields.first(.authorization) != nil || !(cookie(SiteCall.session) ?? "").isEmpty
    }

    var isModerator: Bool { viewer.map { settings.moderators.contains($0.name) } ?? false }

    // MARK: Cookies

    /// `__Host-` binds a cookie to this very origin, and needs TLS: beyond trying things out there is that.
    private var prefix: String { settings.isSecure ? "__Host-" : "" }
    private var attributes: String {
        (settings.isSecure ? "; Secure" : "") + "; HttpOnly; SameSite=Lax; Path=/"
    }

    static func cookie(_ name: String, of request: SiteRequest, _ settings: SocialSettings) -> String? {
        let full = (settings.isSecure ? "__Host-" : "") + name
        for pair in (request.head.fields.first(.cookie) ?? "").split(separator: ";") {
            let part = pair.trimmed
            if part.hasPrefix(full + "=") { return String(part.dropFirst(full.utf8.count + 1)) }
        }
        return nil
    }

    func cookie(_ name: String) -> String? { SiteCall.cookie(name, of: request, settings) }

    func setting(_ name: String, _ value: String, seconds: Int64) -> (String, String) {
        ("set-cookie", "\(prefix)\(name)=\(value); Max-Age=\(seconds)\(attributes)")
    }

    func dropping(_ name: String) -> (String, String) { setting(name, "", seconds: 0) }

    static let session = "atoll"
    static let device = "atoll-device"
    static let wrote = "atoll-wrote"

    /// Has written within the last five seconds: reads what a quorum has, so that own changes show.
    var isFresh: Bool { cookie(SiteCall.wrote) != nil }
    var wrote: (String, String) { setting(SiteCall.wrote, "1", seconds: 5) }

    /// The token of the session that the request bears.
    static func sessionToken(_ request: SiteRequest, _ settings: SocialSettings) -> (token: String, isBearer: Bool)? {
        if let header = request.head.fields.first(.authorization) {
            let parts = header.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            return (String(parts[1].trimmed), true)
        }
        return cookie(session, of: request, settings).map { ($0, false) }
    }

    /// Whether a request that changes something came from a page of ours, or from no page at all. Browsers say with
    /// each request from which site it comes (Fetch Metadata), older ones at least the page's origin; what says neither
    /// and has no cookie bears nobody's authority but its own.
    static func isForeign(_ request: SiteRequest, isBearer: Bool, hasCookie: Bool) -> Bool {
        guard request.head.method.changes, !isBearer else { return false }
        if let site = request.head.fields.first(.fetchSite) { return site != "same-origin" }
        if let origin = request.head.fields.first(.origin) { return origin != request.origin }
        let type = (request.head.fields.first(.contentType) ?? "").mediaType
        let isForm = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"].contains(type)
        return hasCookie || isForm && !request.route.label.hasPrefix("site.api")
    }
}
