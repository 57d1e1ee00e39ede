// What a method has no use for on its path: said rather than ignored, since who sends it expects something of it.

import NIOHTTP1
import Ring
import World

extension RequestQuery {
    /// Throws if there is a parameter that items take, but not with this method.
    func checkItem(for method: HTTPMethod) throws(Problem) {
        switch method {
        case .GET, .HEAD:
            try refuse("w", writeLevel != nil, method)
            try refuse("ttl", ttlMs != nil, method)
        case .PUT, .DELETE:
            try refuse("r", readLevel != nil, method)
            try refuse("resolve", resolveLatest, method)
            try refuse("ttl", ttlMs != nil && method == .DELETE, method)
        default: break
        }
    }

    /// The same for names.
    func checkName(for method: HTTPMethod) throws(Problem) {
        try refuse("generation", generation != nil && (method == .GET || method == .HEAD), method)
    }

    private func refuse(_ name: String, _ isThere: Bool, _ method: HTTPMethod) throws(Problem) {
        if isThere { throw .malformed("\(name) has no meaning for \(method)") }
    }
}
