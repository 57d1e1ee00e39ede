// The least that a SwiftNIO HTTP/1.1 server can do: one event loop, NIO's own pipeline, an answer of 100 bytes, or
// of as many as it is told, to every GET and 204 to every other request. Its rate is what Atoll's is compared with.
//
// Usage: bare-http [PORT [BYTES]]

import NIOCore
import NIOHTTP1
import NIOPosix

@main
enum BareHTTP {
    static func main() async throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        let port = numbers.first ?? 7069
        let bytes = numbers.dropFirst().first ?? 100
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(HTTPResponseEncoder())
                    try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
                    try pipeline.addHandler(HTTPServerPipelineHandler())
                    try pipeline.addHandler(FixedAnswers(bytes: bytes))
                }
            }
            .bind(host: "127.0.0.1", port: port)
            .get()
        print("bare-http listens on 127.0.0.1:\(port)")
        try await channel.closeFuture.get()
    }
}

final class FixedAnswers: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var method = HTTPMethod.GET
    private let body: ByteBuffer
    private let found: HTTPResponseHead
    private let stored = HTTPResponseHead(version: .http1_1, status: .noContent)

    init(bytes: Int) {
        body = ByteBuffer(repeating: 0x78, count: bytes)
        found = HTTPResponseHead(
            version: .http1_1, status: .ok,
            headers: ["content-length": "\(bytes)", "content-type": "application/octet-stream"])
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): method = head.method
        case .body: break
        case .end:
            if method == .GET {
                context.write(wrapOutboundOut(.head(found)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
            } else {
                context.write(wrapOutboundOut(.head(stored)), promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
