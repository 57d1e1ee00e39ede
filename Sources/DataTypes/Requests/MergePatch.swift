// `application/merge-patch+json` (RFC 7396): fields are set, null removes, arrays are taken whole.

package import JSON
import World

package enum MergePatch {
    package static func decode(
        _ body: [UInt8], atMost most: Int = Limits.requestOperationBytes
    ) throws(PatchError) -> JSONValue {
        let patch = try PatchBody.json(body, levels: 0, atMost: most)
        try patch.check(at: Path())
        return patch
    }

    /// What becomes of a plain document, nil being none: `MergePatch(Target, Patch)` of section 2.
    package static func apply(_ patch: JSONValue, to target: JSONValue?) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members: [JSONValue.Member?] = []
        if case .object(let standing)? = target { members = standing }
        // By their bytes. Only ever asked.
        var places: [[UInt8]: Int] = [:]
        for (place, member) in members.enumerated() { places[Array(member?.name.utf8 ?? "".utf8)] = place }
        for change in changes {
            let place = places[Array(change.name.utf8)]
            let value = place.flatMap { members[$0]?.value }
            let changed = change.value.isNull ? nil : JSONValue.Member(change.name, apply(change.value, to: value))
            if let place { members[place] = changed } else { members.append(changed) }
        }
        return .object(members.compactMap { $0 })
    }

    /// The same as operations on a typed object, given what stands there: fields are set one by one where a map is, so
    /// that what others do beside them stays. An object of one member that chooses a kind is a value.
    ///
    /// `remove` is also said of what is absent at this replica: it takes away what the request's context has seen.
    static func operations(
        _ patch: JSONValue, on subject: some PatchSubject
    ) throws(PatchError) -> [Operation] {
        var operations: [Operation] = []
        lower(patch, at: Path(), on: subject, into: &operations)
        guard operations.count <= Limits.requestOperations else {
            throw PatchError(.tooLarge, "a patch sets or removes at most \(Limits.requestOperations) fields")
        }
        return operations
    }

    private static func lower(
        _ patch: JSONValue, at path: Path, on subject: some PatchSubject, into operations: inout [Operation]
    ) {
        guard case .object(let changes) = patch, patch.chosenKind == nil, subject.shape(at: path) == .map else {
            operations.append(.set(path, apply(patch, to: nil)))
            return
        }
        for change in changes {
            let field = path.appending(.name(change.name))
            if change.value.isNull {
                operations.append(.remove(field))
            } else {
                lower(change.value, at: field, on: subject, into: &operations)
            }
        }
    }
}
