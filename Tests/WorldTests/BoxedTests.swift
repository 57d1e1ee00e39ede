// A box behaves as the value in it, and is changed where it lies when nobody else has it.

import Testing

@testable import World

@Suite struct BoxedTests {
    @Test func aCopyThatChangesLeavesTheOtherAsItWas() {
        let first = Boxed([1, 2])
        var second = first
        second.value.append(3)
        #expect(first.value == [1, 2])
        #expect(second.value == [1, 2, 3])
    }

    @Test func whatNobodyElseHasIsChangedWhereItLies() {
        var boxed = Boxed([1])
        let place = ObjectIdentifier(boxed.box)
        boxed.value.append(2)
        #expect(ObjectIdentifier(boxed.box) == place)
        #expect(boxed.value == [1, 2])
    }
}
