// Requests as bytes: written once with gaps for the key and the value, which each request then fills in place. A
// request costs the generator two short copies and no allocation, so that it takes little from servers on the same
// machine.

import JSON
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

    /// What of a key's number stands somewhere.
    private enum KeyPart {
        case whole
        /// Of the list that the key is an item of: its number, and the keys of its first item and of the next list's.
        case list, first, next
        /// The item's number within its list.
        case item

        func number(_ key: Int) -> Int {
            let size = BenchWorkload.itemsPerList
            return switch self {
            case .whole: key
            case .list: key / size
            case .first: key / size * size
            case .next: key / size * size + size
            case .item: key % size
            }
        }
    }

    private typealias KeyPlaces = [(place: Int, part: KeyPart)]

    private let text: [UInt8]
    /// Where the key stands: once, or wherever the request repeats it, or parts of it.
    private let keyPlaces: KeyPlaces
    private let keyEncoding: KeyEncoding
    private let key: KeyText
    private let valueGap: Range<Int>

    init(_ operation: LoadOperation, _ plan: LoadPlan, host: String) {
        key = KeyText(bytes: plan.keyBytes)
        switch (plan.target, plan.workload) {
        case (.atoll, .register), (.bare, .register):
            (text, keyPlaces, valueGap) = RequestForm.register(key, plan, host: host)
            keyEncoding = .plain
        case (.atoll, .list), (.bare, .list):
            (text, keyPlaces, valueGap) = RequestForm.list(operation, key, plan, host: host)
            keyEncoding = .plain
        case (.atoll, .increment), (.atoll, .insert), (.atoll, .add):
            (text, keyPlaces, valueGap) = RequestForm.change(key, plan, host: host)
            keyEncoding = .plain
        case (_, .post), (_, .page):
            (text, keyPlaces, valueGap) = RequestForm.site(key, plan, host: host)
            keyEncoding = .plain
        case (.etcd, .list) where operation == .get:
            (text, keyPlaces) = RequestForm.etcdRange(key, host: host)
            keyEncoding = .base64
            valueGap = 0..<0
        case (.atoll, _), (.bare, _):
            let level = operation == .get ? plan.readLevel.map { "?r=\($0)" } : plan.writeLevel.map { "?w=\($0)" }
            var text = Array("\(operation == .get ? "GET" : "PUT") /v1/kv/\(plan.bucket)/".utf8)
            keyPlaces = [(text.count, .whole)]
            keyEncoding = .plain
            text += [UInt8](repeating: 0x30, count: key.count)
            text += Array("\(level ?? "") HTTP/1.1\r\nhost: \(host)\r\n".utf8)
            let length = operation == .put ? plan.valueBytes : 0
            if operation == .put { text += Array("content-length: \(length)\r\n".utf8) }
            text += Array("\r\n".utf8)
            valueGap = text.count..<text.count + length
            self.text = text + [UInt8](repeating: 0x41, count: length)
        case (.etcd, .register):
            (text, keyPlaces) = RequestForm.createIfAbsent(key, valueBytes: plan.valueBytes, host: host)
            keyEncoding = .base64
            valueGap = 0..<0
        case (.etcd, _):
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
            let head = RequestForm.etcdHead(operation == .get ? "range" : "put", host, body)
            keyPlaces = [(head.count + start.count, .whole)]
            keyEncoding = .base64
            valueGap = gap.lowerBound + head.count..<gap.upperBound + head.count
            text = head + body
        }
    }

    /// A name's registration.
    private static func register(_ key: KeyText, _ plan: LoadPlan, host: String) -> ([UInt8], KeyPlaces, Range<Int>) {
        let head = Array("PUT /v1/names/\(plan.bucket):".utf8)
        let fields = "host: \(host)\r\natoll-owner: \(owner)\r\ncontent-length: 0\r\n\r\n"
        let text = head + [UInt8](repeating: 0x30, count: key.count) + Array(" HTTP/1.1\r\n\(fields)".utf8)
        return (text, [(head.count, .whole)], 0..<0)
    }

    /// A request of one operation on a typed key.
    private static func change(
        _ key: KeyText, _ plan: LoadPlan, host: String
    ) -> ([UInt8], KeyPlaces, Range<Int>) {
        let (start, end, length) =
            switch plan.workload {
            case .insert: (#"[{"op":"splice","path":"","at":0,"text":""#, #""}]"#, plan.valueBytes)
            case .add: (#"[{"op":"add","path":"","value":""#, #""}]"#, plan.valueBytes)
            default: (#"[{"op":"increment","path":""#, #""}]"#, 0)
            }
        let head = Array("PATCH /v1/kv/\(plan.bucket)/".utf8)
        let level = plan.writeLevel.map { "?w=\($0)" } ?? ""
        let fields =
            "content-type: application/vnd.atoll.ops+json\r\ncontent-length: \(start.utf8.count + length + end.utf8.count)"
        let text =
            head + [UInt8](repeating: 0x30, count: key.count)
            + Array("\(level) HTTP/1.1\r\nhost: \(host)\r\n\(fields)\r\n\r\n\(start)".utf8)
        return (
            text + [UInt8](repeating: 0x41, count: length) + Array(end.utf8), [(head.count, .whole)],
            text.count..<text.count + length
        )
    }

    /// A post under a title, or a page.
    private static func site(_ key: KeyText, _ plan: LoadPlan, host: String) -> ([UInt8], KeyPlaces, Range<Int>) {
        let headers = plan.headers.map { "\($0)\r\n" }.joined()
        guard plan.workload == .post else {
            return (Array("GET \(plan.path) HTTP/1.1\r\nhost: \(host)\r\n\(headers)\r\n".utf8), [], 0..<0)
        }
        let head = Array("POST /v1/posts?title=".utf8)
        let fields = "content-type: text/plain\r\ncontent-length: \(plan.valueBytes)\r\n\(headers)\r\n"
        let text =
            head + [UInt8](repeating: 0x30, count: key.count) + Array(" HTTP/1.1\r\nhost: \(host)\r\n\(fields)".utf8)
        return (
            text + [UInt8](repeating: 0x41, count: plan.valueBytes), [(head.count, .whole)],
            text.count..<text.count + plan.valueBytes
        )
    }

    /// An item's PUT, or the GET of its list.
    private static func list(
        _ operation: LoadOperation, _ key: KeyText, _ plan: LoadPlan, host: String
    ) -> ([UInt8], KeyPlaces, Range<Int>) {
        var text = Array("\(operation == .get ? "GET" : "PUT") /v1/kv/\(plan.bucket)/".utf8)
        var places: KeyPlaces = [(text.count, .list)]
        var value = [UInt8]()
        text += [UInt8](repeating: 0x30, count: key.count) + Array("/".utf8)
        if operation == .get {
            let level = plan.readLevel.map { "&r=\($0)" } ?? ""
            text += Array("?reverse=true&limit=\(BenchWorkload.listed)\(level) HTTP/1.1\r\nhost: \(host)\r\n\r\n".utf8)
        } else {
            places.append((text.count, .item))
            let level = plan.writeLevel.map { "?w=\($0)" } ?? ""
            let length = "content-length: \(plan.valueBytes)\r\n\r\n"
            text += [UInt8](repeating: 0x30, count: key.count)
            text += Array("\(level) HTTP/1.1\r\nhost: \(host)\r\n\(length)".utf8)
            value = [UInt8](repeating: 0x41, count: plan.valueBytes)
        }
        return (text + value, places, text.count..<text.count + value.count)
    }

    /// The same list of etcd, whose keys are one sequence: from the first of its items to the first of the next list.
    private static func etcdRange(_ key: KeyText, host: String) -> ([UInt8], KeyPlaces) {
        let gap = [UInt8](repeating: 0x41, count: (key.count + 2) / 3 * 4)
        let order = "\"limit\":\"\(BenchWorkload.listed)\",\"sort_order\":\"DESCEND\",\"sort_target\":\"KEY\""
        let parts = ["{\"key\":\"", "\",\"range_end\":\"", "\",\(order)}"].map { Array($0.utf8) }
        let head = etcdHead("range", host, parts[0] + gap + parts[1] + gap + parts[2])
        let first = head.count + parts[0].count
        return (
            head + parts[0] + gap + parts[1] + gap + parts[2],
            [(first, .first), (first + gap.count + parts[1].count, .next)]
        )
    }

    /// An owner token with nothing behind it: names of a benchmark are nobody's.
    private static let owner = "benchmarkBENCHMARK0123456789"

    private static func etcdHead(_ call: String, _ host: String, _ body: [UInt8]) -> [UInt8] {
        Array("POST /v3/kv/\(call) HTTP/1.1\r\nhost: \(host)\r\ncontent-length: \(body.count)\r\n\r\n".utf8)
    }

    /// etcd's "create if absent": put the key if it was never created (create revision 0).
    private static func createIfAbsent(_ key: KeyText, valueBytes: Int, host: String) -> ([UInt8], KeyPlaces) {
        let gap = [UInt8](repeating: 0x41, count: (key.count + 2) / 3 * 4)
        let value = String(repeating: "QUJD", count: valueBytes / 3)
        let parts = [
            "{\"compare\":[{\"key\":\"",
            "\",\"target\":\"CREATE\",\"result\":\"EQUAL\",\"create_revision\":\"0\"}],\"success\":[{\"request_put\":{\"key\":\"",
            "\",\"value\":\"\(value)\"}}]}",
        ].map { Array($0.utf8) }
        let body = parts[0] + gap + parts[1] + gap + parts[2]
        let head = etcdHead("txn", host, body)
        let first = head.count + parts[0].count
        return (head + body, [(first, .whole), (first + gap.count + parts[1].count, .whole)])
    }

    /// A buffer for one connection to fill again and again.
    func buffer() -> ByteBuffer { ByteBuffer(bytes: text) }

    /// - Parameter place: below the pool's `places`.
    func fill(_ buffer: inout ByteBuffer, key number: Int, value place: Int, of pool: ValuePool) {
        buffer.withUnsafeMutableReadableBytes { bytes in
            for (place, part) in keyPlaces {
                let number = part.number(number)
                switch keyEncoding {
                case .plain:
                    key.write(number, to: UnsafeMutableRawBufferPointer(rebasing: bytes[place..<place + key.count]))
                case .base64:
                    _ = key.text(number).withUnsafeBytes {
                        Base64.encode($0, into: UnsafeMutableRawBufferPointer(rebasing: bytes[place...]))
                    }
                }
            }
            guard !valueGap.isEmpty else { return }
            pool.bytes.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(rebasing: bytes[valueGap])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[place..<place + valueGap.count]))
            }
        }
    }
}
