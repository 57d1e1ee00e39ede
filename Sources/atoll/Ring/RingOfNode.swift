// The ring document of a running node, for comparison with files.

import NIOHTTP1
import Ring

enum RingOfNode {
    static func document(_ url: String) async throws -> RingDocument {
        let response = try await NodeClient.request(.GET, "/v1/ring", to: try NodeURL(url))
        guard response.status == 200 else { throw Answers.problem(response) }
        do { return try RingDocument.decode(json: response.body) } catch {
            throw CommandFailure.usage("\(url) answered something that is no ring document: \(error)")
        }
    }
}
