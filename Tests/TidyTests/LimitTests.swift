// Every limit has a reason, and something that holds it.

import Testing

@Suite struct LimitTests {
    private static let paths = [
        "", "+Cluster", "+DataTypes", "+Feeds", "+Live", "+Patches", "+Site", "+Social", "+SocialSite",
    ].map {
        "Sources/World/Limits\($0).swift"
    }

    private static func constants() throws -> [(file: SourceFile, names: [Pattern.Match])] {
        let pattern = try Pattern(#"^    public static let (\w+)"#)
        return SourceTree.sources.filter { paths.contains($0.path) }.map { ($0, pattern.matches(in: $0.code)) }
    }

    @Test func everyLimitHasAReason() throws {
        let files = try LimitTests.constants()
        #expect(files.count == LimitTests.paths.count)
        #expect(files.map(\.names.count).reduce(0, +) > 100)
        for (file, names) in files {
            #expect(!names.isEmpty)
            for match in names {
                // Neighbours without a blank line between share a comment.
                var line = match.line - 2
                while line > 0, file.lines[line].hasPrefix("    public static let ") { line -= 1 }
                #expect(
                    file.lines[line].hasPrefix("    ///"),
                    "\(file.path):\(match.line): \(match.groups[1]) has no reason")
            }
        }
    }

    /// Constants that are no limits: sizes of formats, shapes of algorithms, guesses of how much room something takes.
    private static let others: [String: String] = [
        "headerSize": "gossip's format",
        "sign": "an integer's form", "portBits": "how two numbers are one", "longestDelayMs": "the end of a scale",
        "headBytes": "room for a usual head", "itemBytes": "room for an item's numbers",
        "shortTicks": "a planted bug's",
        "smallBytes": "what is cheaper to copy than to keep",
        "window": "how often hedging is thought over", "every": "how often hedging is thought over",
        "deadlineStep": "a rounding", "unseenInFlight": "what is tried of a stranger", "slotCount": "the wheel's shape",
        "slotNanoseconds": "the wheel's shape", "pairIntervals": "what makes heartbeats a pair",
        "hotRounds": "what makes news fresh", "halfLife": "the average's shape",
        "fractionalGrants": "the solver's arithmetic", "tries": "the solver's patience",
    ]

    /// Whoever looks for a bound, or wants to change one, looks into one place: so a number of some size, or a time,
    /// that stands by itself elsewhere is none, and has its name above. The simulator and the tool are not in question.
    @Test func limitsStandInOnePlace() throws {
        // A byte is a tag of a format.
        let named = try Pattern(
            #"\bstatic let (\w+)(?:: (?!UInt8 )[\w.]+)? = "#
                + #"(?:(?:Span|TimeAmount)?\.(?:\w*seconds|minutes|hours)\(\d|(?:\d[\d_]*\d|\d << \d+)(?:[\w ]|<<)*$)"#)
        let argument = try Pattern(#"\bbounded\([^()]*, \d|\b\w*Bytes: Int = [1-9]"#)
        let bare = try Pattern(#"\.(?:milliseconds|seconds|minutes|hours)\(\d"#)
        let broken = """
            private static let largestHead: Int = 64 << 10
            static let few = 1
            static let share = 10.5
            static let waitLimit = Span.seconds(1)
            static let tickEvery = TimeAmount.milliseconds(50)
            static let pause: Span = .seconds(5)
            private static let some = 74
            static let wide = 1 << 20
            """
        #expect(
            named.matches(in: broken).map { $0.groups[1] } == [
                "largestHead", "waitLimit", "tickEvery", "pause", "some", "wide",
            ])
        #expect(
            argument.matches(in: "try bounded(reason, 1_024), roomBytes: Int = 8 << 20, count: Int = 10").count == 2)
        #expect(bare.matches(in: "sleep(.milliseconds(20)) + .seconds(x)").count == 1)
        let ships = SourceTree.sources.filter { file in
            !LimitTests.paths.contains(file.path) && !file.isGenerated && !["Simulator", "atoll"].contains(file.module)
        }
        var findings = ships.flatMap { file in
            named.matches(in: file.code).filter { LimitTests.others[$0.groups[1]] == nil }.map {
                Finding(path: file.path, line: $0.line, what: "\($0.groups[1]) belongs into \(LimitTests.paths[0])")
            }
        }
        findings += ships.flatMap { file in
            argument.matches(in: file.code).map {
                Finding(path: file.path, line: $0.line, what: "a bound that belongs into \(LimitTests.paths[0])")
            }
        }
        // What a shell does now and then, and for how long, is chosen there as well.
        findings += ships.filter { $0.module == "Server" }.flatMap { file in
            bare.matches(in: file.code).map {
                Finding(path: file.path, line: $0.line, what: "a time that belongs into \(LimitTests.paths[0])")
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    @Test func everyLimitIsHeld() throws {
        let names = try LimitTests.constants().flatMap(\.names)
        let use = try Pattern(#"\bLimits\.(\w+)"#)
        // In interpolations a limit is told, not held, so only code counts.
        let used = Set(SourceTree.sources.flatMap { file in use.matches(in: file.code).map { $0.groups[1] } })
        let idle = names.map { $0.groups[1] }.filter { !used.contains($0) }
        #expect(idle.isEmpty, "limits that nothing holds: \(idle.joined(separator: ", "))")
    }
}
