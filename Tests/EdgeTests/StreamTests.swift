// A live read on a connection: what leaves, what is held meanwhile, and how it ends.

import Testing
import World

@testable import Edge

@Suite struct StreamTests {
    private static let begun = """
        head GET /v1/live/b/k > expect body
        end > expect nothing, serve GET 0
        stream 3 > count live 200, stream chunked 3|aaa|

        """

    @Test func blocksLeaveAsChunks() throws {
        var script = try Script()
        script.play(
            StreamTests.begun + """
                drained > drained
                stream 17 > stream 11|aaaaaaaaaaaaaaaaa|
                drained > drained
                over 200 > stream 0||, expect end, close when written
                drained >
                """)
        script = try Script()
        script.play(
            """
            head GET /v1/live/b/k old > expect body
            end > expect nothing, serve GET 0
            stream 3 > count live 200, stream plain aaa
            over 200 > expect end, close when written
            """)
    }

    @Test func whatDoesNotBeginIsAnsweredAsAnyRequest() throws {
        var script = try Script()
        script.play(
            """
            head GET /v1/live/b/k > expect body
            end > expect nothing, serve GET 0
            over 503 > count live 503, write
            write > flush at end, expect request
            head GET /v1/ring > expect body
            """)
    }

    /// Nothing is taken from a client that listens, and whoever says that it sends nothing more has gone.
    @Test func aListenerThatLeavesIsLetGo() throws {
        var script = try Script()
        script.play(
            StreamTests.begun + """
                head GET /v1/ring > pipelined
                end >
                eof > close
                stream 3 >
                drained >
                """)
        script = try Script()
        script.play(
            """
            head GET /v1/live/b/k > expect body
            end > expect nothing, serve GET 0
            eof >
            stream 3 > close
            """)
        script = try Script()
        script.play(StreamTests.begun + "over > close")
    }

    @Test func aLargeBlockIsCountedUntilItHasLeft() throws {
        var script = try Script(memory: 100_000)
        script.play(
            StreamTests.begun + """
                drained > drained
                held > 0
                """)
        script.connection.stream(
            [[UInt8](repeating: 0x61, count: 70_000)[...]], &script.clients, script.now, &script.out)
        _ = script.out.take()
        script.play(
            """
            held > 70000
            drained > drained
            held > 0
            """)
    }

    /// Where others need the room, or there is none, the connection gives way.
    @Test func aReaderThatTakesNothingGivesWay() throws {
        var script = try Script(memory: 100_000)
        script.play(StreamTests.begun + "drained > drained")
        let block = [[UInt8](repeating: 0x61, count: 70_000)[...]]
        script.connection.stream(block, &script.clients, script.now, &script.out)
        _ = script.out.take()
        script.play(
            """
            take 40000 > no room
            pass 10 >
            take 40000 > taken
            held > 40000
            cut > close
            gone >
            held > 40000
            """)
        script = try Script(memory: 60_000)
        script.play(StreamTests.begun + "drained > drained")
        script.connection.stream(block, &script.clients, script.now, &script.out)
        script.play("held > 0, close")
    }

    @Test func whoIsGoneHoldsNothing() throws {
        var script = try Script(memory: 100_000)
        script.play(StreamTests.begun + "drained > drained")
        script.connection.stream(
            [[UInt8](repeating: 0x61, count: 70_000)[...]], &script.clients, script.now, &script.out)
        _ = script.out.take()
        script.play(
            """
            gone >
            held > 0
            """)
    }
}
