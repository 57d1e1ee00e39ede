// Timelines and posts as people look at them: events `post`, `edit` and `gone` over Server-Sent Events, each with an id
// by which whoever comes back goes on. An id is a time; what was made from five seconds before it on is sent again,
// since posts arrive in lists a little out of order. Twice is harmless: an event bears its post's id. Where more has
// happened than is told, to somebody who was away for long or who takes too little, `anew` says so: the page as it is
// now has it.

import Edge
import JSON
import Keys
import World

/// What a stream shows.
enum StreamTarget: Sendable {
    case everybody
    case source(Source)
    case inbox(Visitor)
    case post(PostPath, Home?)
}

struct Streams {
    struct Stream {
        let target: StreamTarget
        /// Of the site, as its client has reached it.
        let origin: String
        var following: UInt64?
        /// Events that wait until the client has taken the last ones.
        var waiting: [UInt8] = []
        var isWriting = false
        /// Ranges whose past is being told: an event of that has the time of its post for an id, so that whoever is cut
        /// off in the middle goes on there.
        var replaying = 0
        /// Beats in a row at which the client had not taken what was written before them.
        var unreadBeats = 0
        /// Posts that it was told of, to tell an edit from a new one; the last of them.
        var told: [PostID: Int] = [:]
        /// Of an inbox: whose posts are in it.
        var shown: Set<String>?
    }

    fileprivate var open: [UInt64: Stream] = [:]
    /// Ascending: who looks at what everybody sees, and who at an own timeline.
    fileprivate var everybody: [UInt64] = []
    fileprivate var inboxes: [UInt64] = []
    /// Of the public timeline, not told yet.
    var publicNews: [(PostID, Pointer)] = []

    var count: Int { open.count }
}

extension SocialCore {
    /// Its client has gone, or is to go.
    mutating func closeStream(_ number: UInt64) {
        guard let stream = streams.open.removeValue(forKey: number) else { return }
        streams.everybody.removeAll { $0 == number }
        streams.inboxes.removeAll { $0 == number }
        if let following = stream.following { unfollow(following) }
    }

    /// Begins a stream in the place of an answer. `since`: the last event's id.
    mutating func openStream(_ number: UInt64, _ target: StreamTarget, _ origin: String, since: String?) {
        guard streams.count < Limits.socialStreams else {
            return out.emit(.answer(number, .response(HTTPResponse(Problem.tooBusy))))
        }
        streams.open[number] = Streams.Stream(target: target, origin: origin)
        // Something must be written for the client to see that it is connected.
        write(number, Array(": \n\n".utf8))
        beat(number)
        // Who was away for longer reads the page anew.
        let floor = now.wall.milliseconds - min(now.wall.milliseconds, Limits.socialReplayMilliseconds)
        let most = now.wall.milliseconds
        let since = since.flatMap { UInt64($0) }
        let from = since.map { WallTime(milliseconds: min(most, max(floor, $0 - min($0, 5_000)))) }
        if let since, since < floor { write(number, anew) }
        switch target {
        case .everybody:
            streams.everybody.append(number)
            if let from { replay(number, PublicTimeline.page(before: nil, limit: Limits.socialPageMost), from) }
        case .source(let source):
            watch(number, [SocialKeys.timeline(source)], from)
        case .inbox(let viewer):
            streams.inboxes.append(number)
            Inbox.sources(viewer).start(&self) { core, result in
                let wall = core.now.wall
                let sources = (try? result.get()) ?? []
                core.streams.open[number]?.shown = Set(sources.map(\.source.text) + [viewer.name])
                let pulled = sources.filter { !$0.isPushed(at: wall) }.prefix(Limits.socialPulls)
                core.watch(
                    number,
                    [SocialKeys.inbox(viewer.name), SocialKeys.timeline(.user(viewer.name))]
                        + pulled.map { SocialKeys.timeline($0.source) }, from)
            }
        case .post(let path, let home): watchPost(number, path, home, origin)
        }
    }

    /// Follows ranges of pointers from a moment on.
    private mutating func watch(_ number: UInt64, _ ranges: [SocialRange], _ from: WallTime?) {
        guard streams.open[number] != nil else { return }
        let start = PostID(
            firstOf: from ?? WallTime(milliseconds: now.wall.milliseconds - min(now.wall.milliseconds, 2_000)))
        let bounded = ranges.map { range in
            var range = range
            range.start = start.text
            return range
        }
        let following = follow(bounded) { core, _, event in
            switch event {
            case .item(let sort, let json):
                guard let id = PostID(sort), let pointer = json.flatMap(Pointer.init) else { return }
                core.tell(number, id, pointer)
            case .removed(let sort): core.tellGone(number, sort)
            case .ready:
                if let left = core.streams.open[number]?.replaying {
                    core.streams.open[number]?.replaying = max(0, left - 1)
                }
            case .reset: break
            }
        }
        streams.open[number]?.following = following
        streams.open[number]?.replaying = ranges.count
    }

    private mutating func watchPost(_ number: UInt64, _ path: PostPath, _ home: Home?, _ origin: String) {
        let bucket = home.map { "social.posts@\($0)" } ?? "social.posts"
        let range = SocialRange(bucket: bucket, partition: path.text, start: "head", end: "head\0")
        let following = follow([range]) { core, _, event in
            guard case .item(_, let json) = event, let head = json.flatMap(Head.init) else { return }
            core.heads.forget(path, home)
            if head.isShown(at: core.now.wall), !core.suspended.isAuthor(of: head) {
                let post = ReadPost(path: path, home: home, head: head, context: [])
                let name = head.rev > 1 ? "edit" : "post"
                core.send(number, name, Cards.event(ListedPost(id: head.id, content: .post(post)), origin))
            } else {
                core.tellGone(number, head.id.text)
            }
        }
        streams.open[number]?.following = following
    }

    private mutating func replay(_ number: UInt64, _ page: Flow<TimelinePage>, _ from: WallTime) {
        page.start(&self) { core, result in
            guard let page = try? result.get() else { return }
            if page.next != nil, let oldest = page.posts.last, oldest.id.time >= from { core.write(number, core.anew) }
            for post in page.posts.reversed() where post.id.time >= from { core.tell(number, post, isPast: true) }
        }
    }

    /// What came into everybody's timeline, for all who look at it, and for those who follow its author: it is here
    /// some round trips before it is in their inboxes.
    mutating func tellStreams() {
        let news = streams.publicNews
        streams.publicNews = []
        for (id, pointer) in news {
            let readers = streams.everybody + streams.inboxes.filter { isShown(pointer, in: $0) }
            guard !readers.isEmpty else { continue }
            Timelines.listed(pointer, id).start(&self) { core, result in
                guard let post = try? result.get() else { return }
                for number in readers { core.tell(number, post) }
            }
        }
    }

    private func isShown(_ pointer: Pointer, in number: UInt64) -> Bool {
        streams.open[number]?.shown.map { Inbox.isShown(pointer, $0) } ?? false
    }

    private mutating func tell(_ number: UInt64, _ id: PostID, _ pointer: Pointer) {
        guard let stream = streams.open[number], stream.shown.map({ Inbox.isShown(pointer, $0) }) ?? true else {
            return
        }
        let isPast = stream.replaying > 0
        Timelines.listed(pointer, id).start(&self) { core, result in
            guard let post = try? result.get() else { return }
            core.tell(number, post, isPast: isPast)
        }
    }

    private mutating func tell(_ number: UInt64, _ post: ListedPost, isPast: Bool = false) {
        guard var stream = streams.open[number] else { return }
        let rev = post.revision
        let before = stream.told[post.id]
        guard before.map({ $0 < rev }) ?? true else { return }
        if stream.told.count >= 1_000 { stream.told = [:] }
        stream.told[post.id] = rev
        streams.open[number] = stream
        let time = isPast ? min(post.id.time, now.wall) : now.wall
        send(number, before == nil ? "post" : "edit", Cards.event(post, stream.origin), time)
    }

    private mutating func tellGone(_ number: UInt64, _ id: String) {
        send(number, "gone", .object(["id": .string(id)]))
    }

    // MARK: Writing

    /// There is more than is told.
    private var anew: [UInt8] { Array("id: \(now.wall.milliseconds)\nevent: anew\ndata: {}\n\n".utf8) }

    private mutating func send(_ number: UInt64, _ name: String, _ data: JSONValue, _ time: WallTime? = nil) {
        var text = Array("id: \((time ?? now.wall).milliseconds)\nevent: \(name)\ndata: ".utf8)
        text += data.encode()
        text += [0x0A, 0x0A]
        write(number, text)
    }

    private mutating func write(_ number: UInt64, _ bytes: [UInt8]) {
        guard var stream = streams.open[number] else { return }
        if stream.isWriting {
            // A reader who takes nothing is told less.
            let isMore = stream.waiting.count + bytes.count > Limits.socialStreamBytes
            stream.waiting = isMore ? anew : stream.waiting + bytes
            streams.open[number] = stream
        } else {
            stream.isWriting = true
            streams.open[number] = stream
            out.emit(.stream(number, [bytes[...]]))
        }
    }

    mutating func drained(_ number: UInt64) {
        guard var stream = streams.open[number] else { return }
        stream.isWriting = false
        let bytes = stream.waiting
        stream.waiting = []
        streams.open[number] = stream
        if !bytes.isEmpty { write(number, bytes) }
    }

    private mutating func end(_ number: UInt64) {
        closeStream(number)
        out.emit(.endStream(number))
    }

    /// A stream of somebody's own ends with the session.
    private mutating func lookAtViewer(_ number: UInt64) {
        guard case .inbox(let viewer)? = streams.open[number]?.target else { return }
        Visitors.isStillGood(viewer).start(&self) { core, result in
            if case .success(false) = result { core.end(number) }
        }
    }

    /// Proxies and browsers take a connection for dead on which nothing comes.
    private mutating func beat(_ number: UInt64) {
        after(.seconds(15)) { core, _ in
            guard var stream = core.streams.open[number] else { return }
            // Of whoever has gone before the first event nobody says so: it has a minute, as all readers have.
            stream.unreadBeats = stream.isWriting ? stream.unreadBeats + 1 : 0
            core.streams.open[number] = stream
            guard stream.unreadBeats < 4 else { return core.end(number) }
            core.write(number, Array(": \n\n".utf8))
            core.beat(number)
            core.lookAtViewer(number)
        }
    }
}

extension ListedPost {
    var revision: Int {
        switch content {
        case .post(let post): post.head.rev
        case .item(_, let entry): entry.rev
        }
    }
}
