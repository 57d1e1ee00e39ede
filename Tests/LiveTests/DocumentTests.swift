// Typed keys: whole to who asks for no more, and to the others what turned the last state into the newest.

import Causality
import DataTypes
import JSON
import Keys
import Testing
import World

@testable import Live

@Suite struct DocumentTests {
    private let source = Cluster.replicas[0]

    private static func form(changes: Bool = true, ids: Bool = false) -> DocumentForm {
        var form = DocumentForm()
        (form.tellsChanges, form.showsIDs) = (changes, ids)
        return form
    }

    private func event(_ name: String, _ id: String, _ rest: String, watch: String = "w0") -> String {
        "id: \(id)\nevent: \(name)\ndata: {\"watch\":\"\(watch)\"\(rest)}\n\n"
    }

    private func document(_ id: String, _ value: String) -> String {
        event("document", id, ",\"version\":\"\(id)\",\"content_type\":\"application/json\",\"value\":\(value)")
    }

    private func change(_ id: String, _ operations: String) -> String {
        event("change", id, ",\"version\":\"\(id)\",\"ops\":[\(operations)]")
    }

    @Test func whoAsksIsToldWhatChanged() throws {
        let key = try Cluster.key("plan")
        var (scene, writer) = (try HubScene(), TypedWriter(key))
        try writer.change(#"{"op":"splice","path":"/body","at":0,"text":"by the sea, by the beautiful sea"}"#)
        try scene.subscribe(1, [LiveTarget(key: key)], form: DocumentTests.form())
        try scene.subscribe(2, [LiveTarget(key: key)])
        scene.tell(source, [writer.item], reached: 1)
        let first = writer.context
        let whole = #"{"body":"by the sea, by the beautiful sea"}"#
        for id in [1, 2] as [UInt64] {
            #expect(scene.take(id) == document(first, whole) + event("ready", first, ""))
        }
        scene.hear(.drained([1, 2]))
        try writer.change(#"{"op":"splice","path":"/body","at":3,"delete":3,"text":"our"}"#)
        scene.tell(source, [writer.item], reached: 2)
        let second = writer.context
        #expect(scene.take(1) == change(second, #"{"op":"splice","path":"/body","at":3,"delete":3,"text":"our"}"#))
        #expect(scene.take(2) == document(second, #"{"body":"by our sea, by the beautiful sea"}"#))
        scene.hear(.drained([1, 2]))
        // Nothing that is shown changes; but the key has been changed, and that is known.
        try writer.change(#"{"op":"remove","path":"/nothing"}"#)
        scene.tell(source, [writer.item], reached: 3)
        #expect(scene.take(1) == change(writer.context, ""))
        scene.hear(.drained([1]))
        // What is no shorter than the document is not said.
        try writer.change(#"{"op":"set","path":"","value":{"a":1}}"#)
        scene.tell(source, [writer.item], reached: 4)
        #expect(scene.take(1) == document(writer.context, #"{"a":1}"#))
        scene.hear(.drained([1]))
        try writer.change(#"{"op":"remove","path":""}"#)
        scene.tell(source, [writer.item], reached: 5)
        #expect(scene.take(1) == event("deleted", writer.context, ",\"version\":\"\(writer.context)\""))
        scene.hear(.drained([1]))
        try writer.change(#"{"op":"increment","path":"/likes"}"#)
        scene.tell(source, [writer.item], reached: 6)
        #expect(scene.take(1) == document(writer.context, #"{"likes":1}"#), "nothing was shown")
        #expect(scene.take(2).hasPrefix("id: \(second)") == false)
    }

    /// Whoever is behind is told all that lies between, of the same bytes as the others.
    @Test func stepsAreFoundOnceForAll() throws {
        let key = try Cluster.key("plan")
        var (scene, writer) = (try HubScene(), TypedWriter(key))
        try writer.change(#"{"op":"splice","path":"/body","at":0,"text":"\#(String(repeating: "sea ", count: 100))"}"#)
        for id in 1...3 as ClosedRange<UInt64> {
            try scene.subscribe(id, [LiveTarget(key: key)], form: DocumentTests.form())
        }
        scene.tell(source, [writer.item], reached: 1)
        scene.hear(.drained([1, 2, 3]))
        for id in 1...3 as ClosedRange<UInt64> { _ = scene.take(id) }
        try writer.change(#"{"op":"increment","path":"/a"}"#)
        scene.tell(source, [writer.item], reached: 2)
        scene.hear(.drained([1, 2]))
        for id in 1...3 as ClosedRange<UInt64> { _ = scene.take(id) }
        try writer.change(#"{"op":"splice","path":"/body","at":0,"text":"!"}"#)
        scene.tell(source, [writer.item], reached: 3)
        let splice = #"{"op":"splice","path":"/body","at":0,"text":"!"}"#
        for id in [1, 2] as [UInt64] { #expect(scene.take(id) == change(writer.context, splice)) }
        func places(_ id: UInt64) -> Set<UnsafeRawPointer> {
            Set((scene.lastBlock[id] ?? []).compactMap { $0.withUnsafeBytes { $0.baseAddress } })
        }
        #expect(places(1).intersection(places(2)).count == 3, "the id and the watch's name are each one's own")
        try writer.change(#"{"op":"set","path":"/a","value":{"$counter":7}}"#)
        scene.tell(source, [writer.item], reached: 4)
        scene.hear(.drained([3]))
        #expect(
            scene.take(3)
                == change(writer.context, splice + #",{"op":"set","path":"/a","value":7}"#))
        #expect(scene.take(1) == "")
    }

    @Test func whoMissedTooMuchIsSentAll() throws {
        let key = try Cluster.key("plan")
        var (scene, writer) = (try HubScene(), TypedWriter(key))
        try writer.change(
            #"{"op":"splice","path":"/body","at":0,"text":"\#(String(repeating: "sea ", count: 2_000))"}"#)
        try scene.subscribe(1, [LiveTarget(key: key)], form: DocumentTests.form())
        try scene.subscribe(2, [LiveTarget(key: key)], form: DocumentTests.form())
        scene.tell(source, [writer.item], reached: 1)
        scene.hear(.drained([2]))
        for round in 0..<Limits.liveSteps + 1 {
            try writer.change(#"{"op":"splice","path":"/body","at":0,"text":"!"}"#)
            scene.tell(source, [writer.item], reached: 2 + UInt64(round))
            scene.hear(.drained([2]))
        }
        _ = scene.take(1)
        scene.hear(.drained([1]))
        #expect(scene.take(1).hasPrefix("id: \(writer.context)\nevent: document\n"))
        // So is who begins, or comes back.
        let before = writer.context
        try writer.change(#"{"op":"splice","path":"/body","at":0,"text":"?"}"#)
        scene.tell(source, [writer.item], reached: 100)
        try scene.subscribe(3, [LiveTarget(key: key)], resume: before, form: DocumentTests.form())
        #expect(scene.take(3).hasPrefix("id: \(writer.context)\nevent: document\n"))
    }

    @Test func contentsThatWereDroppedLeaveNothingToCompare() throws {
        let (key, other) = (try Cluster.key("plan"), try Cluster.key("other"))
        var scene = try HubScene(room: LiveRoom(contentBytes: 20_000))
        var (writer, second) = (TypedWriter(key), TypedWriter(other))
        try writer.change(#"{"op":"splice","path":"/body","at":0,"text":"\#(String(repeating: "x", count: 3_000))"}"#)
        try scene.subscribe(1, [LiveTarget(key: key), LiveTarget(key: other)], form: DocumentTests.form())
        scene.tell(source, [writer.item], reached: 1)
        scene.hear(.drained([1]))
        try second.change(#"{"op":"splice","path":"/body","at":0,"text":"\#(String(repeating: "y", count: 9_000))"}"#)
        scene.tell(source, [second.item], reached: 2)
        scene.hear(.drained([1]))
        _ = scene.take(1)
        try writer.change(#"{"op":"increment","path":"/likes"}"#)
        scene.tell(source, [writer.item], reached: 3)
        #expect(scene.take(1).contains("event: document"))
        #expect(scene.hub.contentBytes <= 20_000)
    }

    @Test func textsAndListsComeWithTheirElementsDots() throws {
        let key = try Cluster.key("plan")
        var (scene, writer) = (try HubScene(), TypedWriter(key))
        try writer.change(#"{"op":"splice","path":"/body","at":0,"text":"by the sea, by the beautiful sea"}"#)
        try scene.subscribe(1, [LiveTarget(key: key)], form: DocumentTests.form(ids: true))
        try scene.subscribe(2, [try Cluster.range("plan")], form: DocumentTests.form(ids: true))
        scene.tell(source, [writer.item], reached: 1)
        let said = #""actors":["ra~1"],"value":{"body":{"runs":[[0,3,"by the sea, by the beautiful sea"]]}}"#
        #expect(scene.take(1).contains("\"application/json\",\(said)}\n"))
        scene.hear(.drained([1]))
        try writer.change(#"{"op":"splice","path":"/body","at":32,"text":"!"}"#)
        scene.tell(source, [writer.item], reached: 2)
        let splice = #"{"op":"insert","path":"/body/runs","at":1,"values":[[0,35,"!"]]}"#
        let longer = #"{"op":"splice","path":"/body/runs/0/2","at":32,"text":"!"}"#
        #expect([splice, longer].map { change(writer.context, $0) }.contains(scene.take(1)))
        scene.hear(.drained([1]))
        // Places in runs are of another table when there is one more who has written.
        let former = writer.context
        writer.actor = Actor(node: Cluster.replicas[1], incarnation: 1)
        try writer.change(#"{"op":"insert","path":"/list","at":0,"values":["a"]}"#)
        scene.tell(source, [writer.item], reached: 3)
        let third = scene.take(1)
        #expect(third.contains("event: document") && third.contains(#""actors":["ra~1","rb~1"]"#))
        #expect(third.contains(#""list":{"runs":[[1,"#) && former != writer.context)
    }

    @Test func ofARangeEachItemComesWhole() throws {
        let key = try Cluster.key("plan", "a")
        var (scene, writer) = (try HubScene(), TypedWriter(key))
        try scene.subscribe(1, [try Cluster.range("plan")], form: DocumentTests.form())
        for round in 1...3 as ClosedRange<UInt64> {
            try writer.change(#"{"op":"increment","path":"/likes"}"#)
            scene.tell(source, [writer.item], reached: round)
            scene.hear(.drained([1]))
            #expect(scene.take(1).contains(#""value":{"likes":\#(round)}"#))
        }
    }

    /// From the time of a document's newest write.
    @Test func whatADocumentsEventsAreLateIsMeasured() throws {
        let key = try Cluster.key("plan")
        var (scene, writer) = (try HubScene(), TypedWriter(key))
        try writer.change(#"{"op":"increment","path":"/likes"}"#, as: 1)
        try scene.subscribe(1, [LiveTarget(key: key)])
        scene.tell(source, [writer.item], reached: 1)
        scene.hear(.drained([1]))
        #expect(scene.hub.takeDelays().isEmpty, "it stood when the client came")
        scene.pass(.seconds(3))
        try writer.change(#"{"op":"increment","path":"/likes"}"#, as: 2, second: 1)
        scene.tell(source, [writer.item], reached: 2)
        scene.hear(.drained([1]))
        #expect(scene.hub.takeDelays() == [.seconds(2)])
        try writer.change(#"{"op":"increment","path":"/likes"}"#, second: 2)
        scene.tell(source, [writer.item], reached: 3)
        scene.hear(.drained([1]))
        #expect(scene.hub.takeDelays() == [.seconds(1)])
        try writer.change(#"{"op":"remove","path":""}"#, as: 3, second: 3)
        scene.tell(source, [writer.item], reached: 4)
        #expect(scene.hub.takeDelays() == [.zero])
    }

    /// Clients that take what they are sent at any pace, and read JSON alone.
    @Test func everyClientEndsWithTheDocument() throws {
        let key = try Cluster.key("plan")
        var told: [String: Int] = [:]
        for seed in 1...60 as ClosedRange<UInt64> {
            var dice = SeededRandom(seed: seed)
            var (scene, writer) = (try HubScene(), TypedWriter(key))
            var readers = (1...4 as ClosedRange<UInt64>).map { PlainReader(id: $0) }
            for reader in readers {
                try scene.subscribe(
                    reader.id, [LiveTarget(key: key)], form: DocumentTests.form(changes: reader.id > 1))
            }
            for position in 1...80 as ClosedRange<UInt64> {
                try writer.changeSomething(&dice)
                if dice.chance(0.7) { scene.tell(source, [writer.item], reached: position) }
                for place in readers.indices where dice.chance(0.25 * Double(place + 1)) {
                    try readers[place].read(scene.take(readers[place].id), &told)
                    scene.hear(.drained([readers[place].id]))
                }
            }
            scene.tell(source, [writer.item], reached: 99)
            for place in readers.indices {
                for _ in 0..<2 {
                    try readers[place].read(scene.take(readers[place].id), &told)
                    scene.hear(.drained([readers[place].id]))
                }
                #expect(readers[place].value?.encode() == writer.value?.encode(), "seed \(seed), client \(place)")
                #expect(readers[place].version == writer.context)
            }
        }
        #expect(told["change", default: 0] > 1_000 && told["deleted", default: 0] > 20)
    }
}
