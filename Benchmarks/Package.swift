// swift-tools-version: 6.2
import PackageDescription

// What Atoll is measured against that no package manager has. A package of its own: users of Atoll need none of it.

let package = Package(
    name: "atoll-benchmarks",
    dependencies: [
        // The version that Atoll itself is built with.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2")
    ],
    targets: [
        .executableTarget(
            name: "bare-http",
            dependencies: ["NIOCore", "NIOPosix", "NIOHTTP1"].map { .product(name: $0, package: "swift-nio") },
            swiftSettings: [
                .treatAllWarnings(as: .error),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ]),
        .executableTarget(
            name: "leveldb-alone", cSettings: [.treatAllWarnings(as: .error)],
            linkerSettings: [.linkedLibrary("leveldb")]),
    ],
    swiftLanguageModes: [.v6]
)
