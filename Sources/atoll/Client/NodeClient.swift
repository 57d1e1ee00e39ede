// One HTTP/1.1 connection of a client: requests in order, answers in order. The commands use one request of it, the
// load generator millions.

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import World

struct ClientResponse: Sendable {
    var status: UInt
    var headers: HTTPHeaders
    var body: [UInt8]
}

/// Where a node answers HTTP.
struct NodeURL: Sendable, CustomStringConvertible {
    let host: String
    let port: Int
    static let standard = ["http://127.0.0.1:7071", "http://127.0.0.1:7070"]

    init(_ text: String) throws {
        guard let parts = URLComponents(string: text.contains("://") ? text : "http://" + text),
            parts.scheme == "http", let host = parts.host, !host.isEmpty, (parts.path.isEmpty || parts.path == "/")
        else { throw CommandFailure.usage("--url: \"\(text)\" is no URL like http://127.0.0.1:7071") }
        self.host = host
        self.port = parts.port ?? 7070
    }

    var description: String { "http://\(host):\(port)" }
}

final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// Called with each answer, and once with nil when the connection ends.
    var receive: ((ClientResponse?) -> Void)?
    private var current: ClientResponse?
    private let collectsBody: Bool

    init(collectsBody: Bool) { self.collectsBody = collectsBody }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if head.status.code >= 200 {
                current = ClientResponse(status: head.status.code, headers: head.headers, body: [])
            }
        case .body(let part): if collectsBody { current?.body.append(contentsOf: part.readableBytesView) }
        case .end:
            if let response = current {
                current = nil
                receive?(response)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        receive?(nil)
        receive = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

enum NodeClient {
    static func open(_ url: NodeURL, on group: any EventLoopGroup, _ handler: @escaping @Sendable () -> ClientHandler)
        -> EventLoopFuture<any Channel>
    {
        ClientBootstrap(group: group)
            .connectTimeout(.seconds(3))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(handler())
                }
            }
            .connect(host: url.host, port: url.port)
    }

    /// One request on a connection of its own.
    static func request(
        _ method: HTTPMethod, _ target: String, to url: NodeURL, headers: [(String, String)] = [], body: [UInt8] = []
    ) async throws -> ClientResponse {
        let group = MultiThreadedEventLoopGroup.singleton
        let promise = group.next().makePromise(of: ClientResponse.self)
        let channel: any Channel
        do {
            channel = try await open(url, on: group) {
                let handler = ClientHandler(collectsBody: true)
                handler.receive = { response in
                    if let response { promise.succeed(response) } else { promise.fail(ChannelError.eof) }
                }
                return handler
            }.get()
        } catch {
            promise.fail(error)
            throw CommandFailure.usage("no answer from \(url): is a node running there? (atoll up)")
        }
        var all = HTTPHeaders([("host", "\(url.host):\(url.port)"), ("connection", "close")] + headers)
        if !body.isEmpty || method == .PUT || method == .POST {
            all.add(name: "content-length", value: "\(body.count)")
        }
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: all)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if !body.isEmpty {
            channel.write(HTTPClientRequestPart.body(.byteBuffer(channel.allocator.buffer(bytes: body))), promise: nil)
        }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        let limit = channel.eventLoop.scheduleTask(in: .seconds(65)) {
            promise.fail(ChannelError.connectTimeout(.seconds(65)))
        }
        defer { limit.cancel() }
        do { return try await promise.futureResult.get() } catch {
            throw CommandFailure.usage("\(url) ended the connection before it answered")
        }
    }
}
