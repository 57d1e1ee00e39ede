// A plain JSON document as a patch finds it, and what operations mean on one, said as simply as can be.

package import JSON

@testable package import DataTypes

extension JSONValue: PatchSubject {
    package func shape(at path: Path) -> PatchShape? {
        switch value(at: path) {
        case .object: .map
        case .array(let elements): .list(count: elements.count)
        case .some: .leaf
        case nil: nil
        }
    }

    func doing(_ operation: Operation) throws(PatchError) -> JSONValue {
        switch operation {
        case .set(let path, let value):
            return try PatchStep.apply(
                [self.value(at: path) == nil ? .add(path, value) : .replace(path, value)], to: self)
        case .remove(let path):
            return self.value(at: path) == nil ? self : try PatchStep.apply([.remove(path)], to: self)
        case .insert(let list, let position, let values):
            var elements = value(at: list)?.array ?? []
            switch position {
            case .at(let index): elements.insert(contentsOf: values, at: index)
            default: elements += values
            }
            return try PatchStep.apply([.replace(list, .array(elements))], to: self)
        case .move(let list, .at(let from), let to):
            var elements = value(at: list)?.array ?? []
            let element = elements.remove(at: from)
            if case .at(let index) = to { elements.insert(element, at: index) } else { elements.append(element) }
            return try PatchStep.apply([.replace(list, .array(elements))], to: self)
        case .test(let path, let value): return try PatchStep.apply([.test(path, value)], to: self)
        default: throw PatchError(.malformed, "no patch comes to this")
        }
    }
}
