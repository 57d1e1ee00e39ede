#!/bin/sh
# Builds for use: optimised across modules, packages included, and with Swift's runtime inside, so that the result also runs
# on machines without a toolchain. Both are measured in docs/BENCHMARKS.md.
#
# Exclusive access is checked while tests run (they are not built here) and not in use: with the checks each request took a
# tenth more instructions (docs/decisions/0023-exclusivity-is-checked-by-the-tests.md).
#
#   scripts/build.sh [OPTION]...    options of `swift build`: --product NAME, --package-path DIR
set -eu
exec swift build -c release --static-swift-stdlib -Xswiftc -cross-module-optimization -Xswiftc -enforce-exclusivity=unchecked "$@"
