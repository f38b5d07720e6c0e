#!/bin/bash
# make demo [DATA=dir], make demo-stop: a private cluster in ./.demo with an exchange
# in it, and a page that shows what it found.
set -euo pipefail

home=$PWD
# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
source "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
source "$root/test/bin/cluster.sh"
# shellcheck source-path=SCRIPTDIR source=load.sh
source "$root/test/bin/load.sh"

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

exchange_psql() { cluster_psql "$demo" "$@"; }

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

    find_data 'ecr-ukpn/ and ukpn-dispatches/'
    [ -z "$data" ] || source="the files of $data"

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
    make_exchange

    step "load $source"
    if [ -n "$data" ]; then
        load_file ecr-ukpn/embedded-capacity-register.csv embedded_capacity_register_staging import_embedded_capacity_register
        load_file ukpn-dispatches/dispatches-2024.csv dispatch_instruction_staging import_dispatch_instructions
        check_loaded 'ecr-ukpn/ and ukpn-dispatches/'
    else
        with_progress exchange_psql -d "$database" -o /dev/null -c 'SELECT * FROM gb.load_sample_book()'
    fi

    psql=$(command -v psql || echo "$pg_bin/psql")
    exchange_psql -d "$database" -A -t -v connect="${psql/#\/usr\/bin\//} -h $(readlink -f "$demo/socket") -p $PGPORT -U $PGUSER -d $database" \
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
