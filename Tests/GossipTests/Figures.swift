// How much the measuring tests measure, and where they say what they found.

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

enum Figures {
    /// `ATOLL_FIGURES=20` runs twenty times as many seeds, and prints what was measured.
    static let scale = max(1, getenv("ATOLL_FIGURES").flatMap { Int(String(cString: $0)) } ?? 1)
    private static let isLoud = getenv("ATOLL_FIGURES") != nil

    static func note(_ text: String) {
        if isLoud { print("figure:", text) }
    }
}
