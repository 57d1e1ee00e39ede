// Which sets of acceptors survive the loss of a country, and which don't.

import Testing
import World

@testable import Ring
@testable import RingFile

@Suite struct AcceptorRuleTests {
    @Test func threeFiveOrSevenInAsManyCountries() throws {
        let file = (0..<9).map { number in
            """
            [country.c\(number)]
            [[node]]
            id = "n\(number)"
            country = "c\(number)"
            peer = "127.0.0.1:\(7_100 + number)"
            http = "127.0.0.1:\(7_000 + number)"
            capacity = "1TB"
            [[node]]
            id = "twin\(number)"
            country = "c\(number)"
            peer = "127.0.0.1:\(7_300 + number)"
            http = "127.0.0.1:\(7_200 + number)"
            capacity = "1TB"

            """
        }.joined()
        let ring = try RingDocument.compile(
            ringFile: "cluster = \"t\"\npartitions = 16\n[placement.p]\nrule = \"any:1\"\n" + file, fileName: "t.toml")
        func weakness(_ names: [String]) -> String? {
            ring.weakness(ofAcceptors: names.compactMap { NodeID($0) })
        }
        for count in 0...9 {
            let nodes = (0..<count).map { "n\($0)" }
            #expect((weakness(nodes) == nil) == [3, 5, 7].contains(count), "\(count)")
            // One of them beside another in its country.
            guard count > 1 else { continue }
            #expect(weakness(nodes.dropLast() + ["twin0"]) != nil, "\(count)")
        }
        #expect(weakness(["n0", "n1", "twin2"]) == nil)
        #expect(weakness(["n0", "n1", "nobody"])?.contains("2") == true)
    }
}
