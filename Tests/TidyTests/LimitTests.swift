// Every limit has a reason, and something that holds it.

import Testing

@Suite struct LimitTests {
    private static let path = "Sources/World/Limits.swift"

    private static func constants() throws -> (file: SourceFile, names: [Pattern.Match]) {
        let file = try #require(SourceTree.sources.first { $0.path == path })
        return (file, try Pattern(#"^    public static let (\w+)"#).matches(in: file.code))
    }

    @Test func everyLimitHasAReason() throws {
        let (file, names) = try LimitTests.constants()
        #expect(names.count > 50)
        for match in names {
            // Neighbours without a blank line between share a comment.
            var line = match.line - 2
            while line > 0, file.lines[line].hasPrefix("    public static let ") { line -= 1 }
            #expect(
                file.lines[line].hasPrefix("    ///"), "\(file.path):\(match.line): \(match.groups[1]) has no reason")
        }
    }

    /// Whoever looks for a bound, or wants to change one, looks into one file.
    @Test func limitsStandInOneFile() throws {
        let pattern = try Pattern(
            #"\bstatic let ((?:max|most|largest|longest)[A-Z]\w*|\w+(?:Limit|Budget))\b(?:: [\w.]+)? = (?:Span\.\w+\()?\d"#
        )
        let broken =
            "    private static let largestHead: Int = 64 << 10\nstatic let longest = 1\nstatic let waitLimit = Span.seconds(1)"
        #expect(pattern.matches(in: broken).map { $0.groups[1] } == ["largestHead", "waitLimit"])
        let findings = SourceTree.sources.filter { $0.path != LimitTests.path && !$0.isGenerated }.flatMap { file in
            pattern.matches(in: file.code).map {
                Finding(path: file.path, line: $0.line, what: "\($0.groups[1]) belongs into \(LimitTests.path)")
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test func everyLimitIsHeld() throws {
        let (_, names) = try LimitTests.constants()
        let use = try Pattern(#"\bLimits\.(\w+)"#)
        // In interpolations a limit is told, not held, so only code counts.
        let used = Set(SourceTree.sources.flatMap { file in use.matches(in: file.code).map { $0.groups[1] } })
        let idle = names.map { $0.groups[1] }.filter { !used.contains($0) }
        #expect(idle.isEmpty, "limits that nothing holds: \(idle.joined(separator: ", "))")
    }
}
