// State files: what is written is read, and every kind of damage is refused with the place.

import JSON
import Testing
import World

@testable import Planning
@testable import Ring

@Suite struct StateTests {
    private func state() throws -> RingState {
        try Deployment(
            "de/a:8 us/a:8 jp/a:8", [.named("world", 3), .named("pair", 2)], partitions: 4
        ).solve().state
    }

    @Test func whatIsWrittenIsRead() throws {
        let state = try state()
        #expect(try RingState.decode(state.json.encode()) == state)
        #expect(try RingState.decode(state.json.encode(pretty: true)) == state)
        #expect(state.json.text().hasPrefix("{\n  \"format\": \"atoll ring state\",\n  \"version\": 1,"))
    }

    @Test func theAnswerOfARunningNodeIsAState() throws {
        let document = try Deployment("de/a:8 us/a:8 jp/a:8", [.named("world", 3)]).solve().document()
        let state = try RingState.decode(document.json())
        #expect(state == RingState(document) && state.table("world") == document.assignment(ofPlacement: "world"))
    }

    @Test(arguments: [
        ("\"version\": 1", "\"version\": 2", "version 1"), ("atoll ring state", "something", "no ring state"),
        ("\"partitions\": 4", "\"partitions\": 3", "power of two"),
        ("\"partitions\": 4", "\"partitions\": 8", "rows for 8 partitions"),
        ("[\"de-a-0\", \"us-a-0\"]", "[\"de-a-0\"]", "1 of 2 nodes"),
        ("[\"de-a-0\", \"us-a-0\"]", "[\"de-a-0\", \"de-a-0\"]", "stands twice"),
        ("[\"de-a-0\", \"us-a-0\"]", "[\"de-a-0\", \"xx\"]", "not among the nodes"),
        ("\"id\": \"de-a-0\"", "\"id\": \"zz\"", "out of order"),
        ("\"country\": \"de\"", "\"country\": \"D E\"", "malformed"),
        ("\"replicas\": 2", "\"replicas\": 99", "malformed"), ("\"format\"", "format", "quotes"),
    ])
    func damageIsRefused(old: String, new: String, message: String) throws {
        let text = """
            {"format": "atoll ring state", "version": 1, "cluster": "c", "partitions": 4,
             "nodes": [{"id": "de-a-0", "country": "de", "zone": "a", "capacity": 8},
                       {"id": "us-a-0", "country": "us", "zone": "a", "capacity": 8}],
             "placements": [{"name": "pair", "replicas": 2, "table": [
              ["de-a-0", "us-a-0"], ["us-a-0", "de-a-0"], ["us-a-0", "de-a-0"], ["us-a-0", "de-a-0"]]}]}
            """
        #expect(throws: Never.self) { try RingState.decode(Array(text.utf8)) }
        let range = try #require(Sample.find(old, in: text))
        let damaged = String(text[..<range.lowerBound]) + new + String(text[range.upperBound...])
        let error = #expect(throws: JSONError.self) { try RingState.decode(Array(damaged.utf8)) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func aStateThatDoesNotFitTheFileIsRefused() throws {
        let state = try state()
        let rules = [Placement.named("world", 3), .named("pair", 2)]
        let cases: [(Deployment, String)] = [
            (Deployment("de/a:8 us/a:8 jp/a:8", rules, partitions: 8), "4 partitions, the ring file 8"),
            (Deployment("de/a:8 us/a:8", [.named("pair", 2)], partitions: 4), "jp-a-0 of the state is not"),
            (Deployment("de/a:8 us/a:8 jp/a:8", [.named("third", 1)], partitions: 4), "placement third"),
        ]
        for (deployment, message) in cases {
            let error = #expect(throws: RingDocumentError.self) { try Layout.read(state, deployment.file) }
            #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        }
    }
}
