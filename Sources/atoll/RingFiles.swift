// Reading ring files for the commands, with the compiler's own words for what is wrong.

import Foundation
import Ring
import RingFile
import World

enum RingFiles {
    static func load(_ path: String) throws -> RingDocument { try compile(try text(path), name: path) }

    static func text(_ path: String) throws -> String {
        guard let text = String(validating: try bytes(path, atMost: Limits.ringFileBytes), as: UTF8.self) else {
            throw CommandFailure.usage("\(path): not UTF-8 text")
        }
        guard text.utf8.first(where: { $0 > 0x20 }) != UInt8(ascii: "{") else {
            throw CommandFailure.usage(
                "\(path) is JSON, a state or an exported ring document, and no ring file: rules and what is for planning "
                    + "(prices, links, growth, full_at, slack, afr) are read from the ring file")
        }
        return text
    }

    static func bytes(_ path: String, atMost limit: Int) throws -> [UInt8] {
        do {
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            guard size <= limit else {
                throw CommandFailure.usage("\(path): \(size) bytes; at most \(limit >> 20) MiB are read")
            }
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.usage("cannot read \(path): \(error.localizedDescription)")
        }
    }

    static func compile(_ text: String, name: String) throws -> RingDocument {
        do { return try RingDocument.compile(ringFile: text, fileName: name) } catch {
            throw CommandFailure.usage("\(error)")
        }
    }

    static func nodeID(_ name: String) throws -> NodeID {
        guard let id = NodeID(name) else {
            throw CommandFailure.usage("\"\(name)\" is no node name: a-z, 0-9, . _ -, up to 64")
        }
        return id
    }
}
