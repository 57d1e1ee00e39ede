// What becomes of writes that did not know of each other.

/// How concurrent writes of a bucket end.
package enum ConflictRule: String, Hashable, Sendable, CaseIterable {
    /// They are all kept; a reader merges them.
    case siblings
    /// The hybrid logical clock picks one.
    case lastWriteWins = "last-write-wins"
}
