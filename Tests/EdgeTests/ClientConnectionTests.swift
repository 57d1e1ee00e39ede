// One request of a connection after the other, and what may come between.

import Testing
import World

@testable import Edge

@Suite struct ClientConnectionTests {
    @Test func oneRequestFollowsTheOther() throws {
        var script = try Script()
        script.play(
            """
            read > read
            head PUT /v1/kv/b/k > expect body
            body 5 >
            body 7 >
            end > expect nothing, serve PUT 12
            answer 204 > count kv 204, write
            write > flush at end, expect request
            head GET /v1/ring > expect body
            end > expect nothing, serve GET 0
            answer 200 9 > count ring 200, write
            write > flush at end, expect request
            """)
    }

    @Test func whatComesTooEarlyWaits() throws {
        var script = try Script()
        script.play(
            """
            head GET /v1/ring > expect body
            end > expect nothing, serve GET 0
            head PUT /v1/kv/b/k > pipelined
            body 3 >
            read >
            body 4 >
            end >
            answer 200 9 > count ring 200, write
            write > flush at end, expect request, expect body, expect nothing, serve PUT 7
            answer 201 > count kv 201, write
            write > flush at end, expect request, read
            """)
    }

    /// Answers that nobody reads do not pile up.
    @Test func whoDoesNotReadIsNotListenedTo() throws {
        var script = try Script()
        script.play(
            """
            head GET /v1/ring > expect body
            end > expect nothing, serve GET 0
            full >
            answer 200 9 > count ring 200, time
            room > write
            full >
            write > flush at end, time over, expect request
            head GET /v1/ring >
            read >
            room > expect body, read
            end > expect nothing, serve GET 0
            """)
    }

    @Test func whoWaitsIsToldToGoOn() throws {
        let refused = "expect end, count refused"
        var script = try Script()
        script.play(
            """
            head PUT /v1/kv/b/k content-length:5 expect:100-continue > expect body, continue
            body 5 >
            end > expect nothing, serve PUT 5
            """)
        script = try Script()
        script.play(
            """
            head PUT /v1/ring content-length:5 expect:100-continue > expect body, \(refused) 405, write, linger
            write > flush at end
            body 5 >
            end >
            answer 200 >
            write > nothing
            """)
    }

    @Test func bodiesAreBounded() throws {
        var script = try Script()
        script.play(
            """
            head PUT /v1/kv/b/k > expect body
            body 1048576 >
            body 1 > expect end, count refused 413, write, linger
            held > 0
            """)
        script = try Script()
        script.play(
            "head PUT /v1/kv/b/k content-length:1048577 > expect body, expect end, count refused 413, write, linger")
        script = try Script()
        script.play(
            """
            head GET /v1/kv/b/k > expect body
            body 4097 > expect end, count refused 413, write, linger
            """)
        script = try Script(memory: 10_000)
        script.play(
            """
            head PUT /v1/kv/b/k > expect body
            body 20000 > expect end, count refused 503, write, linger
            held > 0
            """)
    }

    @Test func aRefusalWaitsForTheAnswersBeforeIt() throws {
        var script = try Script()
        script.play(
            """
            head GET /v1/ring > expect body
            end > expect nothing, serve GET 0
            refuse > expect end
            refuse > expect end
            answer 200 > count ring 200, write
            write > flush at end, expect request, expect end, count refused 408, write, linger
            refuse >
            write > flush at end
            eof >
            """)
    }

    @Test func theEndIsSaidByEitherSide() throws {
        var script = try Script()
        script.play("eof > expect end, close when written")
        script = try Script()
        script.play(
            """
            head GET /v1/ring > expect body
            end > expect nothing, serve GET 0
            eof >
            answer 200 > count ring 200, write
            write > flush at end, expect request, expect end, close when written
            """)
        for last in ["head GET /v1/ring close", "head GET /v1/ring old close"] {
            script = try Script()
            script.play(
                """
                \(last) > expect body
                end > expect nothing, serve GET 0
                answer 200 > count ring 200, write
                write > flush at end, expect end, close when written
                """)
        }
        script = try Script()
        script.play(
            """
            head PUT /v1/kv/b/k > expect body
            body 5 >
            eof > expect end, close when written
            held > 0
            """)
    }

    @Test func aNodeThatStopsAnswersWhatItHasBegun() throws {
        var script = try Script()
        script.play("stop > expect end, close when written")
        script = try Script()
        script.play(
            """
            head PUT /v1/kv/b/k > expect body
            stop >
            body 5 >
            end > expect nothing, serve PUT 5
            answer 204 > count kv 204, write
            write > flush at end, expect end, close when written
            """)
        script = try Script()
        script.clients.isStopping = true
        script.play("head GET /v1/ring > expect body, expect end, count refused 503, write, linger")
    }

    /// 64 KiB at a time, so many in a turn, and only as the socket takes them.
    @Test func largeAnswersLeaveInPieces() throws {
        var script = try Script()
        script.play(
            """
            head GET /v1/kv/b/k > expect body
            end > expect nothing, serve GET 0
            answer 200 1200000 > count kv 200, write
            held > 1200000
            """)
        for _ in 0..<(Limits.answerPiecesPerTurn - 1) { script.play("write > flush, write") }
        script.play(
            """
            write > flush, time, next turn
            turn > write
            full >
            write > flush
            room > write
            write > flush, write
            write > flush and tell
            held > 1200000
            left > time over, expect request
            held > 0
            """)
    }

    @Test func theSlowestReaderGivesWay() throws {
        let start = """
            head GET /v1/kv/b/k > expect body
            end > expect nothing, serve GET 0
            full >
            answer 200 70000 > count kv 200, time
            held > 70000
            """
        var script = try Script(memory: 100_000)
        script.play(start)
        script.play(
            """
            take 40000 > no room
            pass 10 >
            take 40000 > taken
            held > 40000
            cut > time over, close
            held > 40000
            room >
            gone >
            held > 40000
            """)
        script = try Script(memory: 100_000)
        script.play(start)
        script.play(
            """
            cut > time over, close
            held > 0
            """)
        script = try Script(memory: 60_000)
        script.play(
            """
            head GET /v1/kv/b/k > expect body
            end > expect nothing, serve GET 0
            answer 200 70000 > count kv 503, write
            write > flush at end, expect request
            """)
    }

    @Test func whoIsGoneHoldsNothing() throws {
        var script = try Script()
        script.play(
            """
            head PUT /v1/kv/b/k > expect body
            body 30000 >
            gone >
            held > 0
            end >
            """)
        script = try Script()
        script.play(
            """
            head GET /v1/kv/b/k > expect body
            end > expect nothing, serve GET 0
            answer 200 70000 > count kv 200, write
            write > flush, write
            gone >
            held > 0
            answer 200 >
            """)
    }
}
