# Turns the modules of sql/exchange into rows of flexexchange.module, and the steps of
# sql/migrations/FROM--TO into rows of flexexchange.migration.
#
# A module is NN_name.sql (state: made once), NN_name_logic.sql (re-creatable)
# or NN_name_seed.sql (data that a new exchange starts with).  Its first line
# names the smallest archetype that has it: "-- archetype: medium".  A migration
# has the name of the module that it belongs to.

function finish() {
    if (name != "")
        print "$flexexchange_module$);\n"
}

FNR == 1 {
    finish()
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.sql$/, "", name)
    if (FILENAME ~ /(^|\/)migrations\//) {
        version = FILENAME
        sub(/\/[^\/]*$/, "", version)
        sub(/.*--/, "", version)
        printf "INSERT INTO flexexchange.migration (name, version, source) VALUES\n"
        printf "  ('%s', '%s', $flexexchange_module$\n", name, version
    } else {
        kind = name ~ /_logic$/ ? "logic" : name ~ /_seed$/ ? "seed" : "state"
        if ($0 !~ /^-- archetype: (thin|medium|thick)$/) {
            print FILENAME ": the first line must be \"-- archetype: thin|medium|thick\"" > "/dev/stderr"
            exit failed = 1
        }
        printf "INSERT INTO flexexchange.module (name, kind, archetype, source) VALUES\n"
        printf "  ('%s', '%s', '%s', $flexexchange_module$\n", name, kind, $3
        next
    }
}

/@extschema|MODULE_PATHNAME|\$flexexchange_module\$/ {
    print FILENAME ":" FNR ": this text would be replaced while the extension is made" > "/dev/stderr"
    exit failed = 1
}

{ print }

END { if (failed) exit 1; finish() }
