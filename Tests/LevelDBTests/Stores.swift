// Stores to test: directories that go when the test ends, and short ways to fill and read them.

import Foundation
import Keys
import LevelDB
import Storage
import Wire
import World

/// A directory of its own, removed with the value.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("atoll-store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Paths of the files with this ending, ascending.
    func files(_ ending: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(ending) }.sorted()
            .map { path + "/" + $0 }
    }
}

func contents(_ file: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: file))) }

func overwrite(_ file: String, _ bytes: some Sequence<UInt8>) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: file))
}

/// Small tables, so that little data makes some.
let smallBuffers = StoreOptions(blockCacheBytes: 1 << 20, writeBufferBytes: 64 << 10)

extension KeyValueStore {
    func all(
        _ range: KeyRange = .everything, reverse: Bool = false, asPage: Bool = false, atMost limit: Int = .max
    ) throws -> [[[UInt8]]] {
        var found: [[[UInt8]]] = []
        guard limit > 0 else { return [] }
        if asPage {
            let page = try page(range, reverse: reverse, limit: limit, atMost: .max)
            return page.items.map { [$0.key, $0.object] }
        }
        try scan(range, reverse: reverse) { key, value in
            found.append([key, value])
            return found.count < limit
        }
        return found
    }

    func put(_ key: [UInt8], _ value: [UInt8], synced: Bool = false) throws {
        try commit([.put(key: key, value: value)], synced: synced)
    }
}

/// `key-000123`, whose value no compressor can shrink away.
func numbered(_ index: Int) -> (key: [UInt8], value: [UInt8]) {
    var random = SeededRandom(seed: UInt64(index))
    let digits = String(index)
    let key = "key-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    return (Array(key.utf8), (0..<100).map { _ in UInt8.random(in: 0...255, using: &random) })
}

func fill(_ store: some KeyValueStore, _ range: Range<Int>, synced: Bool = true) throws {
    try store.commit(
        range.map {
            let (key, value) = numbered($0)
            return .put(key: key, value: value)
        }, synced: synced)
}

func remove(_ file: String) throws { try FileManager.default.removeItem(atPath: file) }
