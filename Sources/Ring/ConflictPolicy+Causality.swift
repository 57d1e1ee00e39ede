// A bucket's conflict policy, as the merge of two replicas needs it.

package import Causality

extension ConflictPolicy {
    package var rule: ConflictRule { self == .lastWriteWins ? .lastWriteWins : .siblings }
}
