// Names of people that would look alike: characters that show nothing are refused where somebody would take such a
// name.

import Testing

@testable import NameStore

@Suite struct InvisibleCharacterTests {
    private static let scalars = (UInt32(0)...0x10FFFF).compactMap(Unicode.Scalar.init)
    private static let toolchain: (major: Int, minor: Int) =
        scalars.compactMap(\.properties.age).max { ($0.major, $0.minor) < ($1.major, $1.minor) } ?? (0, 0)

    private func name(_ prefix: String, _ scalar: Unicode.Scalar) throws -> Name {
        var text = String.UnicodeScalarView(prefix.unicodeScalars)
        text.append(contentsOf: "an".unicodeScalars)
        text.append(scalar)
        text.append("n")
        return try Name(Array(String(text).utf8))
    }

    /// Zero-width space, joiner and no-break space, a bidi override and isolate, a soft hyphen, a Hangul filler, a
    /// variation selector, a tag; and controls, which fonts leave out.
    @Test(
        arguments: [
            "\u{200B}", "\u{200D}", "\u{FEFF}", "\u{202E}", "\u{2066}", "\u{AD}", "\u{3164}", "\u{FE0F}", "\u{E0061}",
            "\u{1}",
            "\u{7F}", "\u{9B}",
        ] as [Unicode.Scalar])
    func nobodyTakesALookAlike(_ scalar: Unicode.Scalar) throws {
        for prefix in ["user:", "USER:"] {
            let name = try name(prefix, scalar)
            #expect(throws: Name.Refusal.invisible(scalar.value)) { try name.checkMayBeTaken() }
        }
    }

    /// Whatever a person's name may hold shows something, by the toolchain's own data.
    @Test func everyIgnorableAndEveryBidiControlIsRefused() throws {
        for scalar in InvisibleCharacterTests.scalars {
            let properties = scalar.properties
            guard properties.isDefaultIgnorableCodePoint || properties.isBidiControl else { continue }
            guard properties.generalCategory != .unassigned else { continue }
            let name = try name("user:", scalar)
            #expect(throws: Name.Refusal.invisible(scalar.value)) { try name.checkMayBeTaken() }
        }
    }

    @Test func whatShowsSomethingMayBeTaken() throws {
        for text in ["user:ann", "user:Zoë", "user:\u{5E9}\u{5DC}", "user:an n", "user:김", "user:\u{1F600}"] {
            try Name(Array(text.utf8)).checkMayBeTaken()
        }
        // Slugs and the like are for programs.
        try name("slug:", "\u{200B}").checkMayBeTaken()
        try name("", "\u{200B}").checkMayBeTaken()
    }

    /// Normalisation doesn't make one where there was none. Han and Hangul, most of all code points, have no case.
    @Test func foldingMakesNothingInvisible() throws {
        let caseless: [ClosedRange<UInt32>] = [0x3400...0x9FFF, 0xAC00...0xD7A3, 0x17000...0x18CFF, 0x20000...0x10FFFF]
        for scalar in InvisibleCharacterTests.scalars where scalar.properties.generalCategory != .unassigned {
            guard scalar.value >= 0x80, !caseless.contains(where: { $0.contains(scalar.value) }),
                !scalar.properties.isDefaultIgnorableCodePoint, scalar.properties.generalCategory != .control
            else { continue }
            try name("user:", scalar).checkMayBeTaken()
        }
    }

    /// The table is the toolchain's, where both speak of one version of Unicode.
    @Test(.enabled(if: InvisibleCharacterTests.toolchain == DefaultIgnorable.version))
    func theTableIsUnicodes() {
        let listed = Set(DefaultIgnorable.ranges.joined())
        let known = InvisibleCharacterTests.scalars.filter(\.properties.isDefaultIgnorableCodePoint).map(\.value)
        #expect(listed == Set(known))
    }
}
