// How large an object may become by merging. What goes beyond is refused by every replica, and would not fit into a
// frame.

import Causality
import World

/// In what an object is beyond its limits.
package enum ObjectExcess: Error, Hashable, Sendable {
    case siblings
    case versions
    case bytes
}

extension StoredObject {
    /// The object's bytes, if replicas take it and a frame carries it.
    package func encodeWithinLimits() throws(ObjectExcess) -> [UInt8] {
        guard siblings.count <= Limits.mergedSiblings else { throw .siblings }
        guard versions.entries.count <= Limits.versionVectorEntries else { throw .versions }
        // Looked at before it is built: the sides of a merge may be large each.
        guard payloadBytes <= Limits.objectBytes else { throw .bytes }
        let bytes = encode()
        guard bytes.count <= Limits.objectBytes else { throw .bytes }
        return bytes
    }
}
