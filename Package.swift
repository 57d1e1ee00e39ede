// swift-tools-version: 6.2
import PackageDescription

// The floors of docs/ARCHITECTURE.md: a target depends only on targets of its own floor or below.
// Tests/TidyTests holds this for the import statements.

let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// Tests play thousands of clusters: what they play is optimised for them too. Assertions stay, as do checks of exclusivity.
let optimised: [SwiftSetting] = [
    .unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))
]

func room(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict + optimised)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let nio = ["NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket", "NIOConcurrencyHelpers"].map {
    Target.Dependency.product(name: $0, package: "swift-nio")
}
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let client = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let compression = Target.Dependency.product(name: "NIOHTTPCompression", package: "swift-nio-extras")
let tls = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")

// Of the social layer: templates (PageRenderer.swift has their names), the stylesheet and the script.
let pages =
    [
        "account", "bottom", "card", "confirm", "draft", "following", "login", "message", "post", "profile", "register",
        "reports", "revisions", "timeline", "top", "write", "written",
    ].map { "\($0).html" } + ["site.css", "site.js"]

let package = Package(
    name: "atoll",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Floor 0
        room("World", [deque]),
        room("JSON", ["World"]),
        room("Quorums"),
        room("Causality", ["World"]),
        room("DataTypes", ["World", "JSON", "Causality"]),
        room("Wire", ["World", protobuf], exclude: ["peer.proto"]),
        // Floor 1
        room("Keys", ["World", crypto]),
        room("Ring", ["World", "Keys", "JSON", "Quorums", "Causality", crypto]),
        room("Storage", ["World", "Wire", "Keys", "Ring"]),
        room("Gossip", ["World"]),
        // Floor 2
        room("Vnodes", ["World", "Causality", "DataTypes", "Wire", "Keys", "Ring", "Storage"]),
        room("HintedHandoff", ["World", "Causality", "DataTypes", "Wire", "Keys", "Ring", "Storage"]),
        room("Solver", ["World", "Ring"]),
        room("RingFile", ["World", "Causality", "Ring", "Solver"]),
        room("Planning", ["World", "JSON", "Quorums", "Causality", "Keys", "Ring", "Solver", "RingFile"]),
        room("NameStore", ["World", "Quorums", crypto]),
        // libxml2's headers lie apart from others; the place is the same on all of Linux.
        .target(
            name: "CXML", cSettings: [.treatAllWarnings(as: .error), .unsafeFlags(["-isystem", "/usr/include/libxml2"])],
            linkerSettings: [.linkedLibrary("xml2")]),
        room("Feeds", ["World", "JSON", "CXML", crypto]),
        // Floor 3
        room("Gateway", ["World", "Quorums", "Causality", "DataTypes", "Wire", "Keys", "Ring", deque]),
        room("Live", ["World", "JSON", "Quorums", "Causality", "DataTypes", "Keys", "Ring", deque]),
        room("Node", ["World", "Quorums", "DataTypes", "Wire", "Keys", "Ring", "Gossip", "Storage", "Vnodes", "HintedHandoff", "NameStore", "Gateway", "Live", deque]),
        room(
            "Edge",
            [
                "World", "JSON", "Causality", "DataTypes", "Wire", "Keys", "Ring", "Gossip", "NameStore", "Gateway", "Live",
                "Node", deque, crypto,
            ],
            // Pages are served from the binary alone.
            resources: [.embedInCode("Pages/atoll.js"), .embedInCode("Pages/demo.html")]),
        room(
            "Social",
            [
                "World", "JSON", "Causality", "DataTypes", "Keys", "Ring", "NameStore", "Gateway", "Live", "Edge", "Feeds",
                deque, crypto,
            ]),
        // Floor 4
        .target(name: "CLevelDB", cxxSettings: [.treatAllWarnings(as: .error)], linkerSettings: [.linkedLibrary("leveldb")]),
        room("LevelDB", ["World", "Keys", "Storage", "CLevelDB"]),
        room(
            "Server",
            [
                "World", "JSON", "Causality", "DataTypes", "Wire", "Keys", "Ring", "Gossip", "Storage", "LevelDB", "Vnodes",
                "HintedHandoff", "NameStore", "Gateway", "Live", "Node", "Edge", logging, lifecycle,
            ] + nio),
        room(
            "Simulator",
            [
                "World", "JSON", "Quorums", "Causality", "DataTypes", "Wire", "Keys", "Ring", "RingFile", "Gossip", "Storage", "Vnodes",
                "HintedHandoff", "NameStore", "Gateway", "Live", "Node", "Edge", "Feeds", "Social", deque, heap,
            ]),
        .target(name: "CMarkdown", cSettings: [.treatAllWarnings(as: .error)], linkerSettings: [.linkedLibrary("cmark")]),
        room(
            "SocialSite",
            [
                "World", "JSON", "Ring", "Edge", "Feeds", "Social", "Server", "CMarkdown", logging,
                client, compression, tls, crypto, cryptoExtras,
            ] + nio,
            resources: pages.map { .embedInCode("Pages/\($0)") }),
        // Floor 5
        .executableTarget(
            name: "atoll",
            dependencies: [
                "World", "JSON", "DataTypes", "Ring", "Solver", "RingFile", "Planning", "Edge", "Server", "SocialSite", "Simulator", arguments,
                histogram, logging, lifecycle, signals,
            ] + nio,
            swiftSettings: strict),

        // A network for tests, not shipped.
        .executableTarget(
            name: "FarNetwork", path: "Tests/FarNetwork", cSettings: [.treatAllWarnings(as: .error)]),

        tests("World", ["World"]),
        tests("atoll", ["atoll", "JSON", "World", arguments, .product(name: "NIOCore", package: "swift-nio")]),
        tests("Causality", ["Causality", "DataTypes", "World"]),
        tests("DataTypes", ["DataTypes", "Causality", "JSON", "World"]),
        tests("Feeds", ["Feeds", "JSON", "World"]),
        tests("Gossip", ["Gossip", "World"]),
        tests("Keys", ["Keys", "World"]),
        tests("Ring", ["Ring", "Causality", "JSON", "Planning", "RingFile", "Solver", "World"]),
        tests("Wire", ["Wire", "World"]),
        tests("Storage", ["Storage", "Keys", "Wire", "World"]),
        tests("LevelDB", ["LevelDB", "Keys", "Storage", "Wire", "World"]),
        tests("Vnodes", ["Vnodes", "Causality", "DataTypes", "Keys", "Ring", "RingFile", "Storage", "Wire", "World"]),
        tests("HintedHandoff", ["HintedHandoff", "Causality", "DataTypes", "Keys", "Ring", "RingFile", "Storage", "Wire", "World"]),
        tests("Gateway", ["Gateway", "Causality", "DataTypes", "Keys", "Ring", "RingFile", "Wire", "World"]),
        tests(
            "Node",
            [
                "Node", "Causality", "Gateway", "HintedHandoff", "Keys", "Live", "NameStore", "Ring", "RingFile", "Storage", "Vnodes",
                "Wire", "World",
            ]),
        tests("Edge", ["Edge", "Causality", "DataTypes", "Gateway", "JSON", "Keys", "Live", "NameStore", "Ring", "RingFile", "Wire", "World"]),
        tests("Live", ["Live", "Causality", "DataTypes", "JSON", "Keys", "Ring", "World"]),
        tests(
            "Social",
            [
                "Social", "SocialSite", "Causality", "DataTypes", "Edge", "Feeds", "Gateway", "JSON", "Keys", "Live", "NameStore", "Ring",
                "RingFile", "World",
            ]),
        tests("SocialSite", ["SocialSite", "Feeds", "JSON", "Social", "World", crypto, tls] + nio, exclude: ["pages.json"]),
        tests("Simulator", ["Simulator", "NameStore", "World"]),
        tests(
            "Server",
            [
                "Server", "Causality", "Edge", "Gateway", "HintedHandoff", "JSON", "Keys", "LevelDB", "Live", "NameStore", "Node", "Ring", "RingFile",
                "Storage", "Wire", "World", logging,
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ] + nio),
        tests("NameStore", ["NameStore", "Quorums", "World"]),
        tests("Quorums", ["Quorums"]),
        tests("JSON", ["JSON"]),
        tests(
            "Integration",
            ["Causality", "Edge", "JSON", "Wire", "Keys", "LevelDB", "Ring", "RingFile", "Social", "SocialSite", "Storage", "World"],
            exclude: ["Browser"]),
        tests("Tidy", []),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
