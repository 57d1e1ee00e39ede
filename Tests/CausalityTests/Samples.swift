// Objects by chance, and what a hostile or failing disk or peer makes of their bytes.

import World

@testable import Causality
@testable import DataTypes

enum Samples {
    static func object(_ random: inout SeededRandom) -> StoredObject {
        var object = StoredObject()
        for _ in 0..<(1 + random.next() % 6) {
            let actor = Actor(
                node: NodeID(literal: ["a", "de-fra-1", "us-iad-1"][Int(random.next() % 3)]),
                incarnation: random.next() % 4)
            let counter = object.versions.counter(of: actor) + 1 + random.next() % 300
            let isTombstone = random.chance(0.2)
            let sibling = Sibling(
                dot: Dot(actor: actor, counter: counter),
                payload: isTombstone
                    ? .tombstone
                    : .value((0..<random.next() % 50).map { _ in UInt8(truncatingIfNeeded: random.next()) }),
                contentType: isTombstone ? "" : ["", "text/plain", "image/png"][Int(random.next() % 3)],
                time: HybridTime(bits: random.next() >> (random.next() % 60)),
                expiresAt: random.chance(0.3) ? WallTime(milliseconds: random.next()) : nil,
                attempt: random.chance(0.3) ? random.next() : nil)
            object.write(
                sibling, context: random.chance(0.7) ? CausalContext(of: StoredObject()) : nil,
                voiding: random.chance(0.2) ? [random.next(), random.next()] : [], rule: .siblings)
        }
        return object
    }

    /// `bytes` as they may come: cut, lengthened, with changed, doubled or missing parts.
    static func mangled(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<(1 + random.next() % 4) {
            let place = bytes.isEmpty ? 0 : Int(random.next() % UInt64(bytes.count))
            switch random.next() % 6 {
            case 0: bytes.removeLast(bytes.count - place)
            case 1 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(random.next() % 8)
            case 2 where !bytes.isEmpty: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][Int(random.next() % 5)]
            case 3: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
            case 4: bytes.insert(contentsOf: [UInt8](repeating: 0xFF, count: 10), at: place)
            default: bytes += bytes.suffix(Int(random.next() % 8))
            }
        }
        return bytes
    }
}
