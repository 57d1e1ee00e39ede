# The rows of scripts/bench.sh that ask a site as people do: posts, permalinks, pages, inboxes, and what a post costs that
# goes to many.

followers=$((fewer == 1 ? 1000 : 100))
site_urls=()

# call METHOD PATH TOKEN [BODY]: of the first node's site, with its answer.
call() {
    curl -sf -X "$1" -H "Authorization: Bearer $3" ${4+-H 'Content-Type: application/json' --data-binary "$4"} \
        "${site_urls[0]}$2"
}
# join NAME NODE: registers and logs in; prints the session's token. Each costs two hashes of a password.
join() {
    local body="{\"name\":\"$1\",\"password\":\"a sentence that nobody guesses\"}" try url="${site_urls[$2]}" token
    for try in 1 2 3 4 5 6 7 8 9; do
        curl -s -o /dev/null -H 'Content-Type: application/json' --data-binary "$body" "$url/v1/users"
        token=$(curl -s -H 'Content-Type: application/json' --data-binary "$body" "$url/v1/sessions" |
            sed -n 's/.*"token":"\([^"]*\)".*/\1/p')
        [ -z "$token" ] || { printf '%s' "$token"; return; }
        sleep 0.$try # more hashes wait than may
    done
    return 1
}
# Registers all of them, as many at once as there are nodes, and lets each follow `ann`.
join_followers() {
    local node number
    for node in 0 1 2; do
        for number in $(seq "$node" 3 $((followers - 1))); do
            call PUT /v1/following/ann "$(join "reader$number" "$node")" >/dev/null || exit 1
        done &
        joining+=($!)
    done
    wait "${joining[@]}"
}
pointers() {
    local url
    for url in "${three_urls[@]}"; do curl -s "$url/metrics"; done |
        awk '/^atoll_site_events_total[{]kind="pointer"[}]/ { sum += $2 } END { printf "%d", sum }'
}
# fan_out POSTS TOKEN TITLE-BYTES: how soon so many posts are in all inboxes, by a row. Titles of one length are the same.
fan_out() {
    local before began all had
    before=$(pointers) all=$(($1 * followers)) had=$(processor_ms)
    began=$(date +%s%N)
    "$atoll" bench "${site_urls[@]/#/--url=}" --workload post --header "authorization: Bearer $2" \
        --key-bytes "$3" \
        --requests "$1" --warm-up 0 --connections 4 >/dev/null
    until [ $(($(pointers) - before)) -ge $all ]; do
        [ $(($(date +%s%N) - began)) -lt 120000000000 ] || { say "posts did not get to all inboxes"; return 1; }
        sleep 0.01
    done
    row "site, posts to inboxes of $followers followers, pointers" fan-out \
        "$(awk -v n=$all -v ns=$(($(date +%s%N) - began)) 'BEGIN { print n * 1e9 / ns }')" - - - - 0 $(($(processor_ms) - had)) $all
}

# post_beside TOKEN TITLE-BYTES: posts in the background, $rate a second at each node, for as long as a row is measured. So
# each row has as many posts, and what differs is what becomes of them.
post_beside() {
    local node
    beside=()
    for node in 0 1 2; do
        "$atoll" bench "--url=${site_urls[$node]}" --workload post --header "authorization: Bearer $1" --json \
            --key-bytes $(($2 + node)) --rate $rate --duration $((seconds + warm_up)) --warm-up 0 --connections 4 \
            >"$work/beside$node.json" &
        beside+=($!)
        sleep 0.066 # not all three at once
    done
}
# Until the posts beside have ended and are in all inboxes. Posts that were refused would make a row look better.
wait_for_posts() {
    local began waiting
    wait "${beside[@]}"
    if grep -oh '"errors" *: *[0-9]*' "$work"/beside?.json | grep -qv '[: ]0$'; then
        say "posts beside were refused"
        return 1
    fi
    began=$(date +%s%N)
    while waiting=$(for url in "${three_urls[@]}"; do curl -sf "$url/metrics"; done |
        awk '/^atoll_site_deliveries / { sum += $2; nodes += 1 } END { print nodes == 3 ? sum : "?" }') && [ "$waiting" != 0 ]; do
        [ $(($(date +%s%N) - began)) -lt 120000000000 ] || { say "posts did not get to all inboxes"; return 1; }
        sleep 0.1
    done
}

bench_site() {
    local ann bob reader beside rate name joining=()
    has_site=1 start_three
    site_urls=(http://127.0.0.1:$((solo_port + 51)) http://127.0.0.1:$((solo_port + 52)) http://127.0.0.1:$((solo_port + 53)))
    say "site: $followers people register, which takes two hashes of a password each"
    ann=$(join ann 0) bob=$(join bob 1) reader=$(join reader 2)
    join_followers
    call PUT /v1/following/ann "$reader" >/dev/null
    measure "site, a post, 100/s" post atoll "${site_urls[@]}" --workload post --header "authorization: Bearer $bob" --rate 100
    call PUT /v1/following/bob "$reader" >/dev/null
    name=bob/user$(printf '%012d' 0)
    measure "site, permalink" page atoll "${site_urls[@]}" --workload page --path "/$name/"
    measure "site, page of all posts" page atoll "${site_urls[@]}" --workload page
    measure "site, page of all posts, 200/s" page atoll "${site_urls[@]}" --workload page --rate 200
    fan_out 40 "$ann" 16
    # As many pointers as were just brought to inboxes with nothing beside, or 15,000 a second, which is what is asked for.
    rate=$(awk -v pointers="$(value_of "site, posts to inboxes of $followers followers, pointers" rate)" -v each="$followers" \
        'BEGIN { rate = int(pointers / each / 3); print (rate > 5 ? 5 : rate < 1 ? 1 : rate) }')
    note "site, pages beside posts: $((3 * rate)) posts a second"
    post_beside "$bob" 20
    measure "the same beside posts to 1 follower" page atoll "${site_urls[@]}" --workload page --rate 200
    wait_for_posts
    post_beside "$ann" 23
    measure "the same beside posts to $followers followers" page atoll "${site_urls[@]}" --workload page --rate 200
    wait_for_posts
    measure "site, inbox of 30 as JSON, 200/s" page atoll "${site_urls[@]}" --workload page \
        --path /v1/timelines/inbox --header "authorization: Bearer $reader" --rate 200
    measure "site, inbox of 30 as a page, 200/s" page atoll "${site_urls[@]}" --workload page --path / \
        --header "authorization: Bearer $reader" --rate 200
    stop_all
}
