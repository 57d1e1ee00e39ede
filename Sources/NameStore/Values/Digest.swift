// SHA-256 with domain separation: every digest of the namestore is made here, so that one made for one purpose can
// never be taken for another.

import Crypto

/// A SHA-256 digest, held inline. Equality takes the same time wherever the first difference is.
package struct Digest256: Sendable, Equatable {
    package let words: (UInt64, UInt64, UInt64, UInt64)

    package init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) { words = (a, b, c, d) }

    /// The digest of `parts`, each preceded by its length, after the length and text of `domain`.
    package init(domain: StaticString, _ parts: [[UInt8]]) {
        var hash = SHA256()
        Digest256.feed(&hash, Array(domain.description.utf8))
        for part in parts { Digest256.feed(&hash, part) }
        var words: [UInt64] = [0, 0, 0, 0]
        hash.finalize().withUnsafeBytes { bytes in
            for index in 0..<32 { words[index / 8] = words[index / 8] << 8 | UInt64(bytes[index]) }
        }
        self.init(words[0], words[1], words[2], words[3])
    }

    private static func feed(_ hash: inout SHA256, _ part: [UInt8]) {
        var length = UInt64(part.count).bigEndian
        withUnsafeBytes(of: &length) { hash.update(bufferPointer: $0) }
        part.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }

    package static func == (a: Digest256, b: Digest256) -> Bool {
        let difference =
            (a.words.0 ^ b.words.0) | (a.words.1 ^ b.words.1) | (a.words.2 ^ b.words.2) | (a.words.3 ^ b.words.3)
        return difference == 0
    }
}
