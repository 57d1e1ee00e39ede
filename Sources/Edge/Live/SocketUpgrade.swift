// How a request over HTTP/1.1 becomes a WebSocket (RFC 6455, 4.2): what the client must say, and what it is answered.

import Crypto
import JSON
package import Keys
import World

package struct SocketUpgrade: Sendable {
    /// Of the answer that ends HTTP on this connection.
    package let head: [UInt8]
    /// Of the page that opens it, where that is not ours.
    package let origin: String?
    /// The one key that it is for.
    package let only: StoredKey?

    /// Nil if the client asks for no other protocol.
    ///
    /// - Parameters:
    ///   - origin: as in `CheckedHead`.
    ///   - only: the one key that may be watched and changed; nil: any.
    package init?(_ head: RequestHead, origin: String? = nil, only: StoredKey? = nil) throws(Problem) {
        self.origin = origin
        self.only = only
        let fields = head.fields
        guard fields.list(.upgrade)?.listElements.contains("websocket") == true else { return nil }
        guard !head.isOldClient, fields.list(.connection)?.listElements.contains("upgrade") == true else {
            throw .malformed("an upgrade to a WebSocket says Connection: Upgrade, over HTTP/1.1")
        }
        guard fields.first(.socketVersion)?.trimmed == "13", fields.isSingle(.socketVersion) else {
            throw .upgradeRequired
        }
        guard fields.isSingle(.socketKey), let key = fields.first(.socketKey)?.trimmed,
            Base64.decode(String(key))?.count == 16
        else { throw .malformed("Sec-WebSocket-Key must be 16 bytes in base64") }
        var lines = HeaderLines()
        lines.add("upgrade", "websocket")
        lines.add("connection", "Upgrade")
        lines.add("sec-websocket-accept", SocketUpgrade.accept(String(key)))
        if fields.list(.socketProtocol)?.listElements.contains(SocketUpgrade.subprotocol) == true {
            lines.add("sec-websocket-protocol", SocketUpgrade.subprotocol)
        }
        self.head = Array("HTTP/1.1 101 Switching Protocols\r\n".utf8) + lines.bytes + Array("\r\n".utf8)
    }

    private static let subprotocol = "atoll.v1"

    /// RFC 6455, 4.2.2: it proves that the key was read as a WebSocket's, and nothing else.
    private static func accept(_ key: String) -> String {
        let digest = Insecure.SHA1.hash(data: Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        var text: [UInt8] = []
        text.append(base64: Array(digest))
        return String(decoding: text, as: UTF8.self)
    }
}
