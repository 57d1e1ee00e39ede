// What clients of a simulated cluster ask of typed keys, as the checker remembers it: what each request adds and what
// it removes. What is added is unique in a run, but for elements of sets and for flags; so a value tells which requests
// took effect, and how often.

import Causality
import DataTypes
import Gateway
import Keys
import Ring
import World

/// A value within a typed key.
struct TypedPlace {
    enum Kind: CaseIterable {
        case counter, flag, register, set, list, text
    }

    let kind: Kind
    let path: Path
    /// Its path as a JSON Pointer.
    let pointer: String

    init(_ kind: Kind, _ pointer: String) throws {
        self.kind = kind
        self.pointer = pointer
        path = try Path(pointer: pointer)
    }

    /// Whether it lies at `above` or below it.
    func isUnder(_ above: String) -> Bool { pointer == above || pointer.hasPrefix(above + "/") }
}

struct TypedKey {
    let key: StoredKey
    let bucket: TypedBucket
    let places: [TypedPlace]

    init(_ key: StoredKey, _ bucket: TypedBucket) throws {
        self.key = key
        self.bucket = bucket
        places =
            switch bucket {
            case .document:
                [
                    try TypedPlace(.counter, "/c"), try TypedPlace(.counter, "/m/c"), try TypedPlace(.flag, "/f"),
                    try TypedPlace(.register, "/r"), try TypedPlace(.register, "/m/r"), try TypedPlace(.set, "/s"),
                    try TypedPlace(.list, "/l"), try TypedPlace(.text, "/t"),
                ]
            case .counter: [try TypedPlace(.counter, "")]
            case .flag: [try TypedPlace(.flag, "")]
            case .register: [try TypedPlace(.register, "")]
            case .set: [try TypedPlace(.set, "")]
            case .list: [try TypedPlace(.list, "")]
            case .text: [try TypedPlace(.text, "")]
            }
    }
}

enum TypedContent: Hashable {
    /// A power of four, so that the sum tells which were counted; each third is taken off.
    case amount(power: Int)
    case flag
    case register(Int)
    case element(String)
    case item(Int)
    /// Three characters that occur in no other.
    case word(Int)

    /// Whether one request alone adds it.
    var isUnique: Bool {
        switch self {
        case .amount, .register, .item, .word: true
        case .flag, .element: false
        }
    }

    /// So many fit into a counter, whatever is removed of them.
    static let powers = 30

    static func amount(_ power: Int) -> Int { power % 3 == 2 ? -(1 << (2 * power)) : 1 << (2 * power) }

    /// Ideographs: each its own scalar value, and none that combines with others.
    static func scalars(ofWord number: Int) -> [Unicode.Scalar] {
        (0..<3).compactMap { Unicode.Scalar(UInt32(0x4E00 + 3 * number + $0)) }
    }

    static func word(of scalar: Unicode.Scalar) -> Int { (Int(scalar.value) - 0x4E00) / 3 }
}

struct TypedAddition: Hashable {
    /// In the places of its key.
    let place: Int
    let content: TypedContent
}

enum TypedRemoval {
    /// All at this path and below, that the request has seen.
    case everything(under: String)
    case content(TypedAddition)
    case characters(place: Int, Set<Unicode.Scalar>)
}

/// A request on a typed key, from its start to what became of it.
struct TypedRecord: Acknowledged {
    enum Fate {
        /// It may have taken effect, once.
        case unknown
        case done(at: Instant)
        /// It has not.
        case refused
    }

    let place: Int
    let key: StoredKey
    let additions: [TypedAddition]
    let removals: [TypedRemoval]
    let context: VersionVector?
    let isNamed: Bool
    let onlyIfAbsent: Bool
    let startedAt: Instant
    /// How often it was sent.
    var tries = 1
    var fate = Fate.unknown
    /// Those of its run that the answer named.
    var dots: (first: Dot, last: Dot)?
    var holders: [Acknowledgement] = []
    var lossesBefore = Losses()

    var acknowledgedAt: Instant? { if case .done(let at) = fate { at } else { nil } }
    var isRefused: Bool { if case .refused = fate { true } else { false } }

    func removes(_ added: TypedAddition, _ scalar: Unicode.Scalar?, of places: [TypedPlace]) -> Bool {
        removals.contains { removal in
            switch removal {
            case .everything(let path): places[added.place].isUnder(path)
            case .content(let other): other == added
            case .characters(let place, let scalars): place == added.place && scalar.map(scalars.contains) ?? false
            }
        }
    }

    /// Whether what it removed may have been what `other` added: that had begun before it ended, and stands in its
    /// context where it has one.
    func mayHaveSeen(_ other: TypedRecord, _ content: TypedContent) -> Bool {
        guard !isRefused else { return false }
        // One that is tried again may be carried out once more where nobody knows of it yet, and removes what is there.
        if tries == 1, let end = acknowledgedAt, end < other.startedAt { return false }
        return context == nil || surelySaw(other) || !other.hasKnownDots || content.isAmount
    }

    /// Whether its context has what `other` added.
    func surelySaw(_ other: TypedRecord) -> Bool {
        guard let context, other.hasKnownDots, let dots = other.dots else { return false }
        return context.covers(dots.first)
    }

    /// Of a request with a name the answer may not name all: it may have taken effect elsewhere as well, which is void
    /// where the two meet, and which of them is void is seen only then.
    private var hasKnownDots: Bool { !isNamed && dots != nil }
}

extension TypedContent {
    /// Of counters all is removed that the replica holds, whatever the context.
    fileprivate var isAmount: Bool { if case .amount = self { true } else { false } }
}
