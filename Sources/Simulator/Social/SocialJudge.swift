// What answers of sites promise, and whether later ones keep it. Of what nobody has answered nothing is known; of what
// somebody has, all later answers must be as if it stood.

import JSON
import World

extension SocialWorkload {
    /// What the answer to a request breaks; and what is to be sent because of it.
    mutating func heard(_ reply: SocialReply, to number: UInt64) -> (broken: String?, next: SocialCall?) {
        guard let request = requests.removeValue(forKey: number) else { return ("answered twice, or never asked", nil) }
        answers += 1
        if reply.isSuccess { promises += 1 }
        var next: SocialCall?
        let broken: String? =
            switch request.call {
            case .attempt(let attempt): judge(attempt, reply)
            case .login(let name): judgeLogin(name, reply)
            case .read(let attempt, let isForEdit): judgeRead(attempt, isForEdit, reply, &next)
            case .look: nil
            case .edit(let attempt, let path, _, _): judgeEdit(attempt, path, reply)
            case .delete(let attempt): judgeDeletion(attempt, reply)
            case .follow(let who, let whom, let isOn): judgeFollow(who, whom, isOn, reply)
            case .list(let list): SocialWorkload.judgeList(list, reply)
            }
        return (broken.map { "\(describe(request.call)): \($0)" }, next)
    }

    func describe(_ call: SocialCall) -> String {
        func name(_ attempt: Int) -> String {
            switch attempts[attempt].kind {
            case .person(let name): "\(name), attempt \(attempt)"
            default: "\(attempts[attempt].path ?? "a generated link"), attempt \(attempt)"
            }
        }
        return switch call {
        case .attempt(let attempt): "asking for \(name(attempt))"
        case .login(let name): "login of \(name)"
        case .read(let attempt, _): "reading \(name(attempt))"
        case .look(let path): "reading \(path)"
        case .edit(let attempt, let path, _, _): "editing \(path), attempt \(attempt)"
        case .delete(let attempt): "deleting \(name(attempt))"
        case .follow(let who, let whom, let isOn): "\(who) \(isOn ? "follows" : "leaves") \(whom)"
        case .list(let list): "\(list)"
        }
    }

    // MARK: Names, titles, links

    private mutating func judge(_ number: Int, _ reply: SocialReply) -> String? {
        attempts[number].inFlight -= 1
        let attempt = attempts[number]
        switch reply.status {
        case 200, 201: return attempt.isPost ? judgeGiven(number, reply) : judgePerson(number)
        case 409 where ["name-taken", "title-taken", "slug-taken"].contains(reply.problem):
            if let path = attempt.standing, deletions[path] == nil || !attempt.isPost {
                return "it was given, and now is taken"
            }
            // Its provisional link is out all the same.
            if attempt.outcome == .unknown { attempts[number].outcome = .isTaken }
            return nil
        case 410: return attempt.path.flatMap { deletions[$0] } == nil ? "gone, and nobody has deleted it" : nil
        default: return reply.isOpen ? nil : "\(reply.status) \(reply.problem)"
        }
    }

    private mutating func judgePerson(_ number: Int) -> String? {
        guard let name = name(of: number) else { return nil }
        attempts[number].outcome = .stands(path: name)
        return give(name, to: number)
    }

    private mutating func judgeGiven(_ number: Int, _ reply: SocialReply) -> String? {
        guard let path = reply.json["path"]?.string else { return "no path is told" }
        // Whatever became of it under another link holds for this one.
        let others = attempts[number].allLinks
        if attempts[number].links.insert(path).inserted {
            for other in others {
                texts[path, default: []].formUnion(texts[other] ?? [])
                if let count = deletions[other] { deletions[path] = max(count, deletions[path] ?? 0) }
            }
            texts[path, default: []].insert(attempts[number].text)
        }
        if reply.json["provisional"] == .bool(true) {
            // A path that was told for good stays the one to be told of.
            let isInOneCountry = reply.json["readable_in"]?.array?.count == 1
            let mayBeLonely = !others.contains(path) || attempts[number].lonelyLink == path
            attempts[number].lonelyLink = isInOneCountry && mayBeLonely ? path : nil
            if attempts[number].standing == nil { attempts[number].outcome = .isProvisional(path: path) }
            return nil
        }
        if let before = attempts[number].standing, before != path { return "it stood at \(before), and now at \(path)" }
        attempts[number].outcome = .stands(path: path)
        return give(path, to: number)
    }

    /// A title that was deleted may be given once more; all else is given once.
    private mutating func give(_ path: String, to number: Int) -> String? {
        given[path, default: []].insert(number)
        let others = given[path]?.count ?? 0
        let most = 1 + (attempts[number].author == nil ? 0 : deletions[path] ?? 0)
        return others > most ? "it was given to \((given[path] ?? []).sorted())" : nil
    }

    // MARK: What stands there

    private mutating func judgeLogin(_ name: String, _ reply: SocialReply) -> String? {
        guard reply.status == 201, let token = reply.json["token"]?.string else {
            return reply.isOpen ? nil : "\(reply.status) \(reply.problem)"
        }
        sessions[name] = token
        return nil
    }

    private mutating func judgeRead(
        _ number: Int, _ isForEdit: Bool, _ reply: SocialReply, _ next: inout SocialCall?
    ) -> String? {
        guard let path = attempts[number].path else { return nil }
        switch reply.status {
        case 200:
            guard let text = reply.json["text"]?.string, texts[path]?.contains(text) ?? false else {
                return "it shows \(reply.json["text"]?.string ?? "nothing")"
            }
            guard isForEdit, let context = reply.context else { return nil }
            next = .edit(number, at: path, text: "written as number \(number), again \(answers).", context: context)
            return nil
        case 410: return deletions[path] == nil ? "gone, and nobody has deleted it" : nil
        // Of a link for the time being it is said where it can be read.
        case 404 where attempts[number].standing == nil: return nil
        default: return reply.isOpen ? nil : "\(reply.status) \(reply.problem)"
        }
    }

    private mutating func judgeEdit(_ number: Int, _ asked: String, _ reply: SocialReply) -> String? {
        let isDeletable = deletions[asked] != nil || attempts[number].path.map { deletions[$0] != nil } ?? false
        switch (reply.status, reply.problem) {
        case (200, _):
            guard let path = attempts[number].path, let rev = reply.json["rev"]?.int else {
                return "no revision is told"
            }
            revisions[path] = max(revisions[path] ?? 0, rev)
            return nil
        case (409, "edit-conflict"): return nil
        // Of a link for the time being it is said where it stands.
        case (404, _) where attempts[number].standing == nil: return nil
        case (410, _), (404, _): return isDeletable ? nil : "\(reply.status) \(reply.problem)"
        default: return reply.isOpen ? nil : "\(reply.status) \(reply.problem)"
        }
    }

    private mutating func judgeDeletion(_ number: Int, _ reply: SocialReply) -> String? {
        guard let path = attempts[number].path else { return nil }
        switch reply.status {
        case 204:
            let rivals = attempts.indices.filter { attempts[$0].path == path && attempts[$0].sent > 0 }
            if rivals == [number] { attempts[number].isDeleted = true }
            return nil
        case 410: return nil
        case 404 where attempts[number].standing == nil: return nil
        default: return reply.isOpen ? nil : "\(reply.status) \(reply.problem)"
        }
    }

    private mutating func judgeFollow(_ who: String, _ whom: String, _ isOn: Bool, _ reply: SocialReply) -> String? {
        following["\(who)>\(whom)"]?.inFlight -= 1
        guard reply.isSuccess else {
            following["\(who)>\(whom)"]?.isOpen = true
            return reply.isOpen ? nil : "\(reply.status) \(reply.problem)"
        }
        following["\(who)>\(whom)"]?.isOn = isOn
        return nil
    }

    // MARK: Lists

    /// No post stands twice in a list.
    static func judgeList(_ list: SocialList, _ reply: SocialReply) -> String? {
        guard reply.isSuccess else { return reply.isOpen ? nil : "\(reply.status) \(reply.problem)" }
        let ids = reply.items.compactMap { $0["id"]?.string }
        return Set(ids).count == ids.count ? nil : "a post stands there twice"
    }
}
