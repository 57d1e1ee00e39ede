// What a node shows to browsers, from the binary alone.

enum Pages {
    /// The module that keeps live keys in a page (docs/BROWSER.md).
    static let module = PackageResources.atoll_js
    static let demo = PackageResources.demo_html
}
