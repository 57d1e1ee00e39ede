// A window against paths whose bandwidth and delay are known.

import Testing
import World

@Suite struct ByteWindowTests {
    /// Carries bytes at a rate, each `delay` after it has left; what comes too fast queues up.
    private struct Path {
        let bytesPerSecond: Double
        var delay: Span
        var window: ByteWindow
        var now = Instant.origin
        var isFreeAt = Instant.origin
        var flights: [(bytes: Int, sentAt: Instant, arrives: Instant)] = []
        var arrived = 0

        init(mbit: Double, roundTripMs: Int64, most: Int = 64 << 20) {
            bytesPerSecond = mbit * 125_000
            delay = .milliseconds(roundTripMs)
            window = ByteWindow(least: 64 << 10, most: most)
        }

        /// Keeps the window full with messages of that size.
        mutating func run(_ span: Span, message: Int = 1_000) {
            let end = now + span
            while now < end {
                while window.hasRoom {
                    window.sent(message, at: now)
                    let takes = Span(nanoseconds: Int64(Double(message) / bytesPerSecond * 1e9))
                    isFreeAt = max(isFreeAt, now) + takes
                    flights.append((message, now, isFreeAt + delay))
                }
                now = now + .milliseconds(1)
                while let first = flights.first, first.arrives <= now {
                    flights.removeFirst()
                    arrived += first.bytes
                    window.confirmed(first.bytes, sentAt: first.sentAt, now: now)
                }
            }
        }
    }

    @Test(arguments: [(10.0, 220 as Int64), (100, 220), (100, 20), (5, 90)])
    func itFillsThePathAndDoesNotFlood(_ mbit: Double, _ roundTripMs: Int64) {
        var path = Path(mbit: mbit, roundTripMs: roundTripMs)
        path.run(.seconds(6))
        let before = path.arrived
        path.run(.seconds(2))
        let share = Double(path.arrived - before) / (path.bytesPerSecond * 2)
        #expect(share > 0.9, "\(share) of what the path can carry")
        let carried = max(Double(64 << 10), path.bytesPerSecond * Double(roundTripMs) / 1_000)
        #expect(Double(path.window.bytes) < 4 * carried, "\(path.window.bytes) of \(carried)")
    }

    @Test func aFarPathIsFilledWithinAFewRoundTrips() {
        var path = Path(mbit: 1_000, roundTripMs: 220)
        path.run(.seconds(2), message: 4_000)
        #expect(path.arrived > 3 << 20, "\(path.arrived)")
    }

    @Test func aSlowerPathIsFollowed() {
        var path = Path(mbit: 100, roundTripMs: 50)
        path.run(.seconds(4))
        let wide = path.window.bytes
        var slower = Path(mbit: 10, roundTripMs: 50)
        slower.window = path.window
        slower.window.correct(by: -path.window.inFlight)
        slower.now = path.now
        slower.run(.seconds(20))
        #expect(slower.window.bytes < wide / 3, "\(slower.window.bytes) of \(wide)")
    }

    /// A round trip of old times says nothing of a way that has become longer.
    @Test func aLongerPathIsFollowed() {
        var path = Path(mbit: 100, roundTripMs: 50)
        path.run(.seconds(4), message: 4_000)
        path.delay = .milliseconds(300)
        path.run(.seconds(16), message: 4_000)
        let before = path.arrived
        path.run(.seconds(8), message: 4_000)
        let share = Double(path.arrived - before) / (path.bytesPerSecond * 8)
        #expect(share > 0.8, "\(share) of what the path can carry")
    }

    /// What a full window adds to the round trip is never taken for the way, however long it is full.
    @Test func itDoesNotFloodWithTime() {
        var path = Path(mbit: 10, roundTripMs: 100)
        for _ in 0..<12 {
            path.run(.seconds(10), message: 4_000)
            #expect(Double(path.window.bytes) < 4 * path.bytesPerSecond / 10, "\(path.window.bytes)")
        }
        #expect(Double(path.arrived) > 0.9 * path.bytesPerSecond * 120, "\(path.arrived)")
    }

    /// All that was sent comes home at the same instant, as what was stored as one batch does.
    @Test func whatComesHomeTogetherIsOneRound() {
        var window = ByteWindow(least: 64 << 10, most: 4 << 20)
        var now = Instant.origin
        for _ in 0..<7 {
            var sent = 0
            while window.hasRoom {
                window.sent(10_000, at: now)
                sent += 1
            }
            let sentAt = now
            now = now + .milliseconds(200)
            for _ in 0..<sent { window.confirmed(10_000, sentAt: sentAt, now: now) }
        }
        #expect(window.bytes == 4 << 20 && window.inFlight == 0)
    }

    @Test func itHoldsItsBounds() {
        var path = Path(mbit: 1_000, roundTripMs: 220, most: 256 << 10)
        path.run(.seconds(3))
        #expect(path.window.bytes == 256 << 10)
        var empty = ByteWindow(least: 1_000, most: 4_000)
        empty.sent(1 << 20, at: .origin)
        #expect(!empty.hasRoom)
        empty.confirmed(1 << 20, sentAt: .origin, now: .origin + .milliseconds(1))
        #expect(empty.hasRoom && empty.inFlight == 0)
    }

    @Test func whatIsLostMakesItBeginAgain() {
        var path = Path(mbit: 100, roundTripMs: 100)
        path.run(.seconds(2))
        #expect(path.window.bytes > 64 << 10)
        path.window.lost(path.window.inFlight)
        #expect(path.window.bytes == 64 << 10 && path.window.inFlight == 0)
    }

    /// Who has little to send learns nothing of the path, and needs no more.
    @Test func aWindowThatIsNotFullStays() {
        var window = ByteWindow(least: 1_000, most: 1 << 20)
        for step in 0..<100 as Range<Int64> {
            let at = Instant.origin + .milliseconds(step * 10)
            window.sent(500, at: at)
            window.confirmed(500, sentAt: at, now: at + .milliseconds(5))
        }
        #expect(window.bytes == 1_000)
    }
}
