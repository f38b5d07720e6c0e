#!/bin/bash
# make check-asan [SERVER=debug] [REGRESS=...] [ISOLATION=...]: the regression tests and isolation
# specs with the library built under ASan and UBSan, asserts on and without -fwrapv.
#
# By default on a copy of the server that is installed: its memory contexts are its own, so that what
# is found is on the stack, among globals, in arithmetic.  SERVER=debug builds PostgreSQL from the
# source package of Debian, under ASan itself and with asserts; there palloc() tells ASan what was
# allocated, freed and reset, to the byte.  That takes some minutes to build, and four times as long to run.
#
# What counts as failed: a test, a report of a sanitizer, a failed assertion, and every leak of
# which the server warns: of a cache entry, a file, a buffer, a lock.
set -euo pipefail

# where kernels scatter mappings widely, the runtime of ASan up to gcc 12 does not always start
if [ -z "${NOT_SCATTERED:-}" ] && setarch -R true 2>/dev/null; then
    exec env NOT_SCATTERED=yes setarch -R "${BASH_SOURCE[0]}" "$@"
fi

# shellcheck source-path=SCRIPTDIR source=prerequisites.sh
source "$(dirname "${BASH_SOURCE[0]}")/prerequisites.sh"
# shellcheck source-path=SCRIPTDIR source=cluster.sh
source "$root/test/bin/cluster.sh"

work=
finish() {
    local status=$?
    trap - EXIT
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

sanitizers='-g -O1 -fno-omit-frame-pointer -fsanitize=address -fsanitize=undefined'

# The server that is installed, in a directory of ours: its programs find the rest from where they lie.
copy_server() {
    local dir
    for dir in bindir pkglibdir sharedir includedir-server; do
        (cd / && cp -R --parents ".$("$PG_CONFIG" "--$dir")" "$work/server/")
    done
    rm -rf "$work/server$("$PG_CONFIG" --pkglibdir)/bitcode"
    PG_CONFIG=$work/server$("$PG_CONFIG" --bindir)/pg_config
    # Whatever wakes ASan must not hold a lock of the C library: in bindtextdomain() its first malloc() never
    # returns.  A library that is initialised before all others wakes it.
    gcc -shared -fPIC -x c /dev/null -fsanitize=address -fsanitize=undefined -Wl,-z,initfirst -o "$work/first.so"
    preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so) $work/first.so"
}

# The newest source of this major version that the archive still has.
fetch_source() {
    local apt=$work/apt package version list
    package=postgresql-$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -e "$list" ] || sed -n 's/^deb /deb-src /p' "$list" >>"$apt/sources.list"
    done
    for list in /etc/apt/sources.list.d/*.sources; do
        [ ! -e "$list" ] || sed 's/^Types:.*/Types: deb-src/; 1s/^/\n/' "$list" >>"$apt/debian.sources"
    done
    apt=(-qq -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$apt" -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root)
    quietly source apt-get "${apt[@]}" update
    for version in $(apt-cache "${apt[@]}" showsrc "$package" | sed -n 's/^Version: //p' | sort -rV); do
        ! (cd "$work" && apt-get "${apt[@]}" source --download-only "$package=$version") >>"$scratch/source.log" 2>&1 || break
    done
    [ -n "$(find "$work" -maxdepth 1 -name '*.orig.tar.bz2')" ] ||
        fail "The source of $package could not be fetched." "The log: $(cat "$scratch/source.log")"
}

build_server() {
    fetch_source
    mkdir "$work/source" "$work/build"
    tar -xj -C "$work/source" --strip-components=1 -f "$work"/*.orig.tar.bz2
    say "build PostgreSQL $(sed -n "s/^PACKAGE_VERSION='\(.*\)'/\1/p" "$work/source/configure") under ASan, with asserts"
    # valgrind/memcheck.h is ours, and speaks to ASan
    quietly configure env -C "$work/build" "$work/source/configure" --prefix="$work/server" --enable-cassert --enable-debug \
        --without-readline --without-zlib --without-icu CPPFLAGS="-DUSE_VALGRIND -I$root/test/sanitizers" \
        CFLAGS="-g1 -O1 -fno-omit-frame-pointer -fsanitize=address" LDFLAGS=-fsanitize=address
    quietly postgresql make -C "$work/build" -s -j"$(nproc)"
    quietly postgresql make -C "$work/build" -s install
    quietly postgresql make -C "$work/build/contrib/btree_gist" -s install
    quietly postgresql make -C "$work/build/src/test/isolation" -s install
    PG_CONFIG=$work/server/bin/pg_config
    preload=
}

require sanitizers
work=$(mktemp -d /tmp/flexexchange-asan.XXXXXX)
chmod 755 "$work"
mkdir "$work/server"
# what runs under them leaves its memory to the end of the process, as servers do
export ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0:use_sigaltstack=0:abort_on_error=1
export UBSAN_OPTIONS=print_stacktrace=1
case ${SERVER:-installed} in
installed) copy_server ;;
debug) build_server ;;
*) fail "SERVER=$SERVER is neither installed nor debug." ;;
esac
pg_bin=$("$PG_CONFIG" --bindir)

say "build flexexchange under ASan and UBSan"
for part in Makefile flexexchange.control README.md sql src test expected docs; do
    cp -R "$root/$part" "$work/"
done
rm -f "$work"/src/*.o "$work"/src/*.bc
# these spend their minutes in an oracle written in SQL: the others run the same C
[ -n "${REGRESS+given}" ] || rm "$work"/test/sql/{conflict_oracle,network_oracle,sweep}.sql
quietly build env -u DATA make -C "$work" -s -j"$(nproc)" PG_CONFIG="$PG_CONFIG" with_llvm=no COPT="$sanitizers -fno-wrapv -fsanitize=signed-integer-overflow -DUSE_ASSERT_CHECKING" install
! is_root || chown -R "$cluster_user" "$work"

say "start a throw-away cluster"
as_cluster_user mkdir "$work/cluster"
# its frames are larger
ulimit -s 65536 2>/dev/null || true
# what a report ends stays ended: the tests that follow would only say so again
LD_PRELOAD=$preload cluster_start "$work/cluster" 'jit = off' 'restart_after_crash = off'
socket=$(readlink -f "$work/cluster/socket")

failed=0
for kind in REGRESS ISOLATION; do
    [ -n "${!kind-all}" ] || continue
    say "$kind"
    log=$scratch/$kind.log
    only=("$([ $kind = REGRESS ] && echo ISOLATION || echo REGRESS)=")
    [ -z "${!kind+given}" ] || only+=("$kind=${!kind}")
    as_cluster_user env -u DATA -u REGRESS -u ISOLATION PGHOST="$socket" make -C "$work" PG_CONFIG="$PG_CONFIG" installcheck TAP_TESTS= "${only[@]}" >"$log" 2>&1 || true
    grep -E ' \.\.\. (ok|FAILED)|^(not )?ok ' "$log" || tail -n 30 "$log"
    grep -Eq '^[# ]*All [0-9]+ tests? passed' "$log" || failed=1
done
cluster_stop "$work/cluster"

if grep -E -A 25 'runtime error:|ERROR: AddressSanitizer|TRAP:|WARNING:.*(leak|not closed|still referenced|problem in alloc set|detected write past)' "$work/cluster/log"; then
    failed=1
fi
say "done"
[ "$failed" -eq 0 ] || fail "make check-asan found what stands above."
