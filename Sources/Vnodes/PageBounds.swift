// Which ranges are read like a key (decision 0032): by the shard that writes them, in its batch, from LevelDB's cache.
// A timeline is a list, and most are asked for by their first page.

package import Wire
import World

extension RangeRequest {
    /// A few items of one partition key, and so of one shard: what a client's list asks for. Repair's pages go across
    /// keys, and nobody waits for them.
    package var isShort: Bool {
        guard !repair, limit <= Limits.pageItems, let end, start.count >= RangeRequest.tokenBytes else { return false }
        return start.prefix(RangeRequest.tokenBytes) == end.prefix(RangeRequest.tokenBytes)
    }

    /// A stored key begins with its token (docs/formats/stored-key.md).
    private static let tokenBytes = 8
}

/// How much a shard reads for pages, in bytes as they are stored. What would be more is handed on.
package struct PageBounds: Sendable {
    /// For one.
    let one: Int
    /// For all of a batch.
    let batch: Int

    package init(one: Int = Limits.pageBytes, batch: Int = Limits.pageBytesInBatch) {
        self.one = one
        self.batch = batch
    }
}

/// A page holds the shard for too long.
struct LongPage: Error {}
