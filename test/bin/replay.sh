#!/bin/bash
# make replay [DATA=dir]: real books and tenders cleared anew and held against what was published, real dispatches settled and held against sums over their file, a household baselined by each method, in a cluster of its own that is gone afterwards; prints Markdown.
# Without DATA, an invented excerpt that has their form.
set -euo pipefail

home=$PWD
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
source "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
source "$root/test/bin/cluster.sh"
# shellcheck source-path=SCRIPTDIR source=load.sh
source "$root/test/bin/load.sh"

work=
database=replay

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

exchange_psql() { cluster_psql "$work" "$@"; }

# copy_packed TABLE FILE: false where the file is not there
copy_packed() {
    local file=$data/$2
    if [ ! -e "$file" ]; then
        say "       $file is not there: left out" >&2
        return 1
    fi
    say "       read $file" >&2
    gzip -dc "$file" | exchange_psql -d "$database" -c "COPY $1 FROM STDIN (FORMAT csv, HEADER)"
}

load_book() {
    copy_packed replay.step it-mgp/simple-bid-curves.csv.gz && copy_packed replay.block it-mgp/block-orders.csv.gz && copy_packed replay.line it-mgp/internal-transfer-capacities.csv.gz &&
        copy_packed replay.exchange it-mgp/published-exchanges.csv.gz && copy_packed replay.published_price it-mgp/published-prices.csv.gz && copy_packed replay.published_flow it-mgp/published-flows.csv.gz
}

load_tenders() {
    local file=$data/nged-trades/trades.csv
    if [ ! -e "$file" ]; then
        say "       $file is not there: left out" >&2
        return 1
    fi
    say "       read $file" >&2
    exchange_psql -d "$database" -c "\\copy gb.flexibility_tender_staging FROM '${file//\'/\'\'}' (FORMAT csv, HEADER)"
}

load_dispatches() {
    local file=$data/ukpn-dispatches/dispatches-2024.csv
    if [ ! -e "$file" ]; then
        say "       $file is not there: left out" >&2
        return 1
    fi
    say "       read $file" >&2
    exchange_psql -d "$database" -c "\\copy gb.dispatch_instruction_staging FROM '${file//\'/\'\'}' (FORMAT csv, HEADER)"
}

load_household() {
    local file=$data/lcl-household
    if [ ! -e "$file/UKPN-LCL-smartmeter-sample.csv" ]; then
        say "       $file is not there: left out" >&2
        return 1
    fi
    say "       read $file" >&2
    file=${file//\'/\'\'}
    exchange_psql -d "$database" -c "\\copy replay.half_hour FROM '$file/UKPN-LCL-smartmeter-sample.csv' (FORMAT csv, HEADER)" \
        -c "\\copy replay.tariff FROM '$file/tariffs_2013.csv' (FORMAT csv, HEADER)" -c "\\copy replay.bank_holiday FROM '$file/bank_holidays.csv' (FORMAT csv)"
}

page() { exchange_psql -d "$database" -A -t -c "SELECT * FROM replay.$1()"; }

find_data 'it-mgp/, nged-trades/, ukpn-dispatches/ and lcl-household/'
{
    require server
    say "build and install flexexchange"
    build
    install_extension
    say "start a cluster for a while"
    work=$(as_cluster_user mktemp -d /tmp/flexexchange-replay.XXXXXX)
    cluster_start "$work" 'jit = off'
    make_exchange
    exchange_psql -d "$database" -c 'CREATE SCHEMA replay' -f "$root/test/replay/italian_book.sql" -f "$root/test/replay/tenders.sql" -f "$root/test/replay/dispatches.sql" -f "$root/test/replay/household.sql"
} >&2
book=yes tenders=yes dispatches=yes household=yes
if [ -n "$data" ]; then
    say "load the files of $data" >&2
    load_book || book=
    load_tenders || tenders=
    load_dispatches || dispatches=
    load_household || household=
    [ -n "$book$tenders$dispatches$household" ] || fail "None of the files was found in $data." "Name the directory that has it-mgp/, nged-trades/, ukpn-dispatches/ or lcl-household/, for example DATA=../shared/data."
else
    say "no DATA: an invented excerpt" >&2
    exchange_psql -d "$database" -f "$root/test/replay/sample.sql"
fi
if [ -n "$book" ]; then
    say "clear the book" >&2
    exchange_psql -d "$database" -c 'CALL replay.prepare_book()' -c 'CALL replay.clear_book()'
    printf '## Day-ahead book\n\n'
    page book_page
    echo
    page time_page
    echo
fi
if [ -n "$tenders" ]; then
    say "clear the tenders" >&2
    exchange_psql -d "$database" -c "CALL replay.prepare_tenders('gb.flexibility_tender_staging')" -c 'CALL replay.clear_tenders()' -c 'CALL replay.compete()'
    printf '## Tenders\n\n'
    page tender_page
    echo
fi
if [ -n "$dispatches" ]; then
    say "settle the dispatches" >&2
    exchange_psql -d "$database" -c 'CALL replay.settle_dispatches()'
    printf '## Dispatches\n\n'
    page dispatch_page
    echo
fi
if [ -n "$household" ]; then
    say "baselines of the household" >&2
    exchange_psql -d "$database" -c 'CALL replay.prepare_household()' -o /dev/null
    printf '## Household\n\n'
    page household_page
fi
say "done" >&2
