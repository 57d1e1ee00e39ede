#!/bin/sh
# Builds for use: optimised across modules, packages included, and with Swift's runtime inside, so that the result also runs
# on machines without a toolchain. Both are measured in docs/BENCHMARKS.md.
#
#   scripts/build.sh [OPTION]...    options of `swift build`: --product NAME, --package-path DIR
set -eu
exec swift build -c release --static-swift-stdlib -Xswiftc -cross-module-optimization "$@"
