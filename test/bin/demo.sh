#!/bin/bash
# make demo [DATA=dir], make demo-stop: a private cluster in ./.demo with an exchange
# in it, and a page that shows what it found.
set -euo pipefail

home=$PWD
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
source "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
source "$root/test/bin/cluster.sh"

demo=$root/.demo
database=flex

finish() {
    local status=$?
    tidy_up
    [ $status -eq 0 ] || printf '\nThe demo did not finish.%s\n' "$([ $step_number -lt 4 ] || [ ! -e "$demo/log" ] || echo " The log of its server: $demo/log")" >&2
}
trap finish EXIT
trap 'exit 130' INT TERM

step_number=0
step() { say "$((++step_number))/6  $*"; }

# psql, as whoever runs make: it may read files that user postgres may not
demo_psql() { "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$(readlink -f "$demo/socket")" "$@"; }

# the lines of psql, notices too, as lines of progress
with_progress() {
    "$@" 2>&1 | while IFS= read -r line; do
        say "       ${line#NOTICE:  }"
    done
}

check_owner() {
    [ ! -e "$demo" ] || [ "$(stat -L -c %U "$demo")" = "$cluster_user" ] ||
        fail "$demo belongs to $(stat -L -c %U "$demo"), and this would run as $cluster_user." \
            "Run make demo-stop as the user who made it (root: sudo make demo-stop), then try again."
}

# a directory of cluster_user: in the clone, or elsewhere when it cannot reach the clone
make_directory() {
    if ! is_root; then
        mkdir -m 755 "$demo"
    elif as_cluster_user test -x "$root"; then
        install -d -o "$cluster_user" -m 755 "$demo"
    else
        ln -s "$(as_cluster_user mktemp -d /var/tmp/flexexchange-demo.XXXXXX)" "$demo"
        chmod 755 "$(readlink -f "$demo")"
    fi
}

is_usable() {
    local major
    major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    [ -e "$demo" ] && cluster_is_running "$(readlink -f "$demo")" && [ "$(cat "$demo/data/PG_VERSION")" = "$major" ]
}

remove_demo() {
    if [ -e "$demo" ]; then
        cluster_stop "$(readlink -f "$demo")"
        cluster_remove "$(readlink -f "$demo")"
    fi
    rm -f "$demo"
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
    demo_psql -d "$database" -c "\\copy gb.$2 FROM '${file//\'/\'\'}' (FORMAT csv, HEADER)"
    with_progress demo_psql -d "$database" -A -t -c "
        SELECT format('%s rows: %s imported, %s rejected, %s values left out',
                      rows_read, rows_imported, rows_rejected, values_left_out) FROM gb.$3()"
}

load_files() {
    files_read=0
    load_file ecr-ukpn/embedded-capacity-register.csv embedded_capacity_register_staging import_embedded_capacity_register
    load_file ukpn-dispatches/dispatches-2024.csv dispatch_instruction_staging import_dispatch_instructions
    [ "$files_read" -gt 0 ] || fail "None of these files is in $data." "Name the directory that has ecr-ukpn/ and ukpn-dispatches/."
    demo_psql -d "$database" -c 'ANALYZE'
}

# break lines after 90 characters, the rest as deep as the line began; not the
# command to connect with
wrap() {
    awk '{
        match($0, /^ *([0-9,]+  +|[0-9]+\. )?/)
        indent = sprintf("%" RLENGTH "s", "")
        while (length($0) > 90 && $1 !~ /psql$/) {
            for (cut = 90; cut > length(indent) && substr($0, cut, 1) != " "; cut--);
            if (cut <= length(indent)) break
            print substr($0, 1, cut - 1)
            $0 = indent substr($0, cut + 1)
        }
        print
    }'
}

start() {
    local source="the sample book" version psql

    data=${DATA:-}
    if [ -n "$data" ]; then
        data=$(cd "$home" && readlink -m "$data")
        [ -d "$data" ] ||
            fail "DATA=$DATA is not a directory." "Name the one that has ecr-ukpn/ and ukpn-dispatches/, for example make demo DATA=../shared/data."
        source="the files of $data"
    fi

    step "look for PostgreSQL, jansson and a compiler"
    require server
    check_owner
    version=$("$PG_CONFIG" --version)
    step "build flexexchange for ${version%% (*}"
    build
    step "install it into $("$PG_CONFIG" --pkglibdir)"
    install_extension

    if is_usable; then
        step "use the private cluster that runs in $demo"
    else
        step "start a private cluster in $demo"
        remove_demo
        make_directory
        cluster_start "$(readlink -f "$demo")"
    fi

    step "make exchange gb in database $database"
    quietly exchange demo_psql -d postgres -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" -c "CREATE DATABASE $database"
    quietly exchange demo_psql -d "$database" -c 'CREATE EXTENSION flexexchange' -c "SELECT flexexchange.create_exchange('gb')" \
        -c "ALTER DATABASE $database SET search_path = gb, flexexchange"

    step "load $source"
    if [ -n "$data" ]; then
        load_files
    else
        with_progress demo_psql -d "$database" -o /dev/null -c 'SELECT * FROM gb.load_sample_book()'
    fi

    psql=$(command -v psql || echo "$pg_bin/psql")
    demo_psql -d "$database" -A -t -v connect="${psql/#\/usr\/bin\//} -h $(readlink -f "$demo/socket") -p $PGPORT -U $PGUSER -d $database" \
        -v real="${data:+yes}" -f "$root/test/demo/page.sql" | wrap
}

stop() {
    if [ ! -e "$demo" ]; then
        rm -f "$demo"
        echo "The demo is not running."
        return
    fi
    require server
    check_owner
    remove_demo
    echo "The demo is stopped and its data are removed."
}

case ${1:-} in
start | stop) "$1" ;;
*) fail "Usage: test/bin/demo.sh start|stop" ;;
esac
