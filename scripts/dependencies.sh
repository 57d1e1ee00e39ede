#!/bin/sh
# Installs the Debian packages that are missing, and only those.
#
#   scripts/dependencies.sh [build] [test] [bench]
#
#   build   what `swift build` needs beside the Swift toolchain (the default)
#   test    what some tests use to enter networks and fill disks, and to check deploy/, the interface, the pages and the feeds
#   bench   the databases that `make bench` compares with; it leaves out those that are not installed
#
# If nothing is missing, nothing is asked of apt, no rights and no network are needed.
set -eu

packages_of() {
    case $1 in
        build) echo "binutils ca-certificates git libc6-dev libcmark-dev libleveldb-dev libsnappy-dev libxml2-dev make" ;;
        test) echo "chromium chromium-driver curl nodejs procps python3 python3-feedparser python3-selenium python3-venv python3-websockets systemd util-linux" ;;
        bench) echo "curl etcd-client etcd-server redis-server redis-tools wrk" ;;
        *)
            echo "dependencies: unknown group \"$1\"; known: build, test, bench" >&2
            exit 2
            ;;
    esac
}

[ $# -gt 0 ] || set -- build
wanted=
for group; do wanted="$wanted $(packages_of "$group")"; done

if ! command -v dpkg-query >/dev/null; then
    echo "dependencies: this is no Debian; the packages are called there:$wanted" >&2
    missing=
    for header in leveldb/c.h cmark.h libxml2/libxml/parser.h; do [ -e "/usr/include/$header" ] || missing="$missing $header"; done
    [ -z "$missing" ] && exit 0
    echo "dependencies: not in /usr/include:$missing: install the headers of LevelDB, Snappy, cmark and libxml2 and try again" >&2
    exit 1
fi

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=
for package in $wanted; do is_installed "$package" || missing="$missing $package"; done
# Any version of the C++ headers will do, and their package is called after the version.
if [ ! -d /usr/include/c++ ]; then missing="$missing g++"; fi

if [ -z "$missing" ]; then
    echo "dependencies: nothing is missing"
    exit 0
fi

echo "dependencies: missing:$missing"
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root="sudo"
else
    echo "dependencies: not root, and there is no sudo; as root run: apt-get install$missing" >&2
    exit 1
fi
# $missing and $as_root are lists of words.
# shellcheck disable=SC2086
{
    echo "dependencies: apt-get update"
    $as_root apt-get update -q
    echo "dependencies: apt-get install$missing"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}
echo "dependencies: installed:$missing"
