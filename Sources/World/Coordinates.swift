// Where on Earth something stands.

/// Degrees north and east. Latitude -90...90, longitude -180...180, both finite.
public struct Coordinates: Hashable, Sendable, CustomStringConvertible {
    public let latitude: Double
    public let longitude: Double

    public init?(latitude: Double, longitude: Double) {
        guard (-90...90).contains(latitude), (-180...180).contains(longitude) else { return nil }
        // -0 and 0 are equal but encode to different bytes.
        self.latitude = latitude == 0 ? 0 : latitude
        self.longitude = longitude == 0 ? 0 : longitude
    }

    public var description: String { "\(latitude),\(longitude)" }
}
