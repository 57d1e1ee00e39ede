// What the tests of typed objects share: actors, paths, one replica that mints.

import Causality
import JSON
import World

@testable import DataTypes

/// What a schedule has found to be wrong.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

func must(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw Violation(description: what()) }
}

extension Actor {
    /// The actor of a replica by its number.
    static func numbered(_ number: Int) -> Actor {
        let names: [StaticString] = ["ar-1", "br-2", "cl-3", "de-4", "es-5"]
        return Actor(node: NodeID(literal: names[number % names.count]), incarnation: UInt64(1 + number / names.count))
    }
}

extension Path {
    /// `/a/b` as field names.
    init(_ text: String) { self.init(text.split(separator: "/").map { .name(String($0)) }) }
}

extension TypedObject {
    /// What stands at field names.
    func node(_ path: String) -> RecordNode? {
        root.node(path.split(separator: "/").map { ObjectPath.Step.name(Array($0.utf8)) })
    }

    /// The dots of what a text shows, in order.
    func shownCharacters(_ path: String) -> [Dot] {
        var dots: [Dot] = []
        node(path)?.texts.first?.forEach { piece in
            if piece.isShown {
                for offset in 0..<piece.count { dots.append(actors.dot(piece.first.advanced(by: offset))) }
            }
        }
        return dots
    }

    func string(_ path: String) -> String { value(at: Path(path))?.string ?? "" }

    /// With all it remembers of requests left out.
    var bytesWithoutLedger: [UInt8] {
        var copy = self
        copy.ledger = Ledger()
        return copy.encode()
    }
}

/// One replica, for scripts.
struct Minter {
    var object = TypedObject()
    let bucket: TypedBucket
    let actor: Actor
    private var ticks: UInt64 = 0

    init(_ bucket: TypedBucket = .document, number: Int = 0) {
        self.bucket = bucket
        actor = Actor.numbered(number)
    }

    mutating func run(gap: UInt64 = 0) -> MintingRun {
        ticks += 1
        let own = object.versions.counter(of: actor)
        return MintingRun(actor: actor, first: own + 1 + gap, time: HybridTime(bits: ticks))
    }

    @discardableResult
    mutating func mint(
        _ operations: Operation..., context: VersionVector? = nil, name: OperationName? = nil
    ) throws -> (delta: TypedDelta, results: [OperationResult]) {
        let request = TypedRequest(operations, context: context, name: name)
        switch try object.apply(request, as: bucket, run()) {
        case .minted(let delta, let results): return (delta, results)
        case .done, .doneLongAgo: throw Violation(description: "done before")
        }
    }

    var value: JSONValue? { object.value() }
}

extension TypedObject {
    func joined(_ others: TypedObject...) throws -> TypedObject {
        var joined = self
        for other in others { try joined.join(other) }
        return joined
    }
}
