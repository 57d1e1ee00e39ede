#!/usr/bin/env bash
# Measures Atoll beside a bare HTTP server, etcd and Redis, all in one run and on this machine, and prints one table; then
# the placement solver beside a weighted rendezvous hash, in another.
# `make bench` runs it; docs/BENCHMARKS.md says what the rows mean. Ends only the processes that it started.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: scripts/bench.sh [--quick] [--memory] [--json FILE] [--dir DIR] [--atoll FILE]
                        [--no-build] [--names]
  --quick      one round of 3 s a row instead of three of 5 s, without memory, etcd's own slow load test and the solver's largest cases
  --memory     with --quick: the memory of an idle node and of one with a million keys all the same
  --json FILE  also write the results to FILE
  --dir DIR    where the servers keep their data; must not be in memory (default: .build)
  --atoll FILE measure this binary (another version, another build)
  --no-build   use what is built already
  --names      only the namestore, and etcd beside it
TEXT
}

root=$(cd "$(dirname "$0")/.." && pwd)
rounds=3 seconds=5 warm_up=1 redis_requests=400000 quick=0 memory=1 json="" dir="$root/.build" build=1 names_only=0
atoll="" bare="$root/Benchmarks/.build/release/bare-http"
while [ $# -gt 0 ]; do
    case $1 in
        --quick) rounds=1 seconds=3 warm_up=1 redis_requests=100000 quick=1 memory=0 ;;
        --memory) memory=1 ;;
        --json) json=${2:?--json takes a file}; shift ;;
        --dir) dir=${2:?--dir takes a directory}; shift ;;
        --atoll) atoll=${2:?--atoll takes a file}; shift ;;
        --no-build) build=0 ;;
        --names) names_only=1 memory=0 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

connections=64 keys=10000 value_bytes=100
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

names=() operations=() rates=() p50s=() p99s=() errors=() costs=() notes=()
three() { if [[ $1 =~ ^[0-9.]+$ ]]; then printf '%.3f' "$1"; else printf -- -; fi; }
# row NAME OPERATION RATE P50 P99 ERRORS [PROCESSOR-MS REQUESTS]
row() {
    names+=("$1") operations+=("$2") rates+=("$3") p50s+=("$(three "$4")") p99s+=("$(three "$5")") errors+=("$6")
    costs+=("$(awk -v ms="${7:-0}" -v n="${8:-0}" 'BEGIN { if (n > 0) printf "%.1f", ms * 1000 / n; else printf "-" }')")
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
    for field in names operations rates p50s p99s errors costs; do
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

# load TARGET URL...: writes all keys.
load() {
    local target=$1
    shift
    "$atoll" bench --target "$target" "${@/#/--url=}" --connections $connections --keys $keys --value-bytes $value_bytes \
        --load --duration 0 >/dev/null
}
# measure NAME OPERATION TARGET URL... [--OPTION VALUE]...
measure() {
    local name=$1 operation=$2 target=$3 place=(--value-bytes $value_bytes)
    shift 3
    case $operation in get | put) place+=(--workload "$operation") ;; esac
    while [ $# -gt 0 ]; do
        case $1 in
            --*) place+=("$1" "$2"); shift ;;
            *) place+=("--url=$1") ;;
        esac
        shift
    done
    local before
    before=$(processor_ms)
    "$atoll" bench --target "$target" "${place[@]}" --connections $connections --keys $keys \
        --duration $seconds --warm-up $warm_up --json >"$work/result.json"
    # One member on each line: the first of each name belongs to the only operation there is.
    local field values=()
    for field in requests_per_second p50_ms p99_ms errors; do
        values+=("$(awk -F': ' -v f="\"$field\"" 'index($1, f) { sub(/,$/, "", $2); print $2; exit }' "$work/result.json")")
    done
    # The warm-up's requests are not counted, only its time: they came at the same rate, or nearly.
    row "$name" "$operation" "${values[@]}" $(($(processor_ms) - before)) \
        "$(awk -v r="${values[0]}" -v s=$((seconds + warm_up)) 'BEGIN { printf "%d", r * s }')"
}

# measure_names NAME OPERATION CONNECTIONS KEY-BYTES TARGET URL...: registers fresh names. Values of etcd have 33 bytes, as
# many as a digest of an owner's token.
measure_names() {
    local connections=$3 key_bytes=$4
    measure "$1" "$2" "$5" "${@:6}" --workload register --key-bytes "$key_bytes" --value-bytes 33
}

bench_bare() {
    start bare "$bare" $bare_port
    ready bare $bare_port /
    measure "bare NIOHTTP1, GET" get bare "http://127.0.0.1:$bare_port"
    measure "bare NIOHTTP1, PUT" put bare "http://127.0.0.1:$bare_port"
    stop_all
}

bench_solo() {
    rm -rf "$work/solo"
    start solo "$atoll" serve --http 127.0.0.1:$solo_port --data "$work/solo"
    ready solo $solo_port /readyz
    load atoll "http://127.0.0.1:$solo_port"
    measure "Atoll, one node, GET" get atoll "http://127.0.0.1:$solo_port"
    measure "Atoll, one node, synced PUT" put atoll "http://127.0.0.1:$solo_port"
    stop_all
}

# The three countries of `atoll up`, on ports where no cluster of the user's can stand in the way.
three_ring() {
    cat <<'TEXT'
cluster = "bench"
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
TEXT
    local number=1 country
    for country in de us jp; do
        printf '\n[country.%s]\nlocation = [%s]\n' $country "$((10 * number)).0, $((20 * number)).0"
        printf '\n[[node]]\nid = "%s-1"\ncountry = "%s"\nzone = "%s1"\npeer = "127.0.0.1:%d"\nhttp = "127.0.0.1:%d"\ncapacity = "1TB"\n' \
            $country $country $country $((solo_port + 100 + number)) $((solo_port + number))
        number=$((number + 1))
    done
    printf '\n[names]\nacceptors = ["de-1", "us-1", "jp-1"]\n'
}

three_urls=()
start_three() {
    local port
    three_ring >"$work/ring.toml"
    rm -rf "$work/three"
    three_urls=()
    start three "$atoll" up "$work/ring.toml" --data "$work/three" --no-restart
    for port in $((solo_port + 1)) $((solo_port + 2)) $((solo_port + 3)); do
        ready three $port /readyz
        three_urls+=("http://127.0.0.1:$port")
    done
    sleep 3 # until each has heard of each
}

bench_three() {
    start_three
    load atoll "${three_urls[@]}"
    measure "Atoll, three nodes, quorum GET" get atoll "${three_urls[@]}"
    measure "Atoll, three nodes, quorum synced PUT" put atoll "${three_urls[@]}"
    stop_all
}

bench_names() {
    start_three
    measure_names "Atoll, three nodes, register a name" register $connections 16 atoll "${three_urls[@]}"
    measure_names "Atoll, three nodes, register, one client" register-one 1 17 atoll "${three_urls[0]}"
    stop_all
}

# The same question asked of etcd: three members, a transaction that puts a key if it was never created.
bench_etcd_names() {
    command -v etcd >/dev/null || return 0
    local member client peer members="" urls=()
    for member in 0 1 2; do
        members+="${members:+,}m$member=http://127.0.0.1:$((etcd_names_port + 3 + member))"
    done
    for member in 0 1 2; do
        client="http://127.0.0.1:$((etcd_names_port + member))" peer="http://127.0.0.1:$((etcd_names_port + 3 + member))"
        urls+=("$client")
        rm -rf "$work/etcd-$member"
        start "etcd-$member" etcd --name "m$member" --data-dir "$work/etcd-$member" --listen-client-urls "$client" \
            --advertise-client-urls "$client" --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
            --initial-cluster "$members"
    done
    for member in 0 1 2; do ready "etcd-$member" $((etcd_names_port + member)) /health; done
    measure_names "etcd, three nodes, create if absent" register $connections 16 etcd "${urls[@]}"
    # Asked of each member: one of them leads, and answers sooner.
    for member in 0 1 2; do
        measure_names "etcd, three nodes, member $member, one client" register-one 1 $((17 + member)) etcd "${urls[member]}"
    done
    stop_all
}

bench_etcd() {
    if ! command -v etcd >/dev/null; then
        note "etcd is not installed (Debian: etcd-server, etcd-client): skipped"
        return 0
    fi
    local url="http://127.0.0.1:$etcd_port" peer="http://127.0.0.1:$etcd_peer_port"
    rm -rf "$work/etcd"
    start etcd etcd --name bench --data-dir "$work/etcd" --listen-client-urls $url --advertise-client-urls $url \
        --listen-peer-urls $peer --initial-advertise-peer-urls $peer --initial-cluster bench=$peer
    ready etcd $etcd_port /health
    load etcd $url
    measure "etcd $(etcd --version | awk 'NR == 1 { print $3 }'), one node, JSON gateway, GET" get etcd $url
    measure "etcd, one node, JSON gateway, PUT" put etcd $url
    if [ $quick = 0 ] && [ "$round" = $rounds ] && command -v etcdctl >/dev/null; then
        say "etcdctl check perf (a minute)"
        # Its largest load: 1,000 clients, values of 1 KiB, at most 15,000 writes a second.
        local rate
        ETCDCTL_API=3 etcdctl --endpoints $url check perf --load xl >"$work/perf.txt" 2>&1 || true
        rate=$(tr '\r' '\n' <"$work/perf.txt" | awk '/[Tt]hroughput/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /^writes\/s/) print $i }' | tail -n 1)
        if [ -n "$rate" ]; then
            row "etcd, one node, etcdctl check perf xl, PUT" put "$rate" - - 0
        else
            note "etcdctl check perf gave no rate: skipped"
        fi
    fi
    stop_all
}

bench_redis() {
    if ! command -v redis-server >/dev/null || ! command -v redis-benchmark >/dev/null; then
        note "Redis is not installed (Debian: redis-server, redis-tools): skipped"
        return 0
    fi
    rm -rf "$work/redis"
    mkdir "$work/redis"
    start redis redis-server --port $redis_port --bind 127.0.0.1 --dir "$work/redis" --appendonly yes --appendfsync always \
        --save '' --daemonize no
    ready redis $redis_port -
    local operation line rate p50 p99 version before cost
    version=$(redis-server --version | sed 's/.* v=\([0-9.]*\).*/\1/')
    for operation in set get; do
        before=$(processor_ms)
        line=$(redis-benchmark -p $redis_port -t $operation -c $connections -n $redis_requests -d $value_bytes -r $keys \
            --precision 3 --csv 2>/dev/null | awk -F'"' 'NR == 2')
        # "test","rps","avg_latency_ms","min","p50","p95","p99","max"
        rate=$(awk -F'"' '{ print $4 }' <<<"$line") p50=$(awk -F'"' '{ print $10 }' <<<"$line") p99=$(awk -F'"' '{ print $14 }' <<<"$line")
        cost=$(($(processor_ms) - before))
        if [ $operation = set ]; then
            row "Redis $version, appendfsync always, SET" put "$rate" "$p50" "$p99" 0 $cost $redis_requests
        else
            row "Redis, appendfsync always, GET" get "$rate" "$p50" "$p99" 0 $cost $redis_requests
        fi
    done
    stop_all
}

idle_mib="" loaded_mib=""
resident_mib() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }
bench_memory() {
    say "memory"
    start memory "$atoll" serve --http 127.0.0.1:$solo_port --data "$work/memory"
    ready memory $solo_port /readyz
    local pid=${pids[0]}
    sleep 10
    idle_mib=$(resident_mib "$pid")
    say "idle: $idle_mib MiB; loading a million keys of 100 bytes with values of 100 bytes"
    "$atoll" bench --url "http://127.0.0.1:$solo_port" --connections $connections --keys 1000000 --key-bytes 100 \
        --value-bytes $value_bytes --load --duration 0 >&2
    sleep 5
    loaded_mib=$(resident_mib "$pid")
    say "loaded: $loaded_mib MiB"
    stop_all
}

# The placement solver has no server: it is measured last, with the machine to itself.
bench_ring() {
    say "the placement solver"
    local only=()
    if [ $quick = 1 ]; then only=(--only 4096); fi
    "$atoll" ring bench "${only[@]}" >"$work/ring.txt" || note "the solver moves more than its bound"
}

source "$root/scripts/bench-table.sh"

machine="$(nproc) cores, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), Linux $(uname -r), data on $(stat -f -c %T "$dir")"
workload="$connections connections, $value_bytes-byte values, $keys keys, median of $rounds rounds of $seconds s, load generator on the same machine"

case $(stat -f -c %T "$dir") in tmpfs | ramfs) note "the data lies in memory: synced writes cost nothing here, and these figures mean little" ;; esac
for round in $(seq $rounds); do
    say "round $round of $rounds"
    if [ $names_only = 0 ]; then
        bench_bare
        bench_solo
        bench_three
        bench_etcd
        bench_redis
    fi
    bench_names
    bench_etcd_names
done
if [ $names_only = 0 ]; then
    if [ $memory = 1 ]; then bench_memory; fi
    bench_ring
fi
keep_medians
print_table
if [ -n "$json" ]; then print_json >"$json"; fi
