// What version 1 of the ring document had besides: inputs of planning. They are read so that the bytes behind them can
// be checked, and written so that the digest of an exported document can; no document keeps them.

import World

extension RingCodec {
    static func planning(_ out: inout ByteWriter, _ value: PlanningInputs) {
        out.double(value.fullAt)
        out.double(value.slack)
        out.optional(value.dataBytes) { $0.integer($1) }
        out.optional(value.growth) { out, growth in
            switch growth {
            case .ratio(let share):
                out.integer(UInt8(0))
                out.double(share)
            case .bytes(let bytes):
                out.integer(UInt8(1))
                out.integer(bytes)
            }
        }
        out.list(value.links) { out, link in
            out.name(link.a)
            out.name(link.b)
            out.optional(link.mbit) { $0.double($1) }
            out.optional(link.eurPerGB) { $0.double($1) }
        }
    }

    static func planning(_ input: inout ByteReader) throws(DecodingFailure) -> PlanningInputs {
        PlanningInputs(
            fullAt: try input.double(), slack: try input.double(),
            dataBytes: try input.optional { (i) throws(DecodingFailure) in try i.integer() },
            growth: try input.optional { (i) throws(DecodingFailure) in
                switch try i.integer(UInt8.self) {
                case 0: Growth.ratio(try i.double())
                case 1: Growth.bytes(try i.integer())
                default: throw .malformed("the growth is of an unknown kind")
                }
            },
            links: try input.list(atMost: Int(UInt16.max)) { (i) throws(DecodingFailure) in
                CountryLink(
                    try i.name(atMost: Limits.countryNameBytes), try i.name(atMost: Limits.countryNameBytes),
                    mbit: try i.optional { (i) throws(DecodingFailure) in try i.double() },
                    eurPerGB: try i.optional { (i) throws(DecodingFailure) in try i.double() })
            })
    }
}
