// What may be a name, and which spellings are the same one.

import World

/// A name in its one normal form: NFC, and caseless if it begins with `user:` in any case.
package struct Name: Hashable, Sendable, CustomStringConvertible {
    /// UTF-8, 1 to `Limits.nameBytes` bytes.
    package let bytes: [UInt8]

    /// Why a string is no name. The text is for the answer to the client.
    package enum Refusal: Error, Equatable, Sendable, CustomStringConvertible {
        case empty
        /// More than `Limits.nameBytes` bytes, before or after normalisation.
        case tooLong
        case notUTF8
        /// NUL, CR or LF: they break lines in logs and headers.
        case controlCharacter
        /// A code point that this Unicode version doesn't know: its case may be defined later, and two names become
        /// one.
        case unassigned(UInt32)
        /// A character that shows nothing, in a name of a person: there would be two that look like one.
        case invisible(UInt32)

        package var description: String {
            switch self {
            case .empty: "a name has at least one character"
            case .tooLong: "a name has at most \(Limits.nameBytes) bytes of UTF-8"
            case .notUTF8: "a name is valid UTF-8"
            case .controlCharacter: "a name has no NUL, CR or LF"
            case .unassigned(let scalar): "\(Refusal.codePoint(scalar)) is not assigned in Unicode"
            case .invisible(let scalar):
                "\(Refusal.codePoint(scalar)) shows nothing, and a name that begins with user: has no such character"
            }
        }

        private static func codePoint(_ scalar: UInt32) -> String {
            let digits = String(scalar, radix: 16, uppercase: true)
            return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        }
    }

    /// Names under this prefix are people's: case doesn't distinguish them.
    private static let caselessPrefix = Array("user:".utf8)

    /// - Parameter raw: the name's bytes, already percent-decoded, once.
    package init(_ raw: [UInt8]) throws(Refusal) {
        guard !raw.isEmpty else { throw .empty }
        // A longer input is refused before any work is done on it, though NFC could shorten it.
        guard raw.count <= Limits.nameBytes else { throw .tooLong }
        if let plain = try Name.normalisedASCII(raw) {
            bytes = plain
            return
        }
        guard let text = String(validating: raw, as: UTF8.self) else { throw .notUTF8 }
        for scalar in text.unicodeScalars {
            if scalar == "\0" || scalar == "\r" || scalar == "\n" { throw .controlCharacter }
            if scalar.properties.generalCategory == .unassigned { throw .unassigned(scalar.value) }
        }
        let folded = Array(Normalisation.folded(text).utf8)
        let normal =
            folded.starts(with: Name.caselessPrefix) ? folded : Array(Normalisation.composed(text).utf8)
        guard normal.count <= Limits.nameBytes else { throw .tooLong }
        bytes = normal
    }

    /// Throws if nobody may take this name anew. A rule that came later than some names is no part of what a name is:
    /// what is held can still be looked at and given up.
    package func checkMayBeTaken() throws(Refusal) {
        guard bytes.starts(with: Name.caselessPrefix) else { return }
        for scalar in description.unicodeScalars where Name.isInvisible(scalar) { throw .invisible(scalar.value) }
    }

    /// Control characters, and what Unicode tells programs to show as nothing.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            || DefaultIgnorable.ranges.contains { $0.contains(scalar.value) }
    }

    /// Nearly all names: ASCII is its own NFC, and its fold is lower case. Nil if there is anything else.
    private static func normalisedASCII(_ raw: [UInt8]) throws(Refusal) -> [UInt8]? {
        var folded = raw
        for (index, byte) in raw.enumerated() {
            if byte == 0x00 || byte == 0x0A || byte == 0x0D { throw .controlCharacter }
            if byte >= 0x80 { return nil }
            if (0x41...0x5A).contains(byte) { folded[index] = byte | 0x20 }
        }
        return folded.starts(with: caselessPrefix) ? folded : raw
    }

    package var description: String { String(decoding: bytes, as: UTF8.self) }
}
