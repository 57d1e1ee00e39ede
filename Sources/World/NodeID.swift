// Who a node is: a short, printable name from the ring file, the same on disk, on the wire and in every table.

/// A node's name: 1 to 64 bytes of `a-z 0-9 . _ -`, beginning with a letter or a digit. Names of up to 15 bytes are
/// stored inline by `String`, so copying one costs no allocation.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let name: String

    /// Nil if `name` breaks the rule above: names come from files and peers, so the check is not an assertion.
    public init?(_ name: String) {
        guard NodeID.isValid(name.utf8) else { return nil }
        self.name = name
    }

    /// For names written in source text (tests, the built-in three-country ring).
    public init(literal name: StaticString) {
        self.name = name.description
        precondition(NodeID.isValid(self.name.utf8), "a node's name breaks the rule")
    }

    /// Of bytes that are not in an array.
    public static func isValid(_ name: UnsafeRawBufferPointer) -> Bool { isValid(name[...]) }

    fileprivate static func isValid(_ name: some Collection<UInt8>) -> Bool {
        var isFirst = true
        for byte in name {
            switch byte {
            case 0x61...0x7A, 0x30...0x39: break
            case 0x2E, 0x5F, 0x2D: if isFirst { return false }
            default: return false
            }
            isFirst = false
        }
        return (1...Limits.nodeNameBytes).contains(name.count)
    }

    /// Of bytes that were found valid.
    fileprivate init(valid bytes: ArraySlice<UInt8>) { name = String(decoding: bytes, as: UTF8.self) }

    public static func < (a: NodeID, b: NodeID) -> Bool { a.name < b.name }
    public var description: String { name }
}

extension ByteReader {
    /// A node's name with its length.
    public mutating func nodeID() throws(DecodingFailure) -> NodeID {
        let bytes = try raw(try count(atMost: Limits.nodeNameBytes))
        guard NodeID.isValid(bytes) else { throw .malformed("a node's name breaks its rule") }
        return NodeID(valid: bytes)
    }
}
