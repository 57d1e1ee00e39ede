// A file imports downward only (docs/ARCHITECTURE.md), and the lower floors know neither sockets nor clocks nor
// threads.

import Testing

@Suite struct FloorTests {
    /// The house. A module that is missing here fails `everyModuleHasAFloor`.
    static let floors: [(module: String, floor: Int)] = [
        ("World", 0), ("JSON", 0), ("Quorums", 0), ("Causality", 0), ("DataTypes", 0), ("Wire", 0),
        ("Keys", 1), ("Ring", 1), ("Gossip", 1), ("Storage", 1),
        ("Vnodes", 2), ("HintedHandoff", 2), ("NameStore", 2), ("Solver", 2), ("RingFile", 2), ("Planning", 2),
        ("CXML", 2), ("Feeds", 2),
        ("Gateway", 3), ("Live", 3), ("Node", 3), ("Edge", 3), ("Social", 3),
        ("CLevelDB", 4), ("LevelDB", 4), ("Server", 4), ("Simulator", 4), ("CMarkdown", 4), ("SocialSite", 4),
        ("atoll", 5),
    ]

    /// What floors 0 to 3 may import from outside. `nil`: on every one of them.
    static let admitted: [(import: String, module: String?)] = [
        ("Collections", nil),
        ("Crypto", nil),
        ("DequeModule", nil),
        ("HeapModule", nil),
        ("OrderedCollections", nil),
        // The standard library: what it offers as SPI, the cells that the caches of all loops look at, and the number
        // that the threads of a store share.
        ("Synchronization", "Node"),
        ("Synchronization", "Storage"),
        ("Swift", nil),
        ("SwiftProtobuf", "Wire"),
        // swift-protobuf's own type for bytes.
        ("struct Foundation.Data", "Wire"),
        ("FoundationEssentials", "Wire"),
    ]

    static func floor(of module: String) -> Int? { floors.first { $0.module == module }?.floor }

    struct Import {
        let module: String
        /// As written, without access level and attributes: `struct Foundation.Data`.
        let text: String
        let line: Int
    }

    static func imports(of file: SourceFile) throws -> [Import] {
        let pattern = try Pattern(
            #"^[ \t]*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?"#
                + #"import\s+((?:struct|class|enum|protocol|typealias|func|var|let)\s+)?([\w.]+)"#)
        return pattern.matches(in: file.code).map { match in
            let module = String(match.groups[2].split(separator: ".").first ?? "")
            return Import(module: module, text: match.groups[1] + match.groups[2], line: match.line)
        }
    }

    @Test func everyModuleHasAFloor() {
        for module in SourceTree.names(in: "Sources") {
            #expect(FloorTests.floor(of: module) != nil, "Sources/\(module) stands on no floor; see FloorTests.floors")
        }
    }

    @Test func noImportRunsUpward() throws {
        var findings: [Finding] = []
        for file in SourceTree.sources {
            let own = FloorTests.floor(of: file.module) ?? 0
            for one in try FloorTests.imports(of: file) {
                guard let other = FloorTests.floor(of: one.module), other > own else { continue }
                findings.append(
                    Finding(
                        path: file.path, line: one.line,
                        what: "\(file.module) (floor \(own)) imports \(one.module) (floor \(other))"))
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test func lowerFloorsImportNothingOfTheWorldOutside() throws {
        var findings: [Finding] = []
        for file in SourceTree.sources where !file.isGenerated && (FloorTests.floor(of: file.module) ?? 0) <= 3 {
            for one in try FloorTests.imports(of: file) where FloorTests.floor(of: one.text) == nil {
                let isAdmitted = FloorTests.admitted.contains {
                    $0.import == one.text && ($0.module == nil || $0.module == file.module)
                }
                guard !isAdmitted else { continue }
                findings.append(
                    Finding(path: file.path, line: one.line, what: "floors 0 to 3 do not import \(one.text)"))
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    /// Plans, forecasts and drawings are for operators: nothing that serves requests carries them.
    @Test func onlyTheToolPlans() throws {
        let importers = try SourceTree.sources.filter { file in
            try FloorTests.imports(of: file).contains { $0.module == "Planning" }
        }
        #expect(Set(importers.map(\.module)) == ["atoll"])
    }

    @Test func noTypeBearsItsModulesName() throws {
        let modules = SourceTree.names(in: "Sources").joined(separator: "|")
        let pattern = try Pattern(#"\b(?:struct|class|enum|actor|protocol|typealias)\s+("# + modules + #")\b"#)
        let findings = SourceTree.sources.flatMap { file in
            pattern.matches(in: file.code).map {
                Finding(path: file.path, line: $0.line, what: "a type with the module name \($0.groups[1])")
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }
}
