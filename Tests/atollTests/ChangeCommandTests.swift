// What the commands that change typed keys make of their arguments.

import ArgumentParser
import JSON
import Testing

@testable import atoll

@Suite struct ChangeCommandTests {
    @Test(
        arguments: [
            ([], "", 1), (["/likes"], "/likes", 1), (["5"], "", 5), (["-5"], "", -5), (["/likes", "-2"], "/likes", -2),
            (["", "3"], "", 3),
        ] as [([String], String, Int)])
    func incrementTakesAPathANumberOrBoth(arguments: [String], path: String, by: Int) throws {
        let command = try #require(try Increment.parseAsRoot(["docs/plan", "-w", "all"] + arguments) as? Increment)
        let operands = try Increment.operands(command.operands)
        #expect(operands.path == path && operands.by == by)
        #expect(command.change.w == "all")
    }

    @Test(arguments: [["likes"], ["/likes", "x"], ["1", "2"], ["/a", "1", "2"], ["/a", "--bye"], ["1.5"]])
    func incrementRefusesTheRest(arguments: [String]) {
        #expect(throws: CommandFailure.self) { try Increment.operands(arguments) }
    }

    @Test(
        arguments: [
            ("Atoll", .string("Atoll")), ("5", .int(5)), ("\"5\"", .string("5")), ("true", .bool(true)),
            ("01", .string("01")), ("", .string("")), (#"{"$text":""}"#, .object(["$text": .string("")])),
        ] as [(String, JSONValue)])
    func valuesAreJSONOrStrings(text: String, value: JSONValue) throws {
        var argument = ValueArgument()
        argument.value = text
        #expect(try argument.json() == value)
    }

    @Test(arguments: ["{", "[1,]", "\"a"]) func whatBeginsAsJSONMustBeSome(text: String) {
        var argument = ValueArgument()
        argument.value = text
        #expect(throws: CommandFailure.self) { try argument.json() }
    }
}
