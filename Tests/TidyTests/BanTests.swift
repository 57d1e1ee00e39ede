// Holds the bans, and proves that they can be broken.

import Testing

@Suite struct BanTests {
    @Test(arguments: Ban.all) func isKept(_ ban: Ban) throws {
        let pattern = try Pattern(ban.pattern)
        #expect(!pattern.matches(in: Blanking.blank(ban.example)).isEmpty, "the pattern does not find its example")
        #expect(pattern.matches(in: Blanking.blank("// \(ban.example)\nlet s = \"\(ban.example)\"")).isEmpty)
        var findings: [Finding] = []
        for file in SourceTree.sources where !file.isGenerated {
            guard (FloorTests.floor(of: file.module) ?? 0) <= ban.upToFloor,
                !ban.allowed.contains(where: { file.path.hasPrefix($0) })
            else { continue }
            for match in pattern.matches(in: file.code) {
                findings.append(Finding(path: file.path, line: match.line, what: "\(match.groups[0]): \(ban.reason)"))
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    /// Tests wait for nothing either: what takes time runs under virtual time.
    @Test func testsDoNotSleep() throws {
        let patterns = try Ban.waiting.map { try Pattern($0.pattern) }
        // Tests of whole processes have nothing but the wall clock to go by.
        let files = SourceTree.tests.filter { $0.module != "IntegrationTests" }
        let findings = files.flatMap { file in
            patterns.flatMap { $0.matches(in: file.code) }.map {
                Finding(path: file.path, line: $0.line, what: $0.groups[0])
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test func nothingIsLeftForLater() throws {
        // Taken apart, so that this file does not find itself.
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].joined(separator: "|")
        let pattern = try Pattern(#"\b("# + words + #")\b"#)
        let findings = SourceTree.handwritten.flatMap { file in
            pattern.matches(in: file.text).map { Finding(path: file.path, line: $0.line, what: $0.groups[0]) }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    /// `@unchecked Sendable` is a promise to the compiler; the reader is told why it holds.
    @Test func everyUncheckedPromiseIsExplained() throws {
        let pattern = try Pattern(#"@unchecked Sendable"#)
        let words = ["Safe to share", "Guarded by", "thread", "Only used", "only used"]
        var findings: [Finding] = []
        for file in SourceTree.sources where !file.isGenerated {
            for match in pattern.matches(in: file.code) {
                let near = file.lines[max(0, match.line - 4)..<min(file.lines.count, match.line + 3)]
                let isExplained = near.contains { line in
                    line.contains("//") && words.contains { line.contains($0) }
                }
                guard !isExplained else { continue }
                findings.append(
                    Finding(path: file.path, line: match.line, what: "say beside it why this may be shared"))
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }
}
