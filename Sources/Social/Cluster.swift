// What the flows ask of the cluster: records and bytes under keys, at the three levels of the social layer, and names.

import Causality
import DataTypes
import Edge
import Gateway
import JSON
import Keys
import NameStore
import Ring
import World

/// How many replicas must answer.
enum Level {
    /// A quorum of the primaries themselves: two of them overlap, so this sees what that has written.
    case strict
    /// A quorum, fallbacks with hints among it.
    case quorum
    case one

    var consistency: ConsistencyLevel { if case .one = self { .one } else { .quorum } }
    var isStrict: Bool { if case .strict = self { true } else { false } }
}

/// What is stored as JSON with a version.
protocol SocialRecord: Sendable {
    /// Nil if it is none.
    init?(_ json: JSONValue)
    var json: JSONValue { get }
    /// What two writes that have not seen each other come to. Commutative, associative, idempotent.
    static func merged(_ a: Self, _ b: Self) -> Self
}

/// What stands under a key, and the context to write over it. Over nothing as well: a write without one replaces what
/// whoever takes it has, whether that was seen or not.
struct Stored<Record: SocialRecord>: Sendable {
    let record: Record?
    let context: [UInt8]

    /// Where nothing can be, without a look.
    static func nothing(_ key: StoredKey) -> Stored { Stored(nil, key) }
}

/// What became of a write.
struct WriteReceipt: Sendable {
    let context: [UInt8]
    /// Who has it by now.
    let nodes: [NodeID]
}

/// Bytes with their type.
struct StoredBytes: Sendable {
    let bytes: ArraySlice<UInt8>
    let contentType: String
}

enum Cluster {
    // MARK: Reading

    static func object(_ key: StoredKey, _ level: Level) -> Flow<StoredObject?> {
        let request = ClientRequest(
            .read, key: key, level: level.consistency, strict: level.isStrict, timeout: Limits.socialTimeout)
        return Flow.data(request).then { outcome in
            switch outcome {
            case .object(let object, _):
                .with { core in
                    var shown = object
                    shown?.hideExpired(at: core.now.wall)
                    return .value(shown)
                }
            case .failed(let failure, _): .refused(Problem(reading: failure))
            case .written, .operated, .inserted, .list: .refused(.internalError)
            }
        }
    }

    static func read<Record: SocialRecord>(_ key: StoredKey, _ level: Level) -> Flow<Stored<Record>> {
        object(key, level).map { Stored($0, key) }
    }

    /// One replica's yes is enough; before a "no" a strict quorum is asked.
    static func readSurely<Record: SocialRecord>(
        _ key: StoredKey, isYes: @escaping (Record) -> Bool = { _ in true }
    ) -> Flow<Stored<Record>> {
        let one: Flow<Stored<Record>?> = read(key, .one).optional
        return one.then { stored in
            if let stored, let record = stored.record, isYes(record) { return .value(stored) }
            return .with { core in
                if core.seams.believesOneReplica, let stored { return .value(stored) }
                return read(key, .strict)
            }
        }
    }

    static func readBytes(_ key: StoredKey) -> Flow<StoredBytes?> {
        let one: Flow<StoredObject??> = object(key, .one).optional
        return one.then { found in
            if let bytes = found.flatMap({ $0 }).flatMap(StoredBytes.init) { return .value(bytes) }
            return object(key, .strict).map { $0.flatMap(StoredBytes.init) }
        }
    }

    /// Records of a partition key in the order of their sort keys, and whether more follow.
    static func list<Record: SocialRecord>(
        _ range: SocialRange, reverse: Bool = false, limit: Int, timeout: Span = Limits.socialTimeout, _ level: Level
    ) -> Flow<Listing<Record>> {
        guard let bounds = range.bounds, let base = range.base else { return .refused(.internalError) }
        let request = ClientRequest(
            .list(range: bounds, reverse: reverse, limit: limit), key: base, level: level.consistency,
            strict: level.isStrict, timeout: timeout)
        return Flow.data(request).then { outcome in
            switch outcome {
            case .list(let items, let next, _): .value(Listing(items, hasMore: next != nil))
            case .failed(let failure, _): .refused(Problem(reading: failure))
            case .object, .written, .operated, .inserted: .refused(.internalError)
            }
        }
    }

    // MARK: Writing

    static func write(
        _ key: StoredKey, _ record: some SocialRecord, context: [UInt8]? = nil, ttl: Span? = nil, _ level: Level
    ) -> Flow<WriteReceipt> {
        write(key, bytes: record.json.encode(), type: "application/json", context: context, ttl: ttl, level)
    }

    static func write(
        _ key: StoredKey, bytes: [UInt8]?, type: String, context: [UInt8]?, ttl: Span? = nil, _ level: Level
    ) -> Flow<WriteReceipt> {
        let ttlMs = ttl.map { UInt64(max(1, $0.nanoseconds / 1_000_000)) }
        let request = ClientRequest(
            .write(
                value: bytes, contentType: bytes == nil ? "" : type, context: context, onlyIfAbsent: false, ttlMs: ttlMs
            ),
            key: key, level: level.consistency, strict: level.isStrict, timeout: Limits.socialTimeout)
        return Flow.data(request).then { outcome in
            switch outcome {
            case .written(let object, _, let account):
                .value(
                    WriteReceipt(
                        context: CausalContext(of: object).encode(for: key.bytes),
                        nodes: account.tally.acknowledgements.map(\.node)))
            case .failed(let failure, _): .refused(Problem(writing: failure))
            case .object, .operated, .inserted, .list: .refused(.internalError)
            }
        }
    }

    /// One value under each of `keys`, where this node knows of nothing, for what means the same however often it is
    /// written.
    /// - Returns: those that are to be written one by one, since it may not stand there.
    static func insert(_ keys: [StoredKey], bytes: [UInt8], type: String) -> Flow<[StoredKey]> {
        guard let first = keys.first else { return .value([]) }
        let request = ClientRequest(
            .insert(keys: keys, value: bytes, contentType: type), key: first, timeout: Limits.socialTimeout)
        return Flow.data(request).then { outcome in
            switch outcome {
            case .inserted(let left): .value(left.filter(keys.indices.contains).map { keys[$0] })
            case .failed(let failure, _): .refused(Problem(writing: failure))
            case .object, .written, .operated, .list: .refused(.internalError)
            }
        }
    }

    static func delete(_ key: StoredKey, context: [UInt8]? = nil, _ level: Level) -> Flow<Void> {
        write(key, bytes: nil, type: "", context: context, level).map { _ in }
    }

    /// What was listed, and nothing that has come since.
    static func delete(_ item: ListedItem, _ level: Level) -> Flow<Void> {
        guard let key = try? StoredKey(decoding: item.key) else { return .refused(.internalError) }
        return delete(key, context: CausalContext(of: item.object).encode(for: key.bytes), level)
    }

    // MARK: Documents

    static func document(_ key: StoredKey, _ level: Level) -> Flow<Document> {
        object(key, level).map { Document($0, key) }
    }

    static func operate(
        _ key: StoredKey, _ call: TypedCall, context: [UInt8]? = nil, _ level: Level
    ) -> Flow<(answer: JSONValue, context: [UInt8])> {
        do { try call.check() } catch { return .refused(Problem(error)) }
        let request = ClientRequest(
            .operate(call, context: context, onlyIfAbsent: false), key: key, level: level.consistency,
            strict: level.isStrict, timeout: Limits.socialTimeout)
        return Flow.data(request).then { outcome in
            switch outcome {
            case .operated(let context, let answer, _, _): .value(((try? JSONValue.decode(answer)) ?? .null, context))
            case .failed(let failure, _): .refused(Problem(writing: failure))
            case .object, .written, .inserted, .list: .refused(.internalError)
            }
        }
    }

    static func merge(_ key: StoredKey, _ patch: JSONValue, _ level: Level) -> Flow<Void> {
        operate(key, TypedCall(.mergePatch, patch.encode()), level).map { _ in }
    }
}

/// A typed value as people see it.
struct Document: Sendable {
    let value: JSONValue?
    let context: [UInt8]

    init(_ object: StoredObject?, _ key: StoredKey) {
        let typed = object?.typedObject
        value = typed?.isDeleted == false ? typed?.value() : nil
        context = CausalContext(of: object ?? StoredObject()).encode(for: key.bytes)
    }
}

extension Stored {
    init(_ object: StoredObject?, _ key: StoredKey) {
        context = CausalContext(of: object ?? StoredObject()).encode(for: key.bytes)
        record = object.flatMap(Record.init(siblingsOf:))
    }
}

extension SocialRecord {
    /// What the values of a key come to; nil if there is none, or none that can be read.
    init?(siblingsOf object: StoredObject) {
        var all: Self?
        for sibling in object.values {
            guard case .value(let bytes) = sibling.payload, let json = try? JSONValue.decode(Array(bytes)),
                let record = Self(json)
            else { continue }
            all = all.map { Self.merged($0, record) } ?? record
        }
        guard let all else { return nil }
        self = all
    }
}

extension StoredBytes {
    /// Bodies lie under their digest: siblings are the same bytes.
    init?(_ object: StoredObject) {
        guard let newest = object.values.first, case .value(let bytes) = newest.payload else { return nil }
        self.init(bytes: bytes, contentType: newest.contentType)
    }
}

/// A page of a list.
struct Listing<Record: SocialRecord>: Sendable {
    struct Item: Sendable {
        let sort: String
        let record: Record
        /// As it lay there.
        let stored: ListedItem
    }

    let items: [Item]
    let hasMore: Bool

    init(_ listed: [ListedItem], hasMore: Bool) {
        items = listed.compactMap { item in
            guard let sort = StoredKey.sortKey(of: item.key), let record = Record(siblingsOf: item.object) else {
                return nil
            }
            return Item(sort: String(decoding: sort, as: UTF8.self), record: record, stored: item)
        }
        self.hasMore = hasMore
    }
}

/// Items of a partition key: sort keys in [start, end) that begin with `prefix`.
struct SocialRange: Sendable {
    let bucket: String
    let partition: String
    var start: String?
    var end: String?
    var prefix: String?

    var base: StoredKey? { try? StoredKey(bucket: Array(bucket.utf8), partitionKey: Array(partition.utf8)) }

    var bounds: KeyRange? {
        try? StoredKey.range(
            bucket: Array(bucket.utf8), partitionKey: Array(partition.utf8), start: start.map { Array($0.utf8) },
            end: end.map { Array($0.utf8) }, prefix: prefix.map { Array($0.utf8) })
    }
}
