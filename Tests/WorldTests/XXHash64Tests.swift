// XXH64 gives what its authors' program gives.

import Testing
import World

@Suite struct XXHash64Tests {
    @Test func itIsTheHashThatOthersMake() {
        #expect(XXHash64.hash([]) == 0xEF46_DB37_51D8_E999)
        #expect(XXHash64.hash(Array("a".utf8)) == 0xD24E_C4F1_A98C_6E5B)
        #expect(XXHash64.hash(Array("abc".utf8)) == 0x44BC_2CF5_AD77_0999)
        #expect(XXHash64.hash(Array("Nobody inspects the spammish repetition".utf8)) == 0xFBCE_A83C_8A37_8BF1)
    }

    @Test func everyByteAndTheLengthCount() {
        let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 7) }
        var seen: Set<UInt64> = []
        for count in 0...200 { seen.insert(XXHash64.hash(Array(bytes.prefix(count)))) }
        for place in 0..<200 {
            for bit in 0..<8 {
                var other = bytes
                other[place] ^= 1 << UInt8(bit)
                seen.insert(XXHash64.hash(other))
            }
        }
        #expect(seen.count == 201 + 1_600)
    }
}
