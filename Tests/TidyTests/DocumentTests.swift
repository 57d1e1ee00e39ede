// The documents keep step with the code: every format has its page, every name that users meet is written down, and no
// link leads nowhere.

import Testing

@Suite struct DocumentTests {
    private static let pages: [String] =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        + SourceTree.files(under: "docs").filter { $0.hasSuffix(".md") }

    /// A file that fixes the version of a format names the format's page, and the page names that version.
    @Test func everyFormatVersionHasItsPage() throws {
        let constant = try Pattern(
            #"^ *(?:(?:package|private|fileprivate) )?(?:static let|var) "#
                + #"(\w*[vV]ersion|\w*[fF]ormat)(?:: \w+)? = ([1-9]\d*)"#)
        let enumeration = try Pattern(#"enum Format \{\s+static let (\w+): UInt8 = (\d+)"#)
        let mention = try Pattern(#"docs/formats/([\w-]+)\.md"#)
        var found = 0
        for file in SourceTree.sources where !file.isGenerated {
            let versions = constant.matches(in: file.code) + enumeration.matches(in: file.code)
            guard !versions.isEmpty else { continue }
            found += versions.count
            let named = mention.matches(in: file.text).map { $0.groups[1] }
            #expect(!named.isEmpty, "\(file.path) fixes a format version and names no page of docs/formats")
            let texts = named.compactMap { SourceTree.text("docs/formats/\($0).md")?.lowercased() }
            for version in versions {
                #expect(
                    texts.contains { $0.contains("version \(version.groups[2])") },
                    "\(file.path):\(version.line): no page in docs/formats speaks of version \(version.groups[2])")
            }
        }
        #expect(found >= 6)
    }

    @Test func everyPageThatSourcesNameExists() throws {
        let mention = try Pattern(#"\bdocs/[\w/-]+\.(?:md|yaml)"#)
        let texts =
            SourceTree.handwritten.map { ($0.path, $0.text) }
            + ["Package.swift", "Sources/Wire/peer.proto"].compactMap { path in SourceTree.text(path).map { (path, $0) }
            }
        for (path, text) in texts {
            for match in mention.matches(in: text) where !path.hasPrefix("Tests/TidyTests/") {
                #expect(SourceTree.exists(match.groups[0]), "\(path):\(match.line): there is no \(match.groups[0])")
            }
        }
    }

    @Test func noLinkLeadsNowhere() throws {
        let link = try Pattern(#"\]\(([^)#\s]+)(#[^)\s]*)?\)"#)
        for page in DocumentTests.pages {
            guard let text = SourceTree.text(page) else {
                Issue.record("there is no \(page)")
                continue
            }
            let directory = page.split(separator: "/").dropLast().joined(separator: "/")
            for match in link.matches(in: text) where !match.groups[1].contains("://") {
                let target = directory.isEmpty ? match.groups[1] : directory + "/" + match.groups[1]
                #expect(SourceTree.exists(target), "\(page):\(match.line): \(match.groups[1])")
            }
        }
    }

    @Test func documentedTargetsOfMakeExist() throws {
        let makefile = try #require(SourceTree.text("Makefile"))
        let targets = Set(try Pattern(#"^([\w-]+):"#).matches(in: makefile).map { $0.groups[1] })
        let use = try Pattern(#"`(?:\w+=\S+ )*make ([\w-]+)"#)
        for page in DocumentTests.pages {
            for match in use.matches(in: SourceTree.text(page) ?? "") {
                #expect(targets.contains(match.groups[1]), "\(page):\(match.line): make \(match.groups[1])")
            }
        }
    }

    // MARK: Names that users meet

    private static func names(_ pattern: String, in paths: [String]) throws -> Set<String> {
        let pattern = try Pattern(pattern)
        let files = SourceTree.sources.filter { file in paths.contains { file.path.hasPrefix($0) } }
        return Set(files.flatMap { file in pattern.matches(in: file.text).map { $0.groups[1] } })
    }

    private static func expect(_ names: Set<String>, atLeast least: Int, in page: String) throws {
        #expect(names.count >= least, "the pattern finds too little: \(names.sorted())")
        let text = try #require(SourceTree.text(page))
        for name in names.sorted() {
            let isThere = try !Pattern(#"(?<![\w-])"# + name + #"(?![\w-])"#).matches(in: text).isEmpty
            #expect(isThere, "\(page) says nothing of \(name)")
        }
    }

    @Test func everyKindOfProblemIsDocumented() throws {
        let names = try DocumentTests.names(
            #"[Pp]roblem\(\s*\d{3}, "([a-z-]+)""#, in: ["Sources/Edge/", "Sources/Server/"])
        try DocumentTests.expect(names, atLeast: 12, in: "docs/HTTP.md")
        try DocumentTests.expect(names, atLeast: 12, in: "docs/openapi.yaml")
    }

    @Test func everyKindOfProblemOfASiteIsDocumented() throws {
        let names = try DocumentTests.names(#"[Pp]roblem\(\s*\d{3}, "([a-z-]+)""#, in: ["Sources/Social/"])
        try DocumentTests.expect(names, atLeast: 35, in: "docs/SOCIAL.md")
        try DocumentTests.expect(names.subtracting(["internal-error"]), atLeast: 35, in: "docs/openapi-site.yaml")
        // And no other.
        let page = try #require(SourceTree.text("docs/SOCIAL.md"))
        let cells = try Pattern(#"^\| \d{3} \| ((?:`[a-z-]+`(?:, )?)+) \|"#).matches(in: page).map { $0.groups[1] }
        let told = try Set(cells.flatMap { try Pattern("`([a-z-]+)`").matches(in: $0).map { $0.groups[1] } })
        #expect(told.isSubset(of: names), "\(told.subtracting(names))")
    }

    @Test func everyPathOfASiteIsDocumented() throws {
        let paths = try DocumentTests.names(#"SiteRow\(\s*"(/v1/[^"]+)""#, in: ["Sources/Social/Web/SiteRoutes.swift"])
        #expect(paths.count >= 28, "the pattern finds too little: \(paths.sorted())")
        let interface = try #require(SourceTree.text("docs/openapi-site.yaml"))
        // Events and a socket: no such file describes them.
        for path in paths.sorted() where !path.hasSuffix("/live") && !interface.contains("\n  \(path):\n") {
            Issue.record("docs/openapi-site.yaml says nothing of \(path)")
        }
    }

    /// Each row of the table of errors is met in a test against a node, or a part of it, that names it.
    @Test func everyKindOfProblemIsTested() throws {
        let page = try #require(SourceTree.text("docs/HTTP.md"))
        let cells = try Pattern(#"^\| \d{3} \| ((?:`[a-z-]+`(?:, )?)+) \|"#).matches(in: page).map { $0.groups[1] }
        let types = try Set(cells.flatMap { try Pattern("`([a-z-]+)`").matches(in: $0).map { $0.groups[1] } })
        #expect(types.count >= 35, "the pattern finds too little: \(types.sorted())")
        let mention = try Pattern(#"(?:/problems/|\bproblem: ")([a-z-]+)""#)
        let tests = SourceTree.tests.filter { ["EdgeTests", "IntegrationTests", "ServerTests"].contains($0.module) }
        let tested = Set(tests.flatMap { file in mention.matches(in: file.text).map { $0.groups[1] } })
        for type in types.subtracting(tested).sorted() { Issue.record("no test names the problem \(type)") }
    }

    @Test func everyQueryParameterIsDocumented() throws {
        let names = try DocumentTests.names(
            #"^        case "(\w+)": (?:try )?query\."#, in: ["Sources/Edge/Request/RequestTarget"])
        let guarded = try DocumentTests.names(#"^        case "(\w+)":$"#, in: ["Sources/Edge/Request/RequestTarget"])
        try DocumentTests.expect(names.union(guarded), atLeast: 8, in: "docs/HTTP.md")
        try DocumentTests.expect(names.union(guarded), atLeast: 8, in: "docs/openapi.yaml")
    }

    /// `/v1/kv/{bucket}/{key}[/{sort}]` stands in openapi.yaml as two paths.
    @Test func everyPathIsDocumented() throws {
        let paths = try DocumentTests.names(#"Route\(\s*"(/[^"]+)""#, in: ["Sources/Edge/Calls/Routes.swift"])
        #expect(paths.count >= 13, "the pattern finds too little: \(paths.sorted())")
        let page = try #require(SourceTree.text("docs/HTTP.md"))
        let interface = try #require(SourceTree.text("docs/openapi.yaml"))
        for path in paths.sorted() {
            let short = String(path.prefix { $0 != "[" })
            if !page.contains(short) { Issue.record("docs/HTTP.md says nothing of \(short)") }
            let all = short == path ? [path] : [short, path.filter { $0 != "[" && $0 != "]" }]
            for path in all where !interface.contains("\n  \(path):\n") {
                Issue.record("docs/openapi.yaml says nothing of \(path)")
            }
        }
    }

    @Test func everyMetricIsDocumented() throws {
        let names = try DocumentTests.names(#"Figure\(\s*"(atoll_[a-z_]+)""#, in: ["Sources/Server/Figures.swift"])
        try DocumentTests.expect(names, atLeast: 40, in: "docs/OPERATIONS.md")
        let all = try DocumentTests.names(#""(atoll_[a-z_]+)""#, in: ["Sources/Server/"])
        #expect(all.subtracting(names).isEmpty, "a figure is a row of the table in Figures.swift")
    }

    @Test func everyEnvironmentVariableIsDocumented() throws {
        let names = try DocumentTests.names(#"environment\["(ATOLL_\w+)"\]"#, in: ["Sources/atoll/"])
        try DocumentTests.expect(names, atLeast: 6, in: "docs/OPERATIONS.md")
    }
}
