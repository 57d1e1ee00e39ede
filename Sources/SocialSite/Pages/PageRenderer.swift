// Makes HTML of pages. A page is the name of a template and the values that it shows; every value is escaped but
// `html`, which a thread has made safe (Threads/Markdown.swift).
//
// Every value that a template names must be given, be it null: a fault in a page's making is found, not shown as a gap.
// `text?` may be null. Times come twice: `time` for machines (ISO 8601, UTC), `time_text` or `text` for people; the
// script makes them relative. Addresses are paths of the site, or http(s). Tests/SocialSiteTests/pages.json has an
// example of each page.
//
//  every page  title, viewer? {name, url, is_moderator}, can_register (bool), origin, path (its own, with the query),
//              error?, notice?, feeds [{type, href, title, label}]
//  timeline    heading, intro?, items [card], empty (what to say instead of items), older?, live? (its events),
//              complete (bool), user? {name, display, bio?, posts, followers, following, is_me, is_following, blocked},
//              feed? {title, home, source, is_following, problem?, next? {time, text}}
//  card        id, url, title?, author?, author_url?, time, time_text, edited (bool), summary?, image?, image_alt?,
//              source? {title, url}. The data of the events `post` and `edit` is a card too, of `gone` {id}
//  post        post {title?, address (with the origin), author?, author_url?, time, time_text, edited? {time, text},
//              listed (bool), expires? {time, text}, source? {title, url}, rev, live? (its events; their data has rev),
//              raw_url, revisions_url, edit_url?, delete_url?, report_url?, provisional?, image_alt?, and one of
//              html?, text?, code?, image?, audio?, video?, file? {name, type, size}}
//  write       heading, action, submit, token, context?, is_edit, asks_owner, can_be_anonymous, draft_action?,
//              form {title?, slug?, text?, unlisted, anonymous}, types and expiries [{value, label, chosen}],
//              conflict? {theirs, url}, drafts [{url, title, time, time_text}]
//  written     heading, address, url, provisional?, readable_in [text], token?
//  login       next, form {name?}
//  register    next, token, form {name?}, homes [{code, label, text, chosen}]
//  following   form {source?}, older?, items [{source, url, title, is_feed, pending, detail?, problem?,
//              next? {time, text}}]
//  profile     form {display?, bio?}, blocks [{name, url}]
//  account     home?, inbox_feed?, export_url, sessions [{id, label, time, time_text, is_current}]
//  revisions   post {title, url}, items [{url, rev, size, time, time_text, is_current}]
//  draft       people [name], draft {action, token, context, title?, text, socket? (path), key, publish_action?,
//              invitation?}
//  message     heading, detail, status, advice [text], links [{url, label}], live? (the events of a place that has no
//              post yet), retry? (seconds)
//  confirm     heading, detail, action, token, fields [{name, value}], asks_owner, asks_reason, form {reason?}, submit,
//              is_danger, back
//  reports     month, older?, items [{id, url, title, reason, reporter?, state, is_open, has_author, outcome?,
//              time, time_text}]
//
// Forms, all POST, with their fields:
//
//  /-/login    name, password, next                 /-/logout
//  /-/register token, next, name, password, home    /-/delete-account  name, password
//  /-/follow   source, back; /-/unfollow too        /-/block           user, back; /-/unblock too
//  /-/profile  display, bio                         /-/password        name, current, password
//  /-/reports  id, do (hide, suspend, dismiss)      /-/sessions/end    id, or "all"
//
//  By their `action`: write (multipart) token, context, owner, title, slug, text, file, type, ttl, unlisted, anonymous;
//  draft token, context, title, text; confirm token, owner, reason, `fields`.
//
// Links lead to / /-/public /-/following /-/profile /-/account /-/write /-/login /-/register /-/reports.

import JSON
import Social
import World

struct PageRenderer: Sendable {
    struct Rendered: Sendable {
        let html: [UInt8]
        /// The page says that it cannot be shown, and should be answered so (500); this is for the log.
        let fault: PageFault?
    }

    private let templates: [String: PageTemplate]
    private let common: JSONValue

    /// The templates of the binary. One that cannot be read is unknown; a test holds that there is none.
    init() {
        var templates: [String: PageTemplate] = [:]
        for (name, source) in PageRenderer.sources { templates[name] = try? PageTemplate(name: name, source) }
        self.init(templates)
    }

    init(_ templates: [String: PageTemplate]) {
        self.templates = templates
        common = .object([
            "assets": .object([
                "style": .string(SiteAsset.style.address), "script": .string(SiteAsset.script.address),
            ])
        ])
    }

    func render(_ page: Page) -> Rendered {
        var writer = PageWriter(templates, [common, page.values])
        do throws(PageFault) {
            try writer.write(page.name)
            return Rendered(html: writer.bytes, fault: nil)
        } catch { return Rendered(html: PageRenderer.broken, fault: error) }
    }

    private static let broken = Array(
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Internal error · Atoll</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="\(SiteAsset.style.address)">
        </head>
        <body>
        <main>
        <h1>This page cannot be shown</h1>
        <p>That is a mistake of the server, not of yours, and it has been written down. What you have sent may have taken \
        effect: look before you send it again.</p>
        <p class="row"><a class="button" href="/">To the first page</a></p>
        </main>
        </body>
        </html>

        """.utf8)

    static let sources: [(name: String, source: [UInt8])] = [
        ("account", PackageResources.account_html),
        ("bottom", PackageResources.bottom_html),
        ("card", PackageResources.card_html),
        ("confirm", PackageResources.confirm_html),
        ("draft", PackageResources.draft_html),
        ("following", PackageResources.following_html),
        ("login", PackageResources.login_html),
        ("message", PackageResources.message_html),
        ("post", PackageResources.post_html),
        ("profile", PackageResources.profile_html),
        ("register", PackageResources.register_html),
        ("reports", PackageResources.reports_html),
        ("revisions", PackageResources.revisions_html),
        ("timeline", PackageResources.timeline_html),
        ("top", PackageResources.top_html),
        ("write", PackageResources.write_html),
        ("written", PackageResources.written_html),
    ]
}
