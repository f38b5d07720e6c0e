# shellcheck shell=bash disable=SC2154
# Sourced by demo.sh and report.sh after cluster.sh: an exchange gb in a database of
# a private cluster, and public files loaded into it.
#
# The caller sets home (where make was called) and database, and says with
# exchange_psql() how to reach the cluster.

# cluster_psql DIR ...: as whoever runs make, who may read files that user postgres may not
cluster_psql() {
    local dir=$1
    shift
    "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$(readlink -f "$dir/socket")" "$@"
}

# the lines of psql, notices too, as lines of progress
with_progress() {
    "$@" 2>&1 | while IFS= read -r line; do
        say "       ${line#NOTICE:  }"
    done
}

# find_data WHAT: the directory DATA names, into data; empty without DATA
find_data() {
    files_read=0
    data=${DATA:-}
    [ -n "$data" ] || return 0
    data=$(cd "$home" && readlink -m "$data")
    [ -d "$data" ] || fail "DATA=$DATA is not a directory." "Name the one that has $1, for example DATA=../shared/data."
}

make_exchange() {
    quietly exchange exchange_psql -d postgres -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" -c "CREATE DATABASE $database"
    quietly exchange exchange_psql -d "$database" -c 'CREATE EXTENSION flexexchange' -c "SELECT flexexchange.create_exchange('gb')" \
        -c "ALTER DATABASE $database SET search_path = gb, flexexchange"
}

# load_file FILE TABLE IMPORTER
load_file() {
    local file=$data/$1
    if [ ! -e "$file" ]; then
        say "       $file is not there: left out"
        return 0
    fi
    say "       read $file"
    files_read=$((files_read + 1))
    exchange_psql -d "$database" -c "\\copy gb.$2 FROM '${file//\'/\'\'}' (FORMAT csv, HEADER)"
    # importers count each in their own words
    with_progress exchange_psql -d "$database" -A -t -c "
        SELECT format('%s rows: %s imported, %s rejected%s', r ->> 'rows_read', coalesce(r ->> 'rows_imported', r ->> 'rows_stored'), r ->> 'rows_rejected', ', ' || (r ->> 'values_left_out') || ' values left out')
        FROM to_jsonb((SELECT i FROM gb.$3() i)) r"
}

# check_loaded WHAT: something was there
check_loaded() {
    [ "$files_read" -gt 0 ] || fail "None of these files is in $data." "Name the directory that has $1."
    exchange_psql -d "$database" -c 'ANALYZE'
}
