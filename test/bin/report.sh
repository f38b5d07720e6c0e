#!/bin/bash
# make report [DATA=dir] [OUT=file]: the report page of public files, or of the
# sample book, made in a cluster of its own that is gone afterwards.
# make pictures: the pictures of docs/, drawn anew.
# make dictionary: docs/data_dictionary.md, written anew.
set -euo pipefail

home=$PWD
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
source "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
source "$root/test/bin/cluster.sh"
# shellcheck source-path=SCRIPTDIR source=load.sh
source "$root/test/bin/load.sh"

work=
database=report

finish() {
    local status=$?
    trap - EXIT
    if [ -n "$work" ]; then
        cluster_stop "$work" || true
        cluster_remove "$work"
    fi
    tidy_up
    [ $status -eq 0 ] || printf '\nNothing was written.\n' >&2
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

exchange_psql() { cluster_psql "$work" "$@"; }

# publish FILE SQL: what a statement returns becomes the file, whole or not at all
publish() {
    exchange_psql -d "$database" -A -t -c "$2" >"$1.part"
    mv "$1.part" "$1"
}

make_cluster() {
    require server
    say "build and install flexexchange"
    build
    install_extension
    say "start a cluster for a while"
    work=$(as_cluster_user mktemp -d /tmp/flexexchange-report.XXXXXX)
    cluster_start "$work"
    make_exchange
}

# the terms of the files that were read: their licences ask to be named
sources=()
load_named() {
    local before=$files_read
    load_file "$1" "$2" "$3"
    [ "$files_read" -eq "$before" ] || sources+=("$4")
}

# half-hours of one household, as what a supplier reads of a portfolio of one; its stamps are UTC
load_household() {
    local file=$data/lcl-household/UKPN-LCL-smartmeter-sample.csv
    if [ ! -e "$file" ]; then
        say "       $file is not there: left out"
        return 0
    fi
    say "       read $file"
    files_read=$((files_read + 1))
    with_progress exchange_psql -d "$database" -A -t -c 'CREATE TEMP TABLE household (name text, tariff text, at text, kwh text, acorn text, acorn_group text)' \
        -c "\\copy household FROM '${file//\'/\'\'}' (FORMAT csv, HEADER)" \
        -c "INSERT INTO gb.participant (name, kinds) VALUES ('Low Carbon London', '{supplier}')" \
        -c "INSERT INTO gb.portfolio (name, service_provider_id) SELECT DISTINCT 'Household ' || h.name, p.id FROM household h, gb.participant p WHERE p.name = 'Low Carbon London'" \
        -c "INSERT INTO gb.meter_reading_intake (sender_id, scheme, unit, flow, starts_at, length, kwh)
            SELECT f.service_provider_id, 'id', f.id, 'import', regexp_replace(h.at, '^(..)/(..)/(....) (.*)', '\\3-\\2-\\1T\\4Z'), 'PT30M', btrim(h.kwh) FROM household h JOIN gb.portfolio f ON f.name = 'Household ' || h.name" \
        -c "SELECT format('%s rows: %s stored, %s corrected, %s unchanged, %s rejected', rows_read, stored, corrected, unchanged, rejected) FROM gb.meter_reading_batch ORDER BY id DESC LIMIT 1"
    sources+=('One household of the Low Carbon London trial, half-hours from October 2012 to October 2013, UK Power Networks, CC BY 4.0 as far as known.')
}

report() {
    local out title words=
    find_data 'ecr-ukpn/, ukpn-dispatches/, nged-trades/, carbon-gb/ and lcl-household/'
    out=$(cd "$home" && readlink -m "${OUT:-$root/report.html}")
    { : >"$out.part"; } 2>/dev/null || fail "$out cannot be written." "Name another file: make report OUT=/tmp/report.html"
    rm -f "$out.part"
    make_cluster
    if [ -n "$data" ]; then
        say "load the files of $data"
        title='Flexibility in Great Britain: public registers and trades'
        load_named ecr-ukpn/embedded-capacity-register.csv embedded_capacity_register_staging import_embedded_capacity_register \
            'Embedded Capacity Register, UK Power Networks, February 2022, CC BY 4.0.'
        load_named ukpn-dispatches/dispatches-2024.csv dispatch_instruction_staging import_dispatch_instructions \
            'Flexibility dispatches, 17 May to 31 December 2024, UK Power Networks, CC BY 4.0.'
        load_named nged-trades/trades.csv flexibility_tender_staging import_flexibility_tenders \
            'Flexibility tenders for delivery from 2023, National Grid Electricity Distribution, under its open data terms; what was offered in them names no unit and is not taken in.'
        load_named carbon-gb/national_intensity_2023.csv carbon_intensity_staging import_carbon_intensity \
            'Carbon intensity of Great Britain in 2023, forecast and actual, National Energy System Operator, CC BY 4.0.'
        load_household
        check_loaded 'ecr-ukpn/, ukpn-dispatches/, nged-trades/, carbon-gb/ or lcl-household/'
    else
        say "load the sample book"
        title='A day of flexibility: the sample book'
        with_progress exchange_psql -d "$database" -o /dev/null -c 'SELECT * FROM gb.load_sample_book()'
        sources=('The sample book: made up; places, providers and units are invented.')
    fi
    say "add up the days"
    exchange_psql -d "$database" -o /dev/null -c 'SELECT gb.refresh_days()'
    say "draw the report"
    words=$(printf "'%s'," "${sources[@]//\'/\'\'}")
    publish "$out" "SELECT gb.report_html('$title', sources => ARRAY[${words%,}])"
    say "$(wc -c <"$out") bytes: open $out in a browser"
}

pictures() {
    local name
    make_cluster
    say "load a small sample book"
    exchange_psql -d "$database" -o /dev/null -v ON_ERROR_STOP=1 -f "$root/test/pictures.sql"
    mkdir -p "$root/docs/pictures"
    for name in $(exchange_psql -d "$database" -A -t -c 'SELECT name FROM public.picture ORDER BY name'); do
        publish "$root/docs/pictures/$name.svg" "SELECT svg FROM public.picture WHERE name = '$name'"
        say "docs/pictures/$name.svg"
    done
}

dictionary() {
    make_cluster
    exchange_psql -q -d "$database" -v ON_ERROR_STOP=1 -f "$root/test/data_dictionary.sql" >"$root/docs/data_dictionary.md.part"
    mv "$root/docs/data_dictionary.md.part" "$root/docs/data_dictionary.md"
    say "docs/data_dictionary.md"
}

case ${1:-} in
report | pictures | dictionary) "$1" ;;
*) fail "Usage: test/bin/report.sh report|pictures|dictionary" ;;
esac
