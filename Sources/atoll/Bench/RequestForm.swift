// Requests as bytes: written once with gaps for the key and the value, which each request then fills in place. A
// request costs the generator two short copies and no allocation, so that it takes little from servers on the same
// machine.

import NIOCore
import World

/// The text of key number n: "user" and the number in decimal, padded with zeros to a fixed length.
struct KeyText: Sendable {
    /// Holds any number that `atoll bench` takes.
    static let smallest = 12
    private static let prefix = Array("user".utf8)
    let count: Int

    init(bytes: Int) { count = max(bytes, KeyText.smallest) }

    func write(_ number: Int, to place: UnsafeMutableRawBufferPointer) {
        place.copyBytes(from: KeyText.prefix)
        var rest = number
        var index = count - 1
        while index >= KeyText.prefix.count {
            place[index] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            index -= 1
        }
    }

    func text(_ number: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, count in
            write(number, to: UnsafeMutableRawBufferPointer(buffer))
            count = self.count
        }
    }
}

/// A stretch of random text that values are cut from, so that no two are alike and none compresses to nothing.
struct ValuePool: Sendable {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    fileprivate let bytes: [UInt8]
    /// How many places there are to cut at.
    let places: Int

    init(valueBytes: Int, _ random: inout SeededRandom) {
        places = 1 << 16
        let count = places + valueBytes * 4 / 3 + 4
        bytes = (0..<count).map { _ in ValuePool.alphabet[Int(random.next() >> 58)] }
    }
}

/// One kind of request to one server.
struct RequestForm: Sendable {
    private enum KeyEncoding { case plain, base64 }

    private let text: [UInt8]
    private let keyPlace: Int
    private let keyEncoding: KeyEncoding
    private let key: KeyText
    private let valueGap: Range<Int>

    init(_ operation: LoadOperation, _ plan: LoadPlan, host: String) {
        key = KeyText(bytes: plan.keyBytes)
        switch plan.target {
        case .atoll, .bare:
            let level = operation == .get ? plan.readLevel.map { "?r=\($0)" } : plan.writeLevel.map { "?w=\($0)" }
            var text = Array("\(operation == .get ? "GET" : "PUT") /v1/kv/\(plan.bucket)/".utf8)
            keyPlace = text.count
            keyEncoding = .plain
            text += [UInt8](repeating: 0x30, count: key.count)
            text += Array("\(level ?? "") HTTP/1.1\r\nhost: \(host)\r\n".utf8)
            let length = operation == .put ? plan.valueBytes : 0
            if operation == .put { text += Array("content-length: \(length)\r\n".utf8) }
            text += Array("\r\n".utf8)
            valueGap = text.count..<text.count + length
            self.text = text + [UInt8](repeating: 0x41, count: length)
        case .etcd:
            let encodedKey = (key.count + 2) / 3 * 4
            let start = Array("{\"key\":\"".utf8)
            var body = start + [UInt8](repeating: 0x41, count: encodedKey)
            var gap = 0..<0
            if operation == .put {
                body += Array("\",\"value\":\"".utf8)
                // Whole groups of three bytes change; what is left over stays, with its padding.
                gap = body.count..<body.count + plan.valueBytes / 3 * 4
                body +=
                    [UInt8](repeating: 0x41, count: gap.count) + Array(["", "QQ==", "QUE="][plan.valueBytes % 3].utf8)
            }
            body += Array("\"}".utf8)
            let path = operation == .get ? "/v3/kv/range" : "/v3/kv/put"
            let head = Array("POST \(path) HTTP/1.1\r\nhost: \(host)\r\ncontent-length: \(body.count)\r\n\r\n".utf8)
            keyPlace = head.count + start.count
            keyEncoding = .base64
            valueGap = gap.lowerBound + head.count..<gap.upperBound + head.count
            text = head + body
        }
    }

    /// A buffer for one connection to fill again and again.
    func buffer() -> ByteBuffer { ByteBuffer(bytes: text) }

    /// - Parameter place: below the pool's `places`.
    func fill(_ buffer: inout ByteBuffer, key number: Int, value place: Int, of pool: ValuePool) {
        buffer.withUnsafeMutableReadableBytes { bytes in
            switch keyEncoding {
            case .plain:
                key.write(number, to: UnsafeMutableRawBufferPointer(rebasing: bytes[keyPlace..<keyPlace + key.count]))
            case .base64: Base64.write(key.text(number), to: bytes, at: keyPlace)
            }
            guard !valueGap.isEmpty else { return }
            pool.bytes.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(rebasing: bytes[valueGap])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[place..<place + valueGap.count]))
            }
        }
    }
}

/// Base64 (RFC 4648) into bytes that are there already.
private enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func write(_ source: [UInt8], to target: UnsafeMutableRawBufferPointer, at start: Int) {
        var place = start
        for group in stride(from: 0, to: source.count, by: 3) {
            let rest = source.count - group
            let bits =
                UInt32(source[group]) << 16 | (rest > 1 ? UInt32(source[group + 1]) << 8 : 0)
                | (rest > 2 ? UInt32(source[group + 2]) : 0)
            for digit in 0..<4 {
                target[place + digit] = digit <= rest ? alphabet[Int(bits >> (18 - 6 * UInt32(digit)) & 63)] : 0x3D
            }
            place += 4
        }
    }
}
