// identity.json: whose directory this is, in which life, and how the last stop went (docs/formats/data-directory.md).
//
// A flipped bit in a counter or an incarnation would let dots be minted twice, so the file carries a checksum.

import Foundation
import NameStore
import Node
import World

struct NodeIdentity: Codable, Equatable {
    /// Of this file.
    static let newestFormat = 3

    var format = NodeIdentity.newestFormat
    var cluster: String
    var node: String
    /// Under which dots are minted; 0 until the first life has begun.
    var incarnation: UInt64 = 0
    /// Greater at every start; what gossip calls the generation.
    var generation: UInt64 = 0
    /// Set by a clean stop, gone from the next start on.
    var cleanStop: CleanStop?
    var checksum = ""

    struct CleanStop: Codable, Equatable {
        /// The highest counter minted.
        var counter: UInt64
        /// Of the directory `objects`.
        var inventory: StoreInventory
    }

    init(cluster: String, node: String) {
        self.cluster = cluster
        self.node = node
    }

    var life: LifeRecord {
        get { LifeRecord(incarnation: incarnation, generation: generation) }
        set { (incarnation, generation) = (newValue.incarnation, newValue.generation) }
    }

    func encode() throws -> [UInt8] {
        var complete = self
        complete.checksum = try expectedChecksum()
        return try complete.text() + [0x0A]
    }

    /// `damaged`: the stores that format 1 says are damaged; later ones bear a mark themselves.
    init(decoding bytes: Data, damaged: inout [String]) throws(IdentityFailure) {
        let decoder = JSONDecoder()
        do {
            switch try decoder.decode(FormatOnly.self, from: bytes).format {
            case 1:
                let old = try decoder.decode(FirstFormat.self, from: bytes)
                // Three and one are a bit apart.
                guard old.checksum == nil else { throw IdentityFailure("format 1 has no checksum") }
                self = NodeIdentity(old)
                damaged = old.damaged ?? []
            // Format 2 says the same of a directory whose large values lie among the small ones.
            case 2, NodeIdentity.newestFormat: self = try decoder.decode(NodeIdentity.self, from: bytes)
            case let other:
                throw IdentityFailure("it has format \(other); this version reads formats 1 to 3")
            }
            guard try checksum.isEmpty && format == 1 || checksum == expectedChecksum() else {
                throw IdentityFailure("its checksum is wrong: it was damaged, or changed by hand")
            }
        } catch let failure as IdentityFailure {
            throw failure
        } catch {
            throw IdentityFailure("\(error)")
        }
        format = NodeIdentity.newestFormat
        // One is added to each at a start, and gossip refuses what lies above.
        for (name, number) in [
            ("generation", generation), ("incarnation", incarnation), ("counter", cleanStop?.counter ?? 0),
        ] where number >= Limits.gossipCounter - 1 {
            throw IdentityFailure("the \(name) \(number) is beyond all that a node ever reaches")
        }
    }

    private func expectedChecksum() throws -> String {
        var bare = self
        bare.checksum = ""
        return Digest256(domain: "atoll/identity", [try bare.text()]).hexadecimal
    }

    private func text() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return [UInt8](try encoder.encode(self))
    }
}

struct IdentityFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

private struct FormatOnly: Decodable {
    let format: Int
}

/// What the first version wrote. Its clean stop says too little of the store to go on counting from.
private struct FirstFormat: Decodable {
    let cluster: String
    let node: String
    let incarnation: UInt64
    let generation: UInt64
    let damaged: [String]?
    /// Later formats have one.
    let checksum: String?
}

extension NodeIdentity {
    fileprivate init(_ old: FirstFormat) {
        self.init(cluster: old.cluster, node: old.node)
        format = 1
        incarnation = old.incarnation
        generation = old.generation
    }
}

extension Digest256 {
    /// The first half: enough against accidents.
    var hexadecimal: String {
        [words.0, words.1].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

/// A directory as it was found, before its stores are opened.
struct DirectoryClaim {
    /// Without its clean stop.
    let identity: NodeIdentity
    /// Stores that must not be used as they are, and why.
    let distrusted: [String: String]
    /// Where minting may go on: `objects` is what the last clean stop left, in the very same files.
    let counter: UInt64?
}
