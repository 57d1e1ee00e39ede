// Reading ring files for the commands, with the compiler's own words for what is wrong.

import Foundation
import Ring
import World

enum RingFiles {
    static func load(_ path: String) throws -> RingDocument {
        let data: Data
        do {
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            guard size <= Limits.ringFileBytes else {
                throw CommandFailure.usage("\(path): a ring file may have \(Limits.ringFileBytes) bytes")
            }
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure.usage("cannot read \(path): \(error.localizedDescription)")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw CommandFailure.usage("\(path): not UTF-8 text")
        }
        return try compile(text, name: path)
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
