// What is wrong with a ring file, and where.

/// Printed `file:line:column: message`, as compilers do, so that editors can jump there.
package struct RingFileError: Error, Hashable, Sendable, CustomStringConvertible {
    package let file: String
    /// From 1; in characters (Unicode scalars), as editors count.
    package let line: Int
    package let column: Int
    package let message: String

    init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    package var description: String { "\(file):\(line):\(column): \(message)" }
}
