// A node's site as its assembly has it: begins and ends with the node.

import Edge
import NIOCore
import Ring
import World

final class NodeSite: Sendable {
    let address: HostPort
    let service: HTTPService
    private let host: SiteHost

    /// Nil where the node has none.
    init?(_ configuration: ServerConfiguration, on loop: RequestLoop, _ operations: NodeOperations) throws {
        guard let site = configuration.site else { return nil }
        address = site.address
        host = SiteHost(loop, operations, try site.makeGuest(), configuration)
        service = HTTPService(loop: loop, operations: operations, configuration, site: (host, site.listener))
        operations.connect(self)
    }

    var eventLoop: any EventLoop { service.loop.eventLoop }

    func start() async throws { try await eventLoop.submit { [host] in host.start() }.get() }

    /// When its clients have gone.
    func stop() async { try? await eventLoop.submit { [host] in host.stop() }.get() }

    func figures() -> EventLoopFuture<SiteFigures?> { eventLoop.submit { [host] in host.figures } }
}

extension SiteConfiguration {
    /// People's passwords and sessions must not travel in the clear: without TLS they stay on this machine.
    func check(_ settings: SocialSettings?) throws(StartFailure) {
        guard settings?.isSecure != true else { return }
        if let origin = settings?.origin, !OriginCheck.isLoopback(origin) {
            throw StartFailure(
                "origin of [social] is \(origin), and what people send there can be read on its way; have a proxy speak "
                    + "https and say so there, or say --insecure if the network is yours alone")
        }
        guard address.isLoopback else {
            throw StartFailure(
                "\(address), the site's, is reachable from other machines, and [social] has no origin with https; bind "
                    + "to 127.0.0.1 and have a proxy speak https, or say --insecure if the network is yours alone")
        }
    }
}

private enum OriginCheck {
    static func isLoopback(_ origin: String) -> Bool {
        guard let start = origin.firstRange(of: "://")?.upperBound else { return false }
        let authority = String(origin[start...])
        // The usual port is not written.
        return (HostPort(authority) ?? HostPort(authority + ":80"))?.isLoopback == true
    }
}
