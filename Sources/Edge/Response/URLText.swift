// Text within URLs that answers bear.

extension Collection<UInt8> {
    /// As it stands in a segment of a path or a value of a query (RFC 3986, 2.3: only what is unreserved stays).
    package var percentEncoded: String {
        reduce(into: "") { text, byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
    }
}
