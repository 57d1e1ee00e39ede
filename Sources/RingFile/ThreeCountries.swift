// The ring that `atoll up` starts when it is given no file.

package import Ring

extension RingDocument {
    /// The ring file of `atoll up` without an argument: three nodes in three countries on this machine.
    package static let threeCountries = """
        # Three countries on one machine: what `atoll up` starts when it is given no file.
        cluster = "islands"
        partitions = 256

        [defaults]
        placement = "world"
        read = "quorum"
        write = "quorum"

        [placement.world]
        rule = "any:3"
        min_countries = 3
        max_per_country = 1
        survive = "country"

        # A bucket of each type; those that have none here keep bytes.
        [bucket.docs]
        type = "document"

        [bucket.counters]
        type = "counter"

        [bucket.flags]
        type = "flag"

        [bucket.registers]
        type = "register"

        [bucket.sets]
        type = "set"

        [bucket.lists]
        type = "list"

        [bucket.texts]
        type = "text"

        # What /demo shows.
        [bucket.demo]
        type = "document"

        [country.de]
        location = [50.11, 8.68]

        [country.us]
        location = [38.95, -77.45]

        [country.jp]
        location = [35.68, 139.69]

        [[node]]
        id = "de-fra-1"
        country = "de"
        zone = "fra1"
        peer = "127.0.0.1:7171"
        http = "127.0.0.1:7071"
        social = "127.0.0.1:7081"
        capacity = "1TB"

        [[node]]
        id = "us-iad-1"
        country = "us"
        zone = "iad1"
        peer = "127.0.0.1:7172"
        http = "127.0.0.1:7072"
        social = "127.0.0.1:7082"
        capacity = "1TB"

        [[node]]
        id = "jp-tyo-1"
        country = "jp"
        zone = "tyo1"
        peer = "127.0.0.1:7173"
        http = "127.0.0.1:7073"
        social = "127.0.0.1:7083"
        capacity = "1TB"

        # A site on each node, for people.
        [social]

        [names]
        acceptors = ["de-fra-1", "us-iad-1", "jp-tyo-1"]

        """
}
