// A server on this machine that says what a test wants: bytes, at once or drop by drop.

import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

final class LocalServer: Sendable {
    /// What it does with a request.
    enum Reply: Sendable {
        case bytes([UInt8])
        /// One byte each tenth of a second, for ever.
        case drip([UInt8])
        case silence
        case close
    }

    private let channel: any Channel
    private let heard = NIOLockedValueBox<[String]>([])

    var port: Int { channel.localAddress?.port ?? 0 }
    /// The heads of all requests, in lower case.
    var requests: [String] { heard.withLockedValue { $0 } }

    /// - reply: to a path.
    init(_ group: any EventLoopGroup, _ reply: @escaping @Sendable (String) -> Reply) async throws {
        let heard = heard
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ReplyHandler(heard, reply))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func close() async { try? await channel.close() }

    static func answer(_ status: String, _ headers: [String] = [], _ body: [UInt8] = []) -> Reply {
        let head = (["HTTP/1.1 \(status)", "content-length: \(body.count)"] + headers).joined(separator: "\r\n")
        return .bytes(Array("\(head)\r\n\r\n".utf8) + body)
    }
}

private final class ReplyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let heard: NIOLockedValueBox<[String]>
    private let reply: @Sendable (String) -> LocalServer.Reply
    private var text = ""

    init(_ heard: NIOLockedValueBox<[String]>, _ reply: @escaping @Sendable (String) -> LocalServer.Reply) {
        self.heard = heard
        self.reply = reply
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        text += String(buffer: unwrapInboundIn(data))
        guard text.contains("\r\n\r\n") else { return }
        let request = text.lowercased()
        text = ""
        heard.withLockedValue { $0.append(request) }
        let parts = request.split(separator: " ")
        switch reply(parts.count > 1 ? String(parts[1]) : "") {
        case .bytes(let bytes):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        case .drip(let bytes):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            let channel = context.channel
            context.eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) { task in
                guard channel.isActive else { return task.cancel() }
                channel.writeAndFlush(ByteBuffer(string: " "), promise: nil)
            }
        case .silence: break
        case .close: context.close(promise: nil)
        }
    }
}
