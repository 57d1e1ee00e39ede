// The causal context as clients carry it from a read to a write: base64 in a header, or in a list's JSON.

import JSON
package import Keys
import Causality
import DataTypes
import Ring
import World

package enum ContextHeader {
    /// The token's bytes, checked; a token that is not ours, or another key's, throws.
    package static func parse(_ text: String, for key: StoredKey) throws(Problem) -> [UInt8] {
        guard text.utf8.count <= (Limits.contextBytes + 2) / 3 * 4, let bytes = Base64.decode(text) else {
            throw .malformed("Atoll-Context is not one that Atoll gave")
        }
        do { _ = try CausalContext(decoding: bytes, for: key.bytes) } catch {
            throw .malformed("Atoll-Context: \(error)")
        }
        return bytes
    }
}
