// A password's hash, as it is stored: scrypt (RFC 7914) in a PHC string, `$scrypt$ln=15,r=8,p=3$SALT$HASH` in base64
// without padding (https://github.com/P-H-C/phc-string-format).

import Crypto
import CryptoExtras
import JSON
import Social
import World

struct PasswordHash {
    /// What trying one password costs.
    struct Cost: Hashable {
        /// The logarithm of N.
        let logN: Int
        let block: Int
        let lanes: Int

        static let usual = Cost(logN: Limits.scryptLogN, block: Limits.scryptBlock, lanes: Limits.scryptLanes)

        var isWeaker: Bool {
            logN < Cost.usual.logN || block < Cost.usual.block || lanes < Cost.usual.lanes
        }
    }

    let cost: Cost
    let salt: [UInt8]
    let hash: [UInt8]

    /// Nil for want of memory.
    init?(_ password: [UInt8], salt: [UInt8], _ cost: Cost = .usual) {
        guard let key = PasswordHash.derive(password, salt, cost, count: Limits.scryptHashBytes) else { return nil }
        self.cost = cost
        self.salt = salt
        hash = key.withUnsafeBytes { Array($0) }
    }

    /// Nil if `phc` is no such string, or asks for more than is done for a password.
    init?(phc: String) {
        guard phc.utf8.count <= Limits.phcBytes else { return nil }
        let parts = phc.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt", let cost = Cost(parts[2]),
            let salt = PasswordHash.bytes(parts[3]), let hash = PasswordHash.bytes(parts[4]), !salt.isEmpty,
            hash.count >= Limits.scryptSaltBytes
        else { return nil }
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    var phc: String {
        "$scrypt$ln=\(cost.logN),r=\(cost.block),p=\(cost.lanes)$\(PasswordHash.text(salt))$\(PasswordHash.text(hash))"
    }

    /// In a time that does not depend on how much of the hash is right: keys are compared so.
    func isOf(_ password: [UInt8]) -> Bool {
        guard let key = PasswordHash.derive(password, salt, cost, count: hash.count) else { return false }
        return key == SymmetricKey(data: hash)
    }

    static func answer(_ job: HashJob) -> HashResult {
        switch job {
        case .make(let password, let salt):
            guard !password.isEmpty, password.count <= Limits.passwordBytes, salt.count >= Limits.scryptSaltBytes,
                let hash = PasswordHash(password, salt: salt)
            else { return .overloaded }
            return .made(hash.phc)
        case .check(let password, let phc):
            guard !password.isEmpty, password.count <= Limits.passwordBytes, let hash = PasswordHash(phc: phc) else {
                return .checked(false, isWeaker: false)
            }
            return .checked(hash.isOf(password), isWeaker: hash.cost.isWeaker)
        }
    }

    /// RFC 7914's function.
    static func derive(_ password: [UInt8], _ salt: [UInt8], _ cost: Cost, count: Int) -> SymmetricKey? {
        try? KDF.Scrypt.deriveKey(
            from: password, salt: salt, outputByteCount: count, rounds: 1 << cost.logN, blockSize: cost.block,
            parallelism: cost.lanes)
    }

    private static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.append(base64: bytes)
        return String(decoding: text.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        Base64.decode(text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4))
    }
}

extension PasswordHash.Cost {
    /// `ln=15,r=8,p=3`
    fileprivate init?(_ text: Substring) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].hasPrefix("ln="), parts[1].hasPrefix("r="), parts[2].hasPrefix("p="),
            let logN = Int(parts[0].dropFirst(3)), (1...Limits.scryptLargestLogN).contains(logN),
            let block = Int(parts[1].dropFirst(2)), (1...Limits.scryptLargestBlock).contains(block),
            let lanes = Int(parts[2].dropFirst(2)), (1...Limits.scryptLargestLanes).contains(lanes)
        else { return nil }
        self.init(logN: logN, block: block, lanes: lanes)
    }
}
