// The shape of files: what each is for, how long it may be, where it stands.

import Testing

@Suite struct ShapeTests {
    private static let mostLines = 400
    private static let mostColumns = 120
    private static let mostFunctionLines = 60
    private static let mostUnlabelled = 5

    @Test func everyFileSaysWhatItIsFor() {
        let findings = SourceTree.handwritten.filter { file in
            guard let first = file.lines.first, first.hasPrefix("// ") else { return true }
            return first.count < 20
        }.map { Finding(path: $0.path, line: 1, what: "begins with a comment that says what it is for") }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test func noFileIsTooLong() {
        let findings = (SourceTree.handwritten + SourceTree.others).filter { $0.lines.count > ShapeTests.mostLines }.map
        {
            Finding(path: $0.path, line: ShapeTests.mostLines, what: "\($0.lines.count) lines")
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test func noLineIsTooLong() {
        let findings = SourceTree.handwritten.flatMap { file in
            // A text that users read may run on: broken into pieces it could not be searched for.
            file.lines.enumerated().filter {
                $0.element.count > ShapeTests.mostColumns && !$0.element.contains("\"") && !$0.element.hasSuffix("\\")
            }.map {
                Finding(path: file.path, line: $0.offset + 1, what: "\($0.element.count) columns")
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test func noLineEndsInBlanks() throws {
        let pattern = try Pattern(#"[ \t]+$|\t"#)
        let findings = SourceTree.handwritten.flatMap { file in
            pattern.matches(in: file.text).map {
                Finding(path: file.path, line: $0.line, what: "a tab, or blanks at the end")
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    /// A function ends where a brace closes at the indentation at which it began: the format is fixed, so that is
    /// enough.
    @Test func noFunctionIsTooLong() throws {
        let start = try Pattern(#"^( *)(?:[\w@()]+ )*(?:func [^\s(]+|init\??|deinit|subscript)[^\n]*$"#)
        var findings: [Finding] = []
        for file in SourceTree.handwritten {
            for match in start.matches(in: file.code) {
                let indentation = match.groups[1]
                let rest = file.lines[match.line...]
                guard
                    let end = rest.firstIndex(where: {
                        $0.hasPrefix(indentation + "}") || $0.hasPrefix(indentation + "func ")
                    })
                else { continue }
                let isOneLine = file.lines[match.line - 1].hasSuffix("}")
                let length = end - match.line + 2
                if !isOneLine, length > ShapeTests.mostFunctionLines {
                    findings.append(Finding(path: file.path, line: match.line, what: "a function of \(length) lines"))
                }
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    /// Six arguments in a row that say nothing of themselves are swapped one day.
    @Test func initialisersLabelTheirParameters() throws {
        let start = try Pattern(#"\binit\??(?:<[^>]*>)?(\((?:[^()]++|\((?:[^()]++|\([^()]*+\))*+\))*+\))"#)
        let unlabelled = try Pattern(#"(?:^\(|,|\()\s*_ \w+:"#)
        func count(_ code: String) -> [(line: Int, count: Int)] {
            start.matches(in: code).map { ($0.line, unlabelled.matches(in: $0.groups[1]).count) }
        }
        #expect(count("init(_ a: Int, _ b: (Int) -> Int,\n  c: Int, _ d: Int)").map(\.count) == [3])
        let findings = SourceTree.handwritten.flatMap { file in
            count(file.code).filter { $0.count > ShapeTests.mostUnlabelled }.map {
                Finding(path: file.path, line: $0.line, what: "an initialiser with \($0.count) unlabelled parameters")
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    /// The directories and the manifest tell the same story: nothing dead, nothing missing.
    @Test func everyDirectoryIsATarget() throws {
        let manifest = try #require(SourceTree.text("Package.swift"))
        let rooms = try Pattern(#"\b(?:room|target|executableTarget)\(\s*(?:name: )?"(\w+)""#)
        let tests = try Pattern(#"\btests\(\s*"(\w+)""#)
        let targets = rooms.matches(in: manifest).map { $0.groups[1] }
        let testTargets = tests.matches(in: manifest).map { $0.groups[1] + "Tests" }
        // What tests need beside them is built with them, and lies among them.
        let tools = ["FarNetwork"]
        #expect(SourceTree.names(in: "Sources") == targets.filter { !tools.contains($0) }.sorted())
        #expect(SourceTree.names(in: "Tests") == (testTargets + tools).sorted())
    }

    @Test func nothingButSourcesLiesAmongTheSources() {
        let known = [
            ".swift", ".proto", ".h", ".c", ".cpp", ".txt", ".json", ".toml", ".bin", ".js", ".mjs", ".html", ".css",
            ".py",
        ]
        let strangers = (SourceTree.files(under: "Sources") + SourceTree.files(under: "Tests")).filter { path in
            !known.contains { path.hasSuffix($0) }
        }
        #expect(strangers.isEmpty, "\(strangers)")
    }

    /// What a target declares and what its files import: a dependency that nobody uses is dead weight, one that is used
    /// but not declared builds by luck.
    @Test func declaredDependenciesAreTheImportedOnes() throws {
        let manifest = try #require(SourceTree.text("Package.swift"))
        let target = try Pattern(
            #"(?:room|executableTarget)\(\s*(?:name: )?"(\w+)"([\s\S]*?)"#
                + #"(?=\n\s*(?:room|\.executableTarget|\.target|tests|//|\]))"#)
        let name = try Pattern(#""(\w+)""#)
        let modules = SourceTree.names(in: "Sources")
        for match in target.matches(in: manifest) {
            let own = match.groups[1]
            let declared = Set(name.matches(in: match.groups[2]).map { $0.groups[1] }).intersection(modules)
            let imported = Set(
                try SourceTree.sources.filter { $0.module == own }.flatMap {
                    try FloorTests.imports(of: $0).map(\.module)
                }
            ).intersection(modules)
            #expect(imported.subtracting(declared).sorted() == [], "\(own) imports what it does not declare")
            #expect(declared.subtracting(imported).sorted() == [], "\(own) declares what it does not import")
        }
    }
}
