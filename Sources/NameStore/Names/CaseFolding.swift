// Two spellings of one name must be one key: canonical composition (NFC) and caseless matching, from the character data
// that the standard library itself carries, so that both speak of the same Unicode version.

// The standard library composes strings, but offers that only as SPI; the alternative is Foundation with its own
// tables.
@_spi(_Unicode) import Swift

package enum Normalisation {
    /// Normalization form C (Unicode Standard Annex 15).
    package static func composed(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text._nfc { scalars.append(scalar) }
        return String(scalars)
    }

    /// A caseless form: equal for strings that differ only in case, and its own caseless form.
    ///
    /// The standard library has no case folding, but full case mappings. Lower, upper, lower again reaches what
    /// CaseFolding.txt has (ß, ẞ and ss agree; so do σ, ς and Σ), and puts the dotless ı with i besides, which is right
    /// for names that people mistake for one another. It maps what is decomposed, as Unicode's canonical caseless match
    /// does (The Unicode Standard, 3.13, D145): the Greek iota below a letter becomes one beside it, and where depends
    /// on the order of the marks. Mapping can need decomposing again, so both are repeated until nothing changes; three
    /// rounds suffice for every scalar (a test tries them all).
    static func folded(_ text: String) -> String {
        var current = decomposed(text)
        for _ in 0..<8 {
            let lower = mapped(current) { $0.lowercaseMapping }
            let upper = mapped(lower) { $0.uppercaseMapping }
            let next = decomposed(mapped(upper) { $0.lowercaseMapping })
            if next.unicodeScalars.elementsEqual(current.unicodeScalars) { break }
            current = next
        }
        return composed(current)
    }

    /// Normalization form D: every mark by itself, in canonical order.
    static func decomposed(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text._nfd { scalars.append(scalar) }
        return String(scalars)
    }

    private static func mapped(_ text: String, _ mapping: (Unicode.Scalar.Properties) -> String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(contentsOf: mapping(scalar.properties).unicodeScalars) }
        return String(result)
    }
}
