#!/bin/bash
# make test: build, install, and run every test, in two lanes beside each other, each
# with a throw-away cluster and a copy of the sources: regression tests and every second
# isolation spec; TAP, whose tests start clusters of their own, and the other specs.
# Each whether or not the others failed.  Ends with "N passed, N failed".
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
source "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
source "$root/test/bin/cluster.sh"

work=
other_lane=

finish() {
    local status=$? lane
    trap - EXIT
    # its process group: each test stops its clusters when it is told to end
    if [ -n "$other_lane" ] && kill -TERM -- "-$other_lane" 2>/dev/null; then
        wait "$other_lane" || true
    fi
    if [ -n "$work" ]; then
        for lane in "$work"/*/; do
            cluster_stop "$lane/cluster" || true
            cluster_remove "$lane/cluster"
        done
        rm -rf "$work"
    fi
    tidy_up
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

# furnish LANE: a cluster, and the sources: the tests write beside them, and their user may not be able to read the clone
furnish() {
    local lane=$work/$1 part file
    as_cluster_user mkdir -p "$lane/cluster"
    cluster_start "$lane/cluster"
    for part in Makefile flexexchange.control README.md sql src test expected docs; do
        [ ! -e "$root/$part" ] || cp -R "$root/$part" "$lane/"
    done
    mkdir -p "$lane/expected" "$lane/test/isolation/expected"
    # pg_regress gives up where an expected file is missing: against an empty one it fails, and goes on
    for part in "$lane"/test/sql/*.sql "$lane"/test/isolation/specs/*.spec; do
        file=${part##*/}
        case $part in
        *.sql) file=$lane/expected/${file%.sql}.out ;;
        *) file=$lane/test/isolation/expected/${file%.spec}.out ;;
        esac
        [ ! -e "$part" ] || [ -e "$file" ] || touch "$file"
    done
    ! is_root || chown -R "$cluster_user" "$lane"
}

# "test name ... ok" (15), "ok 1 - name" (16 and later) and "ok FILE.pl"; and their failures
ok='^(test .*|     .*) \.\.\. ok |^ok [0-9]+ |^ok [^ ]*\.pl$'
not_ok='^(test .*|     .*) \.\.\. FAILED |^not ok [0-9]+ |^not ok .*\.pl$'

# run_installcheck TITLE LANE OUTPUT_DIRECTORY MAKE_ARGUMENTS: pg_regress or pg_isolation_regress;
# prints what it says of each test, and after a failure the end of it and the differences
run_installcheck() {
    local title=$1 lane=$work/$2 output=$3 log=$scratch/$1.log
    shift 3
    say "$title"
    if as_cluster_user env -u DATA PGHOST="$(readlink -f "$lane/cluster/socket")" make -C "$lane" PG_CONFIG="$PG_CONFIG" installcheck "$@" >"$log" 2>&1; then
        grep -E "$ok" "$log" | tee -a "$scratch/results" || echo "no tests"
        return
    fi
    # it may not even have got to a test
    grep -Eq "$not_ok" "$log" || echo "test $title ... FAILED before any test" >>"$log"
    grep -E "$ok|$not_ok" "$log" >>"$scratch/results"
    tail -n 60 "$log"
    if [ -e "$lane/$output/regression.diffs" ]; then
        tee -a "$root/regression.diffs" <"$lane/$output/regression.diffs"
        cp -R "$lane/$output/results" "$root/"
        echo "These differences are in $root/regression.diffs, the results in $root/results."
    fi
}

# isolation LANE FIRST: every second spec
isolation() {
    local specs
    mapfile -t specs < <(find "$root/test/isolation/specs" -name '*.spec' -printf '%f\n' | sort | sed -n "$2~2s/\.spec$//p")
    run_installcheck "isolation-$1" "$1" output_iso REGRESS= TAP_TESTS= ISOLATION="${specs[*]}"
}

# tap LANE: each file of test/t; prints "ok FILE" or its log and "not ok FILE"
tap() {
    local lane=$work/$1 pgxs_test file log
    pgxs_test=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
    say TAP
    for file in "$lane"/test/t/*.pl; do
        [ -e "$file" ] || {
            echo "no tests"
            continue
        }
        log=$scratch/${file##*/}.log
        if as_cluster_user env -u PGPORT -u PGUSER -C "$lane" PATH="$pg_bin:$PATH" PG_REGRESS="$pgxs_test/regress/pg_regress" \
            TESTDIR="$lane" TESTDATADIR="$lane/tmp_check" TESTLOGDIR="$lane/tmp_check/log" PG_CONFIG="$PG_CONFIG" \
            prove -v -I "$pgxs_test/perl" -I "$lane/test/t" "$file" >"$log" 2>&1; then
            echo "ok ${file##*/}" | tee -a "$scratch/results"
        else
            cat "$log"
            find "$lane/tmp_check" -name '*.log' -path "*${file##*/}*" -exec tail -n 40 {} + 2>/dev/null || true
            echo "not ok ${file##*/}" | tee -a "$scratch/results"
        fi
    done
}

require tap
say "build and install flexexchange"
build
install_extension

say "start throw-away clusters"
work=$(as_cluster_user mktemp -d /tmp/flexexchange-test.XXXXXX)
furnish one
furnish two

rm -rf "$root/regression.diffs" "$root/results"
touch "$scratch/results"
set -m
{
    tap two
    isolation two 2
} >"$scratch/two.log" 2>&1 &
other_lane=$!
set +m
run_installcheck regression one . ISOLATION= TAP_TESTS=
isolation one 1
say "the other lane"
wait "$other_lane" || echo "not ok lane two.pl" | tee -a "$scratch/results"
other_lane=
cat "$scratch/two.log"

say "done"
passed=$(grep -Ec "$ok" "$scratch/results" || true)
failed=$(grep -Ec "$not_ok" "$scratch/results" || true)
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
