#!/bin/bash
# make bench [CASE=name] [ROWS=n] [ROUNDS=n]: measure against today's ways on a
# throw-away cluster; prints a table and writes test/bench/results.csv.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
source "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
source "$root/test/bin/cluster.sh"

rows=${ROWS:-1000000}
rounds=${ROUNDS:-5}
results=$root/test/bench/results.csv
work=

finish() {
    local status=$?
    trap - EXIT
    if [ -n "$work" ]; then
        cluster_stop "$work" || true
        cluster_remove "$work"
    fi
    tidy_up
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

[[ $rows =~ ^[1-9][0-9]*$ ]] || fail "ROWS=$rows is not a number of rows."
[[ $rounds =~ ^[1-9][0-9]*$ ]] || fail "ROUNDS=$rounds is not a number of rounds."
require bench
say "build and install flexexchange"
build
install_extension

work=$(as_cluster_user mktemp -d /tmp/flexexchange-bench.XXXXXX)
cluster_start "$work"
as_cluster_user "$pg_bin/pg_ctl" -D "$work/data" -o '-c shared_buffers=2GB -c max_wal_size=8GB -c autovacuum=off' -l "$work/log" restart -w >/dev/null
bench_psql() { "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$(readlink -f "$work/socket")" -d bench "$@"; }
"$pg_bin/psql" -X -q -h "$(readlink -f "$work/socket")" -d postgres -c 'CREATE DATABASE bench'
bench_psql -c 'CREATE EXTENSION flexexchange' -c 'CREATE EXTENSION btree_gist' -c 'CREATE SCHEMA bench'

say "$rows rows, $rounds rounds"
bench_psql -o /dev/null -v rows="$rows" -v case="${CASE:-}" -f "$root/test/bench/bench.sql"
mapfile -t cases < <(bench_psql -A -t -c 'SELECT "case" FROM bench.contender GROUP BY "case" ORDER BY min(place)')
[ -z "${CASE:-}" ] || [[ " ${cases[*]} " == *" $CASE "* ]] || fail "There is no case $CASE." "Cases: ${cases[*]}."

settings="SET client_min_messages = warning; SET max_parallel_workers_per_gather = 0; SET max_parallel_maintenance_workers = 0; SET maintenance_work_mem = '1GB'; SET synchronous_commit = off; SET jit = off; SET search_path = bench, flexexchange, public; SET bench.rows = '$rows'"
# eight clients at once, each transaction one award; what is kept is the time of a
# thousand transactions
run_clients() {
    local script=$work/award.sql round way tps
    cat >"$script" <<'SQL'
\set asset random(1, :assets)
\set slot random(0, 100000)
INSERT INTO bench_book.award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
VALUES (1, 2, :asset, 'up', 50, flexexchange.time_window('2097-01-01T00:00Z'::timestamptz + :slot * interval '30 minutes', '2097-01-01T00:30Z'::timestamptz + :slot * interval '30 minutes'));
SQL
    for ((round = 1; round <= rounds; round++)); do
        for way in ENABLE DISABLE; do
            bench_psql -c "ALTER TABLE bench_book.award $way TRIGGER t50_commitment_insert"
            tps=$(PGOPTIONS='-c synchronous_commit=off' "$pg_bin/pgbench" -n -c 8 -j 2 -T 5 -M prepared -D assets=$((rows / 10)) -f "$script" -h "$(readlink -f "$work/socket")" bench | sed -n 's/^tps = \([0-9.]*\).*/\1/p')
            bench_psql -c "INSERT INTO bench.measurement SELECT place, $round, 1000000 / $tps FROM bench.contender WHERE \"case\" = 'rules_tps' AND is_subject = ('$way' = 'ENABLE')"
        done
    done
    bench_psql -c 'ALTER TABLE bench_book.award ENABLE TRIGGER t50_commitment_insert'
}

for case in "${cases[@]}"; do
    [ -z "${CASE:-}" ] || [ "$CASE" = "$case" ] || continue
    say "$case"
    if [ "$case" = rules_tps ]; then
        run_clients
    else
        bench_psql -c "$settings" -c "CALL bench.run_case('$case', $rounds)"
    fi
    [ "$case" != clear_blocks ] || bench_psql -c 'SELECT bench.check_blocks()' -o /dev/null
    [ "$case" != settle ] || bench_psql -c 'SET client_min_messages = notice' -c 'SELECT bench.check_settle()' -o /dev/null
    [[ $case != baseline* ]] || bench_psql -c 'SELECT bench.check_baselines()' -o /dev/null
done

bench_psql -A -t -c "SET bench.rows = '$rows'" -c "COPY (SELECT \"case\", rows, subject AS subject_ms, peer, peer_value AS peer_ms, ratio, aim FROM bench.result ORDER BY place) TO STDOUT (FORMAT csv, HEADER)" >"$results"
echo
echo "| case | rows | subject | peer | peer | subject/peer | aim | |"
echo "|---|---|---|---|---|---|---|---|"
bench_psql -A -t -c "SET bench.rows = '$rows'" -c "
    SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s |', \"case\", rows, subject, peer, peer_value, ratio, coalesce(aim::text, ''), verdict)
    FROM bench.result ORDER BY place"
echo
echo "Milliseconds (bloat: pages), medians of $rounds interleaved runs, one process; also in ${results#"$root"/}."
