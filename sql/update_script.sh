#!/bin/sh
# update_script.sh RELEASE VERSION sql/extension/*.sql: what ALTER EXTENSION flexexchange UPDATE runs
# in a database that has that release, but for the modules.  From release to release, and from
# the last to the version that is made: what was written by hand for the step, then what differs.
set -eu

release=$1
version=$2
shift 2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# script VERSION: the script of a release
script() {
    [ -e "$scratch/$1.sql" ] || gzip -dc "sql/releases/flexexchange--$1.sql.gz" >"$scratch/$1.sql"
    echo "$scratch/$1.sql"
}

# the releases that came after, oldest first
later() {
    for file in sql/releases/flexexchange--*.sql.gz; do
        other=${file#*--}
        other=${other%.sql.gz}
        if [ "$other" != "$version" ] && [ "$other" != "$release" ] && [ "$(printf '%s\n' "$release" "$other" | sort -V | head -n 1)" = "$release" ]; then
            echo "$other"
        fi
    done | sort -V
}

cat <<END
-- flexexchange: from $release to $version, made by sql/update_script.sh.

\\echo Use "ALTER EXTENSION flexexchange UPDATE TO '$version'" to load this file. \\quit

END
from=$release
for to in $(later) "$version"; do
    echo "-- from $from to $to"
    by_hand=sql/migrations/$from--$to/extension.sql
    [ -e "$by_hand" ] && cat "$by_hand" || by_hand=/dev/null
    if [ "$to" = "$version" ]; then
        awk -f sql/changed_statements.awk "$(script "$from")" "$by_hand" "$@"
    else
        awk -f sql/changed_statements.awk "$(script "$from")" "$by_hand" "$(script "$to")"
    fi
    from=$to
done
echo 'DELETE FROM flexexchange.module;'
echo 'DELETE FROM flexexchange.migration;'
