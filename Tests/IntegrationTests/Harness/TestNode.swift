// One `atoll serve` under test: its ports, its directory, its process, and the calls that tests make of it.

import Foundation
import Glibc

final class TestNode: @unchecked Sendable {
    // Used by one test at a time; only `request` and its kin are called from several threads, and they touch no state.
    let name: String
    let host: String
    let httpPort: Int
    let peerPort: Int
    /// Of its site; nil where it has none.
    let socialPort: Int?
    let dataPath: String
    private let directory: String
    private let arguments: [String]
    /// Stands before the command, to run it elsewhere or otherwise.
    private let launcher: [String]
    /// The network namespace that it lives in, as a file; nil: the tests' own.
    private let space: String?
    private(set) var process: ChildProcess?
    private var starts = 0

    init(
        _ name: String, host: String = "127.0.0.1", http: Int, peer: Int, social: Int? = nil, data: String,
        in directory: String, arguments: [String], launcher: [String] = [], space: String? = nil
    ) {
        self.name = name
        self.host = host
        httpPort = http
        peerPort = peer
        socialPort = social
        dataPath = data
        self.directory = directory
        self.arguments = arguments + (social.map { ["--social", "\(host):\($0)"] } ?? [])
        self.launcher = (space.map { ["nsenter", "--net=\($0)"] } ?? []) + launcher
        self.space = space
    }

    // MARK: Life

    func start() throws {
        process?.end()
        starts += 1
        process = try run(
            ["serve", "--data", dataPath, "--stop-with-parent"] + arguments, output: "\(name).\(starts).log")
    }

    /// Runs `atoll` where this node lives.
    func run(_ arguments: [String], output: String) throws -> ChildProcess {
        let command = launcher + [AtollBinary.path] + arguments
        return try ChildProcess(command[0], Array(command[1...]), output: "\(directory)/\(output)")
    }

    /// Waits until it answers; throws what it said if it ends instead.
    func awaitHealth(within seconds: Double = 15) throws {
        try eventually("\(name) answers", within: seconds) {
            if let status = process?.status { throw NodeEnded(status: status, output: log) }
            return try request("GET", "/healthz").status == 200
        }
    }

    func kill() {
        process?.signal(SIGKILL)
        _ = try? process?.wait(within: 10)
    }

    @discardableResult
    func stop(within seconds: Double = 15) throws -> ExitStatus {
        guard let process else { throw HarnessFailure("\(name) does not run") }
        process.signal(SIGTERM)
        return try process.wait(within: seconds)
    }

    func end() { process?.end() }

    /// What the process of the last start has printed.
    var log: String { process?.output ?? "" }
    var isRunning: Bool { process?.isRunning ?? false }

    // MARK: Calls

    /// From where the node lives: no distance and no cut lies between.
    func connect(timeout: Double = 10) throws -> Connection {
        try Space.within(space) { try Connection(httpPort, host: host, timeout: timeout) }
    }

    func request(
        _ method: String, _ target: String, _ headers: [String: String] = [:], body: [UInt8]? = nil,
        timeout: Double = 10
    ) throws -> Response {
        try connect(timeout: timeout).request(method, target, headers, body: body)
    }

    /// Of its site.
    func site(
        _ method: String, _ target: String, _ headers: [String: String] = [:], body: [UInt8]? = nil,
        timeout: Double = 10
    ) throws -> Response {
        try connectToSite(timeout: timeout).request(method, target, headers, body: body)
    }

    func connectToSite(timeout: Double = 10) throws -> Connection {
        guard let socialPort else { throw HarnessFailure("\(name) has no site") }
        return try Space.within(space) { try Connection(socialPort, host: host, timeout: timeout) }
    }

    @discardableResult
    func put(_ key: String, _ value: String, _ headers: [String: String] = [:]) throws -> Response {
        try request("PUT", "/v1/kv/\(key)", headers, body: Array(value.utf8))
    }

    func get(_ key: String, _ headers: [String: String] = [:]) throws -> Response {
        try request("GET", "/v1/kv/\(key)", headers)
    }

    func replica(_ key: String) throws -> Response { try request("GET", "/v1/replica/\(key)") }

    /// The status of every node as this one sees it.
    func view() throws -> [String: String] {
        let rows = try request("GET", "/v1/nodes").json["nodes"] as? [[String: Any]] ?? []
        return Dictionary(
            uniqueKeysWithValues: rows.map { ($0["node"] as? String ?? "", $0["status"] as? String ?? "") })
    }

    /// The sum of a metric over its labels; nil where there is none of this name.
    func metric(_ name: String) throws -> Double? {
        let page = try request("GET", "/metrics").text
        let values = page.split(separator: "\n").filter { $0.hasPrefix(name + " ") || $0.hasPrefix(name + "{") }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
        return values.isEmpty ? nil : values.reduce(0, +)
    }

    var url: String { "http://\(host):\(httpPort)" }
}

/// A node that ended while it was to start.
struct NodeEnded: Error, CustomStringConvertible {
    let status: ExitStatus
    let output: String
    var description: String { "the node ended: \(status)\n\(output)" }
}

enum AtollBinary {
    /// The `atoll` that was built with these tests, or the one that the environment names.
    static let path = ProcessInfo.processInfo.environment["ATOLL_BINARY"] ?? built("atoll")

    /// What was built with these tests lies beside the test bundle.
    static func built(_ name: String) -> String {
        let bundle =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(name).path
    }
}

/// A directory that goes when its owner does.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array((NSTemporaryDirectory() + "/atoll-test-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw HarnessFailure("no temporary directory: \(errorText())") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

enum Ports {
    // Guarded by `lock`: ports given out once are not given out again in this run.
    private static let lock = NSLock()
    nonisolated(unsafe) private static var used: Set<Int> = []

    /// Ports of the loopback that are free now and were not given out before. Below the range from which the system
    /// takes ports for outgoing connections, so that no connection of a test can sit on one of them.
    static func free(_ count: Int) throws -> [Int] {
        try lock.withLock {
            var ports: [Int] = []
            var candidate = 15_000 + Int(getpid()) % 8_000
            while ports.count < count {
                candidate += 1
                guard candidate < 32_000 else { throw HarnessFailure("no free ports") }
                if !used.contains(candidate), isFree(candidate) { ports.append(candidate) }
            }
            used.formUnion(ports)
            return ports
        }
    }

    static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        } == 0
    }
}
