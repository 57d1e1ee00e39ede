// A server on this machine that says what a test wants: bytes, at once or drop by drop.

import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

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

    /// - isSecure: with a certificate for host.example that nobody has vouched for.
    /// - reply: to a path.
    init(
        _ group: any EventLoopGroup, isSecure: Bool = false, _ reply: @escaping @Sendable (String) -> Reply
    ) async throws {
        let heard = heard
        let security = isSecure ? try LocalServer.security() : nil
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let security {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: security))
                    }
                    try channel.pipeline.syncOperations.addHandler(ReplyHandler(heard, reply))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private static func security() throws -> NIOSSLContext {
        let certificate = try NIOSSLCertificate(bytes: Array(self.certificate.utf8), format: .pem)
        let key = try NIOSSLPrivateKey(bytes: Array(self.key.utf8), format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: [.certificate(certificate)], privateKey: .privateKey(key)))
    }

    /// Of these tests alone.
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgA245oCeYGMj58ouc
        2p2m21vTOv4Uzt8tUyTjgWx+ON2hRANCAAT4z0FUX5SN+zY6sW/7z5LGIPEj0cZy
        UHr00mMXgxxyy/oM1YFs+LCK1g1THYKU+dBxg9qzoLDL9gKoZEN0y7+I
        -----END PRIVATE KEY-----
        """
    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBnjCCAUSgAwIBAgIUKC32lYCtD5JP9/oOeEwmu1Njg9UwCgYIKoZIzj0EAwIw
        FzEVMBMGA1UEAwwMaG9zdC5leGFtcGxlMCAXDTI2MTEyNzIyMjYxMloYDzIxMjYx
        MTAzMjIyNjEyWjAXMRUwEwYDVQQDDAxob3N0LmV4YW1wbGUwWTATBgcqhkjOPQIB
        BggqhkjOPQMBBwNCAAT4z0FUX5SN+zY6sW/7z5LGIPEj0cZyUHr00mMXgxxyy/oM
        1YFs+LCK1g1THYKU+dBxg9qzoLDL9gKoZEN0y7+Io2wwajAdBgNVHQ4EFgQUrPR6
        o0/PF3xNQvtJtKBa8kV0ezwwHwYDVR0jBBgwFoAUrPR6o0/PF3xNQvtJtKBa8kV0
        ezwwDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggxob3N0LmV4YW1wbGUwCgYI
        KoZIzj0EAwIDSAAwRQIgf0iIqxaE4TvDgesWR2YIfK+nfBJKS+7RwZZetwV/vWcC
        IQDer1Le22FpIomVfoTHA1tZDA9QOOMjhT13AF7kpiKZrQ==
        -----END CERTIFICATE-----
        """

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
            context.eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) {
                task in
                guard channel.isActive else { return task.cancel() }
                channel.writeAndFlush(ByteBuffer(string: " "), promise: nil)
            }
        case .silence: break
        case .close: context.close(promise: nil)
        }
    }
}
