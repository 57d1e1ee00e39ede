// One word, one meaning (docs/HANDBOOK.md): words that the code does not say, or not there, and the ones that it says.

import Testing

/// A word that would be another name for something that has one.
struct Twin: Sendable, CustomTestStringConvertible {
    /// Singular and in lower case: a part of an identifier, whether `aWord`, `Words` or `word` alone.
    let word: String
    /// What the handbook calls it.
    let instead: String
    /// Modules for which the word is not banned.
    var except: [String] = []

    var testDescription: String { "\(word): say \(instead)" }

    static let all = [
        // Places.
        Twin(word: "datacenter", instead: "country or zone"),
        Twin(word: "region", instead: "country or zone"),
        // Parts in a protocol.
        Twin(word: "leader", instead: "coordinator: no replica leads"),
        // Of people it is the word.
        Twin(word: "follower", instead: "replica", except: ["Social", "SocialSite", "Feeds"]),
        Twin(word: "master", instead: "primary"),
        Twin(word: "slave", instead: "replica"),
        Twin(word: "standby", instead: "fallback"),
        Twin(word: "substitute", instead: "fallback"),
        // Data.
        Twin(word: "keyspace", instead: "bucket"),
        Twin(word: "namespace", instead: "bucket"),
        Twin(word: "vbucket", instead: "vnode"),
        Twin(word: "vclock", instead: "version vector"),
        Twin(word: "dominate", instead: "covers"),
        Twin(word: "obsolete", instead: "superseded"),
        // A life has two numbers: dots are minted under one, gossip tells lives apart by the other.
        Twin(
            word: "incarnation", instead: "generation, or a ballot's session",
            except: ["Causality", "DataTypes", "Wire", "Vnodes", "Node", "Server", "Simulator", "Fleet"]),
        Twin(
            word: "generation", instead: "incarnation, or a ring document's epoch",
            except: ["Gossip", "NameStore", "Node", "Server", "Simulator", "Edge", "Social", "atoll"]),
        // Repair.
        Twin(word: "quarantine", instead: "moved aside", except: ["NameStore", "Node", "Server", "Simulator", "Edge"]),
        Twin(word: "fingerprint", instead: "digest or seal", except: ["Vnodes", "Wire", "Simulator"]),
        // What is counted.
        Twin(word: "statistic", instead: "figures"),
    ]

    func pattern() throws -> Pattern {
        let capitalised = word.prefix(1).uppercased() + word.dropFirst()
        return try Pattern("(?:(?<![A-Za-z])\(word)|\(capitalised))s?(?![a-z])")
    }
}

@Suite struct WordTests {
    @Test(arguments: Twin.all) func isNotSaid(_ twin: Twin) throws {
        let pattern = try twin.pattern()
        let name = twin.word.prefix(1).uppercased() + twin.word.dropFirst()
        #expect(pattern.matches(in: "let a\(name): \(name)s = \(twin.word)").count == 3)
        #expect(pattern.matches(in: "let x\(twin.word)y = 1").isEmpty)
        let findings = SourceTree.sources.filter { !$0.isGenerated && !twin.except.contains($0.module) }.flatMap {
            file in
            pattern.matches(in: file.code).map {
                Finding(path: file.path, line: $0.line, what: "\($0.groups[0]): say \(twin.instead)")
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }

    /// A reader who looks a name up finds one thing.
    @Test func noTwoModulesGiveOneNameToTheirTypes() throws {
        let pattern = try Pattern(
            #"(?m)^(?:package |public |final |indirect )*(?:struct|class|enum|actor|protocol|typealias)\s+(\w+)"#)
        #expect(pattern.matches(in: "package final class Name {\n    struct Inner {}").map { $0.groups[1] } == ["Name"])
        var homes: [String: Set<String>] = [:]
        for file in SourceTree.sources where !file.isGenerated {
            for match in pattern.matches(in: file.code) { homes[match.groups[1], default: []].insert(file.module) }
        }
        let twins = homes.filter { $0.value.count > 1 }.map {
            "\($0.key): \($0.value.sorted().joined(separator: ", "))"
        }
        #expect(twins.isEmpty, "\(twins.sorted().joined(separator: "\n"))")
    }

    /// A type that holds what is counted and measured is called Figures.
    @Test func typesOfFiguresAreCalledSo() throws {
        let pattern = try Pattern(
            #"\b(?:struct|class|enum|actor|protocol|typealias)\s+(\w*(?:Counters|Statistics|Metrics|Stats))\b"#)
        #expect(pattern.matches(in: "final class PeerCounters {}").map { $0.groups[1] } == ["PeerCounters"])
        let findings = SourceTree.sources.flatMap { file in
            pattern.matches(in: file.code).map {
                Finding(path: file.path, line: $0.line, what: "\($0.groups[1]): say …Figures")
            }
        }
        #expect(findings.isEmpty, "\(findings.report)")
    }
}
