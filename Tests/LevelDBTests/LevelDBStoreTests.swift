// The real library on a real disk: what was committed is there, in order, and what is damaged is an error.

import Keys
import LevelDB
import Storage
import Testing
import World

@Suite struct LevelDBStoreTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func open(_ options: StoreOptions = smallBuffers) throws -> LevelDBStore {
        try LevelDBStore(path: directory.path, options: options)
    }

    /// A store whose data lies in tables: opening again turns the log into one.
    private func makeTables(_ count: Int = 500) throws {
        do { try fill(try open(), 0..<count) }
        do { #expect(try open().get(numbered(0).key) != nil) }
        #expect(try !directory.files(".ldb").isEmpty)
    }

    private func kind(_ body: () throws -> Void) -> StorageFailure.Kind? {
        do {
            try body()
            return nil
        } catch {
            return (error as? StorageFailure)?.kind
        }
    }

    @Test func getsWhatWasCommitted() throws {
        let store = try open()
        try store.commit(
            [.put(key: [1], value: [1, 1]), .put(key: [2], value: []), .put(key: [1], value: [9]), .delete(key: [3])],
            synced: true)
        #expect(try store.get([1]) == [9])
        #expect(try store.get([2]) == [])
        #expect(try store.get([3]) == nil)
        try store.commit([.delete(key: [1])], synced: false)
        #expect(try store.get([1]) == nil)
        #expect(try store.all() == [[[2], []]])
    }

    @Test func keysOfZerosAndOnesAndNoneAreKeys() throws {
        let store = try open()
        let keys: [[UInt8]] = [[], [0], [0, 0], [0, 0xFF], [0xFF], [0xFF, 0xFF]]
        for key in keys { try store.put(key, key) }
        #expect(try store.all() == keys.map { [$0, $0] })
        #expect(try store.all(reverse: true) == keys.reversed().map { [$0, $0] })
    }

    @Test func scansBothWaysAndStopsWhenTold() throws {
        let store = try open()
        try fill(store, 0..<50)
        let range = KeyRange(start: numbered(10).key, end: numbered(20).key)
        #expect(try store.all(range).map { $0[0] } == (10..<20).map { numbered($0).key })
        #expect(try store.all(range, reverse: true).map { $0[0] } == (10..<20).reversed().map { numbered($0).key })
        #expect(try store.all(range, reverse: true, atMost: 3).map { $0[0] } == [19, 18, 17].map { numbered($0).key })
        #expect(try store.all(KeyRange(start: numbered(48).key, end: nil)).count == 2)
        #expect(try store.all(KeyRange(start: [0xFF], end: nil)).isEmpty)
        #expect(try store.all(KeyRange(start: [], end: [0]), reverse: true).isEmpty)
    }

    @Test func everythingIsThereAfterReopening() throws {
        do { try fill(try open(), 0..<1_000) }
        let store = try open()
        #expect(try store.all().count == 1_000)
        for index in stride(from: 0, to: 1_000, by: 37) {
            #expect(try store.get(numbered(index).key) == numbered(index).value)
        }
    }

    /// What takes long fails and harms nothing; a sweep takes its time.
    @Test func aPageMayNotTakeLong() throws {
        var options = smallBuffers
        options.pageTime = .microseconds(-1)
        let store = try LevelDBStore(path: directory.path, options: options)
        try fill(store, 0..<10)
        #expect(kind { _ = try store.page(.everything, reverse: false, limit: 5, atMost: 1_000) } == .slow)
        #expect(try store.all(.everything).count == 10)
    }

    @Test func aStoreOpensOnceAtATime() throws {
        let store = try open()
        try store.put([1], [1])
        #expect(kind { _ = try open() } == .locked)
        #expect(try store.get([1]) == [1])
    }

    @Test func aMissingParentIsNoLock() throws {
        // The word "lock" in a path says nothing about the failure.
        #expect(kind { _ = try LevelDBStore(path: directory.path + "/blocks/deeper/store") } == .inputOutput)
    }

    @Test func aFlippedByteInATableIsCorruptionOnRead() throws {
        try makeTables()
        for table in try directory.files(".ldb") {
            var bytes = try contents(table)
            bytes[bytes.count / 3] ^= 0x10
            try overwrite(table, bytes)
        }
        let store = try open()
        let outcomes = (0..<500).map { index in
            kind {
                let value = try store.get(numbered(index).key)
                #expect(value == numbered(index).value)
            }
        }
        #expect(outcomes.contains(.corruption))
        #expect(outcomes.allSatisfy { $0 == nil || $0 == .corruption })
        #expect(kind { _ = try store.all() } == .corruption)
        #expect(kind { _ = try store.all(reverse: true) } == .corruption)
    }

    @Test func aMissingTableIsCorruption() throws {
        try makeTables()
        for table in try directory.files(".ldb") { try remove(table) }
        #expect(kind { _ = try open().all() } == .corruption)
    }

    /// What mmap calls an invalid argument.
    @Test(arguments: [0, 2]) func aTableShorterThanItWasIsCorruption(_ part: Int) throws {
        try makeTables()
        for table in try directory.files(".ldb") {
            let bytes = try contents(table)
            try overwrite(table, part == 0 ? [] : Array(bytes.prefix(bytes.count / part)))
        }
        #expect(kind { _ = try open().all() } == .corruption)
    }

    /// LevelDB alone would begin anew and remove what it does not know.
    @Test(arguments: ["CURRENT", ".log"]) func whatIsLeftOfAStoreIsCorruptionAndStays(_ missing: String) throws {
        try makeTables()
        let tables = try directory.files(".ldb")
        for file in try directory.files(missing) { try remove(file) }
        #expect(LevelDBStore.presence(at: directory.path) == (missing == "CURRENT" ? .headless : .present))
        #expect(kind { _ = try open() } == .corruption)
        #expect(try directory.files(".ldb") == tables)
    }

    @Test func whatACreationLeftThatWasBrokenOffIsNoStore() throws {
        #expect(LevelDBStore.presence(at: directory.path + "/nowhere") == .absent)
        #expect(LevelDBStore.presence(at: directory.path) == .vacant)
        try overwrite(directory.path + "/MANIFEST-000001", [1, 2, 3])
        #expect(LevelDBStore.presence(at: directory.path) == .vacant)
        try open().put([1], [1])
        #expect(LevelDBStore.presence(at: directory.path) == .present)
    }

    @Test func aClosedStoreTakesNothingAndCanBeOpenedAgain() throws {
        let store = try open()
        try store.put([1], [1])
        store.close()
        store.close()
        #expect(kind { try store.put([2], [2]) } == .inputOutput && kind { _ = try store.get([1]) } == .inputOutput)
        #expect(kind { _ = try store.all() } == .inputOutput)
        #expect(try open().get([1]) == [1])
    }

    @Test func aFlippedByteInTheLogIsCorruptionOnOpening() throws {
        do {
            let store = try open()
            for index in 0..<50 { try fill(store, index..<(index + 1)) }
        }
        let log = try #require(try directory.files(".log").last)
        var bytes = try contents(log)
        bytes[bytes.count / 2] ^= 1
        try overwrite(log, bytes)
        #expect(kind { _ = try open() } == .corruption)
    }

    /// A log that ends in the middle of a record is a crash while writing: what came before is whole.
    @Test(arguments: [1, 5, 60, 1_000, 3_000]) func aTruncatedLogLosesOnlyItsEnd(_ cut: Int) throws {
        do {
            let store = try open()
            for index in 0..<50 { try fill(store, index..<(index + 1)) }
        }
        let log = try #require(try directory.files(".log").last)
        let bytes = try contents(log)
        try overwrite(log, bytes.dropLast(cut))
        let left = try open().all()
        #expect(left.count < 50)
        #expect(left.count >= 49 - cut / 100)
        #expect(left == (0..<left.count).map { [numbered($0).key, numbered($0).value] })
    }

    @Test func aFailureSaysWhy() throws {
        try makeTables(10)
        try overwrite(directory.path + "/CURRENT", Array("MANIFEST-999999\n".utf8))
        do {
            _ = try open()
            Issue.record("a store without its manifest opened")
        } catch {
            #expect("\(error)".contains("MANIFEST-999999"))
        }
    }
}
