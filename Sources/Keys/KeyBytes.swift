// A stored key as what a dictionary is keyed by.

/// Hashed as one block: an array is hashed byte by byte.
package struct KeyBytes: Hashable, Sendable {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(_ key: StoredKey) { self.init(key.bytes) }

    package func hash(into hasher: inout Hasher) { bytes.withUnsafeBytes { hasher.combine(bytes: $0) } }
}
