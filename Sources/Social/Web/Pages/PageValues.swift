// What every page shows beside its own, and the headers that every page bears.

import Ring
import Edge
import JSON
import World

enum SitePages {
    /// A page with the values that all have; `values` are its own.
    static func page(
        _ name: String, _ title: String, _ call: SiteCall, _ values: [(String, JSONValue)], error: String? = nil,
        notice: String? = nil, feeds: [JSONValue] = []
    ) -> Page {
        let viewer: JSONValue =
            call.viewer.map {
                .object([
                    "name": .string($0.name), "url": .string("/\($0.name)/"), "is_moderator": .bool(call.isModerator),
                ])
            } ?? .null
        let common: [(String, JSONValue)] = [
            ("title", .string(title)), ("viewer", viewer),
            ("can_register", .bool(call.settings.registration == .open)), ("origin", .string(call.request.origin)),
            ("path", .string(SiteAnswers.localPath(call.path))), ("error", .optional(error)),
            ("notice", .optional(notice)), ("feeds", .array(feeds)),
        ]
        return Page(name, .object((common + values).map { JSONValue.Member($0.0, $0.1) }))
    }

    /// What is wrong, in words for the person who sent a form: nobody has malformed anything who wrote too much.
    static func words(_ problem: Problem) -> String {
        let words = problem.name == "malformed" || problem.detail.isEmpty ? [] : [problem.title]
        return (words + [problem.detail.isEmpty ? problem.title : problem.detail]).joined(separator: ": ").sentence
    }

    /// - isPrivate: it shows something of whoever looks: nobody keeps it.
    static func answer(
        _ page: Page, _ call: SiteCall, status: UInt = 200, isPrivate: Bool = true, _ headers: [(String, String)] = []
    ) -> SiteAnswer {
        SiteAnswers.page(
            page, status,
            SitePages.headers(call.settings.rawOrigin, isPrivate: isPrivate || call.viewer != nil) + headers)
    }

    static func headers(_ rawOrigin: String?, isPrivate: Bool) -> [(String, String)] {
        let raw = rawOrigin.map { " " + $0 } ?? ""
        return [
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:\(raw); "
                    + "media-src 'self'\(raw); form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
                    + "require-trusted-types-for 'script'; trusted-types 'none'"
            ),
            ("x-content-type-options", "nosniff"), ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cache-control", isPrivate ? "no-store" : "no-cache"), ("vary", "cookie, accept"),
        ]
    }

    static func options(_ all: [(value: String, label: String)], chosen: String?) -> JSONValue {
        .array(
            all.map { option in
                .object([
                    "value": .string(option.value), "label": .string(option.label),
                    "chosen": .bool(option.value == (chosen ?? all.first?.value)),
                ])
            })
    }

    static func link(_ url: String, _ label: String) -> JSONValue {
        .object(["url": .string(url), "label": .string(label)])
    }
}

/// Pages that say what has happened, and what can be done.
enum MessagePages {
    static func notFound(_ call: SiteCall) -> Flow<SiteAnswer> {
        .value(SiteAnswers.problem(.noSuchPath, call))
    }

    static func robots(_ call: SiteCall) -> Flow<SiteAnswer> {
        .value(.response(.text("User-agent: *\nDisallow: /-/\nDisallow: /v1/\n")))
    }

    private struct Words {
        var heading: String
        var detail: String
        var advice: [String] = []
        var links: [JSONValue] = [SitePages.link("/", "To the first page")]
        var live: String?
        var retry: Int?
    }

    static func page(for problem: Problem, _ call: SiteCall) -> SiteAnswer {
        if problem.name == "not-logged-in", call.request.head.method == .get {
            return SiteAnswers.seeOther("/-/login?next=" + SiteAnswers.localPath(call.path).utf8.percentEncoded)
        }
        let words = words(problem, path: call.path)
        let page = SitePages.page("message", words.heading, call, values(words, problem))
        // What isn't there now may be there the next moment, and what couldn't be told may be told.
        return SiteAnswers.page(
            page, problem.status, SitePages.headers(call.settings.rawOrigin, isPrivate: true) + headers(problem))
    }

    /// Where not even the request could be read.
    static func bare(_ problem: Problem, path: String) -> SiteAnswer {
        let words = words(problem, path: path)
        let common: [(String, JSONValue)] = [
            ("title", .string(words.heading)), ("viewer", .null), ("can_register", .bool(false)),
            ("origin", .string("")),
            ("path", .string(SiteAnswers.localPath(path))), ("error", .null), ("notice", .null), ("feeds", .array([])),
        ]
        let page = Page(
            "message", .object((common + values(words, problem)).map { JSONValue.Member($0.0, $0.1) }))
        return SiteAnswers.page(page, problem.status, SitePages.headers(nil, isPrivate: true) + headers(problem))
    }

    private static func headers(_ problem: Problem) -> [(String, String)] {
        if let header = problem.header { return [(header.name, header.value)] }
        return problem.status == 503 ? [("retry-after", "1")] : []
    }

    private static func values(_ words: Words, _ problem: Problem) -> [(String, JSONValue)] {
        [
            ("heading", .string(words.heading)), ("detail", .string(words.detail)),
            ("status", .string("\(problem.status) \(problem.name)")), ("advice", .strings(words.advice)),
            ("links", .array(words.links)), ("live", .optional(words.live)), ("retry", .optional(words.retry)),
        ]
    }

    private static func words(_ problem: Problem, path: String) -> Words {
        let plain = String(path.prefix { $0 != "?" })
        switch problem.name {
        case "no-such-post", "no-such-path", "no-such-user":
            var words = Words(
                heading: "There is nothing here", detail: "Nobody has posted anything under this address yet.")
            words.advice = [
                "Look at the spelling of the address",
                "If you were told that it would come: this page shows it as soon as it does",
            ]
            if PostPath(String(plain.drop { $0 == "/" }.reversed().drop { $0 == "/" }.reversed())) != nil,
                !plain.hasPrefix("/-/")
            {
                words.live = "/v1/timelines/live?post=" + trimmed(plain)
            }
            words.links.append(SitePages.link("/-/write", "Write something"))
            return words
        case "cut-off", "outcome-unknown":
            var words = Words(
                heading: "Cut off, can't know yet",
                detail: "This part of the network can't reach enough of the others to answer for sure.")
            words.advice = [
                "This page asks again each second",
                "The same address through another part of the site may answer at once",
            ]
            if problem.name == "outcome-unknown" {
                words.advice = ["Go back and send the same form again: it is done once, however often it is sent"]
            } else {
                words.retry = 1
            }
            return words
        case "overloaded", "stopping":
            var words = Words(heading: "Just a moment", detail: "Too much is being asked at this moment.")
            words.retry = 2
            return words
        case "too-many":
            return Words(heading: "Slower, please", detail: SitePages.words(problem))
        case "method-not-allowed":
            return Words(
                heading: "There is nothing to look at here",
                detail: "Only forms of this site lead to this address. Go back, and send the form again.")
        case "malformed":
            return Words(heading: "This cannot be done", detail: SitePages.words(problem))
        case "not-logged-in":
            var words = Words(heading: "Who is there?", detail: "This needs somebody who is logged in.")
            words.links = [SitePages.link("/-/login", "Log in"), SitePages.link("/-/register", "Register")]
            return words
        case "foreign-origin":
            return Words(
                heading: "This came from another page",
                detail: "Forms are taken from this site's own pages. Open the page here, and send it from there.")
        default:
            return Words(
                heading: problem.title,
                detail: problem.detail.isEmpty ? "Go back, and try something else." : problem.detail.sentence)
        }
    }

    private static func trimmed(_ path: String) -> String {
        var text = path[...]
        while text.hasPrefix("/") { text = text.dropFirst() }
        while text.hasSuffix("/") { text = text.dropLast() }
        return String(text)
    }
}

extension String {
    /// For people: begins large, ends with a full stop.
    fileprivate var sentence: String {
        guard let first else { return self }
        return String(first).uppercased() + dropFirst() + (hasSuffix(".") ? "" : ".")
    }
}
