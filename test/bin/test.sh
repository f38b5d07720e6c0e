#!/bin/bash
# make test: build, install, and run every test: regression tests, then isolation specs
# on a throw-away cluster, and meanwhile TAP, whose tests start clusters of their own;
# each whether or not the others failed.  Ends with "N passed, N failed".
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
source "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
source "$root/test/bin/cluster.sh"

work=
tap=
passed=0
failed=0

finish() {
    local status=$?
    trap - EXIT
    # its process group: each test stops its clusters when it is told to end
    if [ -n "$tap" ] && kill -TERM -- "-$tap" 2>/dev/null; then
        wait "$tap" || true
    fi
    if [ -n "$work" ]; then
        cluster_stop "$work/cluster" || true
        cluster_remove "$work/cluster"
        rm -rf "$work"
    fi
    tidy_up
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

# "test name ... ok" (15) and "ok 1 - name" (16 and later), and their failures
count_results() {
    passed=$((passed + $(grep -Ec '^(test .*|     .*) \.\.\. ok |^ok [0-9]+ ' "$1" || true)))
    failed=$((failed + $(grep -Ec '^(test .*|     .*) \.\.\. FAILED |^not ok [0-9]+ ' "$1" || true)))
}

# run_installcheck TITLE OUTPUT_DIRECTORY MAKE_ARGUMENTS: pg_regress or pg_isolation_regress
run_installcheck() {
    local title=$1 output=$2 log=$scratch/$1.log before=$failed
    shift 2
    say "$title"
    if ! as_cluster_user env -u DATA PGHOST="$socket" make -C "$work" PG_CONFIG="$PG_CONFIG" installcheck "$@" >"$log" 2>&1; then
        count_results "$log"
        # it did not even get to a test
        [ "$failed" -gt "$before" ] || failed=$((failed + 1))
        tail -n 60 "$log"
        if [ -e "$work/$output/regression.diffs" ]; then
            tee -a "$root/regression.diffs" <"$work/$output/regression.diffs"
            cp -R "$work/$output/results" "$root/"
            echo "These differences are in $root/regression.diffs, the results in $root/results."
        fi
    else
        count_results "$log"
        grep -E ' \.\.\. ok |^ok ' "$log" || echo "no tests"
    fi
}

# each file of test/t; prints "ok FILE" or its log and "not ok FILE"
run_tap() {
    local pgxs_test file log
    pgxs_test=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
    for file in "$work"/test/t/*.pl; do
        [ -e "$file" ] || {
            echo "no tests"
            continue
        }
        log=$scratch/${file##*/}.log
        if as_cluster_user env -u PGPORT -u PGUSER -C "$work" PATH="$pg_bin:$PATH" PG_REGRESS="$pgxs_test/regress/pg_regress" \
            TESTDIR="$work" TESTDATADIR="$work/tmp_check" TESTLOGDIR="$work/tmp_check/log" PG_CONFIG="$PG_CONFIG" \
            prove -v -I "$pgxs_test/perl" -I "$work/test/t" "$file" >"$log" 2>&1; then
            echo "ok ${file##*/}"
        else
            cat "$log"
            find "$work/tmp_check" -name '*.log' -path "*${file##*/}*" -exec tail -n 40 {} + 2>/dev/null || true
            echo "not ok ${file##*/}"
        fi
    done
}

require tap
say "build and install flexexchange"
build
install_extension

say "start a throw-away cluster"
work=$(as_cluster_user mktemp -d /tmp/flexexchange-test.XXXXXX)
as_cluster_user mkdir "$work/cluster"
cluster_start "$work/cluster"
socket=$(readlink -f "$work/cluster/socket")

# the tests write beside their sources, and their user may not be able to read the clone
for part in Makefile flexexchange.control README.md sql src test expected docs; do
    [ ! -e "$root/$part" ] || cp -R "$root/$part" "$work/"
done
mkdir -p "$work/expected" "$work/test/isolation/expected"
# pg_regress gives up where an expected file is missing: against an empty one it fails, and goes on
for part in "$work"/test/sql/*.sql "$work"/test/isolation/specs/*.spec; do
    file=${part##*/}
    case $part in
    *.sql) file=$work/expected/${file%.sql}.out ;;
    *) file=$work/test/isolation/expected/${file%.spec}.out ;;
    esac
    [ ! -e "$part" ] || [ -e "$file" ] || touch "$file"
done
! is_root || chown -R "$cluster_user" "$work"

rm -rf "$root/regression.diffs" "$root/results"
say "TAP, meanwhile"
set -m
run_tap >"$scratch/TAP.log" 2>&1 &
tap=$!
set +m
run_installcheck regression . ISOLATION= TAP_TESTS=
run_installcheck isolation output_iso REGRESS= TAP_TESTS=
say "TAP"
wait "$tap" || echo "not ok TAP.pl" >>"$scratch/TAP.log"
tap=
cat "$scratch/TAP.log"
passed=$((passed + $(grep -c '^ok [^ ]*\.pl$' "$scratch/TAP.log" || true)))
failed=$((failed + $(grep -c '^not ok [^ ]*\.pl$' "$scratch/TAP.log" || true)))

say "done"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
