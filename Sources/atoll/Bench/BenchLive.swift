// `atoll bench live`: how long a write takes to those who watch its key. One clock, this process's: a value is the time
// at which its write was sent.

import ArgumentParser
import Foundation
import JSON
import NIOHTTP1
import World

struct BenchLive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live",
        abstract: "Measure live reads: the time from a write to its event.",
        discussion: """
            Writes a key through the first node, at a fixed rate, and watches it through the last (of one: through the same). \
            It leaves the key BUCKET/live there. With --watches each subscriber looks at so many keys more, its own, which are \
            never written.
            Of Redis (--target redis) a channel of that name is published to and subscribed to.
            """)
    @Option(help: "A node's HTTP address; repeat it. Default: as for atoll bench.") var url: [String] = []
    @Option(help: "What is measured: atoll or redis.") var target = LiveTargetKind.atoll
    @Option(help: "Connections that watch the key.") var subscribers = 1
    @Option(help: "Keys that each of them watches: 1 to \(Limits.liveWatchesOfConnection).") var watches = 1
    @Option(help: "Writes a second.") var rate = 10.0
    @Option(help: "Seconds.") var duration = 10.0
    @Option(help: "The bucket.") var bucket = "bench"
    @Flag(help: "Print a JSON document.") var json = false

    func run() async throws {
        guard (1...Limits.liveSubscribers).contains(subscribers), (0.1...1_000).contains(rate),
            (1...86_400).contains(duration), (1...Limits.liveWatchesOfConnection).contains(watches)
        else {
            throw CommandFailure.usage(
                "--subscribers must be 1 to \(Limits.liveSubscribers), --watches 1 to "
                    + "\(Limits.liveWatchesOfConnection), --rate 0.1 to 1000, --duration 1 to 86400")
        }
        let urls = url.isEmpty ? [try await NodeOptions.node(nil)] : try url.map(NodeURL.init)
        guard let writer = urls.first, let watched = urls.last else { return }
        let key = "\(PercentEncoding.segment(bucket))/live"
        let audience = LiveAudience(subscribers)
        let publisher = target == .redis ? try await RedisPublisher(writer) : nil
        switch target {
        case .atoll: try await audience.open(at: watched) { [watches] in LiveRequest.watch(key, $0, watches) }
        case .redis: try await audience.open(at: watched) { _ in .subscribe(channel: key) }
        }
        audience.begin()
        let started = DispatchTime.now().uptimeNanoseconds
        let writes = Int(rate * duration)
        var last: UInt64 = 0
        for number in 0..<writes {
            let due = started + UInt64(Double(number) / rate * 1e9)
            let now = DispatchTime.now().uptimeNanoseconds
            if due > now { try await Task.sleep(for: .nanoseconds(Int64(due - now))) }
            last = DispatchTime.now().uptimeNanoseconds
            if let publisher {
                try await publisher.publish(last, to: key)
                continue
            }
            let answer = try await NodeClient.request(.PUT, "/v1/kv/\(key)", to: writer, body: Array("\(last)".utf8))
            guard (200..<300).contains(answer.status) else { throw Answers.problem(answer) }
        }
        let settled = await audience.await(last, within: 10)
        audience.close()
        try report(audience.delays(), writes: writes, settled: settled)
    }

    private func report(_ delays: [UInt64], writes: Int, settled: Double?) throws {
        func milliseconds(_ share: Double) -> Double {
            guard !delays.isEmpty else { return 0 }
            return Double(delays[min(delays.count - 1, Int(share * Double(delays.count)))]) / 1e6
        }
        let figures: KeyValuePairs = [
            "p50_ms": milliseconds(0.5), "p99_ms": milliseconds(0.99), "p99_9_ms": milliseconds(0.999),
            "max_ms": milliseconds(1),
        ]
        if json {
            let members: [JSONValue.Member] =
                [
                    .init("subscribers", .int(subscribers)), .init("writes", .int(writes)),
                    .init("events", .int(delays.count)), .init("seconds", .number(duration)),
                    .init("all_had_the_last_ms", settled.map(JSONValue.number) ?? .null),
                ] + figures.map { .init($0.key, .number($0.value)) }
            Terminal.output(JSONValue.object(members).encode() + [0x0A])
        } else {
            print("\(writes) writes, \(delays.count) events at \(subscribers) subscribers")
            print(figures.map { "\($0.key) \(String(format: "%.2f", $0.value))" }.joined(separator: "  "))
            print(
                settled.map { "all had the last after \(String(format: "%.1f", $0)) ms" }
                    ?? "not all had the last after 10 s")
        }
        guard settled != nil else { throw CommandFailure.no("not every subscriber heard of the last write") }
    }
}
