// The items of a list whose objects are plain, from the bytes in which they are stored to JSON in one go: nothing is
// decoded, and nothing between is kept. What it writes is what `ObjectResponses` would have written.

import DataTypes
import Causality
import Gateway
import JSON
import Keys
import World

extension JSONBody {
    /// Makes room for items of about this text, if nothing needs escaping.
    mutating func reserve(_ items: [ListedItem]) {
        var most = 0
        for place in items.indices { most += min(items[place].byteCount, JSONBody.smallBytes) }
        text.reserve(most + items.count * TextMember.namesAndNumbers)
    }

    /// Adds an element; false if the item is not of the kind.
    mutating func addPlain(_ item: ListedItem) -> Bool {
        item.withPlain { key, bytes, object in
            guard let sortKey = StoredKey.plainSortKey(in: key) else { return false }
            let sort = TextMember("sort", UnsafeRawBufferPointer(rebasing: key[sortKey]))
            let type = UnsafeRawBufferPointer(rebasing: bytes[object.contentType])
            let value = UnsafeRawBufferPointer(rebasing: bytes[object.value])
            let small = value.count <= JSONBody.smallBytes ? TextMember("value", value) : nil
            let context = Base64.length(of: object.contextBytes)
            let most =
                TextMember.namesAndNumbers + sort.mostBytes + context + 6 * type.count + (small?.mostBytes ?? 0)
            text.element(atMost: most, isOpen: small == nil) { memory in
                var piece = AnswerPiece(memory)
                sort.put(to: &piece, after: "{\"")
                piece.append(",\"context\":\"")
                withUnsafeTemporaryAllocation(byteCount: object.contextBytes, alignment: 1) { room in
                    let count = object.putContext(of: bytes, under: key, into: room)
                    piece.append(base64: UnsafeRawBufferPointer(rebasing: room[..<count]))
                }
                piece.append("\",\"content_type\":\"")
                if type.isEmpty { piece.append("application/octet-stream") } else { piece.append(escaped: type) }
                piece.append("\",\"time_ms\":")
                piece.append(decimal: Int(object.time.wall.milliseconds))
                if let end = object.expiresAt {
                    piece.append(",\"expires_ms\":")
                    piece.append(decimal: Int(clamping: end.milliseconds))
                }
                if let small {
                    small.put(to: &piece, after: ",\"")
                    piece.append("}")
                }
                return piece.count
            }
            if small == nil {
                member("value", bytes: Array(value)[...])
                text.close("}")
            }
            return true
        } ?? false
    }
}

/// A member whose value goes out as text where it is UTF-8, as base64 under `NAME_base64` where it is not.
private struct TextMember {
    private enum Form { case plain, text, base64 }

    /// What is in an item beside its sort key, context, content type and value: the names of all members, brackets, two
    /// times, and a content type for want of one take less.
    static var namesAndNumbers: Int { 224 }

    private let name: StaticString
    private let bytes: UnsafeRawBufferPointer
    private let form: Form

    init(_ name: StaticString, _ bytes: UnsafeRawBufferPointer) {
        self.name = name
        self.bytes = bytes
        form = JSONString.isPlain(bytes) ? .plain : Array(bytes)[...].isUTF8 ? .text : .base64
    }

    /// At the most, with its name and quotes.
    var mostBytes: Int {
        let value =
            switch form {
            case .plain: bytes.count
            case .text: 6 * bytes.count
            case .base64: Base64.length(of: bytes.count)
            }
        return name.utf8CodeUnitCount + 12 + value
    }

    /// `opening`: what stands before its name.
    func put(to piece: inout AnswerPiece, after opening: StaticString) {
        piece.append(opening)
        piece.append(name)
        piece.append(form == .base64 ? "_base64\":\"" : "\":\"")
        switch form {
        case .plain: piece.append(bytes)
        case .text: piece.append(escaped: bytes)
        case .base64: piece.append(base64: bytes)
        }
        piece.append("\"")
    }
}
