// A register's record on disk: version, state, checksum over both and the key. docs/formats/namestore.md describes it.

package import World

/// Where things lie in the store: the header under one byte, records under another, in key order.
package enum StoreLayout {
    /// The key of the store's header.
    package static let header: [UInt8] = [0]
    private static let recordPrefix: UInt8 = 1

    package static func record(_ key: RegisterKey) -> [UInt8] { [recordPrefix] + key.bytes }

    /// The register of a stored record key; nil for anything else.
    package static func register(_ stored: [UInt8]) -> RegisterKey? {
        guard stored.first == recordPrefix else { return nil }
        return RegisterKey(bytes: Array(stored.dropFirst()))
    }

    /// The first stored key after `key`'s record; of the first record for nil.
    package static func following(_ key: RegisterKey?) -> [UInt8] { key.map { record($0) + [0] } ?? [recordPrefix] }
    /// Above every record.
    package static let end: [UInt8] = [recordPrefix + 1]
}

/// Encodes and decodes records.
package enum RecordFormat {
    static let version: UInt8 = 1

    package static func encode(_ state: RecordState, for key: RegisterKey) -> [UInt8] {
        var writer = ByteWriter(capacity: 192)
        writer.byte(version)
        writer.state(state)
        writer.fixed64(checksum(of: writer.bytes, for: key))
        return writer.bytes
    }

    /// Throws for a record that is damaged, or that belongs to another key: faulty is not absent.
    package static func decode(_ bytes: [UInt8], for key: RegisterKey) throws(DecodingFailure) -> RecordState {
        guard bytes.count > 9 else { throw .truncated }
        var tail = ByteReader(bytes, from: bytes.count - 8)
        guard try tail.fixed64() == checksum(of: Array(bytes.dropLast(8)), for: key) else { throw .checksum }
        var reader = ByteReader(bytes, upTo: bytes.count - 8)
        let found = try reader.byte()
        guard found == version else { throw .unknownVersion(found) }
        let state = try reader.state()
        try reader.finish()
        return state
    }

    private static func checksum(of body: [UInt8], for key: RegisterKey) -> UInt64 {
        Digest256(domain: "atoll/namestore/record", [key.bytes, body]).words.0
    }
}
