// What removals do to what else is under way: requests that were tried twice, and positions counted from before.

import Causality
import JSON
import Testing
import World

@testable import DataTypes

@Suite struct RemovalTests {
    private func name(_ number: UInt64, isAgain: Bool = false) -> OperationName {
        OperationName(writer: Writer(high: 0, low: 1), number: number, isAgain: isAgain)
    }

    /// Of a request that took effect twice one side is void; what a removal had cancelled of that is not taken off
    /// again, though the rest of the request came after it.
    @Test func whatIsVoidIsTakenOffOnce() throws {
        var (here, there) = (Minter(number: 0), Minter(number: 1))
        try there.mint(.increment(Path("/c"), by: 100))
        let operations = [Operation.increment(Path("/c"), by: 1), .set(Path("/r"), .int(1))]
        try here.mint(operations[0], operations[1], name: name(1))
        try there.mint(operations[0], operations[1], name: name(1, isAgain: true))
        try there.mint(.remove(Path("/c")))
        try here.object.join(there.object)
        // Its increment here was not seen by the removal, and counts.
        #expect(here.object.value(at: Path("/c")) == .int(1))
        #expect(try TypedObject(decoding: here.object.encode()).value(at: Path("/c")) == .int(1))
    }

    /// Who saw only the side that is void now, counts with it.
    @Test func positionsAreCountedAmongWhatTheWriterSaw() throws {
        var (here, there) = (Minter(number: 0), Minter(number: 1))
        try here.mint(.splice(Path("/t"), .end, delete: 0, text: "xy"))
        try there.object.join(here.object)
        let insertion = Operation.splice(Path("/t"), .at(1), delete: 0, text: "abc")
        try there.mint(insertion, name: name(1))
        try here.mint(insertion, name: name(1, isAgain: true))
        let seen = there.object.versions
        try here.object.join(there.object)
        #expect(here.object.string("/t") == "xabcy")
        try here.mint(.splice(Path("/t"), .at(4), delete: 0, text: "!"), context: seen)
        #expect(here.object.string("/t") == "xabc!y")
        // And who saw the one that stays, with that.
        try here.mint(.splice(Path("/t"), .at(5), delete: 1, text: "z"), context: here.object.versions)
        #expect(here.object.string("/t") == "xabc!z")
        try there.object.join(here.object)
        #expect(there.object.encode() == here.object.encode())
    }

    /// Of three sides of a request each replica names the same one, whichever met first.
    @Test func ofSeveralSidesTheLeastStaysForAll() throws {
        var minters = (0..<3).map { Minter(number: $0) }
        for place in minters.indices {
            try minters[place].mint(.increment(Path("/c"), by: 1), name: name(1, isAgain: place > 0))
        }
        let states = minters.map(\.object)
        var merged: [[UInt8]] = []
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            var object = states[order[0]]
            for place in order.dropFirst() { try object.join(states[place]) }
            #expect(object.value(at: Path("/c")) == .int(1))
            merged.append(object.encode())
        }
        #expect(Set(merged).count == 1)
    }

    /// A removal forgets the characters and slots that it drops: who counts from before it is to read again.
    @Test func placesFromBeforeARemovalAreNotCounted() throws {
        var minter = Minter()
        try minter.mint(.insert(Path("/l"), .end, [.int(1), .int(2)]))
        try minter.mint(.splice(Path("/t"), .end, delete: 0, text: "abc"))
        let before = minter.object.versions
        try minter.mint(.insert(Path("/l"), .end, [.int(3)]))
        let other = Minter(number: 1).object
        var replica = other
        try replica.join(minter.object)
        let (delta, _) = try minter.mint(.set(Path("/l"), .array([.int(4)])), context: before)
        #expect(minter.object.value(at: Path("/l")) == .array([.int(3), .int(4)]))
        for path in ["/l/0", "/l/2"] {
            #expect(throws: TypedProblem.contextTooOld) {
                try minter.mint(.remove(try Path(pointer: path)), context: before)
            }
        }
        #expect(throws: TypedProblem.contextTooOld) {
            try minter.mint(.splice(Path("/t"), .at(1), delete: 1, text: ""), context: before)
        }
        // The delta says so too, and what names no place is done.
        #expect(try replica.merge(TypedDelta(decoding: delta.encode())) == .stored)
        #expect(replica.encode() == minter.object.encode())
        try minter.mint(.remove(Path("/t")), context: before)
        #expect(minter.object.value(at: Path("/t")) == nil)
    }

    /// A register takes the place of another and drops no places.
    @Test func whatDropsNoPlacesHindersNobody() throws {
        var minter = Minter()
        try minter.mint(.set(Path("/r"), .int(1)), .splice(Path("/t"), .end, delete: 0, text: "abc"))
        let before = minter.object.versions
        try minter.mint(.set(Path("/r"), .int(2)))
        try minter.mint(.splice(Path("/t"), .at(1), delete: 1, text: ""), context: before)
        #expect(minter.object.string("/t") == "ac")
    }

    @Test func anIndexIntoAnEmptyListIsOutOfReach() throws {
        var minter = Minter(.list)
        try minter.mint(.insert(Path(), .end, [.int(1)]))
        try minter.mint(.remove(Path()))
        #expect(throws: TypedProblem.self) { try minter.mint(.remove(try Path(pointer: "/0"))) }
        do {
            try minter.mint(.remove(try Path(pointer: "/0")))
        } catch let problem as TypedProblem {
            guard case .notApplicable = problem else {
                Issue.record("\(problem)")
                return
            }
        }
    }
}
