// The limits of requests that change a typed object in part (Limits.swift).

extension Limits {
    // MARK: Patches

    /// Elements and scalar values before a position: the largest object, four times over by merging, has a byte or more
    /// for each.
    public static let positions = 4 * largestValueBytes
    /// What a writer may call its requests: it counts in JSON, where integers above 2^53 lose digits.
    public static let requestNumber: UInt64 = 1 << 53
}
