// One request at one address, and what the answer comes to.

import AsyncHTTPClient
import Feeds
import NIOCore
import NIOHTTP1
import NIOHTTPCompression
import NIOPosix
import NIOSSL
import World

enum FetchAnswer {
    case redirect(to: String, isPermanent: Bool)
    case notModified(FetchHead)
    case document(FeedDocument, FetchHead)
    case retryLater(Span)
    case gone
    case accepted
}

struct FetchExchange {
    let url: FeedURL
    /// Has been checked.
    let address: IPAddress
    let agent: String
    let trust: NIOSSLTrustRoots
    let threads: NIOThreadPool

    /// A client of its own, which knows the host by this address alone and keeps no connection.
    func run(
        _ job: FetchJob, _ group: any EventLoopGroup, _ deadline: NIODeadline
    ) async throws -> FetchAnswer {
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        let result: Result<FetchAnswer, any Error>
        do { result = .success(try await exchange(client, job, deadline)) } catch { result = .failure(error) }
        try? await client.shutdown()
        return try result.get()
    }

    private var configuration: HTTPClient.Configuration {
        var security = TLSConfiguration.makeClientConfiguration()
        security.trustRoots = trust
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: security, redirectConfiguration: .disallow,
            timeout: .init(connect: .nanoseconds(Limits.fetchConnectTimeout.nanoseconds)),
            decompression: .enabled(limit: .size(Limits.feedBytes)))
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.dnsOverride = [url.host: HostNames.text(address)]
        // Whatever the client makes of the host's name: nothing is said to an address that was not checked.
        let expected = try? SocketAddress(ipAddress: HostNames.text(address), port: url.port)
        configuration.http1_1ConnectionDebugInitializer = { channel in
            guard let expected, channel.remoteAddress == expected else {
                return channel.eventLoop.makeFailedFuture(FetchFailure.forbiddenAddress)
            }
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        return configuration
    }

    private func exchange(
        _ client: HTTPClient, _ job: FetchJob, _ deadline: NIODeadline
    ) async throws -> FetchAnswer {
        var request = HTTPClientRequest(url: url.withoutFragment)
        request.headers.add(name: "user-agent", value: agent)
        if let form = job.form {
            request.method = .POST
            request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(form)
            let status = try await client.execute(request, deadline: deadline).status.code
            guard (200..<300).contains(status) else { throw FetchFailure.status(Int(status)) }
            return .accepted
        }
        let validators = job.validators
        request.headers.add(
            name: "accept",
            value: "application/atom+xml, application/rss+xml, application/feed+json, "
                + "application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5")
        request.headers.add(name: "accept-encoding", value: "gzip, deflate")
        if let etag = validators.etag { request.headers.add(name: "if-none-match", value: etag) }
        if let time = validators.lastModified { request.headers.add(name: "if-modified-since", value: time) }
        let response = try await client.execute(request, deadline: deadline)
        let headers = response.headers
        switch response.status.code {
        case 200: return try await document(response)
        case 301, 302, 303, 307, 308:
            guard let target = headers.first(name: "location") else {
                throw FetchFailure.status(Int(response.status.code))
            }
            return .redirect(to: target, isPermanent: [301, 308].contains(response.status.code))
        case 304 where validators != FeedValidators(): return .notModified(head(headers))
        case 410: return .gone
        case 429, 503: return .retryLater(FetchHeaders.retryAfter(headers))
        default: throw FetchFailure.status(Int(response.status.code))
        }
    }

    private func head(_ headers: HTTPHeaders) -> FetchHead {
        var head = FetchHead(finalURL: url.withoutFragment, validators: FetchHeaders.validators(headers))
        head.maxAge = FetchHeaders.maxAge(headers)
        return head
    }

    private func document(_ response: HTTPClientResponse) async throws -> FetchAnswer {
        if let length = response.headers.first(name: "content-length").flatMap({ Int($0) }), length > Limits.feedBytes {
            throw FetchFailure.tooLarge
        }
        var bytes: [UInt8] = []
        for try await part in response.body {
            guard part.readableBytes <= Limits.feedBytes - bytes.count else { throw FetchFailure.tooLarge }
            bytes += part.readableBytesView
        }
        // A body that was broken off because the time is over looks like one that has ended.
        try Task.checkCancellation()
        let (whole, type, url) = (bytes, response.headers.first(name: "content-type") ?? "", url)
        let document = try await threads.runIfActive {
            try FeedReader.read(whole, contentType: type, from: url)
        }
        return .document(document, head(response.headers))
    }
}

/// What the headers of an answer say to those who will ask again.
enum FetchHeaders {
    static func validators(_ headers: HTTPHeaders) -> FeedValidators {
        FeedValidators(
            etag: headers.first(name: "etag").flatMap(sendable),
            lastModified: headers.first(name: "last-modified").flatMap(sendable))
    }

    /// What may stand in a request as it came.
    private static func sendable(_ value: String) -> String? {
        let isPlain = value.utf8.allSatisfy { (0x20...0x7E).contains($0) }
        return isPlain && (1...Limits.validatorBytes).contains(value.utf8.count) ? value : nil
    }

    static func maxAge(_ headers: HTTPHeaders) -> Span? {
        for directive in headers[canonicalForm: "cache-control"] {
            let pair = directive.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].lowercased() == "max-age" else { continue }
            return seconds(pair[1].filter { $0 != "\"" })
        }
        return nil
    }

    /// Seconds, or a time, which is taken by the same server's clock.
    static func retryAfter(_ headers: HTTPHeaders) -> Span {
        guard let value = headers.first(name: "retry-after") else { return Limits.feedRest }
        if let span = seconds(value) { return span }
        guard let until = FeedDate.read(value), let now = headers.first(name: "date").flatMap(FeedDate.read) else {
            return Limits.feedRest
        }
        guard now < until else { return Limits.feedRest }
        return seconds("\((until.milliseconds - now.milliseconds) / 1_000)") ?? Limits.feedRest
    }

    /// At most `Limits.feedLongestRest`.
    private static func seconds(_ text: String) -> Span? {
        guard let number = UInt64(text) else { return nil }
        let most = UInt64(Limits.feedLongestRest.nanoseconds / 1_000_000_000)
        return .seconds(Int64(min(number, most)))
    }
}

extension FetchFailure {
    /// What the client's errors mean to people.
    init(_ error: any Error) {
        switch error {
        case let failure as FetchFailure: self = failure
        case let failure as FeedFailure: self = .unreadable(failure)
        case is CancellationError: self = .timedOut
        case let error as HTTPClientError where FetchFailure.late.contains(error): self = .timedOut
        case let error as NIOHTTPDecompression.DecompressionError:
            if case .limit = error { self = .tooLarge } else { self = .unreadable(.malformed) }
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: self = .insecure
        default: self = .unreachable
        }
    }

    private static let late: [HTTPClientError] = [
        .deadlineExceeded, .connectTimeout, .readTimeout, .tlsHandshakeTimeout, .cancelled,
    ]
}
