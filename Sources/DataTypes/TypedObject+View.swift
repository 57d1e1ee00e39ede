// What a client reads of an object.

import Causality
package import JSON
import World

extension TypedObject {
    /// The value at a path, or nil. Indexes count what is shown.
    package func value(at path: Path = Path()) -> JSONValue? {
        guard let (path, node) = shown(path) else { return nil }
        return viewer.value(node, path)
    }

    /// The kinds that stand at a path, in the shape of its value.
    package func kinds(at path: Path = Path()) -> JSONValue? {
        guard let (_, node) = shown(path) else { return nil }
        return viewer.kinds(node)
    }

    /// All values of a register that were set unseen by each other, and the kinds that are not shown; the shown first.
    package func conflicts(at path: Path) -> [JSONValue] {
        guard let (path, node) = shown(path), let shown = node.shownKind else { return [] }
        return ([shown] + node.standingKinds.filter { $0 != shown }).flatMap { kind -> [JSONValue] in
            guard kind == .register else { return [viewer.value(node, path, as: kind)] }
            return node.registers.sorted { ($1.time, $1.id) < ($0.time, $0.id) }.map(\.value.json)
        }
    }

    /// The paths below this one where `conflicts` has more than one value.
    package func conflictingPaths() -> [Path] {
        var paths: [Path] = []
        collect(root, Path(), into: &paths)
        return paths
    }

    private func collect(_ node: RecordNode, _ path: Path, into paths: inout [Path]) {
        if node.registers.count > 1 || node.standingKinds.count > 1 { paths.append(path) }
        for field in node.fields {
            let name = Path.Step.name(String(decoding: field.name, as: UTF8.self))
            collect(field.node, Path(path.steps + [name]), into: &paths)
        }
        guard let list = node.lists.first else { return }
        for item in list.shownItems {
            guard let content = list.content(of: item) else { continue }
            collect(content, Path(path.steps + [.id(actors.dot(item))]), into: &paths)
        }
    }

    /// The elements of a text or a list with their dots: `{"actors":[…],"runs":[[0,17,"Hello"]]}`, the actor's place,
    /// the counter of the first, and the content. Nil if neither stands there.
    package func runs(at path: Path = Path()) -> JSONValue? {
        guard let (path, node) = shown(path), let kind = node.shownKind, kind == .text || kind == .list else {
            return nil
        }
        return .object(["actors": shownActors, "runs": .array(viewer.runs(node, path, of: kind))])
    }

    /// The whole value, each text and list in it as `{"runs":[…]}`, or nil; the places in runs are those of `actors`.
    package func valueWithIDs() -> (actors: JSONValue, value: JSONValue)? {
        var viewer = viewer
        viewer.showsIDs = true
        return viewer.value(root, ObjectPath()).map { (shownActors, $0) }
    }

    private var shownActors: JSONValue { .strings(actors.actors.map(\.description)) }

    func shown(_ path: Path) -> (path: ObjectPath, node: RecordNode)? {
        guard path.steps.count <= Limits.pathSteps else { return nil }
        var (found, node) = (ObjectPath(), root)
        for step in path.steps {
            let list = node.shownKind == .list ? node.lists.first : nil
            let item: ElementID?
            switch step {
            case .name(let name):
                if let list {
                    let place = Path.index(name).flatMap(list.slots.shownElement)
                    item = place.map(list.item)
                } else {
                    let bytes = Array(name.utf8)
                    guard let below = node.field(bytes) else { return nil }
                    (found, node) = (found.appending(.name(bytes)), below)
                    continue
                }
            case .id(let dot): item = actors.id(dot)
            case .end: item = nil
            }
            guard let list, let item, list.contains(item), let below = list.content(of: item) else { return nil }
            (found, node) = (found.appending(.item(item)), below)
        }
        return (found, node)
    }
}
