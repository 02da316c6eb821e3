#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# board.sh: a page of the board, and a file of the same bytes from nginx, in turns by wrk on this
# machine. For `assay-load board TEAMS tests/load/board.sh`, which sets ASSAY_URL and
# ASSAY_GATEWAY_PID. Needs the packages wrk, nginx-light and curl.
set -euo pipefail

seconds=${SECONDS_EACH:-5}
rounds=${ROUNDS:-3}
folder=$(mktemp -d)
nginx_pid=
trap '[ -z "$nginx_pid" ] || kill "$nginx_pid"; rm -rf "$folder"' EXIT

# Rows that make about 100 kB of JSON, in the middle of the board.
path="/v1/competitions/load/leaderboard?first=${FIRST:-1000}&limit=${ROWS:-500}"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

start_nginx() {
    mkdir -p "$folder/www" "$folder/logs"
    curl -sf "$ASSAY_URL$path" >"$folder/www/page"
    cat >"$folder/nginx.conf" <<CONF
worker_processes 1;
daemon off;
pid $folder/nginx.pid;
error_log $folder/error.log;
events { worker_connections 512; }
http {
    access_log off;
    sendfile on;
    open_file_cache max=10;
    server { listen 127.0.0.1:$port; root $folder/www; }
}
CONF
    chmod -R a+rX "$folder"
    nginx -c "$folder/nginx.conf" -p "$folder" >"$folder/nginx.out" 2>&1 &
    nginx_pid=$!
    for _ in $(seq 100); do
        ! curl -sf "http://127.0.0.1:$port/page" >/dev/null || return 0
        sleep 0.05
    done
    cat "$folder/nginx.out" "$folder/error.log" >&2
    return 1
}

# cpu PID: its and its children's clock ticks
cpu() { cat "/proc/$1/stat" /proc/"$1"/task/"$1"/children 2>/dev/null | head -1 | awk '{ print $14 + $15 }'; }

# measure NAME PID URL
measure() {
    local before after out rate
    before=$(cpu "$2")
    out=$(wrk -t1 -c"${CONNECTIONS:-32}" -d"$seconds" --latency "$3")
    after=$(cpu "$2")
    rate=$(awk '/^Requests\/sec/ { print $2 }' <<<"$out")
    awk -v name="$1" -v rate="$rate" -v ticks=$((after - before)) -v seconds="$seconds" \
        -v p99="$(awk '$1 == "99%" { print $2 }' <<<"$out")" 'BEGIN {
            printf "%-8s %8.0f requests/s  p99 %s  %.0f us of processor a request\n", name, rate,
                p99, (rate > 0 ? 1e4 * ticks / (rate * seconds) : 0) }'
}

start_nginx
worker=$(cat "/proc/$nginx_pid/task/$nginx_pid/children")
printf 'page of %d bytes\n' "$(stat -c %s "$folder/www/page")"
for _ in $(seq "$rounds"); do
    measure gateway "$ASSAY_GATEWAY_PID" "$ASSAY_URL$path"
    measure nginx "${worker%% *}" "http://127.0.0.1:$port/page"
done
printf 'gateway %s\n' "$(grep VmHWM "/proc/$ASSAY_GATEWAY_PID/status" | xargs)"
