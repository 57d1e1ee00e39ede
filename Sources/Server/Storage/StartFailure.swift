// What stops a node before it runs, in words for the operator, and whether it is worth another try.

import Storage

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

package struct StartFailure: Error, CustomStringConvertible {
    /// The exit statuses of a node that could not start. Whoever watches it starts it again after any but the first.
    package enum Status: Int32, Sendable {
        /// Somebody has to change something first.
        case `operator` = 2
        /// The disk failed (EX_IOERR).
        case disk = 74
        /// It may be over at the next try: a full disk (EX_TEMPFAIL).
        case tryAgain = 75
    }

    package let description: String
    package let status: Status

    init(_ description: String, status: Status = .operator) {
        self.description = description
        self.status = status
    }

    /// For a system call that has just failed; to be made before anything else can change `errno`.
    static func system(_ what: String) -> StartFailure {
        let code = errno
        let reason = String(cString: strerror(code))
        guard code == ENOSPC || code == EDQUOT else {
            return StartFailure("\(what): \(reason)", status: code == EIO ? .disk : .operator)
        }
        return StartFailure("\(what): \(reason). \(advice)", status: .tryAgain)
    }

    /// Of a store that cannot be opened.
    init(opening path: String, _ failure: StorageFailure) {
        switch failure.kind {
        case .locked: self.init("\(path) is in use by another process (\(failure))")
        case .full: self.init("cannot open \(path): \(failure). \(StartFailure.advice)", status: .tryAgain)
        case .inputOutput, .slow: self.init("cannot open \(path): \(failure)", status: .disk)
        case .corruption:
            self.init(
                "\(path) is damaged (\(failure)). There are no peers to rebuild all of it from; move the directory away, "
                    + "and put a backup in its place or start empty")
        }
    }

    private static let advice = "The disk is full: make room, and the node starts again"
}
