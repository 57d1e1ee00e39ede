// A head as NIO's parser gives it, as the value that all decisions are taken on.

import Edge
import NIOHTTP1

extension RequestHead {
    init(_ head: HTTPRequestHead) {
        var fields = RequestFields()
        for (name, value) in head.headers { fields.take(name, value) }
        // After an offer to upgrade, which is never taken up here, the parser reads no more.
        self.init(
            RequestMethod(head.method), head.uri, fields, isOldClient: head.version == .http1_0,
            isKeptAlive: head.isKeepAlive && !fields.has(.upgrade))
    }
}

extension RequestMethod {
    fileprivate init(_ method: HTTPMethod) {
        switch method {
        case .GET: self = .get
        case .HEAD: self = .head
        case .PUT: self = .put
        case .DELETE: self = .delete
        case .POST: self = .post
        case .OPTIONS: self = .options
        case .TRACE: self = .trace
        case .PATCH: self = .patch
        default: self = .other
        }
    }
}
