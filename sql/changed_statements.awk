# What of sql/extension an update from an earlier release has to run, for
#
#     awk -f changed_statements.awk RELEASE.sql [BY_HAND.sql ...] sql/extension/*.sql
#
# RELEASE.sql is the script of that release, BY_HAND.sql are the extension.sql of the
# steps since then (sql/migrations/FROM--TO).  A statement that the release has word
# for word is done.  Any other is run: functions, views and aggregates as CREATE OR
# REPLACE, the rest as it stands.  Where that cannot be, because what it makes was there
# in another shape, extension.sql says what is done instead, and names it by its
# first line: "-- instead of: CREATE TABLE module (".
#
# A statement begins at the start of a line and ends with a semicolon at the end of
# one, outside quotes, dollar quotes, comments and BEGIN ATOMIC.

# 1 when the statement is complete with this line; sets quote ("", "'", "/*" or "$tag$") and atomic
function ends(line,    tag) {
    while (line != "") {
        if (quote == "") {
            if (line ~ /^--/)
                break
            if (line ~ /^\/\*/) {
                quote = "/*"
                line = substr(line, 3)
                continue
            }
            if (match(line, /^\$[A-Za-z_]*\$/)) {
                quote = substr(line, 1, RLENGTH)
                line = substr(line, RLENGTH + 1)
                continue
            }
            if (line ~ /^'/)
                quote = "'"
            if (line ~ /^BEGIN ATOMIC/)
                atomic = 1
            if (line ~ /^END;/)
                atomic = 0
            if (line ~ /^;[ \t]*(--.*)?$/ && !atomic)
                return 1
            line = substr(line, 2)
        } else {
            tag = quote == "/*" ? "*/" : quote
            if (!index(line, tag))
                break
            line = substr(line, index(line, tag) + length(tag))
            quote = ""
        }
    }
    return 0
}

FNR == 1 {
    part = FILENAME ~ /(^|\/)migrations\// ? "hand" : FILENAME ~ /(^|\/)extension\// ? "present" : "release"
    statement = ""
}

part == "hand" {
    if (sub(/^-- instead of: /, ""))
        instead[$0] = 1
    next
}

statement == "" && /^(--|\\|[ \t]*$)/ { next }

{
    if (statement == "") {
        first = $0
        quote = ""
        atomic = 0
    }
    statement = statement $0 "\n"
    if (!ends($0))
        next
    if (part == "release")
        done[statement] = 1
    else if (!(statement in done) && !(first in instead)) {
        if (statement ~ /^CREATE (FUNCTION|VIEW|AGGREGATE) /)
            sub(/^CREATE/, "CREATE OR REPLACE", statement)
        print statement
    }
    statement = ""
}

END {
    if (statement != "") {
        print FILENAME ": the last statement does not end: " first > "/dev/stderr"
        exit 1
    }
}
