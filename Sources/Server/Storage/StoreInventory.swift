// What a store's directory holds, with all that is in it, at a moment at which nothing writes to it, so that the next
// start can tell whether it is still that: the same files, or a copy of them, or something older, or what a damage has
// left.

import Foundation
import NameStore
import World

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

struct StoreInventory: Codable, Equatable {
    var files: Int
    var bytes: UInt64
    /// Over the names and sizes of all files and the contents of those that LevelDB believes when it opens them. Tables
    /// have checksums of their own, which every read verifies.
    var contents: String
    /// Over the inodes of the files and when these were last changed. No program can set that time, so neither a
    /// restored copy nor one that was copied over the original has it.
    var places: String

    /// Nil if there is no such directory.
    init?(of directory: String) throws {
        let names: [String]
        do { names = try FileManager.default.subpathsOfDirectory(atPath: directory) } catch {
            guard FileManager.default.fileExists(atPath: directory) else { return nil }
            throw StartFailure("cannot read \(directory): \(error.localizedDescription)")
        }
        var (contents, places): ([[UInt8]], [[UInt8]]) = ([], [])
        (files, bytes) = (0, 0)
        for name in names.sorted() where !StoreInventory.isDecoration(StoreInventory.last(name)) {
            var status = stat()
            let file = directory + "/" + name
            guard stat(file, &status) == 0 else { throw StartFailure.system("cannot look at \(file)") }
            guard status.st_mode & S_IFMT != S_IFDIR else { continue }
            files += 1
            bytes &+= UInt64(clamping: status.st_size)
            contents.append(Array(name.utf8))
            contents.append(Array("\(status.st_size)".utf8))
            if StoreInventory.isBelieved(StoreInventory.last(name)) {
                do { contents.append([UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))) } catch {
                    throw StartFailure("cannot read \(file): \(error.localizedDescription)")
                }
            }
            places.append(Array("\(status.st_ino) \(status.st_ctim.tv_sec) \(status.st_ctim.tv_nsec)".utf8))
        }
        self.contents = Digest256(domain: "atoll/inventory/contents", contents).hexadecimal
        self.places = Digest256(domain: "atoll/inventory/places", places).hexadecimal
    }

    func hasContents(of other: StoreInventory) -> Bool { contents == other.contents }

    var summary: String { "\(files) files of \(bytes) bytes" }

    /// Without the directory that it is in.
    private static func last(_ path: String) -> String { (path as NSString).lastPathComponent }

    /// LevelDB's log for people, and its lock: nothing depends on what is in them.
    private static func isDecoration(_ name: String) -> Bool { ["LOG", "LOG.old", "LOCK"].contains(name) }

    private static func isBelieved(_ name: String) -> Bool {
        name == "CURRENT" || name.hasPrefix("MANIFEST-") || name.hasSuffix(".log")
    }
}
