# flexexchange: the only entry point.
#
#   make demo [DATA=dir]   build, install, start a private cluster in ./.demo, show real conflicts
#   make demo-stop         stop that cluster
#   make report [DATA=dir] [OUT=file]  a page of charts and tables: report.html
#   make replay [DATA=dir]   real books and tenders cleared anew, beside what was published, and baselines of a household
#   make pictures          draw the pictures of docs/ anew
#   make dictionary        write docs/data_dictionary.md anew
#   make bench [CASE=] [ROWS=]  measure against today's ways, print a table
#   make test              build, install, run every test on a throw-away cluster
#                          AUCTIONS=5000 [SEED=n]: so many random auctions against the oracle of clearing
#   make check-asan [SERVER=debug]  the tests of SQL and C under the sanitizers of addresses and of undefined behaviour
#   make lint              shellcheck, cppcheck, clang-tidy, plpgsql_check: no warning is left
#   make, make install     what PGXS offers, with PG_CONFIG=...
#   make installcheck      the tests against the server that PGHOST and PGPORT name

EXTENSION   = flexexchange
EXTVERSION  = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" flexexchange.control)
MODULE_big  = flexexchange
OBJS        = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
RELEASES    = $(filter-out $(EXTVERSION),$(patsubst sql/releases/flexexchange--%.sql.gz,%,$(wildcard sql/releases/*.sql.gz)))
DATA_built  = flexexchange--$(EXTVERSION).sql $(RELEASES:%=flexexchange--%--$(EXTVERSION).sql)
EXTRA_CLEAN = flexexchange--*.sql results output_iso tmp_check regression.out regression.diffs

PG_CPPFLAGS   = -DFLEX_VERSION='"$(EXTVERSION)"'
PG_CFLAGS     = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers $(WERROR)
SHLIB_LINK    = -ljansson
SHLIB_EXPORTS = src/exports.txt

REGRESS        = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS   = --inputdir=test --load-extension=flexexchange
ISOLATION      = $(sort $(patsubst test/isolation/specs/%.spec,%,$(wildcard test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=flexexchange
TAP_TESTS      = 1
PROVE_TESTS    = test/t/*.pl

PG_CONFIG ?= pg_config

# these install what they need themselves, so they must not need PGXS
ifneq ($(filter-out demo demo-stop report replay pictures dictionary test bench lint check-asan,$(or $(MAKECMDGOALS),all)),)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

ifeq ($(MAJORVERSION),15)
# soft errors came with 16
REGRESS        := $(filter-out soft_errors,$(REGRESS))
else
REGRESS_OPTS   += --expecteddir=.
ISOLATION_OPTS += --expecteddir=test/isolation
endif

$(OBJS): $(wildcard src/*.h)

EXTENSION_SQL = $(sort $(wildcard sql/extension/*.sql))
MODULES       = $(sort $(wildcard sql/exchange/*.sql))
MIGRATIONS    = $(sort $(wildcard sql/migrations/*/[0-9]*.sql))

flexexchange--$(EXTVERSION).sql: $(EXTENSION_SQL) $(MODULES) $(MIGRATIONS) sql/embed_modules.awk
	{ cat $(EXTENSION_SQL) && awk -f sql/embed_modules.awk $(MODULES) $(MIGRATIONS); } > $@.tmp
	mv $@.tmp $@

# from each release to this version: docs/architecture.md, Changing what was released
flexexchange--%--$(EXTVERSION).sql: $(wildcard sql/releases/*.sql.gz) $(EXTENSION_SQL) $(MODULES) $(MIGRATIONS) $(wildcard sql/migrations/*/extension.sql) sql/*.awk sql/update_script.sh
	{ sql/update_script.sh $* $(EXTVERSION) $(EXTENSION_SQL) && awk -f sql/embed_modules.awk $(MODULES) $(MIGRATIONS); } > $@.tmp
	mv $@.tmp $@

endif

demo:
	@test/bin/demo.sh start

demo-stop:
	@test/bin/demo.sh stop

report:
	@test/bin/report.sh report

replay:
	@test/bin/replay.sh

pictures:
	@test/bin/report.sh pictures

dictionary:
	@test/bin/report.sh dictionary

test:
	@test/bin/test.sh

bench:
	@test/bin/bench.sh

lint:
	@test/bin/lint.sh

check-asan:
	@test/bin/sanitizers.sh

.PHONY: demo demo-stop report replay pictures dictionary test bench lint check-asan
