// What must hold at the sites once the faults are over and keepers have done their work: no name is held by nothing,
// everybody who asks again is told the same, each post stands once in each list, and what is deleted in none.

import DataTypes
import JSON
import Keys
import NameStore
import Node
import Ring
import Storage
import World

extension SimulatedCluster {
    // MARK: Coming to rest

    /// What is left to be done of what people have begun; nil if nothing is.
    private var unfinished: String? {
        if let late = unanswered(for: Limits.simulatedAnswer) { return late }
        if !social.people.requests.isEmpty { return "somebody waits for an answer" }
        for key in siteKeys {
            let held = replicas(of: key)
            if let other = held.first(where: { !Checker.isSame($0.bytes, held[0].bytes) }) {
                return "replicas of \(StoredKey.text(of: key.bytes)) differ: \(held[0].node) and \(other.node)"
            }
            // One that is finished stays as a receipt, whatever stands beside it.
            let isIntent = isBucket(key, "social.work") && areNamesReachable
            let steps = isIntent ? values(key).map { $0["step"]?.int ?? 0 } : []
            if let furthest = steps.max(), furthest < 2 {
                return "an intent is left: \(StoredKey.text(of: key.bytes))"
            }
        }
        return nil
    }

    private mutating func rest() throws {
        let end = now + Limits.simulatedFinishing
        while let left = unfinished {
            guard now < end else { return checker.violate("not finished \(Limits.simulatedFinishing) later: \(left)") }
            try run(until: now + .seconds(1))
        }
        // What readers were shown is kept at hand for so long.
        try run(until: now + Limits.socialHeadLook + .milliseconds(100))
    }

    /// Call when all nodes are up again.
    mutating func finishSocial() throws {
        try rest()
        try askAgain()
        try comeBack()
        try rest()
        guard checker.violations.isEmpty else { return }
        let posts = try lookAtLinks()
        try lookAtLists(posts)
        try lookAtHeldNames()
        lookForTexts()
    }

    // MARK: Asking again

    /// With the same token, at any node: what was promised is said again, and what nobody knew is known.
    private mutating func askAgain() throws {
        let attempts = social.people.attempts
        var open = attempts.indices.filter { attempts[$0].sent > 0 }
        for round in 0..<5 where !open.isEmpty {
            var numbers: [(attempt: Int, number: UInt64)] = []
            for attempt in open {
                if let number = try send(.attempt(attempt), to: (attempt + round) % machines.count) {
                    numbers.append((attempt, number))
                }
            }
            let end = now + Limits.simulatedAnswer
            while !social.people.requests.isEmpty, now < end { try run(until: now + .milliseconds(20)) }
            open = []
            for (attempt, number) in numbers {
                guard let reply = social.replies.removeValue(forKey: number), !reply.isOpen else {
                    open.append(attempt)
                    continue
                }
                guard case .isProvisional(let path) = attempts[attempt].outcome, !reply.isSuccess,
                    social.people.deletions[path] == nil, !mayBeLost(path)
                else { continue }
                checker.violate(
                    "\(social.people.describe(.attempt(attempt))): it was given for the time being, and then "
                        + "\(reply.status) \(reply.problem)")
            }
        }
        guard areNamesReachable else { return }
        for attempt in open { checker.violate("\(social.people.describe(.attempt(attempt))): never an answer") }
    }

    /// Another day: everybody comes to a node that was started anew. What a crash has left of a follow is mended then.
    private mutating func comeBack() throws {
        try stopCleanly(0)
        try run(until: now + .seconds(1))
        try start(0)
        try run(until: now + .seconds(2))
        for name in social.people.people { _ = try ask(.list(.following(name)), at: 0) }
    }

    // MARK: Links

    struct StandingPost {
        let path: String
        let id: String
        let author: String?
        let text: String
    }

    /// All posts that can be read, at each node the same.
    private mutating func lookAtLinks() throws -> [StandingPost] {
        var posts: [StandingPost] = []
        for (attempt, one) in social.people.attempts.enumerated() where one.isPost {
            for path in one.links.sorted() where !posts.contains(where: { $0.path == path }) {
                guard let reply = try look(at: path) else { continue }
                judge(path, reply)
                let stands = reply.json["path"]?.string ?? path
                guard !posts.contains(where: { $0.path == stands }) else { continue }
                let post = StandingPost(
                    path: stands, id: reply.json["id"]?.string ?? "", author: reply.json["author"]?.string,
                    text: reply.json["text"]?.string ?? "")
                if let other = posts.first(where: { $0.text == post.text }), social.people.deletions[other.path] == nil,
                    social.people.deletions[path] == nil
                {
                    checker.violate("attempt \(attempt) stands at \(stands) and at \(other.path)")
                }
                posts.append(post)
            }
        }
        return posts
    }

    /// The answer if it stands there.
    private mutating func look(at path: String) throws -> SocialReply? {
        var told: Set<String> = []
        var standing: SocialReply?
        for node in machines.indices {
            guard let reply = try ask(.look(path), at: node), !reply.isOpen else {
                checker.violate("\(path) cannot be read at \(machines[node].identity)")
                continue
            }
            told.insert("\(reply.status) \(reply.json["id"]?.string ?? "")")
            if reply.status == 200 { standing = reply }
            if reply.status != 200, reply.status != 410 || social.people.deletions[path] == nil, !mayBeLost(path) {
                checker.violate("\(path) was given, and is \(reply.status) at \(machines[node].identity)")
            }
        }
        if told.count > 1 { checker.violate("\(path) is not the same everywhere: \(told.sorted())") }
        return standing
    }

    /// The only disk that had it may have forgotten it.
    private func mayBeLost(_ path: String) -> Bool {
        scenario.forgets && social.people.attempts.contains { $0.lonelyLink == path }
    }

    private mutating func judge(_ path: String, _ reply: SocialReply) {
        let text = reply.json["text"]?.string ?? ""
        if social.people.attempts.contains(where: { $0.isDeleted && $0.path == path && $0.text == text }) {
            checker.violate("\(path) was deleted, and shows \(text)")
        }
        if let rev = social.people.revisions[path], social.people.deletions[path] == nil,
            reply.json["rev"]?.int ?? 0 < rev
        {
            checker.violate("\(path) has lost an edit: revision \(rev)")
        }
    }

    // MARK: Lists

    private mutating func lookAtLists(_ posts: [StandingPost]) throws {
        let people = social.people.people
        for node in machines.indices {
            try look(at: .everybody, node, for: posts)
            for name in people { try look(at: .user(name), node, for: posts.filter { $0.author == name }) }
        }
        for name in people {
            let node = social.people.attempts.count % machines.count
            guard let reply = try ask(.list(.following(name)), at: node), reply.isSuccess else { continue }
            let followed = reply.items.compactMap { $0["source"]?.string }
            for other in people where other != name {
                guard let told = social.people.following["\(name)>\(other)"], !told.isOpen else { continue }
                if told.isOn != followed.contains(other) {
                    checker.violate("\(name) was told that \(other) is \(told.isOn ? "" : "not ")followed")
                }
            }
            let shown = posts.filter { post in post.author.map { $0 == name || followed.contains($0) } ?? false }
            for node in machines.indices { try look(at: .inbox(name), node, for: shown) }
        }
    }

    /// Each of `posts` stands there once, and nothing else does.
    private mutating func look(at list: SocialList, _ node: Int, for posts: [StandingPost]) throws {
        guard let reply = try ask(.list(list), at: node), reply.isSuccess else {
            return checker.violate("\(list) cannot be read at \(machines[node].identity)")
        }
        let paths = reply.items.compactMap { $0["path"]?.string }
        for path in Set(paths).sorted() {
            let count = paths.count { $0 == path }
            if count > 1 { checker.violate("\(path) stands \(count) times in \(list) at \(machines[node].identity)") }
            if !posts.contains(where: { $0.path == path }) {
                checker.violate("\(path) stands in \(list) at \(machines[node].identity), where it has no place")
            }
        }
        // Where no name can be claimed, lists may hear of what stands for the time being when it is settled.
        let isUnsettled = { (path: String) in path.contains("/~") || path.utf8.count == 64 }
        let isSettled = areNamesReachable
        for post in posts where !paths.contains(post.path) && (isSettled || !isUnsettled(post.path)) {
            checker.violate("\(post.path) is missing in \(list) at \(machines[node].identity)")
        }
    }

    // MARK: Stores

    /// All keys of the social layer that any node stores, in order.
    private var siteKeys: [StoredKey] {
        var keys: Set<[UInt8]> = []
        for machine in machines {
            try? machine.disk.objects.store.scan(.everything, reverse: false) { key, _ in
                keys.insert(key)
                return true
            }
        }
        return keys.sorted { $0.precedes($1) }.compactMap { try? StoredKey(decoding: $0) }.filter {
            $0.bucket.starts(with: Array("social.".utf8))
        }
    }

    private func isBucket(_ key: StoredKey, _ name: String) -> Bool {
        key.bucket == Array(name.utf8) || key.bucket.starts(with: Array((name + "@").utf8))
    }

    /// What its replicas together hold.
    private func values(_ key: StoredKey) -> [JSONValue] {
        let rule = ring.properties(ofBucket: key.bucket).conflict
        let object = replicas(of: key).reduce(into: StoredObject()) { all, replica in
            guard let object = replica.bytes.flatMap({ try? StoredObject(decoding: $0) }) else { return }
            all.merge(object, rule: rule)
        }
        return object.values.compactMap { sibling in
            guard case .value(let bytes) = sibling.payload else { return nil }
            return try? JSONValue.decode(Array(bytes))
        }
    }

    private func record(_ bucket: String, _ partition: String, _ sort: String? = nil) -> [JSONValue] {
        let buckets = [bucket] + (scenario.ring.site == .homes ? ["\(bucket)@de"] : [])
        return buckets.flatMap { bucket -> [JSONValue] in
            let key = try? StoredKey(
                bucket: Array(bucket.utf8), partitionKey: Array(partition.utf8), sortKey: sort.map { Array($0.utf8) })
            return key.map(values) ?? []
        }
    }

    // MARK: Names

    /// Each name that the namestore says is held stands for a person, or for a post or its tombstone, of that
    /// generation.
    private mutating func lookAtHeldNames() throws {
        guard areNamesReachable else { return }
        var names: Set<[UInt8]> = []
        for machine in machines {
            let range = KeyRange(start: StoreLayout.following(nil), end: StoreLayout.end)
            try machine.disk.names.store.scan(range, reverse: false) { key, _ in
                // One that begins otherwise is the configuration.
                if let register = StoreLayout.register(key), register.bytes.first == 1 {
                    names.insert(Array(register.bytes.dropFirst()))
                }
                return true
            }
        }
        for bytes in names.sorted(by: { $0.precedes($1) }) {
            guard let name = try? Name(bytes) else { continue }
            guard case .held(let generation, _)? = try read(name) else { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            if !stands(text, generation) { checker.violate("\(text) is held, generation \(generation), by nothing") }
        }
    }

    private func stands(_ name: String, _ generation: UInt64) -> Bool {
        let isOfThat = { (record: JSONValue) in record["generation"]?.int == Int(clamping: generation) }
        let subject = String(name.drop { $0 != ":" }.dropFirst())
        if name.hasPrefix("user:") { return record("social.users", subject).contains(where: isOfThat) }
        // Of people who live somewhere only a digest of the title is told.
        if subject.contains("/#") { return true }
        return !record("social.users", subject).isEmpty
            || record("social.posts", subject, "head").contains(where: isOfThat)
    }

    private mutating func read(_ name: Name) throws -> NameAnswer? {
        for attempt in 0..<12 {
            let id = load.takeID()
            social.askers[id] = .audit
            try step(
                attempt % machines.count,
                .control(.names(.request(id, .read, on: name, timeout: scenario.names.timeout))))
            let end = now + scenario.names.timeout + .seconds(1)
            while social.audited[id] == nil, now < end { try run(until: now + .milliseconds(20)) }
            switch social.audited.removeValue(forKey: id) {
            case .unknown, .overloaded, nil: continue
            case let answer: return answer
            }
        }
        checker.violate("\(name) cannot be read at the end")
        return nil
    }

    // MARK: Residency

    /// What residents write lies in their country alone.
    private mutating func lookForTexts() {
        guard scenario.ring.site == .homes else { return }
        let texts = social.people.attempts.filter { $0.author == "ann" }.map { Array($0.text.utf8) }
        for machine in machines where machine.country != "de" {
            try? machine.disk.objects.store.scan(.everything, reverse: false) { key, value in
                for text in texts where value.contains(text) || key.contains(text) {
                    checker.violate("\(machine.identity) stores what ann has written: \(StoredKey.text(of: key))")
                }
                return true
            }
        }
    }
}
