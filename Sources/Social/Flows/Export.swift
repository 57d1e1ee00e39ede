// What a person takes along: a tar (POSIX ustar) of all posts as they are, with what is said of them, the profile and
// whom the person follows. Large accounts come in several parts, each a tar of its own.

import Edge
import JSON
import Keys
import World

enum Export {
    struct Part: Sendable {
        let bytes: [UInt8]
        /// More posts follow in another part, which begins after this.
        let next: String?
    }

    /// What stands in no list follows behind what does.
    private enum Listed: String { case listed, unlisted }

    /// - after: where the last part ended: a kind of list, and a post's id.
    static func tar(_ viewer: Visitor, after: String?) -> Flow<Part> {
        Accounts.profile(viewer.name).then { profile in
            Follows.all(viewer.name).then { follows in
                let tar = TarWriter()
                if after == nil {
                    let said = JSONValue.object([
                        "name": .string(viewer.name), "display": .string(profile.display), "bio": .string(profile.bio),
                        "blocks": .strings(profile.blocks),
                        "following": .strings(follows.map(\.source.text)),
                    ])
                    tar.add("\(viewer.name)/profile.json", Array(said.text().utf8), at: WallTime(milliseconds: 0))
                }
                let place = (after ?? "").split(separator: ".").map(String.init)
                return posts(
                    viewer, place.first.flatMap(Listed.init) ?? .listed,
                    before: place.count == 2 ? PostID(place[1]) : nil, tar)
            }
        }
    }

    private static func posts(
        _ viewer: Visitor, _ listed: Listed, before: PostID?, _ tar: TarWriter
    ) -> Flow<Part> {
        let range =
            listed == .listed ? SocialKeys.timeline(.user(viewer.name)) : SocialKeys.unlisted(viewer.name, viewer.home)
        return Timelines.page(range, before: before, limit: 20).then { page in
            add(page.posts[...], tar).then { tar, last in
                // What did not fit any more begins the next part.
                if let last {
                    return .value(Part(bytes: tar.finished(), next: "\(listed.rawValue).\(last.text)"))
                }
                if let next = page.next { return posts(viewer, listed, before: next, tar) }
                return listed == .listed
                    ? posts(viewer, .unlisted, before: nil, tar) : .value(Part(bytes: tar.finished(), next: nil))
            }
        }
    }

    private static func add(_ posts: ArraySlice<ListedPost>, _ tar: TarWriter) -> Flow<(TarWriter, PostID?)> {
        guard let first = posts.first else { return .value((tar, nil)) }
        guard case .post(let post) = first.content else { return add(posts.dropFirst(), tar) }
        return Reading.body(post).map { Optional($0) }.orElse { problem in
            problem.status == 404 ? .value(nil) : .refused(problem)
        }.then { body in
            if let body {
                let name = post.path.text
                tar.add("\(name).json", Array(post.head.json.text().utf8), at: post.head.time)
                tar.add("\(name)\(ending(post.head.type))", Array(body.bytes), at: post.head.time)
            }
            return tar.count >= Limits.socialExportBytes
                ? .value((tar, first.id)) : add(posts.dropFirst(), tar)
        }
    }

    private static func ending(_ type: String) -> String {
        switch type.mediaType {
        case "text/markdown": ".md"
        case "text/plain": ".txt"
        case "text/html": ".html"
        case "image/png": ".png"
        case "image/jpeg": ".jpg"
        case "image/gif": ".gif"
        case "image/webp": ".webp"
        case "application/pdf": ".pdf"
        default: ".bin"
        }
    }
}

/// Files one behind the other, each with a head of 512 bytes and padded to as many (POSIX.1-1988, "ustar"; names that
/// do not fit there in a head of their own, POSIX.1-2001, "pax").
final class TarWriter {
    private var bytes: [UInt8] = []
    var count: Int { bytes.count }

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
