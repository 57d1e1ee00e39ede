// The repository as the tidy tests read it: every source file, as it is written and with comments and literals blanked.

import Foundation

struct SourceFile: Sendable, CustomStringConvertible {
    /// From the root of the repository: `Sources/World/Limits.swift`.
    let path: String
    let text: String
    /// The same length and the same lines as `text`, with blanks for what stands in comments and string literals.
    let code: String
    let lines: [String]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        code = Blanking.blank(text)
        var lines = text.components(separatedBy: "\n")
        if lines.last == "" { lines.removeLast() }
        self.lines = lines
    }

    var isGenerated: Bool { path.contains("/Generated/") }
    /// `World` for `Sources/World/Limits.swift`, `WorldTests` for `Tests/WorldTests/TimeTests.swift`.
    var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
    var name: String { path.split(separator: "/").last.map(String.init) ?? "" }
    var description: String { path }
}

enum SourceTree {
    static let root: URL = {
        // Tests/TidyTests/SourceTree.swift, wherever the package lies.
        var root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { root.deleteLastPathComponent() }
        return root
    }()

    static let sources = swiftFiles("Sources")
    static let tests = swiftFiles("Tests")
    static let handwritten = (sources + tests).filter { !$0.isGenerated }
    /// Of other languages.
    static let others = sourceFiles("Sources", [".cpp", ".c", ".h"]) + sourceFiles("scripts", [".sh"])

    static func text(_ path: String) -> String? {
        (try? Data(contentsOf: root.appendingPathComponent(path))).map { String(decoding: $0, as: UTF8.self) }
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    /// The names in a directory, sorted, without hidden ones.
    static func names(in directory: String) -> [String] {
        let all = try? FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(directory).path)
        return (all ?? []).filter { !$0.hasPrefix(".") }.sorted()
    }

    /// Every file under a directory, as paths from the root, sorted.
    static func files(under directory: String) -> [String] {
        let base = root.appendingPathComponent(directory).path
        let found = FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []
        return found.filter { name in
            var isDirectory: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: base + "/" + name, isDirectory: &isDirectory)
            return isThere && !isDirectory.boolValue && !name.split(separator: "/").contains { $0.hasPrefix(".") }
        }.map { directory + "/" + $0 }.sorted()
    }

    private static func swiftFiles(_ directory: String) -> [SourceFile] { sourceFiles(directory, [".swift"]) }

    private static func sourceFiles(_ directory: String, _ endings: [String]) -> [SourceFile] {
        files(under: directory).filter { file in endings.contains { file.hasSuffix($0) } }.compactMap { path in
            text(path).map { SourceFile(path: path, text: $0) }
        }
    }
}

/// A place where a rule is broken.
struct Finding: Hashable, CustomStringConvertible {
    let path: String
    let line: Int
    let what: String

    var description: String { "\(path):\(line): \(what)" }
}

extension [Finding] {
    /// One to a line, for the message of an expectation.
    var report: String { "\n" + map(\.description).joined(separator: "\n") }
}

/// A regular expression, with `^` and `$` at line ends.
struct Pattern: Sendable {
    private let expression: NSRegularExpression

    init(_ pattern: String) throws {
        expression = try NSRegularExpression(pattern: pattern, options: [.anchorsMatchLines])
    }

    struct Match {
        let line: Int
        /// The whole match, then its groups; empty for a group that took no part.
        let groups: [String]
    }

    func matches(in text: String) -> [Match] {
        let bridged = NSString(string: text)
        var line = 1
        var position = 0
        return expression.matches(in: text, range: NSRange(location: 0, length: bridged.length)).map { result in
            let between = bridged.substring(
                with: NSRange(location: position, length: result.range.location - position))
            line += between.utf8.count { $0 == 0x0A }
            position = result.range.location
            let groups = (0..<result.numberOfRanges).map { index -> String in
                let range = result.range(at: index)
                return range.location == NSNotFound ? "" : bridged.substring(with: range)
            }
            return Match(line: line, groups: groups)
        }
    }
}
