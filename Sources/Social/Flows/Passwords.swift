// Passwords: which are taken, and how they are kept (OWASP's Password Storage Cheat Sheet: scrypt with N = 2¹⁵, r = 8,
// p = 3, for 32 MiB). The work is a thread's (`HashJob`).

import Edge
import NameStore
import World

enum Password {
    /// The bytes that are hashed: in NFC, so that the same keys on two machines are the same password.
    static func checked(_ text: String) throws(Problem) -> [UInt8] {
        let composed = Normalisation.composed(text)
        guard (Limits.passwordLeast...Limits.passwordMost).contains(composed.unicodeScalars.count) else {
            throw .weakPassword("a password has \(Limits.passwordLeast) to \(Limits.passwordMost) characters")
        }
        guard !CommonPasswords.has(composed.lowercased()) else {
            throw .weakPassword("this one is among the first that anybody would try")
        }
        return Array(composed.utf8)
    }

    /// As they were hashed, without a judgement: for those that were taken before.
    static func bytes(_ text: String) -> [UInt8] {
        Array(Normalisation.composed(text).utf8.prefix(4 * Limits.passwordMost))
    }

    static func hash(_ password: [UInt8], salt: [UInt8]) -> Flow<String> {
        Flow.hash(.make(password: password, salt: salt)).then { result in
            if case .made(let phc) = result { .value(phc) } else { .refused(.internalError) }
        }
    }

    static func isRight(_ password: [UInt8], _ phc: String) -> Flow<Bool> { check(password, phc).map(\.isRight) }

    /// `isWeaker`: than a hash that would be made today.
    static func check(_ password: [UInt8], _ phc: String) -> Flow<(isRight: Bool, isWeaker: Bool)> {
        Flow.hash(.check(password: password, phc: phc)).map { result in
            if case .checked(let isRight, let isWeaker) = result { (isRight, isWeaker) } else { (false, false) }
        }
    }

    /// Hashed where nobody has the name: that there is nobody must not be told by the time that it takes.
    static let nobody = "$scrypt$ln=15,r=8,p=3$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
}
