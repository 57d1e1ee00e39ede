// A wide-area network on this machine: `FarNetwork` (Tests/FarNetwork) is the process that carries the packets, and
// this is how tests speak to it. It ends with its owner, and with this process however that ends; no host of it
// outlives it.

import Foundation
import Glibc
import Testing

final class FarNetwork: Sendable {
    /// Round trips between countries in milliseconds, as they are over the oceans.
    static let roundTrips = [("de", "us", 90.0), ("us", "jp", 150.0), ("de", "jp", 220.0)]

    private let process: ChildProcess
    private let directory = try? TemporaryDirectory()
    private let names: [String]
    private let spaces: [String: String]

    /// Hosts of these names, in the countries that the names begin with, and all of them near.
    init(_ names: [String]) throws {
        guard let directory else { throw HarnessFailure("no directory") }
        let hosts = names.map { "\($0)@\($0.prefix(2))=\(FarNetwork.address($0, among: names))" }
        let process = try ChildProcess(AtollBinary.built("FarNetwork"), hosts, output: directory.path + "/far")
        let lines = try eventually("the far network stands", within: 10, every: 0.005) { () -> [[String]]? in
            let hasEnded = !process.isRunning
            let lines = process.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            return hasEnded || (lines.count == names.count && process.output.hasSuffix("\n")) ? lines : nil
        }
        guard process.isRunning, lines.allSatisfy({ $0.first == "host" && $0.count == 3 }) else {
            throw HarnessFailure(process.output.split(separator: "\n").last.map(String.init) ?? "no far network")
        }
        self.process = process
        self.names = names
        spaces = Dictionary(uniqueKeysWithValues: lines.map { ($0[1], "/proc/\(process.id)/fd/\($0[2])") })
    }

    /// A documentation range of RFC 5737: nobody's network.
    private static func address(_ name: String, among names: [String]) -> String {
        "198.51.100.\(11 + (names.firstIndex(of: name) ?? 0))"
    }

    func address(of name: String) -> String { FarNetwork.address(name, among: names) }
    func space(of name: String) -> String? { spaces[name] }

    /// Over the network, as a client in one place of a node in another.
    func connect(from name: String, to node: TestNode, timeout: Double) throws -> Connection {
        try Space.within(space(of: name)) { try Connection(node.httpPort, host: node.host, timeout: timeout) }
    }

    /// Returns when it is carried out.
    private func order(_ order: String) throws {
        let before = process.output.utf8.count
        try process.tell(order)
        let answer = try eventually("the far network answers", within: 5, every: 0.001) { () -> String? in
            let text = process.output.utf8.dropFirst(before)
            return text.last == UInt8(ascii: "\n") ? String(text) : nil
        }
        guard answer == "ok\n" else { throw HarnessFailure("\(order): \(answer)") }
    }

    // MARK: Orders

    /// The distances of the world, or none.
    func separate(_ isFar: Bool = true) throws {
        for (one, other, roundTrip) in FarNetwork.roundTrips {
            try setRoundTrip(one, other, milliseconds: isFar ? roundTrip : 0.2)
        }
    }

    func setRoundTrip(_ one: String, _ other: String, milliseconds: Double) throws {
        try order("delay \(one) \(other) \(milliseconds / 2)")
    }

    /// The most that a line between hosts of two countries carries each way; 0 for no bound.
    func setRate(_ one: String, _ other: String, megabits: Double) throws {
        try order("rate \(one) \(other) \(megabits)")
    }

    func cut(from one: String, to other: String, _ isCut: Bool = true) throws {
        try order("\(isCut ? "cut" : "heal") \(one) \(other)")
    }

    /// Both ways, from and to everybody.
    func cutOff(_ name: String, _ isCut: Bool = true) throws {
        try cut(from: name, to: "*", isCut)
        try cut(from: "*", to: name, isCut)
    }

    func lose(_ percent: Double, from one: String, to other: String) throws {
        try order("loss \(one) \(other) \(percent)")
    }

    /// Why there can be none here; nil if there can.
    static let hindrance: String? = {
        do {
            let network = try FarNetwork(["probe"])
            return Space.canEnter(network.space(of: "probe")) ? nil : "a network namespace cannot be entered"
        } catch { return "\(error)" }
    }()
}

extension Trait where Self == ConditionTrait {
    /// Skips what needs network namespaces and /dev/net/tun where these cannot be had.
    static var farNetworkPermitted: ConditionTrait {
        .enabled(
            if: FarNetwork.hindrance == nil,
            "needs network namespaces and /dev/net/tun; here: \(FarNetwork.hindrance ?? "")")
    }
}

/// Network namespaces, for single threads: a socket stays in the one that it was made in, whoever uses it.
enum Space {
    private typealias Enter = @convention(c) (Int32, Int32) -> Int32
    /// The overlay of the C library leaves `setns` out.
    private static let enter: Enter? = dlsym(nil, "setns").map { unsafeBitCast($0, to: Enter.self) }
    private static let own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)

    /// Runs `body` with this thread in the namespace; nil: where it is.
    static func within<Value>(_ path: String?, _ body: () throws -> Value) throws -> Value {
        guard let path else { return try body() }
        let other = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(other) }
        guard own >= 0, other >= 0, let enter, enter(other, 0) == 0 else {
            throw HarnessFailure("cannot enter \(path): \(errorText())")
        }
        // A thread that stayed would run other tests in there.
        defer { precondition(enter(own, 0) == 0, "cannot leave \(path)") }
        return try body()
    }

    static func canEnter(_ path: String?) -> Bool { (try? within(path) {}) != nil }
}
