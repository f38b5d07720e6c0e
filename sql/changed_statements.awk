# What of a later version an update from an earlier one has to run, for
#
#     awk -f changed_statements.awk EARLIER.sql BY_HAND.sql LATER.sql ...
#
# EARLIER.sql is the script of the earlier version, BY_HAND.sql the extension.sql of the step between
# them (sql/migrations/FROM--TO), LATER.sql the script of the later one, or its parts.  A statement that
# the earlier version has word for word is done.  Any other is run: functions, views and aggregates as
# CREATE OR REPLACE, the rest as it stands.  Where that cannot be, because what it makes was there
# in another shape, extension.sql says what is done instead, and names it by its
# first line: "-- instead of: CREATE TABLE module (".  The rows of modules and migrations are left out.
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

function complain() {
    print "the last statement of " part " does not end: " first > "/dev/stderr"
    exit failed = 1
}

# an empty file has no first line
FILENAME != part {
    if (statement != "")
        complain()
    part = FILENAME
    role = part == ARGV[1] ? "earlier" : part == ARGV[2] ? "by hand" : "later"
}

role == "by hand" {
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
    if (role == "earlier")
        done[statement] = 1
    else if (!(statement in done) && !(first in instead) && first !~ /^INSERT INTO flexexchange\.(module|migration) /) {
        if (statement ~ /^CREATE (FUNCTION|VIEW|AGGREGATE) /)
            sub(/^CREATE/, "CREATE OR REPLACE", statement)
        print statement
    }
    statement = ""
}

END {
    if (!failed && statement != "")
        complain()
    if (failed)
        exit 1
}
