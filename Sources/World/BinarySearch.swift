// The one search in what is sorted.

extension RandomAccessCollection where Index == Int {
    /// The first place, from `start` on, whose element is not `before` what is looked for; the end if there is none.
    /// Elements that are `before` stand first.
    @inlinable public func firstPlace(from start: Int? = nil, past isBefore: (Element) -> Bool) -> Int {
        var low = start ?? startIndex
        var high = endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
