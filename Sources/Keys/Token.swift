// Where a key lies on the ring: a 64-bit position that every node, of every version, computes alike.

import Crypto

/// The first 8 bytes, big-endian, of SHA-256 over (u32 big-endian length of the bucket ‖ bucket ‖ partition key). The
/// length keeps ("ab", "c") and ("a", "bc") apart. Sort keys take no part, so that all items of one partition key lie
/// together (design: "LevelDB order is ring order").
package struct Token: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: UInt64

    @inlinable package init(value: UInt64) { self.value = value }

    /// Of a stored key, whose first eight bytes it is.
    package init(ofStored key: [UInt8]) { value = key.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

    /// The data path's form: the bytes are hashed from the stack.
    package init(bucket: [UInt8], partitionKey: [UInt8]) {
        value = bucket.withUnsafeBytes { b in partitionKey.withUnsafeBytes { k in Token.hash(b, k) } }
    }

    package init(bucket: some Collection<UInt8>, partitionKey: some Collection<UInt8>) {
        func contiguous<R>(_ bytes: some Collection<UInt8>, _ body: (UnsafeRawBufferPointer) -> R) -> R {
            if let done = bytes.withContiguousStorageIfAvailable({ body(UnsafeRawBufferPointer($0)) }) { return done }
            return Array(bytes).withUnsafeBytes(body)
        }
        value = contiguous(bucket) { b in contiguous(partitionKey) { k in Token.hash(b, k) } }
    }

    private static func hash(_ bucket: UnsafeRawBufferPointer, _ key: UnsafeRawBufferPointer) -> UInt64 {
        withUnsafeTemporaryAllocation(byteCount: 4 + bucket.count + key.count, alignment: 8) { message in
            message.storeBytes(of: UInt32(truncatingIfNeeded: bucket.count).bigEndian, as: UInt32.self)
            UnsafeMutableRawBufferPointer(rebasing: message[4...]).copyMemory(from: bucket)
            UnsafeMutableRawBufferPointer(rebasing: message[(4 + bucket.count)...]).copyMemory(from: key)
            var digest = SHA256()
            digest.update(bufferPointer: UnsafeRawBufferPointer(message))
            return digest.finalize().withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
        }
    }

    /// The slice of the ring this token lies in: its top log2(count) bits.
    ///
    /// - Parameter count: Q, a power of two.
    @inlinable package func partition(of count: Int) -> Int {
        let bits = count.trailingZeroBitCount
        return bits == 0 ? 0 : Int(truncatingIfNeeded: value >> UInt64(64 - bits))
    }

    @inlinable package static func < (a: Token, b: Token) -> Bool { a.value < b.value }

    /// 16 hexadecimal digits.
    package var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
