#!/usr/bin/env bash
# Measures Atoll beside a bare HTTP server, etcd and Redis, all in one run and on this machine, and prints one table; then
# the placement solver beside a weighted rendezvous hash, in another.
# `make bench` runs it; docs/BENCHMARKS.md says what the rows mean. Ends only the processes that it started.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: scripts/bench.sh [--quick] [--memory] [--many] [--json FILE] [--dir DIR] [--atoll FILE]
                        [--no-build] [--names]
  --quick      one round of 3 s a row instead of three of 5 s, with a tenth of the new keys, without memory, etcd's own slow load test and the solver's largest cases
  --memory     with --quick: the memory of an idle node and of one with a million keys all the same
  --many       also five million new keys, beside LevelDB alone: some ten minutes and 20 GB of disk more
  --json FILE  also write the results to FILE
  --dir DIR    where the servers keep their data; must not be in memory (default: .build)
  --atoll FILE measure this binary (another version, another build)
  --no-build   use what is built already
  --names      only the namestore, and etcd beside it
  --site       only the site
TEXT
}

root=$(cd "$(dirname "$0")/.." && pwd)
rounds=3 seconds=5 warm_up=1 redis_requests=400000 quick=0 memory=1 many=0 json="" dir="$root/.build" build=1 names_only=0 site_only=0 fewer=1
atoll="" bare="$root/Benchmarks/.build/release/bare-http" leveldb="$root/Benchmarks/.build/release/leveldb-alone"
while [ $# -gt 0 ]; do
    case $1 in
        --quick) rounds=1 seconds=3 warm_up=1 redis_requests=100000 quick=1 memory=0 fewer=10 ;;
        --memory) memory=1 ;;
        --many) many=1 ;;
        --json) json=${2:?--json takes a file}; shift ;;
        --dir) dir=${2:?--dir takes a directory}; shift ;;
        --atoll) atoll=${2:?--atoll takes a file}; shift ;;
        --no-build) build=0 ;;
        --names) names_only=1 memory=0 ;;
        --site) site_only=1 memory=0 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

connections=64 keys=10000 value_bytes=100
new_keys=$((600000 / fewer)) large=1048576
bare_port=17069 solo_port=17070 etcd_port=17079 etcd_peer_port=17080 redis_port=17081
etcd_names_port=17090 # and the five after it

say() { printf 'bench: %s\n' "$*" >&2; }

if [ $build = 1 ]; then
    say "building (release)"
    [ -n "$atoll" ] || "$root/scripts/build.sh" --product atoll --package-path "$root" >&2
    [ $names_only = 1 ] || "$root/scripts/build.sh" --package-path "$root/Benchmarks" >&2
fi

atoll=${atoll:-$root/.build/release/atoll}

mkdir -p "$dir"
work=$(mktemp -d "$dir/bench.XXXXXX")
pids=()
stop_all() {
    local pid tries
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do
        tries=0
        while kill -0 "$pid" 2>/dev/null && [ $tries -lt 150 ]; do sleep 0.1; tries=$((tries + 1)); done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    pids=()
}
trap 'stop_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
trap 'say "stopped: line $LINENO failed"' ERR

# start NAME COMMAND...: runs a server with its output in a file.
start() {
    local name=$1
    shift
    "$@" >"$work/$name.log" 2>&1 </dev/null &
    pids+=($!)
}

# ready NAME PORT PATH: waits until GET PATH is answered with 200 (PATH "-": until the port takes connections).
ready() {
    local tries=0
    while [ $tries -lt 300 ]; do
        if [ "$3" = - ]; then
            (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null && return 0
        elif (exec 3<>"/dev/tcp/127.0.0.1/$2" && printf 'GET %s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n' "$3" >&3 &&
            read -r -t 2 line <&3 && case $line in *" 200 "*) ;; *) exit 1 ;; esac) 2>/dev/null; then
            return 0
        fi
        sleep 0.1
        tries=$((tries + 1))
    done
    say "$1 did not get ready:"
    tail -n 5 "$work/$1.log" >&2
    return 1
}

# Processor time that the running servers and their children have taken up to now, in ms.
processor_ms() {
    # Processes end while they are read.
    { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v pids=" ${pids[*]} " -v tick="$(getconf CLK_TCK)" '
        { pid = $1; sub(/^.*\) /, ""); if (index(pids, " " pid " ") || index(pids, " " $2 " ")) sum += $12 + $13 }
        END { printf "%d", sum * 1000 / tick }'
}

names=() operations=() rates=() p50s=() p99s=() p999s=() worsts=() errors=() costs=() notes=()
three() { if [[ $1 =~ ^[0-9.]+$ ]]; then printf '%.3f' "$1"; else printf -- -; fi; }
# row NAME OPERATION RATE P50 P99 P99.9 WORST ERRORS [PROCESSOR-MS REQUESTS]
row() {
    names+=("$1") operations+=("$2") rates+=("$3") p50s+=("$(three "$4")") p99s+=("$(three "$5")")
    p999s+=("$(three "$6")") worsts+=("$(three "$7")") errors+=("$8")
    costs+=("$(awk -v ms="${9:-0}" -v n="${10:-0}" 'BEGIN { if (n > 0) printf "%.1f", ms * 1000 / n; else printf "-" }')")
    printf 'bench: %-46s %8.0f req/s\n' "$1" "$3" >&2
}
# The machine's speed changes while a run lasts, and what is compared must not be measured in different hours: rows are
# measured in rounds, one after the other, and of each row the round with the median rate is kept, with all errors.
keep_medians() {
    local i j same sum middle kept=()
    for i in "${!names[@]}"; do
        same=() sum=0
        for j in "${!names[@]}"; do
            [[ ${names[j]} = "${names[i]}" ]] || continue
            if [ "$j" -lt "$i" ]; then continue 2; fi
            same+=("${rates[j]} $j")
            sum=$((sum + errors[j]))
        done
        middle=$(printf '%s\n' "${same[@]}" | sort -n | awk '{ place[NR] = $2 } END { print place[int((NR + 1) / 2)] }')
        errors[middle]=$sum
        kept+=("$middle")
    done
    local field
    for field in names operations rates p50s p99s p999s worsts errors costs; do
        local -n column=$field
        local new=()
        for i in "${kept[@]}"; do new+=("${column[i]}"); done
        column=("${new[@]}")
    done
}
# note TEXT: once, however many rounds say it.
note() {
    [[ " ${notes[*]} " == *" $1 "* ]] || notes+=("$1")
    say "$1"
}

# load TARGET URL...: writes all keys. With `kind=list` before it, the items of lists.
load() {
    local target=$1
    shift
    "$atoll" bench --target "$target" "${@/#/--url=}" --connections $connections --keys $keys --value-bytes $value_bytes \
        --bucket "${bucket:-bench}" --workload "${kind:-put}" --load --duration 0 >/dev/null
}
# What the last run of `atoll bench` said in the first line that bears each name: it has one operation.
result() {
    local field values=()
    for field in requests_per_second p50_ms p99_ms p99_9_ms max_ms errors; do
        values+=("$(awk -F': ' -v f="\"$field\"" 'index($1, f) { sub(/,$/, "", $2); print $2; exit }' "$work/result.json")")
    done
    printf '%s ' "${values[@]}"
}
# measure NAME OPERATION TARGET URL... [--OPTION VALUE]...
measure() {
    local name=$1 operation=$2 target=$3 place=(--value-bytes $value_bytes)
    shift 3
    case $operation in get | put | list) place+=(--workload "$operation") ;; esac
    while [ $# -gt 0 ]; do
        case $1 in
            --*) place+=("$1" "$2"); shift ;;
            *) place+=("--url=$1") ;;
        esac
        shift
    done
    local before values
    before=$(processor_ms)
    "$atoll" bench --target "$target" "${place[@]}" --connections $connections --keys $keys \
        --duration $seconds --warm-up $warm_up --json >"$work/result.json"
    read -ra values <<<"$(result)"
    # The warm-up's requests are not counted, only its time: they came at the same rate, or nearly.
    row "$name" "$operation" "${values[@]}" $(($(processor_ms) - before)) \
        "$(awk -v r="${values[0]}" -v s=$((seconds + warm_up)) 'BEGIN { printf "%d", r * s }')"
}

# live_row NAME OPERATION PROCESSOR-MS: of what `atoll bench live` has printed: events a second, and how long each took.
# Leaves in all_had_ms how long it took until everybody had the last.
all_had_ms=""
live_row() {
    local values
    read -ra values <<<"$(tr ',{}' '\n\n\n' <"$work/live.json" | awk -F: '
        { gsub(/[" ]/, ""); value[$1] = $2 }
        END { print value["events"] / value["seconds"], value["p50_ms"], value["p99_ms"], value["p99_9_ms"], value["max_ms"],
            value["all_had_the_last_ms"] == "null", value["events"], value["all_had_the_last_ms"] }')"
    row "$1" "$2" "${values[@]:0:6}" "$3" "${values[6]}"
    all_had_ms=${values[7]}
}

# measure_wrk NAME OPERATION URL...: the same as `get` and `put`, asked by wrk, where it is installed.
measure_wrk() {
    command -v wrk >/dev/null || { note "wrk is not installed (Debian: wrk): its rows are skipped"; return 0; }
    local name=$1 operation=$2 method=${2%-wrk} values before
    shift 2
    wrk_script "${method^^}" "$@" >"$work/wrk.lua"
    before=$(processor_ms)
    read -ra values <<<"$(wrk -t$# -c$((connections / $# * $#)) -d$((seconds + warm_up)) -s "$work/wrk.lua" "$1" |
        awk '/^RESULT/ { print $2, $3, $4, $5, $6, $7, $8 }')"
    row "$name" "$operation" "${values[@]:0:6}" $(($(processor_ms) - before)) "${values[6]}"
}
# A thread for each node, as each has one address.
wrk_script() {
    local url
    printf 'local method, keys, body, hosts = "%s", %d, string.rep("x", %d), {}\n' "$1" $keys $value_bytes
    shift
    for url; do printf 'hosts[#hosts + 1] = { "%s", "%s" }\n' "$(cut -d: -f2 <<<"$url" | tr -d /)" "${url##*:}"; done
    cat <<'LUA'
local threads = 0
function setup(thread)
    threads = threads + 1
    local host = hosts[threads]
    thread.addr = wrk.lookup(host[1], host[2])[1]
    thread:set("seed", threads)
end
function init() math.randomseed(seed) end
function request()
    local path = string.format("/v1/kv/bench/user%012d", math.random(0, keys - 1))
    return wrk.format(method, path, { Host = "localhost" }, method == "PUT" and body or nil)
end
function done(summary, latency)
    local errors = summary.errors
    print(string.format("RESULT %.1f %.3f %.3f %.3f %.3f %d %d", summary.requests * 1e6 / summary.duration,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3, latency.max / 1e3,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout, summary.requests))
end
LUA
}

# measure_names NAME OPERATION CONNECTIONS KEY-BYTES TARGET URL...: registers fresh names. Values of etcd have 33 bytes, as
# many as a digest of an owner's token.
measure_names() {
    local connections=$3 key_bytes=$4
    measure "$1" "$2" "$5" "${@:6}" --workload register --key-bytes "$key_bytes" --value-bytes 33
}

source "$root/scripts/bench-rows.sh"
source "$root/scripts/bench-site.sh"
source "$root/scripts/bench-table.sh"

machine="$(nproc) cores, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), Linux $(uname -r), data on $(stat -f -c %T "$dir")"
workload="$connections connections, $value_bytes-byte values, $keys keys, median of $rounds rounds of $seconds s, load generator on the same machine"

case $(stat -f -c %T "$dir") in tmpfs | ramfs) note "the data lies in memory: synced writes cost nothing here, and these figures mean little" ;; esac
for round in $([ $site_only = 1 ] || seq $rounds); do
    say "round $round of $rounds"
    if [ $names_only = 0 ]; then
        bench_bare
        bench_bare_large
        bench_solo
        bench_lists
        bench_three
        bench_typed
        bench_live
        bench_stalls
        bench_etcd
        bench_redis
    fi
    bench_names
    bench_etcd_names
done
if [ $names_only = 0 ]; then bench_site; fi
if [ $names_only = 0 ] && [ $site_only = 0 ]; then
    bench_sustained $new_keys
    if [ $many = 1 ]; then bench_sustained 5000000; fi
    if [ $memory = 1 ]; then bench_memory; fi
    bench_ring
fi
keep_medians
print_table
print_reached
if [ -n "$json" ]; then print_json >"$json"; fi
