// Who owns a name: whoever knows its token. The token stays at the edge; a digest of it travels and is stored.

import World

/// What an owner presents. Its text never leaves this value: it isn't printable, comparable or codable.
package struct OwnerToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    private let text: [UInt8]

    package enum Refusal: Error, Equatable, Sendable, CustomStringConvertible {
        case tooLong
        /// Something but letters, digits and `-._~+/=`.
        case character
        /// Fewer characters than 128 random bits need in the alphabet seen, or too few different ones.
        case tooWeak

        package var description: String {
            switch self {
            case .tooLong: "an owner token has at most \(Limits.ownerTokenBytes) characters"
            case .character: "an owner token has only letters, digits and -._~+/="
            case .tooWeak:
                "an owner token carries at least 128 random bits: 22 characters of base64, or 32 of hexadecimal"
            }
        }
    }

    /// - Parameter text: the header's value. Randomness can't be tested, so length is, by the smallest alphabet that
    /// the
    ///   text fits; and a text of fewer than eight different characters is not random.
    package init(_ text: [UInt8]) throws(Refusal) {
        guard text.count <= Limits.ownerTokenBytes else { throw .tooLong }
        guard text.allSatisfy(OwnerToken.isAllowed) else { throw .character }
        guard text.count >= OwnerToken.leastLength(for: text), OwnerToken.distinct(text) >= 8 else { throw .tooWeak }
        self.text = text
    }

    private static func isDigit(_ b: UInt8) -> Bool { (0x30...0x39).contains(b) }
    private static func isUpper(_ b: UInt8) -> Bool { (0x41...0x5A).contains(b) }
    private static func isLower(_ b: UInt8) -> Bool { (0x61...0x7A).contains(b) }
    private static func isAllowed(_ b: UInt8) -> Bool {
        isDigit(b) || isUpper(b) || isLower(b) || "-._~+/=".utf8.contains(b)
    }

    /// 128 bits over log2 of the alphabet's size, rounded up: 10, 16, 36 or 64 characters.
    private static func leastLength(for text: [UInt8]) -> Int {
        let hexadecimalLower = text.allSatisfy { isDigit($0) || (0x61...0x66).contains($0) || $0 == 0x2D }
        let hexadecimalUpper = text.allSatisfy { isDigit($0) || (0x41...0x46).contains($0) || $0 == 0x2D }
        if text.allSatisfy({ isDigit($0) || $0 == 0x2D }) { return 39 }
        if hexadecimalLower || hexadecimalUpper { return 32 }
        if !text.contains(where: isUpper) || !text.contains(where: isLower) { return 25 }
        return 22
    }

    private static func distinct(_ text: [UInt8]) -> Int {
        var seen = [Bool](repeating: false, count: 256)
        for byte in text { seen[Int(byte)] = true }
        return seen.count { $0 }
    }

    /// What is stored and sent for this owner of `name`. The name is part of it: the digests of two names of one owner
    /// have nothing in common, so a stolen store doesn't tell who owns what together.
    package func digest(for name: Name) -> OwnerDigest {
        OwnerDigest(Digest256(domain: "atoll/namestore/owner/1", [name.bytes, text]))
    }

    package var description: String { "(owner token)" }
    package var debugDescription: String { "(owner token)" }
}

/// A digest of a name and its owner's token. Compared in constant time.
package struct OwnerDigest: Sendable, Equatable, CustomStringConvertible {
    package let digest: Digest256

    package init(_ digest: Digest256) { self.digest = digest }

    package var bytes: [UInt8] {
        [digest.words.0, digest.words.1, digest.words.2, digest.words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
        }
    }

    /// The first 32 bits: enough to tell owners apart in a trace, useless for anything else.
    package var description: String { String(hexadecimal(digest.words.0).prefix(8)) }
}
