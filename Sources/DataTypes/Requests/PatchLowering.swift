// What the steps of a JSON patch come to as operations, once it is known what stands in the object.
//
// RFC 6902 says less than an operation must: `add` sets a field of a map and inserts into a list, `replace` and
// `remove` fail where nothing stands, `copy` and `move` carry values. The minter has the object, so it lowers each step
// when the ones before it are done, and carries the operations out one after the other:
//
// | step      | comes to                                                                                        |
// |-----------|-------------------------------------------------------------------------------------------------|
// | `add`     | `set` of the document or of a map's field; `insert` at an index of a list or at its end         |
// | `remove`  | `remove`, where something stands                                                                |
// | `replace` | `set`, where something stands; of an element of a list too, which keeps its place and its id    |
// | `copy`    | `add` of the value that stands at `from`, with its kinds; it is a new one, with new dots        |
// | `move`    | `move` within one list; else `remove`, then `add` of the value that stood there: what others    |
// |           | do to it meanwhile stays where it was                                                           |
// | `test`    | `test`                                                                                          |

import JSON

/// What stands somewhere in an object, as far as patches care.
enum PatchShape: Hashable, Sendable {
    case map
    case list(count: Int)
    /// Anything that has nothing below it.
    case leaf
}

/// An object as a patch finds it, at the context of its request and with what the request has done so far.
protocol PatchSubject {
    /// Nil where nothing stands. `-` in a list never stands; in a map it is the field of that name.
    func shape(at path: Path) -> PatchShape?
    /// With kinds chosen (`{"$text":"…"}`), so that put elsewhere it is of the same.
    func value(at path: Path) -> JSONValue?
}

/// Lowers the steps of one patch, in order.
struct PatchLowering: Sendable {
    private var copied = CopiedBytes()
    private var number = 0

    init() {}

    /// The operations that the next step of the patch comes to; errors name it.
    mutating func operations(
        for step: PatchStep, on subject: some PatchSubject
    ) throws(PatchError) -> [Operation] {
        defer { number += 1 }
        do throws(PatchError) { return try lower(step, on: subject) } catch { throw error.of(number) }
    }

    private mutating func lower(_ step: PatchStep, on subject: some PatchSubject) throws(PatchError) -> [Operation] {
        switch step {
        case .test(let path, let value): return [.test(path, value)]
        case .add(let path, let value):
            return [try PatchLowering.add(value, at: path, found: path.parent, on: subject)]
        case .remove(let path):
            guard subject.shape(at: path) != nil else { throw .nothing(at: path) }
            return [.remove(path)]
        case .replace(let path, let value):
            guard subject.shape(at: path) != nil else { throw .nothing(at: path) }
            return [.set(path, value)]
        case .copy(let from, let to):
            guard let value = subject.value(at: from) else { throw .nothing(at: from) }
            try copied.add(value, at: to)
            return [try PatchLowering.add(value, at: to, found: to.parent, on: subject)]
        case .move(let from, let to):
            guard from != to else {
                guard subject.shape(at: from) != nil else { throw .nothing(at: from) }
                return []
            }
            if let within = try PatchLowering.move(from: from, to: to, on: subject) { return [within] }
            guard let value = subject.value(at: from) else { throw .nothing(at: from) }
            try copied.add(value, at: to)
            let parent = to.parent.beforeRemoval(of: from)
            return [.remove(from), try PatchLowering.add(value, at: to, found: parent, on: subject)]
        }
    }

    /// - found: where the parent stands now.
    private static func add(
        _ value: JSONValue, at path: Path, found parent: Path, on subject: some PatchSubject
    ) throws(PatchError) -> Operation {
        guard let step = path.steps.last else { return .set(path, value) }
        switch (subject.shape(at: parent), step) {
        case (nil, _): throw .nothing(at: path.parent)
        case (.map, _):
            guard let name = step.field else { throw .noPlace(path) }
            return .set(path.parent.appending(.name(name)), value)
        case (.list, .end): return .insert(path.parent, .end, [value])
        case (.list(let count), _):
            guard let index = step.index, index <= count else { throw .noPlace(path) }
            return .insert(path.parent, .at(index), [value])
        case (.leaf, _): throw .noPlace(path)
        }
    }

    /// Within one list; nil if it is not.
    private static func move(from: Path, to: Path, on subject: some PatchSubject) throws(PatchError) -> Operation? {
        guard from.parent == to.parent, let target = to.steps.last, let source = from.steps.last,
            case .list(let count)? = subject.shape(at: from.parent)
        else { return nil }
        let element: ElementPlace
        switch source {
        case .id(let dot): element = .id(dot)
        default:
            guard let index = source.index, index < count else { throw .nothing(at: from) }
            element = .at(index)
        }
        if target == .end { return .move(from.parent, element, to: .end) }
        guard let index = target.index, index < count else { throw .noPlace(to) }
        return .move(from.parent, element, to: .at(index))
    }
}

extension Path {
    /// A path that is meant once `other` is gone, as it is before: the indexes of one list have moved up by one.
    fileprivate func beforeRemoval(of other: Path) -> Path {
        let level = other.steps.count - 1
        guard level >= 0, level < steps.count, steps[..<level] == other.steps[..<level],
            let gone = other.steps[level].index, let index = steps[level].index, index >= gone
        else { return self }
        var path = self
        path.steps[level] = .name(String(index + 1))
        return path
    }
}
