// From a document's bytes to UTF-8. What the bytes themselves say goes before what the server says, and that before the
// document's own word: labels are often wrong, and text that happens to be UTF-8 hardly ever is anything else.

import CXML
import JSON
import World

enum TextDecoding {
    /// `contentType`: the server's header. No byte order mark is left, and every byte belongs to a character.
    static func utf8(_ bytes: [UInt8], contentType: String) -> [UInt8] {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return repaired(Array(bytes.dropFirst(3))) }
        if bytes.starts(with: [0xFF, 0xFE]) { return utf16(bytes.dropFirst(2), isLittle: true) }
        if bytes.starts(with: [0xFE, 0xFF]) { return utf16(bytes.dropFirst(2), isLittle: false) }
        if bytes.starts(with: [0x3C, 0x00]) { return utf16(bytes[...], isLittle: true) }
        if bytes.starts(with: [0x00, 0x3C]) { return utf16(bytes[...], isLittle: false) }
        let label = charset(contentType) ?? declared(bytes) ?? ""
        // An encoding of seven bits: its bytes look like ASCII.
        let isShifted = label == "iso-2022-jp"
        if !isShifted, bytes[...].isUTF8 { return bytes }
        if label == "utf-8" || label == "utf8" { return repaired(bytes) }
        if let name = names[label], let text = converted(bytes, from: name) { return text }
        return latin(bytes)
    }

    private static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        bytes[...].isUTF8 ? bytes : Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    private static func utf16(_ bytes: ArraySlice<UInt8>, isLittle: Bool) -> [UInt8] {
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        var place = bytes.startIndex
        while place + 1 < bytes.endIndex {
            let (first, second) = (UInt16(bytes[place]), UInt16(bytes[place + 1]))
            units.append(isLittle ? second << 8 | first : first << 8 | second)
            place += 2
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    // MARK: Labels

    /// `text/xml; charset="utf-8"` gives `utf-8`.
    private static func charset(_ contentType: String) -> String? {
        for part in contentType.split(separator: ";").dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].trimmedASCII.lowercased() == "charset" else { continue }
            let value = pair[1].trimmedASCII.filter { $0 != "\"" && $0 != "'" }
            return value.isEmpty ? nil : value.lowercased()
        }
        return nil
    }

    /// What stands in `<?xml version="1.0" encoding="…"?>`.
    private static func declared(_ bytes: [UInt8]) -> String? {
        let head = bytes.prefix(256)
        guard head.starts(with: Array("<?xml".utf8)), let end = head.firstIndex(of: UInt8(ascii: ">")) else {
            return nil
        }
        let declaration = String(decoding: head[..<end], as: UTF8.self)
        guard let at = declaration.firstRange(of: "encoding") else { return nil }
        let parts = declaration[at.upperBound...].split { $0 == "\"" || $0 == "'" }
        return parts.count > 1 ? parts[1].trimmedASCII.lowercased() : nil
    }

    /// The encodings of the web (encoding.spec.whatwg.org) that the C library is asked for, by the labels that feeds
    /// use. Others, among them some that converters had holes in, are never named to it.
    private static let names: [String: String] = {
        var names = ["gb2312": "GB18030", "gbk": "GB18030", "gb18030": "GB18030", "big5": "BIG5-HKSCS"]
        names.merge(
            [
                "shift_jis": "CP932", "shift-jis": "CP932", "sjis": "CP932", "windows-31j": "CP932",
                "euc-jp": "EUC-JP", "iso-2022-jp": "ISO-2022-JP", "euc-kr": "CP949", "ks_c_5601-1987": "CP949",
                "koi8-r": "KOI8-R", "koi8-u": "KOI8-U", "tis-620": "CP874", "windows-874": "CP874",
                "macintosh": "MACINTOSH",
            ]) { first, _ in first }
        for part in [2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16] { names["iso-8859-\(part)"] = "ISO-8859-\(part)" }
        for page in [1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258] { names["windows-\(page)"] = "CP\(page)" }
        names["iso-8859-9"] = "CP1254"
        return names
    }()

    /// Nil where the C library has not got it.
    private static func converted(_ bytes: [UInt8], from name: String) -> [UInt8]? {
        // Each byte, or what is put in its place, becomes three at most: a single-byte encoding has no character
        // beyond U+FFFF.
        let room = bytes.count * 3
        var isKnown = true
        let text = [UInt8](unsafeUninitializedCapacity: room) { output, count in
            let written = atoll_decode(name, bytes, bytes.count, output.baseAddress, room)
            isKnown = written >= 0
            count = max(0, written)
        }
        return isKnown ? text : nil
    }

    // MARK: Latin

    /// What browsers take ISO 8859-1 and ASCII for, and what has no label.
    private static func latin(_ bytes: [UInt8]) -> [UInt8] {
        var text = ""
        for byte in bytes { text.unicodeScalars.append(windows1252(UInt32(byte))) }
        return Array(text.utf8)
    }

    /// Also what numeric references of 128 to 159 mean in HTML.
    static func windows1252(_ code: UInt32) -> Unicode.Scalar {
        let scalar = (0x80...0x9F).contains(code) ? UInt32(high[Int(code - 0x80)]) : code
        return Unicode.Scalar(scalar) ?? "\u{FFFD}"
    }

    private static let high: [UInt16] = [
        0x20AC, 0x81, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039, 0x152, 0x8D, 0x17D,
        0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0x9D,
        0x17E, 0x178,
    ]
}

extension StringProtocol {
    /// Without blanks at either end.
    var trimmedASCII: String {
        let start = utf8.drop { $0 <= 0x20 }
        return String(decoding: Array(start).dropLast(while: { $0 <= 0x20 }), as: UTF8.self)
    }
}

extension Array {
    fileprivate func dropLast(while condition: (Element) -> Bool) -> ArraySlice<Element> {
        var end = endIndex
        while end > startIndex, condition(self[end - 1]) { end -= 1 }
        return self[..<end]
    }
}
