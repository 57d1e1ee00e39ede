// Blanks comments and string literals, so that a rule about code is not broken by a sentence about it.

enum Blanking {
    /// As many bytes and lines as `text`, all of them ASCII where something was blanked. What stands in an
    /// interpolation is blanked with its literal.
    static func blank(_ text: String) -> String {
        var scanner = Scanner(bytes: Array(text.utf8))
        scanner.run()
        return String(decoding: scanner.bytes, as: UTF8.self)
    }

    private struct Scanner {
        var bytes: [UInt8]
        private var at = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func run() {
            while at < bytes.count {
                if starts("//") {
                    blankLine()
                } else if starts("/*") {
                    blankBlock()
                } else if let hashes = literalHashes() {
                    blankLiteral(hashes: hashes)
                } else {
                    at += 1
                }
            }
        }

        private func starts(_ text: StaticString, at place: Int? = nil) -> Bool {
            let place = place ?? at
            guard place + text.utf8CodeUnitCount <= bytes.count else { return false }
            return (0..<text.utf8CodeUnitCount).allSatisfy { bytes[place + $0] == text.utf8Start[$0] }
        }

        private mutating func blankOne() {
            if bytes[at] != UInt8(ascii: "\n") { bytes[at] = UInt8(ascii: " ") }
            at += 1
        }

        private mutating func blankLine() {
            while at < bytes.count, bytes[at] != UInt8(ascii: "\n") { blankOne() }
        }

        private mutating func blankBlock() {
            var depth = 0
            repeat {
                if starts("/*") {
                    depth += 1
                    blankOne()
                } else if starts("*/") {
                    depth -= 1
                    blankOne()
                }
                blankOne()
            } while depth > 0 && at < bytes.count
        }

        /// The number of `#` before a literal that begins here; nil if none begins.
        private func literalHashes() -> Int? {
            var end = at
            while end < bytes.count, bytes[end] == UInt8(ascii: "#") { end += 1 }
            guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else { return nil }
            return end - at
        }

        private mutating func blankLiteral(hashes: Int) {
            for _ in 0..<hashes { blankOne() }
            let quotes = starts("\"\"\"") ? 3 : 1
            for _ in 0..<quotes { blankOne() }
            while at < bytes.count {
                if bytes[at] == UInt8(ascii: "\\"), run(of: "#", from: at + 1) >= hashes {
                    let next = at + 1 + hashes
                    guard next < bytes.count, bytes[next] == UInt8(ascii: "(") else {
                        for _ in 0..<(hashes + 2) where at < bytes.count { blankOne() }
                        continue
                    }
                    while at <= next { blankOne() }
                    blankInterpolation()
                } else if run(of: "\"", from: at) >= quotes, run(of: "#", from: at + quotes) >= hashes {
                    for _ in 0..<(quotes + hashes) { blankOne() }
                    return
                } else {
                    blankOne()
                }
            }
        }

        /// From behind `\(` to behind its closing parenthesis; literals inside may hold parentheses of their own.
        private mutating func blankInterpolation() {
            var depth = 1
            while depth > 0, at < bytes.count {
                if let hashes = literalHashes() {
                    blankLiteral(hashes: hashes)
                    continue
                }
                if bytes[at] == UInt8(ascii: "(") { depth += 1 }
                if bytes[at] == UInt8(ascii: ")") { depth -= 1 }
                blankOne()
            }
        }

        private func run(of character: Unicode.Scalar, from start: Int) -> Int {
            var end = start
            while end < bytes.count, bytes[end] == UInt8(ascii: character) { end += 1 }
            return end - start
        }
    }
}
