// What a node shows to browsers, from the binary alone.

package enum Pages {
    /// The module that keeps live keys in a page (docs/BROWSER.md).
    package static let module = PackageResources.atoll_js
    static let demo = PackageResources.demo_html
}
