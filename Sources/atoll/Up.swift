// `atoll up`: every node of a ring file as a child process on this machine, for trying things out and for tests.

import ArgumentParser
import Foundation
import NIOHTTP1
import Ring
import RingFile
import World

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run every node of a ring file on this machine; Ctrl-C stops all.",
        discussion: """
            Without a file: three nodes in Germany, the USA and Japan, HTTP on ports 7071, 7072 and 7073, data in \
            ./atoll-data/NODE. A node that dies is started again after 5 seconds.
            """)

    @Argument(help: "The ring file (TOML).") var ring: String?
    @Option(help: "The directory that gets one directory for each node.") var data = "./atoll-data"
    @Option(help: "The nodes' log level.") var logLevel = "info"
    @Flag(help: "Leave a node that dies dead.") var noRestart = false
    @Flag(help: "Let the nodes listen on other than loopback addresses.") var insecure = false

    func run() async throws {
        step("reading \(ring ?? "the built-in ring of three countries")")
        let text = RingDocument.threeCountries
        let document = try ring.map(RingFiles.load) ?? RingFiles.compile(text, name: "three countries")
        do { try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true) } catch {
            throw CommandFailure.usage("cannot make \(data): \(error.localizedDescription)")
        }
        let path: String
        if let ring {
            path = ring
        } else {
            path = data + "/ring.toml"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let family = Family(
            nodes: document.nodes, ring: path, data: data, logLevel: logLevel, restarts: !noRestart,
            isInsecure: insecure)
        // Before the first child: from here on nothing ends this process that would not end them.
        let signals = [SIGINT, SIGTERM].map { number in
            // A handler, since children would inherit that a signal is ignored.
            signal(number) { _ in }
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { family.stopAll() }
            source.resume()
            return source
        }
        try family.startAll(step)
        await announce(document, family)
        let status = await family.ended()
        signals.forEach { $0.cancel() }
        if status != 0 { throw ExitCode(status) }
    }

    /// Where people find the site.
    private func sites(_ document: RingDocument) -> String {
        let sites = document.nodes.compactMap { node in
            node.social.map { "  http://\($0)/  (\(node.country))\n" }
        }
        return sites.isEmpty ? "" : "\nA site for people, in a browser:\n\n" + sites.joined()
    }

    private func step(_ text: String) { Terminal.error("atoll up: \(text)") }

    /// Waits until every node is ready and says what to try.
    private func announce(_ document: RingDocument, _ family: Family) async {
        for node in document.nodes {
            guard let url = try? NodeURL("http://\(node.http)") else { continue }
            while !family.isStopping {
                if let response = try? await NodeClient.request(.GET, "/readyz", to: url), response.status == 200 {
                    break
                }
                try? await Task.sleep(for: .milliseconds(50))
            }
            if family.isStopping { return }
            let site = node.social.map { ", its site: http://\($0)" } ?? ""
            step("\(node.id) is ready: \(url)  (\(node.country))\(site)")
        }
        guard let first = document.nodes.first, let last = document.nodes.last else { return }
        // As it was called here, so that the lines can be copied.
        let atoll = CommandLine.arguments.first ?? "atoll"
        let one = "http://\(first.http)"
        let other = "http://\(last.http)"
        Terminal.error(
            """

            \(document.nodes.count) nodes of cluster \(document.cluster) are up. Try, in another shell:

              curl -i -X PUT \(one)/v1/kv/posts/hello -H 'Content-Type: text/plain' -d 'Hello, islands'
              curl -i \(other)/v1/kv/posts/hello
              \(atoll) put posts/hello 'Hello again' --url \(one)
              \(atoll) get posts/hello -v --url \(other)
              \(atoll) set docs/plan /title 'Two islands' --url \(one)
              \(atoll) increment docs/plan /likes --url \(other)
              \(atoll) get docs/plan --url \(one)
              \(atoll) status --url \(one)

            and in a browser, twice: \(one)/demo
            \(sites(document))
            Ctrl-C stops them. Data is in \(data).

            """)
    }
}

/// The child processes.
private final class Family: @unchecked Sendable {
    // Guarded by `lock`.
    private let lock = NSLock()
    private var children: [String: Process] = [:]
    private var stopping = false
    private var status: Int32 = 0
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private let nodes: [RingNode]
    private let ring: String
    private let data: String
    private let logLevel: String
    private let restarts: Bool
    private let isInsecure: Bool
    private static let restartAfter = 5.0

    init(nodes: [RingNode], ring: String, data: String, logLevel: String, restarts: Bool, isInsecure: Bool) {
        self.nodes = nodes
        self.ring = ring
        self.data = data
        self.logLevel = logLevel
        self.restarts = restarts
        self.isInsecure = isInsecure
    }

    var isStopping: Bool { lock.withLock { stopping } }

    func startAll(_ step: (String) -> Void) throws {
        for node in nodes where !isStopping {
            step("starting \(node.id) (\(node.country)), data in \(data)/\(node.id)")
            try start(node)
        }
    }

    private func start(_ node: RingNode) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        var arguments = [
            "serve", "--ring", ring, "--node", node.id.name, "--data", "\(data)/\(node.id)", "--log-level", logLevel,
            "--stop-with-parent", "--demo",
        ]
        if isInsecure { arguments.append("--insecure") }
        if nodes.count > 1 { arguments.append("--shares-cores") }
        if ProcessInfo.processInfo.environment["ATOLL_LOOPS"] == nil {
            // The nodes share this machine's cores; loops beyond them would only wake each other.
            arguments += ["--loops", String(max(1, ProcessInfo.processInfo.activeProcessorCount / nodes.count))]
        }
        process.arguments = arguments
        // Never written to: its end tells the child that this process is gone.
        process.standardInput = Pipe()
        let output = Pipe()
        process.standardError = output
        process.standardOutput = output
        relay(output, node.id.name)
        process.terminationHandler = { [self] process in ended(node, process) }
        // Under the lock, so that neither its end nor the end of all is handled before it is known.
        let isStarted = try lock.withLock { () -> Bool in
            guard !stopping else { return false }
            do { try process.run() } catch {
                throw CommandFailure.usage("cannot start \(node.id): \(error.localizedDescription)")
            }
            children[node.id.name] = process
            return true
        }
        guard isStarted else { return }
        Terminal.error("[\(node.id)] process \(process.processIdentifier)")
    }

    /// The nodes' logs as one, each line with its node's name.
    private func relay(_ pipe: Pipe, _ name: String) {
        let lines = LineBuffer(prefix: "[\(name)] ")
        pipe.fileHandleForReading.readabilityHandler = { handle in
            let bytes = handle.availableData
            if bytes.isEmpty { handle.readabilityHandler = nil }
            lines.add(bytes)
        }
    }

    private func ended(_ node: RingNode, _ process: Process) {
        let isFatal = process.terminationReason == .exit && process.terminationStatus == 2
        let (isStopping, waiters) = lock.withLock { () -> (Bool, [CheckedContinuation<Void, Never>]) in
            children[node.id.name] = nil
            if isFatal && !stopping { status = 2 }
            guard children.isEmpty, stopping || isFatal || !restarts else { return (stopping, []) }
            defer { self.waiters = [] }
            stopping = true
            return (true, self.waiters)
        }
        waiters.forEach { $0.resume() }
        guard !isStopping else { return }
        let how = process.terminationReason == .exit ? "exited with status" : "was ended by signal"
        Terminal.error("[\(node.id)] \(how) \(process.terminationStatus)")
        if isFatal { return stopAll() }
        guard restarts else { return }
        Terminal.error("[\(node.id)] starts again in \(Int(Family.restartAfter)) s")
        DispatchQueue.global().asyncAfter(deadline: .now() + Family.restartAfter) { [self] in
            do { try start(node) } catch { Terminal.error("[\(node.id)] \(error)") }
        }
    }

    func stopAll() {
        let (running, waiters) = lock.withLock { () -> ([Process], [CheckedContinuation<Void, Never>]) in
            stopping = true
            guard children.isEmpty else { return (Array(children.values), []) }
            defer { self.waiters = [] }
            return ([], self.waiters)
        }
        waiters.forEach { $0.resume() }
        running.forEach { $0.terminate() }
    }

    /// Waits until no child is left; the status for the command.
    func ended() async -> Int32 {
        await withCheckedContinuation { continuation in
            let isOver = lock.withLock { () -> Bool in
                guard !(stopping && children.isEmpty) else { return true }
                waiters.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
        return lock.withLock { status }
    }
}

/// Whole lines to standard error, however the bytes come.
private final class LineBuffer: @unchecked Sendable {
    // Only used by one pipe's readability handler, which is never called twice at once.
    private var rest: [UInt8] = []
    private let prefix: String

    init(prefix: String) { self.prefix = prefix }

    func add(_ bytes: Data) {
        rest += bytes
        while let end = rest.firstIndex(of: 0x0A) {
            Terminal.error(prefix + String(decoding: rest[..<end], as: UTF8.self))
            rest.removeSubrange(...end)
        }
        // A child that prints without end of line must not fill this process.
        if rest.count > 64 << 10 { rest = [] }
    }
}
