// What may not stand in the code, each with its reason and with a line that breaks it.

import Testing

struct Ban: Sendable, CustomTestStringConvertible {
    let pattern: String
    let reason: String
    /// Code that the pattern must find, so that no ban rusts unnoticed.
    let example: String
    /// The highest floor on which it holds; 5 for everywhere.
    var upToFloor = 5
    /// Files that have a reason of their own.
    var allowed: [String] = []

    var testDescription: String { example }

    static let crashes = [
        Ban(pattern: #"\btry!"#, reason: "an error is handled, or passed on", example: "let x = try! f()"),
        Ban(pattern: #"\bas!"#, reason: "a cast that may fail is written as?", example: "let x = y as! Int"),
        Ban(
            pattern: #"\bfatalError\s*\("#, reason: "nothing that comes from outside ends the process",
            example: "fatalError()"),
        Ban(
            pattern: #"[\w)\]]!(?=[\s.,:;)\]}?\[]|$)"#, reason: "no force-unwrap: say what happens when it is nil",
            example: "let x = table[key]!.count"),
        Ban(
            pattern: #"\bunowned\b"#, reason: "a reference that may dangle crashes; write weak",
            example: "unowned let x: X"),
        Ban(
            pattern: #"\bunsafeBitCast\b|\bnonisolated\(unsafe\)"#,
            reason: "the compiler's checks are there to be passed",
            example: "nonisolated(unsafe) var x = 1"),
    ]

    static let waiting = [
        Ban(
            pattern: #"\bThread\.sleep\b|\busleep\s*\(|\bnanosleep\s*\(|(?<![.\w])sleep\s*\("#,
            reason: "a thread that sleeps serves nobody", example: "Thread.sleep(forTimeInterval: 1)"),
        Ban(
            pattern: #"\bTask\.sleep\b"#, reason: "wait for an event, not for a while",
            example: "try await Task.sleep(for: .seconds(1))",
            allowed: [
                // The end of requests under way is looked for, not told.
                "Sources/Server/NodeAssembly.swift",
                // Commands for people: waiting for processes that come up, and pacing a load.
                "Sources/atoll/",
            ]),
    ]

    /// Time, chance and order come in from outside, or a seed would not decide all.
    static let hiddenInputs = [
        Ban(
            pattern: #"\bDate\s*\(|\bDate\.now\b"#, reason: "time comes in as Now", example: "let t = Date()",
            upToFloor: 3),
        Ban(
            pattern: #"\bContinuousClock\b|\bSuspendingClock\b|\bclock_gettime\b|\bgettimeofday\b|\bDispatchTime\b"#,
            reason: "time comes in as Now", example: "ContinuousClock.now", upToFloor: 3),
        Ban(
            pattern: #"\bSystemRandomNumberGenerator\b|\barc4random|\bUUID\s*\("#,
            reason: "chance comes in as SeededRandom", example: "var g = SystemRandomNumberGenerator()", upToFloor: 3),
        Ban(
            pattern: #"\.(?:random|shuffled?|randomElement)\s*\((?![^)]*using:)"#,
            reason: "chance comes in as SeededRandom: pass using:", example: "Int.random(in: 0..<9)", upToFloor: 3),
        Ban(
            pattern: #"\bHasher\s*\(\s*\)|\.hashValue\b"#, reason: "hashes differ from process to process",
            example: "key.hashValue % 8", upToFloor: 3),
    ]

    static let hiddenState = [
        Ban(
            pattern: #"\bactor\s+[A-Z]\w*"#, reason: "no protocol state in actors", example: "actor Registry {}",
            upToFloor: 3),
        Ban(
            pattern: #"\bTask\s*(?:\{|\.detached)|\bDispatchQueue\b|\bThread\s*[({]|\bawait\b|\basync\b"#,
            reason: "protocols start nothing and wait for nothing", example: "Task { run() }", upToFloor: 3),
        Ban(
            pattern: #"\bstatic\s+var\s+\w+(?:\s*:[^={\n]+)?\s*="#, reason: "no state in singletons",
            example: "static var shared: Cache = Cache()"),
    ]

    static let arithmetic = [
        Ban(
            pattern: #"/ 2 \+ 1\b"#, reason: "how many make a quorum is Quorums' to say",
            example: "let needed = n / 2 + 1", allowed: ["Sources/Quorums/"]),
        Ban(
            pattern: #"(?i)\b0x(?:cbf2_?9ce4|9e37_?79b9|bf58_?476d)"#,
            reason: "World has the hash, and the mixing of bits",
            example: "var hash: UInt64 = 0xCBF2_9CE4_8422_2325",
            allowed: ["Sources/World/"]),
        Ban(
            pattern: #"\bJSON(?:Encoder|Decoder|Serialization)\b"#, reason: "the room JSON reads and writes JSON",
            example: "let encoder = JSONEncoder()",
            allowed: [
                // Its checksum is over the very text that Foundation writes.
                "Sources/Server/Storage/NodeIdentity.swift"
            ]),
        Ban(
            pattern: #"\(low \+ high\) / 2"#, reason: "World has the search in what is sorted",
            example: "let middle = (low + high) / 2", allowed: ["Sources/World/"]),
    ]

    static let output = [
        Ban(
            pattern: #"(?<![.\w])(?:print|debugPrint|dump)\s*\("#, reason: "a node speaks through its log",
            example: "print(key)", upToFloor: 4)
    ]

    static let all = crashes + waiting + hiddenInputs + hiddenState + arithmetic + output
}
