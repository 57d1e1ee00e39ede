// The voting rules, one at a time.

import Testing
import World

@testable import NameStore

@Suite struct AcceptorTests {
    private let key = RegisterKey(bytes: [1, 0x61]) ?? .configuration

    private func ballot(_ round: UInt64, _ node: String = "p") -> Ballot {
        Ballot(round: round, node: NodeID(node) ?? NodeID(literal: "p"), session: 1)
    }

    private func value(_ owner: UInt64) -> RegisterValue {
        let id = OperationID(high: owner, low: 1)
        return RegisterValue(
            generation: 1, firstOperation: id, lastOperation: id, body: .held(OwnerDigest(Digest256(owner, 0, 0, 0))))
    }

    @Test func promisesAndVotes() {
        let a = TestAcceptor()
        #expect(a.vote(.prepare(key, ballot(2)))?.granted == true)
        #expect(a.vote(.prepare(key, ballot(2)))?.granted == true, "the same ballot again is one proposer's")
        #expect(a.vote(.prepare(key, ballot(1)))?.granted == false)
        #expect(a.vote(.accept(key, Accepted(ballot: ballot(1), value: value(1))))?.granted == false)
        #expect(a.vote(.accept(key, Accepted(ballot: ballot(2), value: value(2))))?.granted == true)
        #expect(a.vote(.accept(key, Accepted(ballot: ballot(2), value: value(2))))?.granted == true)
        #expect(a.vote(.accept(key, Accepted(ballot: ballot(2), value: value(3))))?.granted == false)
        #expect(a.vote(.prepare(key, ballot(2)))?.granted == false, "voted at it: no promise of it any more")
        #expect(a.vote(.accept(key, Accepted(ballot: ballot(5), value: value(3))))?.granted == true)
        let refused = a.vote(.prepare(key, ballot(3)))
        #expect(refused?.granted == false)
        #expect(refused?.state.accepted == Accepted(ballot: ballot(5), value: value(3)))
    }

    @Test func fastVotesGoToUntouchedRegistersOnly() {
        let a = TestAcceptor()
        #expect(a.vote(.fastAccept(key, value(1)))?.granted == true)
        #expect(a.vote(.fastAccept(key, value(1)))?.granted == true, "the identical value again")
        let refused = a.vote(.fastAccept(key, value(2)))
        #expect(refused?.granted == false)
        #expect(refused?.state.accepted == Accepted(ballot: .fast, value: value(1)), "the refusal shows what stands")

        let b = TestAcceptor()
        #expect(b.vote(.prepare(key, ballot(1)))?.granted == true)
        #expect(b.vote(.fastAccept(key, value(1)))?.granted == false, "a promise ends the fast ballot")

        let c = TestAcceptor()
        let later = value(1).next(.held(OwnerDigest(Digest256(9, 9, 9, 9))), by: OperationID(high: 3, low: 3))
        #expect(c.vote(.fastAccept(key, later))?.granted == false, "first registrations only")
        #expect(c.vote(.fastAccept(key, .vacant))?.granted == false)
        #expect(c.vote(.fastAccept(.configuration, value(1)))?.granted == false)
    }

    @Test func aLateFastVoteAfterAPromiseIsNeverRepeated() {
        let a = TestAcceptor()
        #expect(a.vote(.fastAccept(key, value(1)))?.granted == true)
        #expect(a.vote(.prepare(key, ballot(1)))?.state.accepted?.ballot == .fast)
        #expect(a.vote(.fastAccept(key, value(1)))?.granted == false, "its vote has been counted by the promise")
    }

    @Test func learningNeverLosesAVote() {
        let a = TestAcceptor()
        #expect(a.vote(.accept(key, Accepted(ballot: ballot(5), value: value(5))))?.granted == true)
        #expect(a.ask(.learn(key, Accepted(ballot: ballot(4), value: value(4)))) == nil)
        #expect(a.vote(.read(key))?.state.accepted?.ballot == ballot(5))
        _ = a.ask(.learn(key, Accepted(ballot: ballot(6), value: value(6))))
        let state = a.vote(.read(key))?.state
        #expect(state?.accepted == Accepted(ballot: ballot(6), value: value(6)))
        #expect(state?.isKnown == true)
        #expect(a.vote(.accept(key, Accepted(ballot: ballot(5), value: value(5))))?.granted == false)
    }

    @Test func epochsAreFenced() throws {
        let a = TestAcceptor()
        let old = a.acceptor.header.configuration
        let from = try #require(old)
        let joint = try #require(
            Configuration(epoch: 2, acceptors: from.acceptors, successors: Array(from.acceptors.prefix(1))))
        #expect(a.adopt(joint) == .epochSet)
        #expect(a.ask(.prepare(key, ballot(1)), epoch: 1) == .wrongEpoch(joint))
        #expect(a.ask(.read(key), epoch: 1) == .wrongEpoch(joint))
        #expect(a.ask(.learn(key, Accepted(ballot: ballot(9), value: value(1))), epoch: 1) == nil)
        #expect(a.vote(.read(key))?.state == RecordState(), "a hint of a dead epoch changes nothing")
        #expect(a.ask(.prepare(key, ballot(1)), epoch: 3) == .behind)
        #expect(a.vote(.fastAccept(key, value(1)))?.granted == false, "no fast votes in a joint epoch")
        #expect(a.adopt(from) == .epochSet, "an older one is confirmed by the head's epoch, not taken")
        #expect(a.acceptor.header.configuration == joint)
    }

    @Test func othersClustersAndStoresAreNotAnswered() throws {
        let a = TestAcceptor()
        let foreign = ClusterID(high: 4, low: 2)
        #expect(a.ask(.prepare(key, ballot(1)), cluster: foreign) == nil)
        #expect(a.ask(.read(key), cluster: .some(nil)) == nil)
        #expect(a.ask(.prepare(key, ballot(1)), store: StoreID(high: 4, low: 2)) == nil)
        let other = try #require(
            Configuration(epoch: 9, acceptors: [AcceptorID(node: TestAcceptor.node, store: a.store)]))
        #expect(a.ask(.setEpoch(other), cluster: foreign) == nil)
        #expect(a.acceptor.header.configuration?.epoch == 1)
    }

    @Test func oneThatLeftCastsNoVote() throws {
        let a = TestAcceptor()
        let next = try #require(
            Configuration(
                epoch: 2, acceptors: [AcceptorID(node: NodeID(literal: "z"), store: StoreID(high: 1, low: 1))]))
        #expect(a.adopt(next) == .epochSet)
        #expect(a.vote(.prepare(key, ballot(1))) == nil)
        #expect(a.vote(.read(key)) == nil)
    }

    @Test func aBatchIsOneSyncAndOneFrontier() {
        let a = TestAcceptor()
        let keys = (0..<50).compactMap { RegisterKey(bytes: [1, 0x62, UInt8($0)]) }
        let batch = a.process(keys.map { .prepare($0, ballot(1)) } + [.read(keys[0])])
        #expect(batch.replies.count == 51)
        #expect(batch.mustSync)
        #expect(batch.frontier != nil)
        #expect(Set(batch.writes.map(\.key)).count == batch.writes.count)
        let reads = a.process(keys.map { .read($0) })
        #expect(!reads.mustSync && reads.writes.isEmpty && reads.frontier == nil, "reads cost no sync")
        let hints = a.process([.learn(keys[0], Accepted(ballot: ballot(2), value: value(1)))])
        #expect(!hints.mustSync && hints.writes.count == 1, "hints are not synced")
    }

    @Test func aDamagedRecordMakesItMuteOnThatNameAlone() {
        let a = TestAcceptor()
        let other = RegisterKey(bytes: [1, 0x62]) ?? key
        #expect(a.vote(.accept(key, Accepted(ballot: ballot(1), value: value(1))))?.granted == true)
        a.records.bytes[StoreLayout.record(key)]?[3] ^= 1
        let requests: [NameRequest] = [
            .prepare(key, ballot(9)), .accept(key, Accepted(ballot: ballot(9), value: value(2))), .read(key),
            .fastAccept(key, value(3)), .learn(key, Accepted(ballot: ballot(9), value: value(2))),
        ]
        for request in requests {
            let result = a.process([request])
            #expect(result.replies.isEmpty)
            #expect(result.writes.isEmpty)
            #expect(result.faults.map(\.key) == [key])
        }
        #expect(a.vote(.prepare(other, ballot(1)))?.granted == true)
        guard case .page(let keys, _)? = a.ask(.list(after: nil, limit: 10)) else {
            Issue.record("no page")
            return
        }
        #expect(keys.contains(key), "a rescan must ask the others for it")
        a.records.unreadable = [StoreLayout.record(key)]
        #expect(a.vote(.read(key)) == nil)
    }

    @Test func pagesAreWholeAndInOrder() {
        let a = TestAcceptor()
        var random = SeededRandom(seed: 3)
        let keys = (0..<200).compactMap { RegisterKey(bytes: [1, UInt8($0 / 16 + 1), UInt8($0 % 16)]) }
        for key in keys.shuffled(using: &random) { _ = a.vote(.prepare(key, ballot(1))) }
        var listed: [RegisterKey] = []
        while case .page(let page, let isLast)? = a.ask(.list(after: listed.last, limit: 7)) {
            #expect(page.count <= 7)
            listed += page
            if isLast { break }
        }
        #expect(listed == keys.sorted(), "names with nothing but a promise too")
    }
}
