#!/bin/bash
# open_data.sh DIRECTORY [EXCHANGE]: writes the open data of an exchange, datapackage.json and a CSV of each
# dataset, as one statement sees them.  The connection is psql's, from the environment; any analyst will do.
set -euo pipefail

directory=${1:?usage: open_data.sh DIRECTORY [EXCHANGE]}
exchange=${2:-gb}

mkdir -p "$directory"
# the name is an identifier; base64 brings the bytes through as they are
psql -XAtq -v ON_ERROR_STOP=1 -F ' ' -v exchange="$exchange" -f - <<'SQL' |
SELECT path, translate(encode(content, 'base64'), E'\n', '') FROM :"exchange".open_data_files();
SQL
    while read -r path content; do
        base64 -d <<<"$content" >"$directory/$path.new"
        mv "$directory/$path.new" "$directory/$path"
    done
[ -e "$directory/datapackage.json" ]
