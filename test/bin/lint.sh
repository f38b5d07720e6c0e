#!/bin/bash
# make lint: shellcheck, cppcheck and clang-tidy over the sources, plpgsql_check over every
# PL/pgSQL function of the extension and of a thick exchange.  Prints what they find that
# test/lint/excuses.txt does not excuse, and every excuse that nothing needs.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
source "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
source "$root/test/bin/cluster.sh"

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

found=0
# report TITLE: the findings of a file, one to a line
report() {
    local n
    n=$(grep -c . "$scratch/$1" || true)
    cat "$scratch/$1"
    found=$((found + n))
    say "$1: $n"
}

# from "file:line:column: level: message [check]" to those without an excuse: an excuse names a
# check, a file, and what the line at fault contains
unexcused() {
    perl -e '
        my ($excuses, $used) = @ARGV;
        open(my $in, "<", $excuses) or die "$excuses: $!";
        my @excuses = map { [split(/ \| /, $_, 4)] } grep { !/^(#|$)/ } <$in>;
        my (%seen, %used);
        while (my $finding = <STDIN>) {
            my ($file, $line, $check) = $finding =~ /^([^:]+):(\d+):\d+: (?:warning|error|style|portability|performance): .*\[([^]]+)\]$/ or next;
            next if $seen{$finding}++;
            open(my $source, "<", $file) or die "$file: $!";
            my $text = (<$source>)[$line - 1];
            my ($excuse) = grep { $check eq $_->[0] && $file eq $_->[1] && index($text, $_->[2]) >= 0 } @excuses;
            print $finding unless $excuse;
            $used{join(" | ", @$excuse)} = 1 if $excuse;
        }
        open(my $out, ">>", $used) or die "$used: $!";
        print $out $_ for keys %used;
    ' test/lint/excuses.txt "$scratch/used"
}

require lint
cd "$root"
touch "$scratch/used"

shellcheck -x -f gcc .ci/run test/bin/*.sh test/fuzz/*.sh >"$scratch/shellcheck" || true
report shellcheck

cppcheck -q --std=c99 --enable=warning,portability,performance --suppress=preprocessorErrorDirective \
    --include=test/lint/cppcheck.h --template='{file}:{line}:{column}: {severity}: {message} [{id}]' src 2>"$scratch/cppcheck.all"
unexcused <"$scratch/cppcheck.all" >"$scratch/cppcheck"
report cppcheck

# one file at a time; that there is no compilation database it says on stderr, what it cannot compile on stdout
printf '%s\n' src/*.c | xargs -P "$(nproc)" -n 1 clang-tidy --quiet --config-file=test/lint/clang-tidy.yaml \
    --extra-arg={-D_GNU_SOURCE,-DUSE_ASSERT_CHECKING,-DFLEX_VERSION='"lint"',-isystem,"$("$PG_CONFIG" --includedir-server)"} \
    2>/dev/null >"$scratch/clang-tidy.log" || echo "Makefile:1:1: error: clang-tidy did not read every file [xargs]" >>"$scratch/clang-tidy.log"
sed "s#^$root/##" "$scratch/clang-tidy.log" >"$scratch/clang-tidy.all"
unexcused <"$scratch/clang-tidy.all" >"$scratch/clang-tidy"
report clang-tidy

grep -Ev '^(#|$)' test/lint/excuses.txt | grep -Fxv -f "$scratch/used" >"$scratch/needless excuses" || true
report 'needless excuses'

build
install_extension
work=$(as_cluster_user mktemp -d /tmp/flexexchange-lint.XXXXXX)
cluster_start "$work"
socket=$(readlink -f "$work/socket")
"$pg_bin/psql" -X -q -h "$socket" -d postgres -c 'CREATE DATABASE lint'
quietly plpgsql_check "$pg_bin/psql" -X -q -h "$socket" -d lint -o "$scratch/plpgsql_check" -f test/lint/plpgsql.sql
report plpgsql_check

if [ "$found" -gt 0 ]; then
    fail "make lint found $found."
fi
