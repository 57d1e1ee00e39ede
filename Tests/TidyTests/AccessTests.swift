// `package` is for what another module uses. Tests of a module import it `@testable` and need nothing for themselves.

import Testing

@Suite struct AccessTests {
    /// A declaration of `package` access.
    private struct Declaration {
        let kind: String
        let name: String
        let line: Int

        var isType: Bool { !["func", "var", "let"].contains(kind) }
    }

    /// One module, or several: what of its declarations nobody else names.
    private struct Access {
        /// A type or an extension of one, or an initialiser, each with its indentation.
        private let maker = Result {
            try Pattern(
                #"^([ ]*)(?:@\w+ )*(?:(?:package|public|private|fileprivate|final|indirect) )*"#
                    + #"(?:(?:struct|class|enum|actor|extension) ([\w.]+)|package init\b)"#)
        }
        private let declaration = Result {
            try Pattern(
                #"^[ \t]*(?:@\w+(?:\([^)]*\))?\s+)*package\s+(?:(?:\w+\(set\)|static|final|(?:non)?mutating|indirect|lazy"#
                    + #"|consuming|borrowing)\s+)*(func|var|let|struct|enum|class|protocol|typealias|actor)\s+`?(\w+)"#)
        }
        /// From `package` to the end of the line with the first brace or value: what a declaration exposes.
        private let signature = Result { try Pattern(#"\bpackage\s[^{}=]*[^\n]*|^ *(?:indirect )?case [^\n]*"#) }
        private let word = Result { try Pattern(#"\w+"#) }

        /// Witnesses of the standard library's protocols, which need the access of their types.
        private static let witnesses = ["description", "debugDescription"]

        func idle(_ files: [(module: String, path: String, code: String, text: String)]) throws -> [Finding] {
            var words: [String: Set<String>] = [:]
            var exposed: [String: [String]] = [:]
            for file in files {
                // Literals count: what stands in an interpolation is used.
                let used = try word.get().matches(in: file.text).map { $0.groups[0] }
                words[file.module, default: []].formUnion(used)
                exposed[file.module, default: []] += try signature.get().matches(in: file.code).map { $0.groups[0] }
            }
            return try files.flatMap { file in
                try declarations(file.code).filter { one in
                    guard !Access.witnesses.contains(one.name) else { return false }
                    if words.contains(where: { $0.key != file.module && $0.value.contains(one.name) }) { return false }
                    guard one.isType else { return true }
                    // A type that another declaration shows is used wherever that one is, by name or not.
                    let named = try Pattern(#"(?<!"# + one.kind + #" )\b"# + one.name + #"\b"#)
                    return !(exposed[file.module] ?? []).contains { !named.matches(in: $0).isEmpty }
                }.map { Finding(path: file.path, line: $0.line, what: "only this module uses \($0.kind) \($0.name)") }
            }
        }

        /// Initialisers whose type no other module makes by name.
        func idleInitialisers(_ files: [(module: String, path: String, code: String, text: String)]) throws -> [Finding]
        {
            let makers = try maker.get()
            return try files.flatMap { file in
                var types: [(depth: Int, name: String)] = []
                return try makers.matches(in: file.code).compactMap { match -> Finding? in
                    let depth = match.groups[1].count
                    types.removeAll { $0.depth >= depth }
                    guard match.groups[2].isEmpty else {
                        types.append((depth, String(match.groups[2].split(separator: ".").last ?? "")))
                        return nil
                    }
                    guard let type = types.last?.name else { return nil }
                    let alias = try Pattern(#"\btypealias (\w+) = "# + type + #"\b"#)
                    let names = [type] + files.flatMap { alias.matches(in: $0.code).map { $0.groups[1] } }
                    let made = try Pattern(#"\b(?:"# + names.joined(separator: "|") + #")(?:<[^()]*>)?\("#)
                    let isMade = files.contains { $0.module != file.module && !made.matches(in: $0.code).isEmpty }
                    return isMade
                        ? nil : Finding(path: file.path, line: match.line, what: "only this module makes \(type)")
                }
            }
        }

        private func declarations(_ code: String) throws -> [Declaration] {
            try declaration.get().matches(in: code).filter { $0.groups[2] != "init" }.map {
                Declaration(kind: $0.groups[1], name: $0.groups[2], line: $0.line)
            }
        }
    }

    @Test func nothingIsOpenForItsModuleAlone() throws {
        let files = SourceTree.sources.filter { !$0.isGenerated }.map { file in
            (module: file.module, path: file.path, code: file.code, text: file.text)
        }
        let findings = try Access().idle(files) + Access().idleInitialisers(files)
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test func theRuleFindsWhatBreaksIt() throws {
        let lower = """
            package struct Shown {}
            package struct Hidden {
                package var used = 1
                package private(set) var unused = 2
                package init() {}
            }
            package func make(
                _ count: Int
            ) -> Shown { Shown() }
            """
        let upper = "let one = \"\\(thing.used)\" + make(1)"
        let findings = try Access().idle([("Lower", "a", lower, lower), ("Upper", "b", upper, upper)])
        #expect(findings.map(\.line) == [2, 4])
        let idle = try Access().idleInitialisers([("Lower", "a", lower, lower), ("Upper", "b", upper, upper)])
        #expect(idle.map(\.line) == [5])
    }
}
