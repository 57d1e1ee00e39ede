// What a person takes along: a tar (POSIX ustar) of the profile, whom the person follows, and all posts: of each what
// is said of it, and its bytes as they are and as they were. Large accounts come in several parts, each a tar of its
// own.
//
//     ann/profile.json
//     ann/posts/hello/post.json    what is said of it
//     ann/posts/hello/2.md         the present revision
//     ann/posts/hello/1.md         an older one
//     ann/more.txt                 where the next part is, if there is one

import Edge
import JSON
import Keys
import World

enum Export {
    struct Part: Sendable {
        let bytes: [UInt8]
        /// More follows in another part, which begins there.
        let next: Place?
    }

    /// What stands in no list follows behind what does.
    fileprivate enum Listed: String { case listed, unlisted }

    /// Where a part has ended: behind a post, or between its revisions.
    struct Place: Sendable {
        fileprivate let listed: Listed
        fileprivate let post: PostID
        /// Older ones of the post follow; of a post that is done none do.
        fileprivate let revision: Int

        fileprivate init(_ listed: Listed, _ post: PostID, revision: Int) {
            self.listed = listed
            self.post = post
            self.revision = revision
        }

        init?(_ text: String) {
            let parts = text.split(separator: ".").map(String.init)
            guard parts.count == 3, let listed = Listed(rawValue: parts[0]), let post = PostID(parts[1]),
                let revision = Int(parts[2]), revision >= 0
            else { return nil }
            self.init(listed, post, revision: revision)
        }

        var text: String { "\(listed.rawValue).\(post.text).\(revision)" }
    }

    /// - address: where parts are asked for.
    static func tar(_ viewer: Visitor, after place: Place?, address: String) -> Flow<Part> {
        let tar = TarWriter()
        let end: Flow<Place?>
        if let place {
            end = posts(viewer, from: place, tar)
        } else {
            end = profile(viewer, tar).then { posts(viewer, .listed, before: nil, tar) }
        }
        return end.map { next in
            if let next {
                let more = "More follows at \(address)?after=\(next.text)\n"
                tar.add("\(viewer.name)/more.txt", Array(more.utf8), at: WallTime(milliseconds: 0))
            }
            return Part(bytes: tar.finished(), next: next)
        }
    }

    private static func profile(_ viewer: Visitor, _ tar: TarWriter) -> Flow<Void> {
        Accounts.profile(viewer.name).and(Follows.all(viewer.name)).map { profile, follows in
            let said = JSONValue.object([
                "name": .string(viewer.name), "display": .string(profile.display), "bio": .string(profile.bio),
                "blocks": .strings(profile.blocks), "following": .strings(follows.map(\.source.text)),
            ])
            tar.add("\(viewer.name)/profile.json", Array(said.text().utf8), at: WallTime(milliseconds: 0))
        }
    }

    // MARK: Posts

    /// The rest of the post that the last part has ended in, then those before it.
    private static func posts(_ viewer: Visitor, from place: Place, _ tar: TarWriter) -> Flow<Place?> {
        let key =
            place.listed == .listed
            ? SocialKeys.timeline(.user(viewer.name), place.post)
            : SocialKeys.unlisted(viewer.name, place.post, viewer.home)
        guard let key, place.revision > 0 else { return posts(viewer, place.listed, before: place.post, tar) }
        let pointer: Flow<Stored<Pointer>> = Cluster.readSurely(key)
        return pointer.then { stored -> Flow<ListedPost?> in
            guard let pointer = stored.record else { return .value(nil) }
            return Timelines.listed(pointer, place.post)
        }.then { found -> Flow<Place?> in
            guard let found else { return .value(nil) }
            return add(found, place.listed, below: place.revision, tar)
        }.then { end in
            end.map { .value($0) } ?? posts(viewer, place.listed, before: place.post, tar)
        }
    }

    /// The newest first; where the part ends, nil where there is nothing more.
    private static func posts(
        _ viewer: Visitor, _ listed: Listed, before: PostID?, _ tar: TarWriter
    ) -> Flow<Place?> {
        let range =
            listed == .listed ? SocialKeys.timeline(.user(viewer.name)) : SocialKeys.unlisted(viewer.name, viewer.home)
        return Timelines.page(range, before: before, limit: 20).then { page in
            // An export that lacks posts is none.
            guard page.isComplete else { return .refused(.cutOff) }
            return add(page.posts[...], listed, tar).then { end in
                if let end { return .value(end) }
                if let next = page.next { return posts(viewer, listed, before: next, tar) }
                return listed == .listed ? posts(viewer, .unlisted, before: nil, tar) : .value(nil)
            }
        }
    }

    private static func add(_ posts: ArraySlice<ListedPost>, _ listed: Listed, _ tar: TarWriter) -> Flow<Place?> {
        guard let first = posts.first else { return .value(nil) }
        return add(first, listed, below: nil, tar).then { end in
            end.map { .value($0) } ?? add(posts.dropFirst(), listed, tar)
        }
    }

    /// - below: of a post that was begun in the last part, the revision that it has ended with.
    private static func add(_ one: ListedPost, _ listed: Listed, below: Int?, _ tar: TarWriter) -> Flow<Place?> {
        guard case .post(let post) = one.content, let user = post.path.user else { return .value(nil) }
        let folder = "\(user)/posts/\(post.path.last)/"
        if below == nil { tar.add(folder + "post.json", Array(post.head.json.text().utf8), at: post.head.time) }
        let revisions = Cards.revisions(post).filter { $0.rev < (below ?? .max) }
        return add(revisions[...], of: post, in: folder, tar).map { last in
            if let last { return Place(listed, one.id, revision: last) }
            return tar.isFull ? Place(listed, one.id, revision: 0) : nil
        }
    }

    /// The last that there was room for, where more follow. What is not there any more is passed by.
    private static func add(
        _ revisions: ArraySlice<Head.Revision>, of post: ReadPost, in folder: String, _ tar: TarWriter
    ) -> Flow<Int?> {
        guard let first = revisions.first else { return .value(nil) }
        return Reading.body(post, revision: first.body).map { Optional($0) }.orElse { problem in
            problem.status == 503 ? .refused(problem) : .value(nil)
        }.then { body in
            if let body {
                let name = "\(folder)\(first.rev)\(ending(body.contentType))"
                tar.add(name, Array(body.bytes), at: first.time)
            }
            let rest = revisions.dropFirst()
            return tar.isFull && !rest.isEmpty ? .value(first.rev) : add(rest, of: post, in: folder, tar)
        }
    }

    private static func ending(_ type: String) -> String {
        let essence = type.mediaType
        if let known = endings[essence] { return "." + known }
        if essence.hasSuffix("+json") { return ".json" }
        if essence.hasSuffix("+xml") { return ".xml" }
        return essence.hasPrefix("text/") ? ".txt" : ".bin"
    }

    private static let endings = [
        "text/markdown": "md", "text/html": "html", "text/css": "css", "text/csv": "csv", "text/javascript": "js",
        "text/xml": "xml", "application/xml": "xml", "application/xhtml+xml": "xhtml", "application/json": "json",
        "application/javascript": "js", "application/pdf": "pdf", "application/zip": "zip", "application/gzip": "gz",
        "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif",
        "image/svg+xml": "svg", "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/wav": "wav", "audio/mp4": "m4a",
        "audio/flac": "flac", "video/mp4": "mp4", "video/webm": "webm", "video/ogg": "ogv",
    ]
}

/// Files one behind the other, each with a head of 512 bytes and padded to as many (POSIX.1-1988, "ustar"; names that
/// do not fit there in a head of their own, POSIX.1-2001, "pax").
final class TarWriter {
    private var bytes: [UInt8] = []
    var isFull: Bool { bytes.count >= Limits.socialExportBytes }

    func add(_ name: String, _ contents: [UInt8], at time: WallTime) {
        if name.utf8.count > 100 {
            // `LENGTH path=NAME\n`, where the length counts itself.
            let rest = " path=\(name)\n"
            var length = rest.utf8.count + 1
            while "\(length)".utf8.count + rest.utf8.count != length { length += 1 }
            let record = Array("\(length)\(rest)".utf8)
            head("pax", record.count, time, type: UInt8(ascii: "x"))
            body(record)
        }
        head(name, contents.count, time, type: UInt8(ascii: "0"))
        body(contents)
    }

    /// With the two empty blocks that end an archive.
    func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 1_024) }

    private func body(_ contents: [UInt8]) {
        bytes += contents
        bytes += [UInt8](repeating: 0, count: (512 - contents.count % 512) % 512)
    }

    private func head(_ name: String, _ size: Int, _ time: WallTime, type: UInt8) {
        var head = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ place: Int, _ length: Int) {
            for (at, byte) in text.utf8.prefix(length).enumerated() { head[place + at] = byte }
        }
        func octal(_ number: Int, _ place: Int, _ length: Int) {
            let digits = String(number, radix: 8)
            put(String(repeating: "0", count: max(0, length - 1 - digits.utf8.count)) + digits, place, length - 1)
        }
        put(name, 0, 100)
        octal(0o644, 100, 8)
        octal(0, 108, 8)
        octal(0, 116, 8)
        octal(size, 124, 12)
        octal(Int(time.milliseconds / 1_000), 136, 12)
        put("        ", 148, 8)
        head[156] = type
        put("ustar", 257, 5)
        put("00", 263, 2)
        let sum = head.reduce(0) { $0 + Int($1) }
        octal(sum, 148, 7)
        bytes += head
    }
}
