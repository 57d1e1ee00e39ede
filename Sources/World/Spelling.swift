// Names by their bytes. Swift takes strings for equal that Unicode calls canonically equivalent: "é" in one code point
// and in two, K and the Kelvin sign. TOML, JSON and the ring document tell these apart, as does everything that looks
// a bucket up by the bytes of its name.

extension String {
    /// Whether both are the same code points.
    public func isSpelled(_ other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }

    /// The order of names in a ring document: that of their bytes.
    public func isSpelledBefore(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
