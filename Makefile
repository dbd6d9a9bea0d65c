# omnicrm: PGXS build. `make`, `make install`, `make installcheck`, `make bench`.
EXTENSION = omnicrm
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" omnicrm.control)
MODULE_big = omnicrm
PGFILEDESC = "omnicrm - omnichannel CRM inside the database"

OBJS := $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c))) \
        $(patsubst %.cpp,%.o,$(sort $(wildcard src/shim/*.cpp)))

# The install script is built from its parts in the order of sql/manifest.
SQL_SCRIPT = sql/$(EXTENSION)--$(EXTVERSION).sql
DATA_built = $(SQL_SCRIPT)
SQL_PARTS := $(shell awk '/^[a-z]/ {print $$2}' sql/manifest)

# Regression tests: test/sql/*.sql against expected/*.out.
REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=test --load-extension=omnicrm
REGRESS_PREP = expected_link
ISOLATION = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=test/output_iso --load-extension=omnicrm

# OPTFLAGS is empty on purpose: a packaged binary must run on any machine.
OPTFLAGS ?=
PG_CPPFLAGS = -I$(srcdir)/src -DOMNICRM_VERSION='"$(EXTVERSION)"'
# No fused multiplications: results have the same bits on every machine.
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -ffp-contract=off $(OPTFLAGS)
PG_CXXFLAGS = -Wall -Wextra -std=c++17 $(OPTFLAGS)
SHLIB_LINK += -lphonenumber -licui18n -licuuc -lstdc++ -lm
EXTRA_CLEAN = $(SQL_SCRIPT) test/results test/output_iso test/regression.diffs \
              test/regression.out test/expected

# Warnings are errors in the development build only: a user's compiler may be newer.
ifdef WERROR
PG_CFLAGS += -Werror
PG_CXXFLAGS += -Werror
endif

# A server built with gcc hands on flags that clang does not know.
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes
PG_CXXFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes
endif

# LLVM bitcode would need clang and brings nothing to functions of this size;
# said before PGXS, which makes its rules from it.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

ifeq ($(shell test "$(MAJORVERSION)" -ge 15 && echo ok),)
$(error omnicrm needs PostgreSQL 15 or newer, this is $(MAJORVERSION) (choose another with PG_CONFIG=...))
endif

HEADERS_ALL := $(wildcard src/*/*.h)
$(OBJS): $(HEADERS_ALL)

# Loops that are meant to become vector instructions, as PostgreSQL does it for its checksums.
src/identity/match_lanes.o: CFLAGS += $(CFLAGS_UNROLL_LOOPS) $(CFLAGS_VECTORIZE)

%.o: %.cpp
	$(CXX) $(CPPFLAGS) $(PG_CXXFLAGS) -O2 -g -fPIC -c -o $@ $<

$(SQL_SCRIPT): sql/manifest sql/pack.sh $(SQL_PARTS) omnicrm.control
	sh sql/pack.sh $(EXTVERSION) > $@.tmp && mv $@.tmp $@

.PHONY: expected_link bench
expected_link:
	@test -e test/expected || ln -s ../expected test/expected
	@mkdir -p test/output_iso

bench:
	test/bench/run
