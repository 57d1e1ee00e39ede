// The time as HTTP writes it (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.

import World

/// The `date` line of answers: written anew when a second is over, as it stands in every one of them.
struct HTTPDate {
    private var second: UInt64 = .max
    private var bytes: [UInt8] = []

    init() {}

    mutating func line(at wall: WallTime) -> [UInt8] {
        let now = wall.milliseconds / 1_000
        if now != second {
            second = now
            bytes = Array("date: \(CivilTime(wall).http)\r\n".utf8)
        }
        return bytes
    }
}
