// `atoll watch` without a node: events in pieces, what is shown of them, and how long it waits before it comes back.

import Testing
import World

@testable import atoll

@Suite struct WatchTests {
    private static let stream = """
        :

        id: a
        event: value
        data: {"value":"one"}

        event: ready
        data: {"watch":"b/k"}

        data: two
        data: lines

        event: nothing

        id: b\u{0}
        data:x


        """

    @Test(arguments: ["\n", "\r\n", "\r"], [1, 3, 1_000])
    func eventsComeInAnyPieces(_ end: String, _ size: Int) {
        let bytes = Array(WatchTests.stream.replacing("\n", with: end).utf8)
        var reader = EventReader()
        var events: [ServerEvent] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            guard let some = reader.read(bytes[start..<min(bytes.count, start + size)]) else {
                Issue.record("a line was taken for too long")
                return
            }
            events += some
        }
        #expect(
            events == [
                ServerEvent(name: "value", data: #"{"value":"one"}"#, id: "a"),
                ServerEvent(name: "ready", data: #"{"watch":"b/k"}"#, id: "a"),
                ServerEvent(data: "two\nlines", id: "a"), ServerEvent(data: "x", id: "a"),
            ])
    }

    @Test func aPausesLengthIsBounded() {
        var (least, most) = (ReconnectPause(), ReconnectPause())
        #expect((0..<8).map { _ in least.next(chance: 0) } == [0.125, 0.25, 0.5, 1, 2, 4, 5, 5])
        #expect((0..<8).map { _ in most.next(chance: 1) } == [0.25, 0.5, 1, 2, 4, 8, 10, 10])
    }

    @Test func aWatchIsOfAKeyAnItemOrARange() throws {
        #expect(try Watch.path("b/k") == "/v1/live/b/k")
        #expect(try Watch.path("b/k/s t") == "/v1/live/b/k/s%20t")
        #expect(try Watch.path("b/k/") == "/v1/live/b/k/")
        for text in ["", "b", "b/", "/k", "b//", "b/k/s/", "b/k/s/t"] {
            #expect(throws: CommandFailure.self) { try Watch.path(text) }
        }
    }

    @Test func whatIsShown() throws {
        func plain(_ name: String, _ data: String) -> String? {
            WatchText.plain(ServerEvent(name: name, data: data)).output
        }
        #expect(plain("value", #"{"value":"one"}"#) == "one")
        #expect(plain("value", #"{"value_base64":"/w=="}"#) == "/w==")
        #expect(plain("document", #"{"value":{"a":[1]}}"#) == #"{"a":[1]}"#)
        #expect(plain("item", #"{"sort":"1","value":"one"}"#) == "1\tone")
        #expect(plain("siblings", #"{"siblings":[{"value":"a"},{"value":"b"}]}"#) == "a | b")
        #expect(plain("removed", #"{"sort":"1"}"#) == "1\t(deleted)")
        #expect(plain("ready", "{}") == nil)
        #expect(
            WatchText.json(ServerEvent(name: "item", data: #"{"sort":"1"}"#, id: "x"))
                == #"{"event":"item","id":"x","sort":"1"}"#)
    }
}
