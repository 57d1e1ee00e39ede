// The slug of a post without a name that asks for none: SHA-256(T ‖ round ‖ body), with more digits each round. A loop
// with an end, and the same loop on a retry.

import Edge
import Keys

enum GeneratedSlug {
    private static let digits = [12, 16, 24, 40, 64]
    /// The last has the whole digest.
    static let lastRound = digits.count - 1

    static func text(_ round: Int, _ token: String, _ body: String) -> String {
        let digest = SocialDigest(Array(token.utf8), [UInt8(round)], Array(body.utf8)).text
        return String(digest.prefix(digits[min(round, lastRound)]))
    }

    /// Where the loop goes on when a slug is taken; nil behind its last round, and where nothing is generated.
    static func next(after path: PostPath, _ intent: Intent) -> PostPath? {
        guard case .post(let head, true) = intent.kind, let round = digits.firstIndex(of: path.last.utf8.count),
            round < lastRound
        else { return nil }
        return PostPath(slug: text(round + 1, intent.token, head.body))
    }

    /// All that the loop may come to.
    static func paths(_ token: String, _ body: String, isListed: Bool) -> [PostPath] {
        (firstRound(isListed: isListed)...lastRound).map { PostPath(slug: text($0, token, body)) }
    }

    /// Whether a slug looks like a generated one: only the loop gives those.
    static func isSHA(_ slug: String) -> Bool {
        digits.contains(slug.utf8.count)
            && slug.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// What is in no list is found by nobody who tries: it begins with 40 digits.
    static func firstRound(isListed: Bool) -> Int { isListed ? 0 : 3 }
}
