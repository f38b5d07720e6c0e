#!/bin/bash
# Fuzz the reader of rule_condition: conditions.sh [SECONDS [SEED]], 10 seconds by default.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pg_config=${PG_CONFIG:-pg_config}
work=$(mktemp -d /tmp/flexexchange-fuzz.XXXXXX)
trap 'rm -rf "$work"' EXIT
objects=()
# what these files need of the server's types is never called here: leave those symbols out
for source in "$root"/src/{rule_condition,rule_condition_read,json,eligibility_read,eligibility_text,eligibility_key}.c "$root"/test/fuzz/condition_fuzz.c; do
    object=$work/$(basename "$source" .c).o
    "${CC:-gcc}" -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -ffunction-sections \
        -D_GNU_SOURCE -DFLEX_VERSION='"fuzz"' -I"$root/src" -I"$root/test/fuzz" -I"$("$pg_config" --includedir-server)" -c "$source" -o "$object"
    objects+=("$object")
done
"${CC:-gcc}" -fsanitize=address,undefined -Wl,--gc-sections "${objects[@]}" -L"$("$pg_config" --pkglibdir)" -L"$("$pg_config" --libdir)" \
    -lpgcommon -lpgport -ljansson -lm -o "$work/fuzz"
ASAN_OPTIONS=detect_leaks=0 "$work/fuzz" "$@"
