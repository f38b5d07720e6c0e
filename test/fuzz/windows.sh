#!/bin/bash
# Fuzz the text and bytes of time_window and resource_window: windows.sh [SECONDS [SEED]], 10 seconds by default.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pg_config=${PG_CONFIG:-pg_config}
cc=${CC:-gcc}
work=$(mktemp -d /tmp/flexexchange-fuzz.XXXXXX)
trap 'rm -rf "$work"' EXIT
objects=()
for source in "$root"/src/{time_window,resource_window,window_functions,window_gist,time_window_gist,resource_window_gist}.c \
    "$root"/test/fuzz/window_fuzz{,_value,_page}.c; do
    object=$work/$(basename "$source" .c).o
    # without -fwrapv, which would hide overflows, and with the asserts
    "$cc" -g -O1 -fPIC -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -D_GNU_SOURCE -Wall \
        -DUSE_ASSERT_CHECKING -I"$root/src" -I"$("$pg_config" --includedir-server)" -c "$source" -o "$object"
    objects+=("$object")
done
# initfirst wakes ASan before any library's constructor: woken by a malloc inside bindtextdomain(),
# it breaks glibc's lock there, and the next to take that lock waits for ever
"$cc" -shared -fsanitize=address,undefined -Wl,-z,initfirst \
    -Wl,--wrap=palloc,--wrap=palloc0,--wrap=pstrdup,--wrap=pnstrdup,--wrap=pfree "${objects[@]}" -ldl -lm -o "$work/window_fuzz.so"
# the program is the server's, so that its functions are at hand; its main() is not run.
# What is left at the end is no leak: memory that grows is, and is looked for
env ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1 \
    LD_PRELOAD="$("$cc" -print-file-name=libasan.so) $work/window_fuzz.so" "$("$pg_config" --bindir)/postgres" "$@"
