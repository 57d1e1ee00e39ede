# The rows of scripts/bench.sh: which servers are started for each, and what is asked of them.

bench_bare() {
    start bare "$bare" $bare_port
    ready bare $bare_port /
    measure "bare NIOHTTP1, GET" get bare "http://127.0.0.1:$bare_port"
    measure "bare NIOHTTP1, PUT" put bare "http://127.0.0.1:$bare_port"
    measure_wrk "bare NIOHTTP1, GET, by wrk" get-wrk "http://127.0.0.1:$bare_port"
    measure_wrk "bare NIOHTTP1, PUT, by wrk" put-wrk "http://127.0.0.1:$bare_port"
    stop_all
}

bench_bare_large() {
    start bare "$bare" $bare_port $large
    ready bare $bare_port /
    keys=64 measure "bare NIOHTTP1, GET of 1 MiB" get-1mib bare "http://127.0.0.1:$bare_port" --workload get
    stop_all
}

memories=()
# keep_memory WHAT [PID]: how much the only server takes now, or that process; the last round's figure stays.
keep_memory() {
    [ "$round" = $rounds ] || return 0
    memories+=("$(printf '%-46s %9s MiB' "resident memory after $1" "$(resident_mib "${2:-${pids[0]}}")")")
}

# Timelines and pictures: lists alone, lists beside large values, large values, lists while all of that is compared again
# and again, as repair does.
bench_lists() {
    local url="http://127.0.0.1:$solo_port"
    rm -rf "$work/lists"
    start lists "$atoll" serve --http 127.0.0.1:$solo_port --data "$work/lists"
    ready lists $solo_port /readyz
    kind=list load atoll "$url"
    measure "Atoll, one node, newest 20 of 100" list atoll "$url"
    keep_memory "lists"
    bucket=large keys=64 value_bytes=$large connections=4 load atoll "$url"
    measure "the same, 64 values of 1 MiB beside" list atoll "$url"
    keys=64 measure "Atoll, one node, GET of 1 MiB" get-1mib atoll "$url" --workload get --bucket large
    keep_memory "values of 1 MiB"
    keys=1000 connections=16 measure "Atoll, one node, synced PUT of 100 KB" put-100kb atoll "$url" --workload put \
        --bucket pictures --value-bytes 100000
    keep_memory "values of 100 KB"
    stop_all
    start lists "$atoll" serve --http 127.0.0.1:$solo_port --data "$work/lists" --repair-cycle 1
    ready lists $solo_port /readyz
    measure "the same, while repair compares everything" list atoll "$url"
    stop_all
}

# bench_sustained KEYS: so many new keys at once, and what LevelDB makes of them without a server.
bench_sustained() {
    local url="http://127.0.0.1:$solo_port" values new_keys=$1
    rm -rf "$work/sustained" "$work/leveldb"
    start sustained "$atoll" serve --http 127.0.0.1:$solo_port --data "$work/sustained"
    ready sustained $solo_port /readyz
    "$atoll" bench --url "$url" --connections $connections --keys $new_keys --value-bytes 1000 --load --duration 0 --json \
        >"$work/result.json"
    read -ra values <<<"$(result)"
    row "Atoll, one node, $new_keys new keys of 1,000 B" sustained-$new_keys "${values[@]}"
    memories+=("$(printf '%-46s %9s MiB' "resident memory after $new_keys new keys" "$(resident_mib "${pids[0]}")")")
    stop_all
    rm -rf "$work/sustained"
    read -ra values <<<"$("$leveldb" "$work/leveldb" $new_keys 1000 30)"
    row "LevelDB alone, $new_keys, 30 a synced batch" sustained-$new_keys "${values[@]}"
    rm -rf "$work/leveldb"
}

bench_solo() {
    rm -rf "$work/solo"
    start solo "$atoll" serve --http 127.0.0.1:$solo_port --data "$work/solo"
    ready solo $solo_port /readyz
    load atoll "http://127.0.0.1:$solo_port"
    measure "Atoll, one node, GET" get atoll "http://127.0.0.1:$solo_port"
    measure "Atoll, one node, synced PUT" put atoll "http://127.0.0.1:$solo_port"
    measure_wrk "Atoll, one node, GET, by wrk" get-wrk "http://127.0.0.1:$solo_port"
    measure_wrk "Atoll, one node, synced PUT, by wrk" put-wrk "http://127.0.0.1:$solo_port"
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
        [ -z "${has_site:-}" ] || printf 'social = "127.0.0.1:%d"\n' $((solo_port + 50 + number))
        number=$((number + 1))
    done
    printf '\n[bucket.%s]\ntype = "%s"\n' counters counter texts text sets set
    [ -z "${has_site:-}" ] || printf '\n[social]\n'
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
    measure_wrk "Atoll, three nodes, quorum GET, by wrk" get-wrk "${three_urls[@]}"
    measure_wrk "Atoll, three nodes, synced PUT, by wrk" put-wrk "${three_urls[@]}"
    stop_all
}

# Typed values: many counters, one long text, one large set, each change on the disks of a quorum.
bench_typed() {
    local key
    start_three
    # As `atoll bench` names its only key.
    key=user$(printf '%012d' 0)
    measure "Atoll, three nodes, quorum increment" increment atoll "${three_urls[@]}" --workload increment --bucket counters
    { printf '"' && head -c 65536 /dev/zero | tr '\0' x && printf '"'; } |
        curl -sf -X PUT --data-binary @- "${three_urls[0]}/v1/kv/texts/$key?w=all" >/dev/null
    keys=1 measure "Atoll, three nodes, insert into 64 KB of text" insert atoll "${three_urls[@]}" --workload insert \
        --bucket texts --value-bytes 1
    seq -f '"element-%.0f"' 10000 | paste -sd, | sed 's/.*/[&]/' |
        curl -sf -X PUT --data-binary @- "${three_urls[0]}/v1/kv/sets/$key?w=all" >/dev/null
    # Elements of two characters, of which there are 4,096: with more the set would grow to its limit while it is measured.
    keys=1 measure "Atoll, three nodes, add to a set of 10,000" add atoll "${three_urls[@]}" --workload add --bucket sets \
        --value-bytes 2
    stop_all
}

# Live reads: a write through one node, its event through another; then 10,000 who watch one key, and beside them requests
# of others, at a rate that they would have anyway.
subscribers=10000 subscribers_had_ms=""
bench_live() {
    local first last before rate watching
    # For each connection a node counts on what its client may make it hold.
    ATOLL_MEMORY=20GiB start_three
    first=${three_urls[0]} last=${three_urls[2]}
    load atoll "${three_urls[@]}"
    before=$(processor_ms)
    "$atoll" bench live --url "$first" --url "$last" --rate 50 --duration $seconds --json >"$work/live.json" || true
    live_row "Atoll, three nodes, a write to its event" live $(($(processor_ms) - before))
    for rate in 1 10; do
        before=$(processor_ms)
        "$atoll" bench live --url "$first" --url "$last" --subscribers $subscribers --rate $rate \
            --duration $((2 * seconds + warm_up + 5)) --json >"$work/live.json" &
        watching=$!
        await_subscribers "$last" $subscribers
        measure "quorum GET at 500/s, beside $rate writes/s so watched" get-beside atoll "$first" --workload get --rate 500
        [ $rate = 1 ] || keep_memory "$subscribers subscribers" "$(pgrep -P "${pids[0]}" -f jp-1)"
        wait $watching || true
        live_row "the same, $subscribers subscribers, $rate writes/s" live-many $(($(processor_ms) - before))
        await_subscribers "$last" 0
    done
    subscribers_had_ms=$all_had_ms
    stop_all
}
# await_subscribers URL COUNT
await_subscribers() {
    local tries=0
    while [ $tries -lt 600 ]; do
        [ "$(curl -s "$1/metrics" | awk '/^atoll_live_subscribers/ { print $2 + 0 }')" != "$2" ] || return 0
        sleep 0.1
        tries=$((tries + 1))
    done
    say "not $2 subscribers"
    return 1
}

# stall PID: lets a process stand still for 50 ms of every 200, until it ends or this is ended.
stall() {
    trap 'kill -CONT "$1" 2>/dev/null; exit 0' TERM
    while kill -STOP "$1" 2>/dev/null; do
        sleep 0.05
        kill -CONT "$1" 2>/dev/null
        sleep 0.15
    done
}

# A slow replica must not be felt: what two nodes answer while the third stalls, and while it does not.
bench_stalls() {
    start_three
    load atoll "${three_urls[@]}"
    local two=("${three_urls[@]:0:2}")
    measure "Atoll, quorum GET by two nodes of three" get-two atoll "${two[@]}" --workload get
    stall "$(pgrep -P "${pids[0]}" -f jp-1)" &
    pids+=($!)
    measure "the same, the third stalls 50 ms of 200" get-two atoll "${two[@]}" --workload get
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
    measure "etcd, one node, JSON gateway, range of 20" list etcd $url
    if [ $quick = 0 ] && [ "$round" = $rounds ] && command -v etcdctl >/dev/null; then
        say "etcdctl check perf (a minute)"
        # Its largest load: 1,000 clients, values of 1 KiB, at most 15,000 writes a second.
        local rate
        ETCDCTL_API=3 etcdctl --endpoints $url check perf --load xl >"$work/perf.txt" 2>&1 || true
        rate=$(tr '\r' '\n' <"$work/perf.txt" | awk '/[Tt]hroughput/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /^writes\/s/) print $i }' | tail -n 1)
        if [ -n "$rate" ]; then
            row "etcd, one node, etcdctl check perf xl, PUT" put "$rate" - - - - 0
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
        --save '' --daemonize no --maxclients $((subscribers + 1000))
    ready redis $redis_port -
    awk 'BEGIN { for (l = 0; l < 100; l++) for (i = 0; i < 100; i++) printf "ZADD list:%012d %d %0100d\r\n", l, i, i }' |
        redis-cli -p $redis_port >/dev/null
    measure_redis "Redis $(redis-server --version | sed 's/.* v=\([0-9.]*\).*/\1/'), appendfsync always, SET" put $keys -t set
    measure_redis "Redis, appendfsync always, GET" get $keys -t get
    measure_redis "Redis, appendfsync always, INCR" increment $keys -t incr
    "$atoll" bench live --target redis --url http://127.0.0.1:$redis_port --rate 50 --duration $seconds --json >"$work/live.json"
    live_row "Redis, a PUBLISH to its message" live 0
    "$atoll" bench live --target redis --url http://127.0.0.1:$redis_port --subscribers $subscribers --rate 10 \
        --duration $((2 * seconds)) --json >"$work/live.json" || true
    live_row "the same, Redis, $subscribers subscribers, 10/s" live-many 0
    measure_redis "Redis, ZREVRANGE of 20 of 100" list 100 ZREVRANGE list:__rand_int__ 0 19
    stop_all
}
# measure_redis NAME OPERATION KEYS WHAT...
measure_redis() {
    local values before
    before=$(processor_ms)
    # "test","rps","avg_latency_ms","min","p50","p95","p99","max"
    read -ra values <<<"$(redis-benchmark -p $redis_port -c $connections -n $redis_requests -d $value_bytes -r "$3" \
        --precision 3 --csv "${@:4}" 2>/dev/null | awk -F'"' 'NR == 2 { print $4, $10, $14, "-", $16 }')"
    row "$1" "$2" "${values[@]}" 0 $(($(processor_ms) - before)) $redis_requests
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
