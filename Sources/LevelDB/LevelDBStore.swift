// LevelDB behind `KeyValueStore`: Debian's libleveldb through its C interface.
//
// Checksums are verified on every read (but see `verifiesGets`) and paranoid checks are on, so a flipped bit is an
// error and not an answer.
// RepairDB is never called: it drops what it cannot read, and here that is a decision for the replication above.

import CLevelDB
package import Keys
package import Storage
package import World

/// How a store is opened.
package struct StoreOptions: Equatable, Sendable {
    /// Uncompressed table blocks kept in memory.
    package var blockCacheBytes: Int
    /// The write buffer (memtable); up to two are held at a time.
    package var writeBufferBytes: Int
    /// Files held open.
    package var openFiles: Int
    /// Of a table, as compactions make them.
    package var tableBytes: Int
    /// Blocks are compressed, by Snappy.
    package var compresses: Bool
    /// Logs are filled with zeros ahead of what is written, so that a sync writes the data and no inode (decision
    /// 0014). For stores that sync all their writes: of unsynced ones a loss of power may leave what is taken for
    /// damage then.
    package var fillsLogs: Bool
    /// A look-up of one key checks the blocks that it reads, as all else does in any case. Not needed where whoever
    /// asks has a checksum of each value: Debian's LevelDB computes CRC-32C without the processor's help, 2 GB/s.
    package var verifiesGets = true
    /// What a page may take.
    package var pageTime = Limits.pageTime

    package init(
        blockCacheBytes: Int = Limits.blockCacheBytes, writeBufferBytes: Int = Limits.writeBufferBytes,
        openFiles: Int = Limits.leastOpenFiles, tableBytes: Int = Limits.tableBytes, compresses: Bool = true,
        fillsLogs: Bool = false
    ) {
        self.tableBytes = tableBytes
        self.compresses = compresses
        self.fillsLogs = fillsLogs
        self.blockCacheBytes = blockCacheBytes
        self.writeBufferBytes = writeBufferBytes
        self.openFiles = openFiles
    }
}

/// What a directory holds of a store, before it is opened.
package enum StorePresence: Hashable, Sendable {
    /// There is no such directory.
    case absent
    /// A directory without data.
    case vacant
    case present
    /// Data without the file that says which of it is valid.
    case headless
}

package final class LevelDBStore: KeyValueStore, @unchecked Sendable {
    // Safe to share: LevelDB's database object is thread-safe, the option objects are never changed after `init`. It is
    // closed once, by an owner whose threads have ended.
    private var database: OpaquePointer?
    private let environment: OpaquePointer?
    private let options: OpaquePointer
    private let cache: OpaquePointer?
    private let filter: OpaquePointer?
    private let lookUp: OpaquePointer
    private let read: OpaquePointer
    private let readWithoutCaching: OpaquePointer
    private let syncedWrite: OpaquePointer
    private let bufferedWrite: OpaquePointer
    private let pageTime: Span

    package static func presence(at path: String) -> StorePresence {
        switch atoll_leveldb_presence(path) {
        case atoll_leveldb_absent: .absent
        case atoll_leveldb_vacant: .vacant
        case atoll_leveldb_present: .present
        default: .headless
        }
    }

    /// Opens the store in the directory `path` (which must exist, or its parent), creating it if there is none. What
    /// LevelDB would take for an empty store though it is the rest of another is corruption.
    package init(path: String, options settings: StoreOptions = StoreOptions()) throws(StorageFailure) {
        let presence = LevelDBStore.presence(at: path)
        guard presence != .headless else {
            throw StorageFailure(.corruption, "Corruption: \(path) has data, but CURRENT is missing")
        }
        guard let options = leveldb_options_create() else { throw StorageFailure(.inputOutput, "out of memory") }
        cache = leveldb_cache_create_lru(settings.blockCacheBytes)
        filter = leveldb_filterpolicy_create_bloom(10)  // 10 bits a key: 1% of misses touch the disk
        leveldb_options_set_create_if_missing(options, 1)
        leveldb_options_set_paranoid_checks(options, 1)
        leveldb_options_set_cache(options, cache)
        leveldb_options_set_filter_policy(options, filter)
        leveldb_options_set_write_buffer_size(options, settings.writeBufferBytes)
        leveldb_options_set_max_file_size(options, settings.tableBytes)
        leveldb_options_set_compression(
            options, CInt(settings.compresses ? leveldb_snappy_compression : leveldb_no_compression))
        leveldb_options_set_max_open_files(options, CInt(clamping: settings.openFiles))
        environment = atoll_leveldb_log_environment_create(
            settings.fillsLogs ? 1 : 0, presence == .present ? 1 : 0)
        leveldb_options_set_env(options, environment)
        self.options = options
        lookUp = leveldb_readoptions_create()
        leveldb_readoptions_set_verify_checksums(lookUp, settings.verifiesGets ? 1 : 0)
        read = leveldb_readoptions_create()
        leveldb_readoptions_set_verify_checksums(read, 1)
        readWithoutCaching = leveldb_readoptions_create()
        leveldb_readoptions_set_verify_checksums(readWithoutCaching, 1)
        leveldb_readoptions_set_fill_cache(readWithoutCaching, 0)
        syncedWrite = leveldb_writeoptions_create()
        leveldb_writeoptions_set_sync(syncedWrite, 1)
        pageTime = settings.pageTime
        bufferedWrite = leveldb_writeoptions_create()
        var problem: UnsafeMutablePointer<CChar>?
        // Whatever fails from here on, `deinit` closes and releases.
        database = leveldb_open(options, path, &problem)
        if let failure = LevelDBStore.failure(taking: problem) { throw failure }
        guard database != nil else { throw StorageFailure(.inputOutput, "LevelDB gave no database for \(path)") }
        if atoll_leveldb_lacks_log(environment) != 0 {
            throw StorageFailure(.corruption, "Corruption: the write-ahead log of \(path) is missing")
        }
    }

    /// Ends its work and its files; afterwards it takes nothing more. For the owner, once no thread uses it.
    package func close() {
        guard let database else { return }
        self.database = nil
        leveldb_close(database)
    }

    private func open() throws(StorageFailure) -> OpaquePointer {
        guard let database else { throw StorageFailure(.inputOutput, "the store is closed") }
        return database
    }

    deinit {
        close()
        for options in [lookUp, read, readWithoutCaching] { leveldb_readoptions_destroy(options) }
        for options in [syncedWrite, bufferedWrite] { leveldb_writeoptions_destroy(options) }
        leveldb_options_destroy(options)
        leveldb_env_destroy(environment)
        if let cache { leveldb_cache_destroy(cache) }
        if let filter { leveldb_filterpolicy_destroy(filter) }
    }

    /// Takes LevelDB's error text, which begins with its kind ("Corruption: …", "IO error: …").
    private static func failure(taking problem: UnsafeMutablePointer<CChar>?) -> StorageFailure? {
        guard let problem else { return nil }
        defer { leveldb_free(problem) }
        let text = String(cString: problem)
        if text.hasPrefix("Corruption") { return StorageFailure(.corruption, text) }
        // As LevelDB's Env puts it; the word alone may stand in any path.
        if text.hasPrefix("IO error: lock ") { return StorageFailure(.locked, text) }
        if text.contains("No space left on device") || text.contains("Disk quota exceeded") {
            return StorageFailure(.full, text)
        }
        // A table file that is missing, or shorter than it was (which mmap calls an invalid argument), is not a passing
        // fault of the disk: the store has lost data.
        for sign in ["No such file", "Invalid argument"] where text.contains(".ldb: " + sign) {
            return StorageFailure(.corruption, text)
        }
        return StorageFailure(.inputOutput, text)
    }

    /// To be asked by the thread that writes the key: what another has just written may not be on the disk yet.
    package func get(_ key: [UInt8]) throws(StorageFailure) -> [UInt8]? {
        let database = try open()
        var problem: UnsafeMutablePointer<CChar>?
        var length = 0
        let value = key.withUnsafeBytes { k in
            atoll_leveldb_get(
                database, lookUp, k.baseAddress?.assumingMemoryBound(to: CChar.self), k.count, &length, &problem)
        }
        if let failure = LevelDBStore.failure(taking: problem) { throw failure }
        guard let value else { return nil }
        return Array(UnsafeRawBufferPointer(start: value, count: length))
    }

    package func commit(_ writes: [StoreWrite], synced: Bool) throws(StorageFailure) {
        let database = try open()
        guard let batch = leveldb_writebatch_create() else { throw StorageFailure(.inputOutput, "out of memory") }
        defer { leveldb_writebatch_destroy(batch) }
        for write in writes {
            switch write {
            case .put(let key, let value, _):
                key.withUnsafeBytes { k in
                    value.withUnsafeBytes { v in
                        leveldb_writebatch_put(
                            batch, k.baseAddress?.assumingMemoryBound(to: CChar.self), k.count,
                            v.baseAddress?.assumingMemoryBound(to: CChar.self), v.count)
                    }
                }
            case .delete(let key):
                key.withUnsafeBytes { k in
                    leveldb_writebatch_delete(batch, k.baseAddress?.assumingMemoryBound(to: CChar.self), k.count)
                }
            }
        }
        var problem: UnsafeMutablePointer<CChar>?
        leveldb_write(database, synced ? syncedWrite : bufferedWrite, batch, &problem)
        if let failure = LevelDBStore.failure(taking: problem) { throw failure }
        if synced { try finishSync() }
    }

    /// Syncs begun and not finished: none but those of commits under way. For tests, as nothing else shows an answer
    /// that does not wait for the disk.
    var openSyncs: UInt64 { atoll_leveldb_open_syncs(environment) }

    /// Waits for the disk: LevelDB's synced writes only begin to sync (LogEnvironment.cpp).
    private func finishSync() throws(StorageFailure) {
        var problem: UnsafeMutablePointer<CChar>?
        atoll_leveldb_finish_sync(environment, &problem)
        if let failure = LevelDBStore.failure(taking: problem) { throw failure }
    }

    package func scan(
        _ range: KeyRange, reverse: Bool, _ visit: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StorageFailure) {
        let iterator = try iterator(readWithoutCaching)
        defer { leveldb_iter_destroy(iterator) }
        // It sees what another thread has just written, and what is not on the disk yet is not to be shown.
        try finishSync()
        try walk(iterator, range, reverse: reverse) { key, value in visit(Array(key), Array(value)) }
    }

    package func page(
        _ range: KeyRange, reverse: Bool, limit: Int, atMost most: Int
    ) throws(StorageFailure) -> StoredPage {
        let lateAt = ContinuousClock.now + .nanoseconds(pageTime.nanoseconds)
        let iterator = try iterator(read)
        defer { leveldb_iter_destroy(iterator) }
        var page = StoredPage(limit: limit, atMost: most)
        try walk(iterator, range, reverse: reverse) { (key, value) throws(StorageFailure) in
            guard ContinuousClock.now <= lateAt else { throw StorageFailure(.slow, "a page took too long") }
            return page.add(key, value)
        }
        return page
    }

    private func iterator(_ options: OpaquePointer) throws(StorageFailure) -> OpaquePointer {
        guard let iterator = leveldb_create_iterator(try open(), options) else {
            throw StorageFailure(.inputOutput, "out of memory")
        }
        return iterator
    }

    /// Visits what lies in LevelDB's own memory, until `visit` returns false.
    private func walk(
        _ iterator: OpaquePointer, _ range: KeyRange, reverse: Bool,
        _ visit: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(StorageFailure) -> Bool
    ) throws(StorageFailure) {
        func contains(_ key: UnsafeRawBufferPointer) -> Bool {
            if reverse { return range.start.withUnsafeBytes { !key.precedes($0) } }
            return range.end?.withUnsafeBytes { key.precedes($0) } ?? true
        }
        if reverse { seekBackward(iterator, range.end) } else { seek(iterator, range.start) }
        while leveldb_iter_valid(iterator) != 0 {
            var length = 0
            let key = UnsafeRawBufferPointer(start: leveldb_iter_key(iterator, &length), count: length)
            guard contains(key) else { break }
            let value = UnsafeRawBufferPointer(start: leveldb_iter_value(iterator, &length), count: length)
            guard try visit(key, value) else { break }
            if reverse { leveldb_iter_prev(iterator) } else { leveldb_iter_next(iterator) }
        }
        var problem: UnsafeMutablePointer<CChar>?
        leveldb_iter_get_error(iterator, &problem)
        if let failure = LevelDBStore.failure(taking: problem) { throw failure }
    }

    private func seek(_ iterator: OpaquePointer, _ key: [UInt8]) {
        key.withUnsafeBytes {
            leveldb_iter_seek(iterator, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }

    /// Stands on the last key before `end`.
    private func seekBackward(_ iterator: OpaquePointer, _ end: [UInt8]?) {
        guard let end else { return leveldb_iter_seek_to_last(iterator) }
        seek(iterator, end)
        if leveldb_iter_valid(iterator) != 0 {
            leveldb_iter_prev(iterator)
        } else {
            leveldb_iter_seek_to_last(iterator)
        }
    }
}
