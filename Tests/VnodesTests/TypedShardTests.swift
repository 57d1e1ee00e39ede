// Requests on typed keys, as a shard carries them out.

import Causality
import DataTypes
import Storage
import Testing
import Vnodes
import Wire
import World

@Suite struct TypedShardTests {
    private var replica: Replica
    private let key: [UInt8]

    init() throws {
        replica = Replica(Fixture.de, ring: try Fixture.ring())
        key = try Fixture.key("plan", bucket: "docs")
    }

    private func put(_ json: String, number: UInt64, isAgain: Bool = false) -> ReplicaRequest {
        let name = OperationName(writer: Writer(high: 0, low: 1), number: number, isAgain: isAgain)
        let call = TypedCall(.put, Array(json.utf8), name: name)
        return .mint(MintRequest(key: key, value: call.encode(), onlyIfAbsent: true))
    }

    /// What it meets may be what it made itself.
    @Test mutating func aConditionalRequestIsTriedAgain() throws {
        #expect(try replica.ask(put("{}", number: 1)).wasAbsent == true)
        #expect(try replica.ask(put("{}", number: 1, isAgain: true)).wasAbsent == true)
        #expect(try replica.ask(put("{}", number: 2)).refusal == .exists)
        #expect(try replica.object(key)?.hasValue == true)
    }

    /// A refusal is no object, neither at once nor for who reads later.
    @Test mutating func whatIsRefusedLeavesNothing() throws {
        let call = TypedCall(.operations, Array(#"[{"op":"splice","path":"/t","at":1,"text":"x"}]"#.utf8))
        #expect(try replica.ask(.mint(MintRequest(key: key, value: call.encode()))).refusal == .notApplied)
        #expect(try replica.ask(.read(key: key, summaryOver: 0)) == .object(nil))
        #expect(try replica.object(key) == nil)
    }

    /// As of opaque values: what helps finds room longest.
    @Test mutating func aNearlyFullDiskTakesDeletions() throws {
        _ = try replica.ask(put(#"{"a":1}"#, number: 1))
        func mint(_ call: TypedCall) -> ReplicaRequest { .mint(MintRequest(key: key, value: call.encode())) }
        let change = TypedCall(.mergePatch, Array(#"{"a":2}"#.utf8))
        #expect(try replica.batch([mint(change)], disk: .nearlyFull).replies[0].refusal == .diskFull)
        #expect(try replica.object(key)?.hasValue == true)
        #expect(try replica.batch([mint(TypedCall(.delete))], disk: .full).replies[0].refusal == nil)
        #expect(try replica.object(key)?.hasValue == false)
        #expect(try replica.batch([mint(TypedCall(.delete))], disk: .exhausted).replies[0].refusal == .diskFull)
    }
}
