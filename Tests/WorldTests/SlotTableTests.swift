// A slot table against a dictionary: the same values under the same keys, and no key twice.

import Testing
import World

@Suite struct SlotTableTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>) func agreesWithADictionary(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var table = SlotTable<Int>()
        var model: [UInt64: Int] = [:]
        var gone: [UInt64] = []
        for step in 0..<4_000 {
            let inUse = model.keys.sorted()
            switch (Int.random(in: 0..<5, using: &random), inUse.randomElement(using: &random)) {
            case (0...2, _):
                let key = table.insert(step)
                #expect(key < 1 << 56 && model[key] == nil && !gone.contains(key))
                model[key] = step
            case (3, let key?):
                #expect(table.contains(key))
                let value = table.take(key)
                // Its place is nobody else's meanwhile.
                #expect(value == model[key] && !table.contains(key) && table.count == model.count)
                let other = table.insert(0)
                #expect(other != key && table.remove(other) == 0)
                table.put((value ?? 0) + 1, key)
                model[key]? += 1
            case (_, let key?):
                #expect(table.remove(key) == model.removeValue(forKey: key))
                gone.append(key)
            default: break
            }
            if let old = gone.randomElement(using: &random) {
                #expect(!table.contains(old) && table.take(old) == nil && table.remove(old) == nil)
            }
            #expect(table.count == model.count)
        }
        for (key, value) in model { #expect(table.take(key) == value) }
    }

    @Test func aKeyThatNeverWasIsNotFound() {
        var table = SlotTable<Int>()
        #expect(table.take(0) == nil && !table.contains(.max))
        let key = table.insert(1)
        #expect(!table.contains(key + 1) && table.take(key | 1 << 56) == nil)
        #expect(table.remove(key + 1) == nil && table.remove(key) == 1 && table.remove(key) == nil)
    }
}
