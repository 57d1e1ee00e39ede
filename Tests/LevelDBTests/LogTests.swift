// The write-ahead log after a crash: zeros behind what was written, or a write that was cut in two
// (Sources/CLevelDB/LogEnvironment.cpp).

import Foundation
import Glibc
import Storage
import Testing
import World

@testable import LevelDB

@Suite struct LogTests {
    private let directory: TemporaryDirectory
    private let store: LevelDBStore

    init() throws {
        directory = try TemporaryDirectory()
        // Large enough that no test fills a log.
        store = try LevelDBStore(path: directory.path, options: StoreOptions(fillsLogs: true))
    }

    private func value(_ index: Int, _ count: Int) -> [UInt8] {
        var random = SeededRandom(seed: UInt64(index))
        return (0..<count).map { _ in UInt8.random(in: 1...255, using: &random) }
    }

    private func write(_ index: Int, _ count: Int, synced: Bool = true) throws {
        try store.put([UInt8(index)], value(index, count), synced: synced)
    }

    /// The files as they lie at this moment: what a killed process leaves.
    private func crashed() throws -> TemporaryDirectory {
        let copy = try TemporaryDirectory()
        for file in try FileManager.default.contentsOfDirectory(atPath: directory.path) where file != "LOCK" {
            try FileManager.default.copyItem(atPath: directory.path + "/" + file, toPath: copy.path + "/" + file)
        }
        return copy
    }

    private func log(of directory: TemporaryDirectory) throws -> String {
        try #require(try directory.files(".log").last)
    }

    /// Where the last write ends; no value here has a zero in it.
    private func end() throws -> Int {
        let bytes = try contents(try log(of: directory))
        return (bytes.lastIndex { $0 != 0 } ?? -1) + 1
    }

    /// The values found, by key, after `damage` to the log that a crash leaves; nil if the store calls it corruption.
    private func found(after damage: (inout [UInt8]) -> Void) throws -> [Int: [UInt8]]? {
        let copy = try crashed()
        let file = try log(of: copy)
        var bytes = try contents(file)
        damage(&bytes)
        try overwrite(file, bytes)
        do {
            let pairs = try LevelDBStore(path: copy.path).all().map { (Int($0[0][0]), $0[1]) }
            return Dictionary(uniqueKeysWithValues: pairs)
        } catch let failure as StorageFailure where failure.kind == .corruption {
            return nil
        }
    }

    @Test func aLogIsFilledAheadAndCutByACleanStop() throws {
        try write(1, 100)
        let length = try end()
        #expect(try contents(try log(of: directory)).count >= length + 100 << 10)
        let other = try TemporaryDirectory()
        do {
            try LevelDBStore(path: other.path, options: StoreOptions(fillsLogs: true)).put(
                [1], value(1, 100), synced: true)
        }
        #expect(try contents(try log(of: other)).count == length)
    }

    @Test func aWriteThatIsLargeFillsNothing() throws {
        try write(1, 1 << 20)
        #expect(try contents(try log(of: directory)).count == end())
    }

    @Test(arguments: [true, false]) func aKilledProcessLosesNothing(synced: Bool) throws {
        let sizes = [1, 100, 5_000, 40_000, 33_000, 7, 200_000, 32_700, 600_000, 3]
        for (index, size) in sizes.enumerated() { try write(index, size, synced: synced) }
        let all = try found { _ in }
        #expect(all?.count == sizes.count)
        for (index, size) in sizes.enumerated() { #expect(all?[index] == value(index, size)) }
    }

    /// Of the last write any sectors reached the disk, and any did not.
    @Test(arguments: [40, 400, 3_000, 31_000, 100_000], 0..<12)
    func aTornWriteLosesItselfAlone(size: Int, seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        for index in 0..<20 { try write(index, 90 + 40 * index) }
        let start = try end()
        try write(20, size)
        let end = try end()
        let sectors = Array(start / 512...(end - 1) / 512)
        var lost = sectors.filter { _ in Bool.random(using: &random) }
        if lost.isEmpty { lost = [sectors[seed % sectors.count]] }
        let found = try found { bytes in
            for sector in lost {
                for place in max(start, sector * 512)..<min(end, sector * 512 + 512) { bytes[place] = 0 }
            }
        }
        #expect(found?.count == 20)
        for index in 0..<20 { #expect(found?[index] == value(index, 90 + 40 * index)) }
    }

    @Test(arguments: 0..<40) func aFlippedBitIsCorruptionAndNoTornWrite(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        var ends = [0]
        for index in 0..<10 {
            try write(index, 700)
            ends.append(try end())
        }
        // In each write, the last one too. Not in a length: a record that claims to reach past the log's end is what a
        // crash leaves as well.
        let start = ends[seed % 10]
        let place = start + [0, 1, 2, 3, Int.random(in: 7..<700, using: &random)][seed / 10 % 4 + (seed > 30 ? 1 : 0)]
        #expect(try found { $0[place] ^= 1 << UInt8(seed % 8) } == nil)
    }

    @Test func aSectorLostBeforeOtherWritesIsCorruption() throws {
        for index in 0..<10 { try write(index, 2_000) }
        #expect(try found { for place in 4_096..<4_608 { $0[place] = 0 } } == nil)
    }

    // MARK: Syncs in two halves

    @Test func aCommitThatReturnedLeavesNoSyncOpen() async throws {
        let directory = try TemporaryDirectory()
        let store = try LevelDBStore(path: directory.path, options: smallBuffers)
        // Enough for several logs.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    for index in 0..<250 { try fill(store, (1_000 * writer + index)..<(1_000 * writer + index + 1)) }
                }
            }
            // Scans finish syncs of others; nothing may wait for ever.
            group.addTask { for _ in 0..<50 { _ = try store.all(atMost: 10) } }
            try await group.waitForAll()
        }
        #expect(store.openSyncs == 0)
        #expect(try store.all().count == 1_000)
        for index in 0..<50 {
            try fill(store, index..<(index + 1), synced: index % 3 > 0)
            #expect(store.openSyncs == 0)
        }
    }

    /// The log becomes a file that takes every write and cannot be synced.
    @Test func aSyncThatFailsIsToldAndFinal() throws {
        try write(1, 100)
        let log = URL(fileURLWithPath: try log(of: directory)).resolvingSymlinksInPath().path
        let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { Int32($0) }
        let open = descriptors.filter {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == log
        }
        let descriptor = try #require(open.first)
        let null = Glibc.open("/dev/null", O_WRONLY)
        #expect(dup2(null, descriptor) == descriptor && close(null) == 0)
        #expect(throws: StorageFailure.self) { try write(2, 100) }
        #expect(throws: StorageFailure.self) { try write(3, 100) }
        #expect(throws: StorageFailure.self) { try write(4, 100, synced: false) }
        #expect(throws: StorageFailure.self) { try store.all() }
    }
}
