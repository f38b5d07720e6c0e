# shellcheck shell=bash
# Sourced by the other scripts: what they need, how to build, how to complain.
#
# Sets root (the clone), PG_CONFIG, pg_bin and scratch, which holds the logs of this
# run and stays when one of them says why it failed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
started=$EPOCHREALTIME
scratch=$(mktemp -d "${TMPDIR:-/tmp}/flexexchange-log.XXXXXX")
keep_scratch=
no_cluster=

# nothing of the caller's PostgreSQL or make may leak into ours; PGXS would take
# DATA for a list of files to install
for name in "${!PG@}"; do
    [ "$name" = PG_CONFIG ] || unset "$name"
done
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES GNUMAKEFLAGS name
export LC_ALL=C PGCLIENTENCODING=UTF8

# seconds since the start, for a line of progress
elapsed() {
    local us=$((${EPOCHREALTIME/[.,]/} - ${started/[.,]/}))
    printf '%4d.%d s' $((us / 1000000)) $((us / 100000 % 10))
}

say() { printf '%s  %s\n' "$(elapsed)" "$*"; }

fail() {
    printf '\n%s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '%s\n' "$@" >&2
    exit 1
}

# run a command quietly; when it fails show the end of its log and where it is
quietly() {
    local log=$scratch/$1.log
    shift
    "$@" >>"$log" 2>&1 && return
    keep_scratch=yes
    fail "This failed: $*" "$(tail -n 25 "$log")" "The whole log: $log"
}

# for the caller's EXIT trap
tidy_up() {
    [ -n "$keep_scratch" ] || rm -rf "$scratch"
    if [ -n "$no_cluster" ]; then
        rm -f "$no_cluster"
        rmdir --ignore-fail-on-non-empty "${no_cluster%/*}"
    fi
}

is_root() { [ "$(id -u)" -eq 0 ]; }

install_packages() {
    local packages="$*"

    command -v apt-get >/dev/null ||
        fail "Missing: $packages (names of Debian packages), and there is no apt-get here." \
            "Install PostgreSQL 15 to 18 with its server headers, jansson, gcc and make, then run make with PG_CONFIG=/path/to/pg_config."
    is_root || fail "Missing: $packages. Install them, then try again:" \
        "  sudo apt-get update && sudo apt-get install $packages"
    say "install $packages"
    export DEBIAN_FRONTEND=noninteractive
    quietly apt apt-get update
    # nothing that is there is upgraded: that could restart somebody's cluster
    # Debian's PostgreSQL makes and starts a cluster when it is first installed: ours is private
    if [[ " $packages " == *" postgresql-15 "* ]]; then
        quietly apt apt-get install -y --no-install-recommends --no-upgrade postgresql-common
        no_cluster=/etc/postgresql-common/createcluster.d/flexexchange.conf
        mkdir -p "${no_cluster%/*}"
        echo 'create_main_cluster = false' >"$no_cluster"
    fi
    quietly apt apt-get install -y --no-install-recommends --no-upgrade "$@"
}

# require server|tap|bench|lint|sanitizers: what is missing is installed by root, named to others
require() {
    local missing=() bin=/usr/lib/postgresql/15/bin name

    command -v make >/dev/null || missing+=(make)
    command -v gcc >/dev/null || missing+=(gcc)
    [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
    [ -e /usr/include/jansson.h ] || missing+=(libjansson-dev)
    if [ -z "${PG_CONFIG:-}" ]; then
        [ -x "$bin/postgres" ] || missing+=(postgresql-15)
        [ -e "$("$bin/pg_config" --pgxs 2>/dev/null)" ] || missing+=(postgresql-server-dev-15)
    fi
    if [ "$1" = tap ]; then
        command -v prove >/dev/null || missing+=(perl)
        perl -MIPC::Run -e 1 2>/dev/null || missing+=(libipc-run-perl)
        command -v chromium >/dev/null || missing+=(chromium)
    fi
    if [ "$1" = bench ]; then
        command -v glpsol >/dev/null || missing+=(glpk-utils)
        command -v cbc >/dev/null || missing+=(coinor-cbc)
    fi
    if [ "$1" = lint ]; then
        for name in clang-tidy cppcheck shellcheck; do
            command -v "$name" >/dev/null || missing+=("$name")
        done
        [ -n "${PG_CONFIG:-}" ] || [ -e /usr/share/postgresql/15/extension/plpgsql_check.control ] || missing+=(postgresql-15-plpgsql-check)
    fi
    [ "$1" != sanitizers ] || command -v bzip2 >/dev/null || missing+=(bzip2)
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"

    export PG_CONFIG=${PG_CONFIG:-$bin/pg_config}
    command -v "$PG_CONFIG" >/dev/null || fail "PG_CONFIG=$PG_CONFIG is not a program."
    pg_bin=$("$PG_CONFIG" --bindir)
    [ -x "$pg_bin/postgres" ] || fail "There is no server in $pg_bin." "Install it, or name another with PG_CONFIG=/path/to/pg_config."
    [ -e "$("$PG_CONFIG" --pgxs)" ] || fail "The server headers of $pg_bin are missing." "Install them (Debian: postgresql-server-dev-15)."
    ! is_root || id postgres >/dev/null 2>&1 ||
        fail "PostgreSQL does not run as root, and there is no user postgres to run it as." "Run this as another user."
}

run_make() { env -u DATA make -C "$root" PG_CONFIG="$PG_CONFIG" "$@"; }

build() {
    quietly build run_make -j"$(nproc)" ${CI:+WERROR=-Werror}
}

# what is installed already need not be installed again: no rights are needed for that
is_installed() {
    local extension version
    extension=$("$PG_CONFIG" --sharedir)/extension
    version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$root/flexexchange.control")
    cmp -s "$root/flexexchange.so" "$("$PG_CONFIG" --pkglibdir)/flexexchange.so" &&
        cmp -s "$root/flexexchange.control" "$extension/flexexchange.control" &&
        for script in "$root"/flexexchange--"$version".sql "$root"/flexexchange--*--"$version".sql; do
            cmp -s "$script" "$extension/${script##*/}" || return 1
        done
}

install_extension() {
    ! is_installed || return 0
    is_root || [ -w "$("$PG_CONFIG" --pkglibdir)" ] ||
        fail "The extension must be installed by root. Run this, then try again:" \
            "  sudo make -C $root install PG_CONFIG=$PG_CONFIG"
    quietly install run_make install
}
