// The problems of the social layer, as clients see them (docs/SOCIAL.md has the table).

import Edge
import Gateway
import JSON
import World

extension Problem {
    // MARK: Of the cluster

    /// No strict quorum answers, so neither yes nor no can be said.
    static let cutOff = Problem(
        503, "cut-off", "This node is cut off, and can't know yet", "it asks again each second; other nodes may know")
    /// A name was asked for, and nobody has said whether it was given.
    static var mayTakeEffect: Problem {
        var problem = Problem(
            503, "outcome-unknown", "It is not known yet whether this was done",
            "send the same again, with the same token: it is done once")
        problem.members.append(("may_take_effect", .bool(true)))
        return problem
    }
    static let tooBusy = Problem(503, "overloaded", "Too much is being done", "wait a moment and try again")
    static let internalError = Problem(500, "internal-error", "Something is wrong with the node, not with the request")

    init(reading failure: RequestFailure) {
        switch failure {
        case .overloaded: self = .tooBusy
        case .quorumNotReached, .behind: self = .cutOff
        default: self.init(failure, nil)
        }
    }

    init(writing failure: RequestFailure) {
        switch failure {
        case .overloaded: self = .tooBusy
        case .quorumNotReached, .behind:
            self = .cutOff
            // Some replica may have it: the same token does it once, whatever becomes of this.
            members.append(("may_take_effect", .bool(true)))
        default: self.init(failure, nil)
        }
    }

    // MARK: Names

    static let noNamestore = Problem(
        501, "no-namestore", "This cluster keeps no names apart",
        "its ring file has no [names]: only posts without a name are taken, under links made from their contents")
    static let badUserName = Problem(
        400, "bad-name", "This is no name for a user",
        "1 to 32 of a to z, 0 to 9, - and _, beginning with a letter or digit; some are the site's own")
    static func badName(_ detail: String) -> Problem { Problem(400, "bad-name", "This is no name", detail) }
    static let badTitle = Problem(
        400, "bad-title", "This title makes no link", "something must be left of it: letters or digits, up to 120 bytes"
    )
    static let badSlug = Problem(
        400, "bad-slug", "This is no short link",
        "1 to 64 of a to z, 0 to 9, - _ . and ~, beginning with a letter or digit; those that look like digests are given by the site"
    )
    static let nameTaken = Problem(409, "name-taken", "The name is taken", "another name will do")
    static let titleTaken = Problem(
        409, "title-taken", "You have a post of this title already", "another title will do")
    static let slugTaken = Problem(409, "slug-taken", "The short link is taken", "another will do, or none")
    static let weakToken = Problem(
        400, "bad-owner-token", "This is no token", "Atoll-Owner has at least 128 random bits, 22 characters of base64")
    static let attemptDiffers = Problem(
        409, "attempt-differs", "The same token came with other contents before",
        "repeat the request as it was, or make a new token for another")

    // MARK: People

    static func weakPassword(_ detail: String) -> Problem {
        Problem(400, "weak-password", "This password is too weak", detail)
    }
    static let unreadType = Problem(
        415, "unsupported-media-type", "The content is of a kind that is not taken", "send application/json, or a form")
    static let registrationClosed = Problem(
        403, "registration-closed", "Nobody can register here", "ask who runs the site")
    static let anonymousClosed = Problem(403, "anonymous-closed", "Posts without a name are not taken here", "log in")
    static let unknownHome = Problem(400, "unknown-home", "There is no such place to keep an account")
    static let notLoggedIn = Problem(
        401, "not-logged-in", "This needs somebody who is logged in", "log in, and try again")
    static let badCredentials = Problem(401, "bad-credentials", "Name or password is wrong")
    static let suspended = Problem(403, "suspended", "This account is suspended", "ask who runs the site")
    static let noSuchUser = Problem(404, "no-such-user", "There is no such user")
    static let noSuchSession = Problem(404, "no-such-session", "There is no such session")
    static let blocked = Problem(403, "blocked", "This user does not want to be followed by you")
    static let tooManyFollowed = Problem(
        409, "too-many-followed", "You follow \(Limits.socialFollowed) already", "unfollow some")
    static let notAModerator = Problem(403, "not-a-moderator", "This is for moderators")

    static func tooMany(_ wait: Span, _ what: String) -> Problem {
        let seconds = max(1, Int(wait.inSeconds.rounded(.up)))
        var problem = Problem(429, "too-many", "Too many \(what)", "wait \(seconds) s and try again")
        problem.header = ("retry-after", "\(seconds)")
        return problem
    }

    static let foreignPage = Problem(
        403, "foreign-origin", "Another site's page may not change anything",
        "send it from a page of this site, or with a session's token as Authorization: Bearer")

    // MARK: Posts

    static let noSuchPath = Problem(404, "no-such-path", "There is no such page")
    static let noSuchPost = Problem(404, "no-such-post", "There is no post here")
    static let gone = Problem(410, "gone", "This was deleted", "a post stood here, and its author has taken it away")
    static let accountGone = Problem(410, "gone", "This was deleted", "the account is gone, and its posts go with it")
    static let expired = Problem(
        410, "expired", "This has expired", "a post stood here for as long as its author wanted")
    static let hidden = Problem(404, "hidden", "This is hidden", "the moderators of this site have hidden this post")
    static let accountHidden = Problem(404, "hidden", "This is hidden", "the account behind it is suspended")
    static func noSuchPart(of size: Int) -> Problem {
        var problem = Problem(416, "range-not-satisfiable", "There is no such part", "there are \(size) bytes")
        problem.header = ("content-range", "bytes */\(size)")
        return problem
    }
    static let notTheAuthor = Problem(403, "not-the-author", "Only its author may change a post")
    static let editConflict = Problem(
        409, "edit-conflict", "The post was changed since you read it", "read it again, and send your change of that")
    static let contextMissing = Problem(
        400, "context-missing", "An edit says what it is of", "send the Atoll-Context that the post was read with")
    static let noSuchDraft = Problem(404, "no-such-draft", "There is no such draft")
    /// For people: the token is a secret to them.
    static let wrongSecret = Problem(
        403, "not-the-author", "This is not the secret",
        "it is the one that was shown when this was posted; without it nobody can change or delete the post")
    static let notInvited = Problem(403, "not-invited", "This draft is for those who were invited")
    static let noSuchReport = Problem(404, "no-such-report", "There is no such report")
    static func badInput(_ detail: String) -> Problem { Problem(400, "malformed", "The request is malformed", detail) }

    // MARK: Feeds

    static let noSuchFeed = Problem(404, "no-such-feed", "There is no such feed", "nobody follows it here")
    static let staleInboxKey = Problem(
        404, "no-such-feed", "There is no such feed",
        "the key in its address is not good, or not any more; the settings of the account show the one that is")
    static func notAFeed(_ detail: String) -> Problem { Problem(422, "not-a-feed", "There is no feed", detail) }
}
