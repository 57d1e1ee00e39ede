// A typed object as a patch finds it, and what a client's call comes to there.

import Causality
import JSON
import World

/// At the present: with all that this replica holds.
private struct TypedSubject: PatchSubject {
    let object: TypedObject
    let bucket: TypedBucket

    func shape(at path: Path) -> PatchShape? {
        guard let (_, node) = object.shown(path), let standing = node.shownKind else { return nil }
        switch path.steps.isEmpty ? bucket.rootKind : standing {
        case .map: return .map
        case .list: return .list(count: object.viewer.items(node).count)
        case .register, .counter, .flag, .set, .text: return .leaf
        }
    }

    func value(at path: Path) -> JSONValue? {
        object.shown(path).flatMap { object.viewer.chosen($0.node, $0.path) }
    }
}

extension Viewer {
    /// The value with its kinds chosen, so that it can be set elsewhere and be the same.
    fileprivate func chosen(_ node: RecordNode, _ path: ObjectPath) -> JSONValue? {
        guard let kind = node.shownKind else { return nil }
        switch kind {
        case .register: return value(node, path, as: kind)
        case .counter: return .object(["$counter": value(node, path, as: kind)])
        case .flag: return .object(["$flag": value(node, path, as: kind)])
        case .set: return .object(["$set": value(node, path, as: kind)])
        case .text: return .object(["$text": value(node, path, as: kind)])
        case .list:
            return .array(
                items(node).map { item in
                    node.lists.first?.content(of: item).flatMap { chosen($0, path.appending(.item(item))) } ?? .null
                })
        case .map:
            return .object(
                node.fields.compactMap { field in
                    chosen(field.node, path.appending(.name(field.name))).map {
                        JSONValue.Member(String(decoding: field.name, as: UTF8.self), $0)
                    }
                })
        }
    }
}

// MARK: What a call comes to

extension TypedCall {
    /// The operations that a call is at this object. A JSON patch is judged step by step, each by what the ones before
    /// it have made.
    package func operations(
        on object: TypedObject, as bucket: TypedBucket, _ run: MintingRun
    ) throws(TypedCallProblem) -> [Operation] {
        do throws(PatchError) {
            switch kind {
            case .put: return [.set(Path(), try MergePatch.decode(body, atMost: Limits.objectBytes))]
            case .delete: return [.remove(Path())]
            case .operations: return try Operation.decode(body)
            case .mergePatch:
                return try MergePatch.operations(
                    try MergePatch.decode(body), on: TypedSubject(object: object, bucket: bucket))
            case .jsonPatch: break
            case .sweep: throw PatchError(.malformed, "a sweep is no client's")
            }
        } catch {
            throw .patch(error)
        }
        var (object, lowering, operations) = (object, PatchLowering(), [Operation]())
        do {
            for step in try PatchStep.decode(body) {
                let next = try lowering.operations(for: step, on: TypedSubject(object: object, bucket: bucket))
                let first = object.versions.counter(of: run.actor) + 1
                _ = try object.apply(
                    TypedRequest(next), as: bucket,
                    MintingRun(actor: run.actor, first: max(run.first, first), time: run.time, wall: run.wall))
                operations += next
            }
            return operations
        } catch let error as PatchError {
            throw .patch(error)
        } catch let problem as TypedProblem {
            throw .typed(problem.of(operations.count))
        } catch {
            throw .typed(.tooLarge)
        }
    }
}

package enum TypedCallProblem: Error {
    case patch(PatchError)
    case typed(TypedProblem)
}

extension TypedProblem {
    /// Of an operation on its own, as the one with this number.
    fileprivate func of(_ number: Int) -> TypedProblem {
        switch self {
        case .testFailed: .testFailed(operation: number)
        case .notApplicable(_, let reason): .notApplicable(operation: number, reason)
        default: self
        }
    }
}
