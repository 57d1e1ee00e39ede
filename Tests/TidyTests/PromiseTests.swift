// What is promised is tested: each row of the table in docs/ARCHITECTURE.md names tests, and they exist.

import Foundation
import Testing

@Suite struct PromiseTests {
    @Test func everyPromiseNamesTheTestsThatHoldIt() throws {
        let page = try #require(SourceTree.text("docs/ARCHITECTURE.md"))
        let behind = try #require(page.components(separatedBy: "\n## What is promised").last)
        let section = try #require(behind.components(separatedBy: "\n## ").first)
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst()
        #expect(rows.count >= 13, "the table is not found")
        let name = try Pattern(#"`(\w+)\.(\w+)`"#)
        for row in rows {
            let cells = row.split(separator: "|").map(String.init)
            let tests = cells.count == 3 ? name.matches(in: cells[2]) : []
            #expect(!tests.isEmpty, "no test is named in: \(row)")
            for test in tests {
                #expect(try exists(test.groups[2], in: test.groups[1]), "there is no test \(test.groups[0])")
            }
        }
    }

    private func exists(_ test: String, in suite: String) throws -> Bool {
        let suite = try Pattern(#"@Suite[\s\S]{0,200}?\bstruct "# + suite + #"\b"#)
        let test = try Pattern(#"@Test\b[\s\S]{0,300}?\bfunc "# + test + #"\("#)
        return SourceTree.tests.contains { !suite.matches(in: $0.text).isEmpty && !test.matches(in: $0.text).isEmpty }
    }
}
