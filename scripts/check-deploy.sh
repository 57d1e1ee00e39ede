#!/bin/sh
# Checks what stands in deploy/ as far as that goes without a container engine and without systemd as process 1.
#
#   scripts/check-deploy.sh [DIRECTORY]     deploy by default
#
# Says what is wrong, one finding a line; exit status 1 if there is one.
set -eu
cd "$(dirname "$0")/.."
deploy=${1:-deploy}
tools=$(scripts/tools.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
findings=0

# Runs a check; whatever it prints is a finding, and so is its exit status: some of them warn and exit 0.
check() { # WHAT COMMAND…
    what=$1
    shift
    status=0
    "$@" >"$work/said" 2>&1 || status=$?
    if [ "$status" -ne 0 ] || [ -s "$work/said" ]; then
        findings=$((findings + 1))
        echo "deploy: $what:"
        sed 's/^/    /' "$work/said"
    fi
}

# systemd wants to see the program that a unit starts, and no node is installed here.
verify_unit() {
    sed 's|^ExecStart=/usr/local/bin/atoll |ExecStart=/bin/true |' "$deploy/atoll@.service" >"$work/atoll@de-fra-1.service"
    systemd-analyze verify --man=no "$work/atoll@de-fra-1.service"
}

# 0 is a service that can do nothing, 100 one that may do everything.
is_hardened() {
    systemd-analyze security --offline=true --threshold=20 "$deploy/atoll@.service" >"$work/security" 2>&1 \
        || tail -n 1 "$work/security"
}

quietly() { "$@" >"$work/quiet" 2>&1 || { cat "$work/quiet"; return 1; }; }

check Dockerfile "$tools/hadolint" "$deploy/Dockerfile"
check "compose.yaml against its schema" quietly "$tools/check-jsonschema" --builtin-schema vendor.compose-spec "$deploy/compose.yaml"
check "compose.yaml against islands.toml" "$tools/python" scripts/check-compose.py "$deploy/compose.yaml" "$deploy/islands.toml"
check "atoll@.service" verify_unit
check "atoll@.service is not hardened" is_hardened
check "atoll.sysusers" quietly systemd-sysusers --dry-run "$(realpath "$deploy/atoll.sysusers")"
[ "$findings" -eq 0 ] || exit 1
echo "deploy: nothing to say"
