// A process of ours: started with its output in a file, signalled and ended by its id and by nothing else.

import Foundation
import Glibc

/// How a process ended.
enum ExitStatus: Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    init(raw status: Int32) {
        self = status & 0x7F == 0 ? .exited((status >> 8) & 0xFF) : .signalled(status & 0x7F)
    }

    var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signalled(let number): "signal \(number)"
        }
    }
}

final class ChildProcess: @unchecked Sendable {
    // `lock` guards `ended` and `input`; the rest never changes.
    let id: pid_t
    let outputPath: String
    private let lock = NSLock()
    private var ended: ExitStatus?
    private var input: Int32

    /// No other child may start between the making of a pipe and its marking: it would keep the pipe open.
    private static let starting = NSLock()

    /// `input`: what it reads on standard input; without it standard input stays open until `closeInput` or our own
    /// end.
    init(_ executable: String, _ arguments: [String], output: String, input text: [UInt8]? = nil) throws {
        outputPath = output
        ChildProcess.starting.lock()
        defer { ChildProcess.starting.unlock() }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw HarnessFailure("no pipe: \(errorText())") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let log = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw HarnessFailure("cannot write \(output): \(errorText())") }
        defer {
            close(ends[0])
            close(log)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_adddup2(&actions, log, 1)
        posix_spawn_file_actions_adddup2(&actions, log, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A shell that runs the tests in the background leaves SIGINT ignored; the child must not inherit that.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGPIPE, SIGHUP] { sigaddset(&signals, number) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, executable, &actions, &attributes, &argv, environ)
        guard result == 0 else {
            close(ends[1])
            throw HarnessFailure("cannot start \(executable): \(String(cString: strerror(result)))")
        }
        id = child
        input = ends[1]
        if let text {
            text.withUnsafeBytes { _ = write(ends[1], $0.baseAddress, $0.count) }
            closeInput()
        }
    }

    deinit { end() }

    /// Writes a line to its standard input.
    func tell(_ line: String) throws {
        let text = line + "\n"
        let sent = lock.withLock { write(input, text, text.utf8.count) }
        guard sent == text.utf8.count else { throw HarnessFailure("process \(id) does not listen: \(errorText())") }
    }

    func closeInput() {
        lock.withLock {
            if input >= 0 { close(input) }
            input = -1
        }
    }

    /// Sends a signal, unless the process has ended already (its id may be another's by now).
    func signal(_ number: Int32) { lock.withLock { if ended == nil { kill(id, number) } } }

    /// How it ended; nil while it runs.
    var status: ExitStatus? {
        lock.withLock {
            if ended == nil {
                var raw: Int32 = 0
                if waitpid(id, &raw, WNOHANG) == id { ended = ExitStatus(raw: raw) }
            }
            return ended
        }
    }

    var isRunning: Bool { status == nil }

    @discardableResult
    func wait(within seconds: Double) throws -> ExitStatus {
        try eventually("process \(id) ends", within: seconds, every: 0.005) { self.status }
    }

    /// Ends it whatever it does, and waits for that.
    func end() {
        signal(SIGKILL)
        closeInput()
        _ = try? wait(within: 10)
    }

    var output: String {
        (try? String(decoding: Data(contentsOf: URL(fileURLWithPath: outputPath)), as: UTF8.self)) ?? ""
    }

    /// Its memory in RAM, in bytes.
    var residentBytes: Int {
        let pages = (try? String(contentsOfFile: "/proc/\(id)/statm", encoding: .utf8))?.split(separator: " ")
        return (pages.flatMap { $0.count > 1 ? Int($0[1]) : nil } ?? 0) * Int(getpagesize())
    }
}

/// What went wrong in the harness itself, or a wait that was in vain.
struct HarnessFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func errorText() -> String { String(cString: strerror(errno)) }

/// Waits until `body` gives something, looking again and again; throws once `seconds` have gone by in vain.
@discardableResult
func eventually<Value>(
    _ what: String, within seconds: Double, every pause: Double = 0.03, _ body: () throws -> Value?
) throws -> Value {
    let deadline = Stopwatch.now + seconds
    var last: (any Error)?
    while true {
        do { if let value = try body() { return value } } catch { last = error }
        guard Stopwatch.now < deadline else {
            throw HarnessFailure("waited \(seconds) s in vain: \(what)" + (last.map { " (\($0))" } ?? ""))
        }
        usleep(UInt32(pause * 1e6))
    }
}

func eventually(_ what: String, within seconds: Double, every pause: Double = 0.03, _ body: () throws -> Bool) throws {
    _ = try eventually(what, within: seconds, every: pause) { try body() ? true : nil }
}

enum Stopwatch {
    /// Seconds on the machine's steady clock.
    static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

    /// Writes before and after this have different times on the wall clock, which is read in milliseconds.
    static func awaitNextMillisecond() { usleep(2_000) }
}
