#!/bin/sh
# update_script.sh RELEASE VERSION sql/extension/*.sql: what ALTER EXTENSION flexexchange UPDATE runs
# in a database that has that release, but for the modules: what was written by hand for
# each step since then, oldest first, then what of sql/extension differs.
set -eu

release=$1
version=$2
shift 2

# what the scripts of the steps from the release on are called, oldest first
steps() {
    for step in sql/migrations/*--*/; do
        from=${step#sql/migrations/}
        from=${from%%--*}
        if [ "$(printf '%s\n' "$release" "$from" | sort -V | head -n 1)" = "$release" ] && [ -e "${step}extension.sql" ]; then
            echo "${step}extension.sql"
        fi
    done | sort -V
}

scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT
gzip -dc "sql/releases/flexexchange--$release.sql.gz" >"$scratch"

cat <<END
-- flexexchange: from $release to $version, made by sql/update_script.sh.

\\echo Use "ALTER EXTENSION flexexchange UPDATE TO '$version'" to load this file. \\quit

END
steps=$(steps)
# shellcheck disable=SC2086
[ -z "$steps" ] || cat $steps
# shellcheck disable=SC2086
awk -f sql/changed_statements.awk "$scratch" $steps "$@"
echo 'DELETE FROM flexexchange.module;'
echo 'DELETE FROM flexexchange.migration;'
