// The table of paths: each row is found by its own path and no other's, says what it takes, and leads somewhere.

import Gateway
import NameStore
import Ring
import Testing
import World

@testable import Edge

@Suite struct RouteTests {
    private static func filled(_ path: String) -> [String] {
        let filled = path.replacing("{bucket}", with: "b").replacing("{key}", with: "k").replacing("{name}", with: "n")
        guard let bracket = filled.firstIndex(of: "[") else { return [filled] }
        return [String(filled[..<bracket]), String(filled[..<bracket]) + "/s"]
    }

    @Test func eachPathLeadsToItsRow() throws {
        for route in Routes.all {
            for path in RouteTests.filled(route.path) {
                #expect(try RequestTarget.parse(path).route === route, "\(path)")
                #expect(
                    Routes.all.count {
                        $0.matches(
                            path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
                                Array($0.utf8)[...]
                            })
                    } == 1, "\(path)")
            }
        }
        #expect(Set(Routes.all.map(\.path)).count == Routes.all.count)
    }

    @Test func otherMethodsAreToldWhichThereAre() throws {
        let ring = RingSnapshot(try RingDocument.singleNode())
        let surroundings = Surroundings(ring: ring.document) { 7 }
        for route in Routes.all {
            let target = try RequestTarget.parse(RouteTests.filled(route.path)[0])
            for method in [RequestMethod.get, .head, .put, .delete, .post, .options, .trace, .patch] {
                let request = IncomingRequest(RequestHead(method, route.path, RequestFields()), target, in: ring)
                let problem: Problem?
                do throws(Problem) {
                    _ = try request.call(surroundings)
                    problem = nil
                } catch { problem = error }
                let isRefused = problem?.status == 405
                #expect(isRefused == !route.methods.contains(method), "\(method) \(route.path)")
                if isRefused { #expect(problem?.header?.value == route.allowed) }
            }
        }
    }

    @Test func whatIsUnderstoodIsCalled() throws {
        let ring = RingSnapshot(try RingDocument.singleNode())
        func call(_ method: RequestMethod, _ path: String, _ fields: (String, String)...) throws -> String {
            var all = RequestFields()
            for (name, value) in fields { all.take(name, value) }
            let request = IncomingRequest(RequestHead(method, path, all), try RequestTarget.parse(path), in: ring)
            switch try request.call(Surroundings(ring: ring.document) { 7 }) {
            case .data(let request, let answer):
                switch (request.operation, answer) {
                case (.read, .read): return "read \(request.level.map(\.description) ?? "-")"
                case (.write(let value, _, _, let onlyIfAbsent, _), .written):
                    return "\(value == nil ? "delete" : "write")\(onlyIfAbsent ? " once" : "")"
                case (.list(_, let reverse, let limit), .list): return "list \(limit)\(reverse ? " back" : "")"
                default: return "mismatch"
                }
            case .ownReplica: return "replica"
            case .name(let operation, let name, _): return operation == .read ? "look up \(name)" : "change \(name)"
            case .namestore: return "namestore"
            case .node(let question): return "\(question)"
            case .live: return "live"
            case .upgrade: return "upgrade"
            case .site: return "site"
            case .respond(let response): return "\(response.status)"
            }
        }
        #expect(try call(.get, "/v1/kv/b/k?r=all") == "read all")
        #expect(try call(.put, "/v1/kv/b/k", ("If-None-Match", "*")) == "write once")
        #expect(try call(.delete, "/v1/kv/b/k") == "delete")
        #expect(try call(.get, "/v1/kv/b/k/?limit=3&reverse") == "list 3 back")
        #expect(try call(.head, "/v1/replica/b/k") == "replica")
        #expect(try call(.get, "/v1/live/b/k/?prefix=x") == "live")
        #expect(try call(.get, "/v1/names/ann") == "look up ann")
        #expect(try call(.get, "/readyz") == "readiness")
        #expect(try call(.head, "/healthz") == "200")
        #expect(throws: Problem.self) { try call(.put, "/v1/kv/b/k?r=1") }
        #expect(throws: Problem.self) { try call(.put, "/v1/kv/b/k", ("If-Match", "*")) }
        #expect(throws: Problem.self) { try call(.get, "/v1/kv/b/k", ("Atoll-Location", "north")) }
    }
}
