// Each kind and each operation, by scripts: what is shown, what a delta does elsewhere, and what is refused.

import Causality
import JSON
import Testing
import World

@testable import DataTypes

@Suite struct KindTests {
    private func json(_ text: String) throws -> JSONValue { try JSONValue.decode(Array(text.utf8)) }

    @Test func aDocumentBecomesWhatIsPut() throws {
        var minter = Minter()
        let document = try json(#"{"a":{"b":1,"c":null},"l":[1,[2,"x"],{"y":true}],"z":"text"}"#)
        try minter.mint(.set(Path(), document))
        #expect(minter.value == document)
        try minter.mint(.set(Path("/a"), .int(5)), .remove(Path("/l")))
        #expect(try minter.value == json(#"{"a":5,"z":"text"}"#))
        try minter.mint(.remove(Path()))
        #expect(minter.value == nil)
        #expect(minter.object.isDeleted && !minter.object.isEmpty)
    }

    @Test func valuesChooseKinds() throws {
        var minter = Minter()
        let value = try json(#"{"t":{"$text":"ab"},"c":{"$counter":-4},"s":{"$set":["b","a","b"]},"f":{"$flag":true}}"#)
        try minter.mint(.set(Path(), value))
        #expect(try minter.value == json(#"{"c":-4,"f":true,"s":["a","b"],"t":"ab"}"#))
        #expect(try minter.object.kinds() == json(#"{"c":"counter","f":"flag","s":"set","t":"text"}"#))
        try minter.mint(
            .increment(Path("/c"), by: 5), .disable(Path("/f")), .discard(Path("/s"), .string("a")),
            .add(Path("/s"), .int(3)), .splice(Path("/t"), .at(1), delete: 1, text: "cd"))
        #expect(try minter.value == json(#"{"c":1,"f":false,"s":[3,"b"],"t":"acd"}"#))
    }

    @Test func everyBucketTakesItsKindAlone() throws {
        let operations: [(TypedBucket, DataTypes.Operation)] = [
            (.counter, .increment(Path(), by: 2)), (.flag, .enable(Path())), (.set, .add(Path(), .int(1))),
            (.register, .set(Path(), .null)), (.text, .splice(Path(), .end, delete: 0, text: "x")),
            (.list, .insert(Path(), .end, [.int(1)])), (.document, .set(Path("/a"), .int(1))),
        ]
        for (bucket, _) in operations {
            for (other, operation) in operations {
                var minter = Minter(bucket)
                if bucket == other {
                    try minter.mint(operation)
                    #expect(!minter.object.isDeleted)
                } else {
                    #expect(throws: TypedProblem.wrongType, "\(bucket) \(operation)") { try minter.mint(operation) }
                }
            }
        }
    }

    /// Each operation of a request counts what those before it have left, also where its writer has not seen that an
    /// item was moved meanwhile.
    @Test func indexesOfARequestFollowEachOtherInWhatWasSeen() throws {
        let list = Path("/l")
        func value(_ operations: DataTypes.Operation...) throws -> [JSONValue]? {
            var minter = Minter()
            try minter.mint(.insert(list, .end, [.int(1), .int(2), .int(3), .int(4)]))
            let seen = minter.object.versions
            try minter.mint(.move(list, .at(0), to: .end))
            try minter.mint(.move(list, .at(1), to: .at(0)))
            let request = TypedRequest(operations, context: seen)
            guard case .minted = try minter.object.apply(request, as: .document, minter.run()) else { return nil }
            return minter.value?["l"]?.array
        }
        func item(_ index: Int) -> Path { Path([.name("l"), .name("\(index)")]) }
        #expect(try value(.remove(item(0)), .remove(item(0))) == [.int(3), .int(4)])
        #expect(try value(.remove(item(2)), .remove(item(2))) == [.int(2), .int(1)])
        #expect(try value(.move(list, .at(0), to: .at(3)), .remove(item(0)), .remove(item(0))) == [.int(4), .int(1)])
        #expect(try value(.remove(item(0)), .insert(list, .at(1), [.int(9)])) == [.int(3), .int(2), .int(9), .int(4)])
    }

    @Test func listsInsertMoveAndRemove() throws {
        var minter = Minter()
        let list = Path("/l")
        try minter.mint(.insert(list, .end, [.int(1), .int(2), .int(3)]))
        try minter.mint(.insert(list, .at(1), [.string("x")]))
        #expect(try minter.value == json(#"{"l":[1,"x",2,3]}"#))
        try minter.mint(.move(list, .at(0), to: .at(2)))
        #expect(try minter.value == json(#"{"l":["x",2,1,3]}"#))
        try minter.mint(.move(list, .at(3), to: .at(0)))
        #expect(try minter.value == json(#"{"l":[3,"x",2,1]}"#))
        try minter.mint(.remove(Path("/l/1")), .set(Path("/l/0"), try json(#"{"deep":[0]}"#)))
        #expect(try minter.value == json(#"{"l":[{"deep":[0]},2,1]}"#))
        try minter.mint(.move(list, .at(1), to: .end))
        #expect(try minter.value == json(#"{"l":[{"deep":[0]},1,2]}"#))
    }

    @Test func whatTheRemoverHadNotSeenStays() throws {
        var a = Minter(number: 0)
        try a.mint(.set(Path(), try json(#"{"m":{"x":1,"y":2},"l":[{"t":1},{"t":2}]}"#)))
        var b = Minter(number: 1)
        b.object = a.object
        try a.mint(.remove(Path("/m")), .remove(Path("/l/0")))
        try b.mint(.set(Path("/m/x"), .int(7)), .set(Path("/l/0/t"), .int(9)), .move(Path("/l"), .at(1), to: .at(0)))
        let joined = try a.object.joined(b.object)
        #expect(try joined.value() == json(#"{"l":[{"t":2},{"t":9}],"m":{"x":7}}"#))
        #expect(joined.encode() == (try b.object.joined(a.object).encode()))
    }

    @Test func concurrentSettersConflict() throws {
        var (a, b) = (Minter(number: 0), Minter(number: 1))
        try a.mint(.set(Path("/x"), .int(1)))
        try b.mint(.enable(Path("/other")))
        try b.mint(.set(Path("/x"), .int(2)))
        var joined = try a.object.joined(b.object)
        #expect(joined.conflicts(at: Path("/x")) == [.int(2), .int(1)])
        #expect(joined.conflictingPaths() == [Path("/x")])
        _ = try joined.apply(
            TypedRequest([.set(Path("/x"), .int(3))]), as: .document,
            MintingRun(actor: a.actor, first: 50, time: HybridTime(bits: 9)))
        #expect(joined.conflicts(at: Path("/x")) == [.int(3)])
    }

    @Test func whatFailsChangesNothing() throws {
        var minter = Minter()
        try minter.mint(.set(Path(), try json(#"{"n":1,"l":[1],"c":{"$counter":1}}"#)))
        let before = minter.object.encode()
        let cases: [(DataTypes.Operation, TypedProblem)] = [
            (.test(Path("/n"), .int(2)), .testFailed(operation: 1)),
            (.increment(Path("/n"), by: 1), .notApplicable(operation: 1, .otherKind)),
            (.increment(Path("/c"), by: .max), .notApplicable(operation: 1, .overflow)),
            (.increment(Path("/c"), by: .min), .notApplicable(operation: 1, .overflow)),
            (.set(Path("/n/deeper"), .int(1)), .notApplicable(operation: 1, .otherKind)),
            (.set(Path("/l/7"), .int(1)), .notApplicable(operation: 1, .outOfRange)),
            (.insert(Path("/l"), .at(2), [.int(1)]), .notApplicable(operation: 1, .outOfRange)),
            (.insert(Path("/l"), .at(-1), [.int(1)]), .notApplicable(operation: 1, .outOfRange)),
            (.add(Path("/s"), .array([])), .notApplicable(operation: 1, .notScalar)),
            (.set(Path([.end]), .int(1)), .notApplicable(operation: 1, .malformedPath)),
            (.set(Path(), .int(1)), .wrongType),
            (.splice(Path("/l"), .at(0), delete: 0, text: "x"), .notApplicable(operation: 1, .otherKind)),
            (.splice(Path("/t"), .at(0), delete: 1, text: "x"), .notApplicable(operation: 1, .outOfRange)),
            (
                .set(Path(Array(repeating: .name("a"), count: Limits.pathSteps + 1)), .int(1)),
                .notApplicable(operation: 1, .malformedPath)
            ),
        ]
        for (operation, problem) in cases {
            #expect(throws: problem, "\(operation)") { try minter.mint(.set(Path("/new"), .int(1)), operation) }
            #expect(minter.object.encode() == before, "\(operation)")
            #expect(throws: (any Error).self) { try minter.mint(operation) }
            #expect(minter.object.encode() == before, "\(operation), alone")
        }
    }

    /// What is added and what is taken off are bounded each: their sums are read back.
    @Test func countersStayWithinTheirBounds() throws {
        var minter = Minter(.counter)
        let half = Limits.counterTotal / 2
        for amount in [half, -half, half, -half] { try minter.mint(.increment(Path(), by: amount)) }
        let before = minter.object.encode()
        #expect(throws: TypedProblem.notApplicable(operation: 0, .overflow)) {
            try minter.mint(.increment(Path(), by: 1))
        }
        #expect(minter.object.encode() == before)
        #expect(try TypedObject(decoding: before).value() == .int(0))
        try minter.mint(.set(Path(), .int(7)))
        try minter.mint(.increment(Path(), by: half))
        #expect(minter.value == .int(Int(half) + 7))
    }

    @Test func ofMembersWithOneNameTheLastCounts() throws {
        var minter = Minter()
        let twice = JSONValue.object([
            .init("a", .int(1)), .init("b", .int(2)), .init("a", .object(["$counter": .int(3)])),
        ])
        try minter.mint(.set(Path(), twice))
        #expect(minter.value == (try json(#"{"a":3,"b":2}"#)))
    }

    @Test func aReplicaThatIsBehindSaysSo() throws {
        var (a, b) = (Minter(number: 0), Minter(number: 1))
        try a.mint(.set(Path("/x"), .int(1)))
        #expect(throws: TypedProblem.behind) { try b.mint(.set(Path("/x"), .int(2)), context: a.object.versions) }
        let second = try a.mint(.set(Path("/x"), .int(2))).delta
        #expect(try b.object.merge(second) == .gap(VersionVector()))
        try b.object.join(a.object)
        #expect(try b.object.merge(second) == .stored)
        #expect(b.object.encode() == a.object.encode())
    }

    @Test func requestsAnswerResults() throws {
        var minter = Minter()
        let results = try minter.mint(
            .increment(Path("/c"), by: 4), .splice(Path("/t"), .at(0), delete: 0, text: "abc"),
            .insert(Path("/l"), .end, [.int(1), .int(2)]), .increment(Path("/c"), by: -1)
        ).results
        #expect(results[0] == .value(4) && results[3] == .value(3))
        guard case .inserted(let first, 3) = results[1], case .inserted(let item, 2) = results[2] else {
            Issue.record("\(results)")
            return
        }
        try minter.mint(.splice(Path("/t"), .after(first), delete: 1, text: "X"))
        #expect(minter.object.string("/t") == "aXc")
        let second = Dot(actor: item.actor, counter: item.counter + 1)
        try minter.mint(.move(Path("/l"), .id(second), to: .at(0)), .set(Path([.name("l"), .id(item)]), .int(9)))
        #expect(minter.object.value(at: Path("/l")) == .array([.int(2), .int(9)]))
    }

    @Test func aRequestTriedAgainCountsOnce() throws {
        var (a, b) = (Minter(number: 0), Minter(number: 1))
        let writer = Writer(high: 1, low: 2)
        try a.mint(.increment(Path("/c"), by: 3), name: OperationName(writer: writer, number: 1))
        try b.mint(.increment(Path("/c"), by: 3), name: OperationName(writer: writer, number: 1, isAgain: true))
        let joined = try a.object.joined(b.object)
        #expect(joined.value(at: Path("/c")) == .int(3))
        #expect(joined.summary.voids != 0 && a.object.summary.voids == 0)
        var again = Minter(number: 0)
        again.object = joined
        #expect(throws: Violation.self) {
            try again.mint(.increment(Path("/c"), by: 3), name: OperationName(writer: writer, number: 1))
        }
        #expect(again.object.value(at: Path("/c")) == .int(3))
    }

    @Test func aFullLedgerDropsTheOldestAndRefusesToGuess() throws {
        var minter = Minter(.counter)
        for low in 0...UInt64(Limits.ledgerEntries) {
            try minter.mint(
                .increment(Path(), by: 1), name: OperationName(writer: Writer(high: 0, low: low), number: 1))
        }
        #expect(minter.object.ledger.writers.count == Limits.ledgerEntries)
        #expect(minter.object.ledger.lastRequest(of: Writer(high: 0, low: 0)) == nil)
        let again = OperationName(writer: Writer(high: 0, low: 0), number: 1, isAgain: true)
        #expect(throws: TypedProblem.retryUnknown) { try minter.mint(.increment(Path(), by: 1), name: again) }
    }

    @Test func voidListItemsAreGone() throws {
        var (a, b) = (Minter(number: 0), Minter(number: 1))
        let name = OperationName(writer: Writer(high: 1, low: 1), number: 1)
        let again = OperationName(writer: Writer(high: 1, low: 1), number: 1, isAgain: true)
        try a.mint(.insert(Path("/l"), .end, [.int(1)]), name: name)
        let late = try b.mint(.insert(Path("/l"), .end, [.int(1)]), name: again).delta
        #expect(try a.object.merge(late) == .stored)
        #expect(try a.value == json(#"{"l":[1]}"#))
        #expect(try b.object.joined(a.object).encode() == a.object.encode())
    }
}
