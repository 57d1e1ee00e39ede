// A response as a value, whatever version of HTTP it leaves in: status, headers, body.

package struct HTTPResponse: Sendable {
    package internal(set) var status: UInt
    var headers: HeaderLines
    var body: AnswerBody

    /// A header may stand several times.
    package init(_ status: UInt, _ headers: [(String, String)] = [], body: [UInt8] = []) {
        self.init(status, headers, body: AnswerBody(body[...]))
    }

    init(_ status: UInt, _ headers: [(String, String)] = [], body: AnswerBody) {
        self.status = status
        self.headers = HeaderLines()
        self.body = body
        for (name, value) in headers { self.headers.add(name, value) }
    }

    package init(_ problem: Problem) {
        self.init(problem.status, [("content-type", "application/problem+json")], body: problem.body)
        if problem.status == 503 { headers.add("retry-after", "1") }
        if let header = problem.header { headers.add(header.name, header.value) }
    }

    /// The first header of this name, in lower case.
    package func header(_ name: String) -> String? {
        String(decoding: headers.bytes, as: UTF8.self).split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }.map
        {
            String($0.dropFirst(name.utf8.count + 2))
        }
    }

    /// Another header line.
    package mutating func add(_ name: String, _ value: String) { headers.add(name, value) }

    /// The body, of one that is whole.
    package var bytes: [UInt8] { body.bytes }

    package static func json(_ body: [UInt8], _ status: UInt = 200) -> HTTPResponse {
        HTTPResponse(status, [("content-type", "application/json")], body: body)
    }
    static func json(_ body: AnswerBody) -> HTTPResponse {
        HTTPResponse(200, [("content-type", "application/json")], body: body)
    }

    package static func text(_ text: String, _ status: UInt = 200, type: String = "text/plain") -> HTTPResponse {
        HTTPResponse(status, [("content-type", type)], body: Array(text.utf8))
    }

    /// Of the node itself: a browser asks each time whether it is still the same, as nodes are replaced by newer ones.
    static func page(_ bytes: [UInt8], type: String) -> HTTPResponse {
        HTTPResponse(200, [("content-type", "\(type); charset=utf-8"), ("cache-control", "no-cache")], body: bytes)
    }

    /// One that pages of any site may import: it says nothing of what a node holds.
    static func module(_ bytes: [UInt8]) -> HTTPResponse {
        var response = page(bytes, type: "text/javascript")
        response.headers.add("access-control-allow-origin", "*")
        return response
    }

    /// RFC 9110, 6.4.1: these have none, whatever the method was.
    var hasNoBody: Bool { status == 204 || status == 304 }

    /// What HTTP/1.1 says beside the number. Of those that a node or its site answers with; a client looks at the
    /// number alone.
    var reason: StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 300: "Multiple Choices"
        case 301: "Moved Permanently"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 412: "Precondition Failed"
        case 413: "Payload Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 507: "Insufficient Storage"
        default: "Unknown"
        }
    }
}
