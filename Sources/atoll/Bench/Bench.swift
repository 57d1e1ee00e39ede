// `atoll bench`: load on nodes that run, and how they bear it.

import ArgumentParser
import Foundation
import World

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Put load on running nodes and measure them.",
        subcommands: [BenchLoad.self, BenchLive.self], defaultSubcommand: BenchLoad.self)
}

struct BenchLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Put load on running nodes and measure them (what bench does by itself).",
        discussion: """
            Closed loop by default: each connection sends its next request when the answer came, so this measures how much \
            the nodes can do. With --rate requests are due at that rate whatever the nodes do, and latencies count from when \
            a request was due, so this measures how users would fare.
            It writes keys user000000000000, user000000000001, … into the bucket --bucket and leaves them there.
            """)

    @Option(
        help:
            "A node's HTTP address; repeat it to spread the connections over several. Default: ATOLL_URL, or the node that answers on port 7071 or 7070."
    )
    var url: [String] = []
    @Option(
        help: """
            get, put, or a mix of YCSB: a (half reads, half writes), b (95% reads), c (reads only); register takes names \
            (BUCKET:user000000000000, …), each once; list asks for the newest \(BenchWorkload.listed) items of lists of \
            \(BenchWorkload.itemsPerList), which --load writes; increment, insert and add change the counters, texts or sets of \
            --bucket; post writes texts under titles of their own on a site, page asks for --path again and again.
            """)
    var workload = BenchWorkload.a
    @Option(help: "Connections, over all nodes.") var connections = 64
    @Option(help: "Open loop: so many requests per second.") var rate: Double?
    @Option(help: "Seconds to measure; 0 with --load only loads.") var duration: Double?
    @Option(help: "Measure so many requests instead of a time.") var requests: Int?
    @Option(help: "Seconds of load before what is measured.") var warmUp = 2.0
    @Option(help: "How many keys.") var keys = 10_000
    @Option(help: "uniform or zipfian (few keys get most requests, theta 0.99).") var distribution = KeyDistribution
        .uniform
    @Option(help: "Bytes of a value.") var valueBytes = 100
    @Option(help: "Bytes of a key.") var keyBytes = 16
    @Option(help: "The bucket.") var bucket = "bench"
    @Flag(help: "First write every key once.") var load = false
    @Option(name: .customShort("r"), help: "Level of reads: a number, one, quorum, local, each or all.") var r: String?
    @Option(name: .customShort("w"), help: "Level of writes.") var w: String?
    @Option(help: "Of the workload page: what is asked for, with its query.") var path = "/"
    @Option(help: "Of post and page: a header of each request, such as 'authorization: Bearer …'; may be repeated.")
    var header: [String] = []
    @Option(help: "Seconds after which a request is given up and its connection closed.") var timeout = 10.0
    @Option(help: "Which keys and operations are drawn.") var seed: UInt64 = 1
    @Option(help: "Threads of the load generator.") var threads = 1
    @Flag(help: "Print a JSON document.") var json = false
    @Option(
        help: ArgumentHelp("Speak to atoll, bare (any HTTP server) or etcd (its JSON gateway).", visibility: .hidden))
    var target = LoadTarget.atoll

    func run() async throws {
        let plan = try await plan()
        let run = LoadRun(plan, showsProgress: Terminal.showsStatus)
        let report: BenchReport
        do {
            try await run.connect()
            let loaded = load ? try await run.load() : nil
            let measured = plan.extent == .duration(0) ? nil : try await run.measure()
            report = BenchReport(plan: plan, loaded: loaded, measured: measured)
        } catch {
            await run.close()
            throw error
        }
        await run.close()
        if json { Terminal.output(report.json) } else { print(report.text) }
        let all = report.measured?.figures.all
        if let all, all.requests == all.errors { throw CommandFailure.no("no request was answered well") }
    }

    private func plan() async throws -> LoadPlan {
        try check()
        var plan = LoadPlan(urls: url.isEmpty ? [try await NodeOptions.node(nil)] : try url.map(NodeURL.init))
        plan.target = target
        plan.workload = workload
        plan.distribution = distribution
        plan.arrival = rate.map { .open(rate: $0) } ?? .closed
        plan.extent = requests.map { .requests($0) } ?? .duration(BenchLoad.nanoseconds(duration ?? 10))
        plan.warmUp = BenchLoad.nanoseconds(warmUp)
        plan.connections = connections
        plan.threads = threads
        plan.bucket = PercentEncoding.segment(bucket)
        plan.keys = keys
        plan.keyBytes = keyBytes
        plan.valueBytes = valueBytes
        plan.readLevel = r.map(PercentEncoding.value)
        plan.writeLevel = w.map(PercentEncoding.value)
        plan.path = path
        plan.headers = header
        plan.seed = seed
        plan.timeout = BenchLoad.nanoseconds(timeout)
        return plan
    }

    private func check() throws {
        func require(_ holds: Bool, _ message: String) throws {
            if !holds { throw CommandFailure.usage(message) }
        }
        let day = 86_400.0
        try require(duration == nil || requests == nil, "give --duration or --requests, not both")
        try require(rate.map { (0.001...10_000_000).contains($0) } ?? true, "--rate must be 0.001 to 10000000")
        try require(duration.map { (0...day).contains($0) } ?? true, "--duration must be 0 to \(Int(day)) seconds")
        try require(load || duration != 0, "--duration 0 leaves nothing to do without --load")
        try require(requests.map { (1...1_000_000_000_000).contains($0) } ?? true, "--requests must be at least 1")
        try require((0...day).contains(warmUp), "--warm-up must be 0 to \(Int(day)) seconds")
        try require((0.001...3_600).contains(timeout), "--timeout must be 0.001 to 3600 seconds")
        try require(
            (1...Limits.httpConnections).contains(connections), "--connections must be 1 to \(Limits.httpConnections)")
        try require(
            (1...256).contains(threads) && threads <= connections,
            "--threads must be 1 to 256, and no more than connections")
        try require((1...100_000_000).contains(keys), "--keys must be 1 to 100000000")
        try require(
            (0...Limits.largestValueBytes).contains(valueBytes),
            "--value-bytes must be 0 to \(Limits.largestValueBytes)")
        let longest = Limits.keyBytes - Limits.bucketNameBytes
        try require(
            (KeyText.smallest...longest).contains(keyBytes), "--key-bytes must be \(KeyText.smallest) to \(longest)")
        try require(
            path.hasPrefix("/") && path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f },
            "--path must begin with / and be percent-encoded")
        try require(
            header.allSatisfy { $0.contains(":") && $0.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f } },
            "--header must be a name, a colon and a value")
        try require(!bucket.isEmpty && !bucket.contains("/"), "--bucket must be a name without /")
    }

    private static func nanoseconds(_ seconds: Double) -> UInt64 { UInt64(seconds * 1e9) }
}
