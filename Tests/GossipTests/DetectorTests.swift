// The failure detector's two clocks: how improbable a silence is, and whether it was ours.

import Testing
import World

@testable import Gossip

private let second = Span.seconds(1)

private func at(_ ms: Int64) -> Instant { Instant(nanoseconds: ms * 1_000_000) }

@Suite struct PhiAccrualTests {
    /// phi = -log10 P(a gap longer than the silence), of an exponential distribution: with a mean of one second it is 8
    /// after 8 ln 10 seconds.
    @Test func phiIsTheLogarithmOfTheProbability() {
        var detector = PhiAccrual(now: at(0), interval: second)
        for i in 1...200 { detector.sample(now: at(Int64(i) * 1_000), interval: second, window: 100) }
        #expect(detector.phi(now: at(200_000), interval: second) == 0)
        #expect(abs(detector.phi(now: at(200_000 + 18_420), interval: second) - 8) < 0.2)
        #expect(abs(detector.phi(now: at(200_000 + 6_908), interval: second) - 3) < 0.1)
    }

    @Test func aSlowRhythmIsLearned() {
        var detector = PhiAccrual(now: at(0), interval: second)
        for i in 1...200 { detector.sample(now: at(Int64(i) * 4_000), interval: second, window: 100) }
        #expect(abs(detector.phi(now: at(800_000 + 18_420), interval: second) - 2) < 0.1)
    }

    /// Late news in a burst is no fast rhythm: a sender beats once per interval.
    @Test func aBurstMakesNobodyNervous() {
        var detector = PhiAccrual(now: at(0), interval: second)
        for i in 1...200 { detector.sample(now: at(Int64(i) * 10), interval: second, window: 100) }
        #expect(detector.phi(now: at(2_000 + 10_000), interval: second) < 5)
    }

    /// One outage counts as 20 intervals at most, and the window forgets it.
    @Test func anOutageIsForgotten() {
        var detector = PhiAccrual(now: at(0), interval: second)
        var now: Int64 = 0
        for _ in 0..<200 {
            now += 1_000
            detector.sample(now: at(now), interval: second, window: 100)
        }
        now += 3_600_000
        detector.sample(now: at(now), interval: second, window: 100)
        #expect(detector.phi(now: at(now + 30_000), interval: second) > 8)
    }

    @Test func beforeTheFirstSampleItIsPatient() {
        let detector = PhiAccrual(now: at(0), interval: second)
        #expect(detector.phi(now: at(25_000), interval: second) < 8)
        #expect(detector.phi(now: at(30_000), interval: second) > 8)
    }

    @Test func restartAndClearForgetTheRhythm() {
        var detector = PhiAccrual(now: at(0), interval: second)
        for i in 1...200 { detector.sample(now: at(Int64(i) * 4_000), interval: second, window: 100) }
        var restarted = detector
        restarted.restart(now: at(900_000), interval: second)
        #expect(restarted == PhiAccrual(now: at(900_000), interval: second))
        detector.clearSamples(interval: second)
        #expect(detector == PhiAccrual(now: at(800_000), interval: second))
    }
}

@Suite struct AttentionClockTests {
    private static let interval = Span.milliseconds(300)

    private func run(_ clock: inout AttentionClock, from: Int64, to: Int64) {
        for ms in stride(from: from, through: to, by: 300) {
            clock.ticked(at(ms), interval: AttentionClockTests.interval)
        }
    }

    @Test func itRunsWhileTicksCome() {
        var clock = AttentionClock(now: at(0))
        run(&clock, from: 300, to: 30_000)
        #expect(clock.now == at(30_000))
        // Late by less than three intervals is a busy machine, not a pause.
        clock.ticked(at(30_900), interval: AttentionClockTests.interval)
        #expect(clock.now == at(30_900))
    }

    /// It doesn't matter what wakes it: a tick, or the mail that has come in meanwhile.
    @Test(arguments: [true, false])
    func itStandsStillInAPause(wokenByMail: Bool) {
        var clock = AttentionClock(now: at(0))
        run(&clock, from: 300, to: 3_000)
        if wokenByMail {
            for _ in 0..<9 { clock.heard(at(63_000), interval: AttentionClockTests.interval) }
        }
        clock.ticked(at(63_000), interval: AttentionClockTests.interval)
        #expect(clock.now == at(3_300))
        clock.ticked(at(63_300), interval: AttentionClockTests.interval)
        #expect(clock.now == at(3_600))
    }

    /// Mail alone is no attention: without ticks nobody is judged.
    @Test func mailWithoutTicksIsAPause() {
        var clock = AttentionClock(now: at(0))
        run(&clock, from: 300, to: 3_000)
        for ms in stride(from: Int64(3_010), through: 63_000, by: 10) {
            clock.heard(at(ms), interval: AttentionClockTests.interval)
        }
        clock.ticked(at(63_000), interval: AttentionClockTests.interval)
        #expect(clock.now < at(30_000))
    }

    @Test func timeNeverRunsBackwards() {
        var clock = AttentionClock(now: at(5_000))
        clock.ticked(at(4_000), interval: AttentionClockTests.interval)
        clock.heard(at(1), interval: AttentionClockTests.interval)
        #expect(clock.now == at(5_000))
    }
}
