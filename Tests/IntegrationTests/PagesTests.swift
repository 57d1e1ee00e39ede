// The social pages in browsers: with sample values, what axe-core, the keyboard, a browser without scripts and the
// page's own policy have to say of each, and what the script does with events; and people at the sites of two nodes.

import Foundation
import JSON
import Testing

@testable import Social
@testable import SocialSite

extension Integration {
    @Suite struct PagesTests {
        /// Tests/SocialSiteTests/pages.json, as files.
        private func write(_ directory: String) throws {
            let folder = URL(fileURLWithPath: directory)
            let place = sourceRoot.appendingPathComponent("Tests/SocialSiteTests/pages.json")
            let samples = try JSONValue.decode(Array(Data(contentsOf: place)))
            let renderer = PageRenderer()
            for sample in samples["pages"]?.array ?? [] {
                guard case .object(let own) = sample["values"], case .object(let common) = samples["every"],
                    let cards = samples["cards"], let file = sample["file"]?.string, let page = sample["page"]?.string
                else { throw HarnessFailure("no sample: \(sample)") }
                let values = own.map { $0.value.string == "cards" ? JSONValue.Member($0.name, cards) : $0 } + common
                let rendered = renderer.render(Page(page, .object(values)))
                #expect(rendered.fault == nil)
                try Data(rendered.html).write(to: folder.appendingPathComponent(file + ".html"))
            }
            try Data(SiteAsset.style.bytes).write(to: folder.appendingPathComponent("site.css"))
            try Data(SiteAsset.script.bytes).write(to: folder.appendingPathComponent("site.js"))
            let headers = SitePages.headers(nil, isPrivate: false)
            let policy = try #require(headers.first { $0.0 == "content-security-policy" }?.1)
            try Data(policy.utf8).write(to: folder.appendingPathComponent("policy.txt"))
        }

        /// Ann at one node, Ben at another, somebody without a name, and somebody without scripts; then somebody who
        /// means harm, and many windows.
        @Test func peopleMeetAtTwoNodes() throws {
            let cluster = try TestCluster.three(buckets: Names.acceptors, site: "public_shards = 8")
            defer { cluster.end() }
            try cluster.start()
            for node in cluster.nodes { try Names.awaitFounded(node) }
            let scratch = try TemporaryDirectory()
            let sites = try cluster.nodes.prefix(2).map { "http://127.0.0.1:\(try #require($0.socialPort))" }
            for (script, arguments) in [("meeting", [scratch.path]), ("hostile", [])] {
                let browser = try ChildProcess(
                    "/usr/bin/python3",
                    [sourceRoot.path + "/Tests/IntegrationTests/Browser/\(script).py"] + sites + arguments,
                    output: scratch.path + "/\(script).txt", input: [])
                let status = try browser.wait(within: 300)
                #expect(status == .exited(0), "\(browser.output.suffix(20_000))")
            }
            #expect(cluster.nodes.allSatisfy { $0.isRunning })
        }

        @Test func pagesAreForEverybody() throws {
            let scratch = try TemporaryDirectory()
            try write(scratch.path)
            let tools = try ChildProcess(
                sourceRoot.path + "/scripts/tools.sh", [], output: scratch.path + "/tools", input: [])
            #expect(try tools.wait(within: 300) == .exited(0), "\(tools.output)")
            let folder = tools.output.split(separator: "\n").last.map(String.init) ?? ""
            let browser = try ChildProcess(
                "/usr/bin/python3",
                [sourceRoot.path + "/Tests/IntegrationTests/Browser/pages.py", folder, scratch.path],
                output: scratch.path + "/output", input: [])
            let status = try browser.wait(within: 600)
            #expect(status == .exited(0), "\(browser.output.suffix(20_000))")
        }
    }
}
