// What a method has no use for on its path: said rather than ignored, since who sends it expects something of it.

extension RequestQuery {
    /// Throws if there is a parameter that items take, but not with this method.
    func checkItem(for method: RequestMethod) throws(Problem) {
        switch method {
        case .get, .head:
            try refuse("w", writeLevel != nil, method)
            try refuse("ttl", ttlMs != nil, method)
        case .put, .delete, .patch:
            try refuse("path", path != nil, method)
            try refuse(form?.rawValue ?? "", form != nil, method)
            try refuse("r", readLevel != nil, method)
            try refuse("resolve", resolveLatest, method)
            try refuse("ttl", ttlMs != nil && method == .delete, method)
        default: break
        }
    }

    /// The same for names.
    func checkName(for method: RequestMethod) throws(Problem) {
        try refuse("generation", generation != nil && (method == .get || method == .head), method)
    }

    private func refuse(_ name: String, _ isThere: Bool, _ method: RequestMethod) throws(Problem) {
        if isThere { throw .malformed("\(name) has no meaning for \(method.rawValue)") }
    }
}
