// Tokens against digests computed elsewhere, and the slices they fall into.

import Keys
import Testing

@Suite struct TokenTests {
    @Test func agreesWithAnIndependentHash() {
        // printf '\0\0\0\5usersalice' | sha256sum
        let token = Token(bucket: Array("users".utf8), partitionKey: Array("alice".utf8))
        #expect(token.description == "bef55151ac26e586")
    }

    @Test func theLengthKeepsBucketsAndKeysApart() {
        #expect(
            Token(bucket: Array("ab".utf8), partitionKey: Array("c".utf8))
                != Token(bucket: Array("a".utf8), partitionKey: Array("bc".utf8)))
    }

    @Test func anyCollectionOfBytesGivesTheSameToken() {
        let (bucket, key) = ("photos", "Zürich/2024")
        let fast = Token(bucket: Array(bucket.utf8), partitionKey: Array(key.utf8))
        #expect(Token(bucket: bucket.utf8, partitionKey: key.utf8) == fast)
        #expect(Token(bucket: Array(bucket.utf8)[...], partitionKey: Array(key.utf8).reversed().reversed()) == fast)
    }

    @Test func partitionsAreTheTopBits() {
        #expect(Token(value: .max).partition(of: 1) == 0)
        #expect(Token(value: .max).partition(of: 256) == 255)
        #expect(Token(value: 1 << 63).partition(of: 2) == 1)
        #expect(Token(value: (1 << 63) - 1).partition(of: 2) == 0)
        #expect(Token(value: 0x0123_4567_89AB_CDEF).partition(of: 1 << 15) == 0x0123_4567_89AB_CDEF >> 49)
    }
}
