# Twinpost: build and checks. `make` builds build/twinpost; `make help` lists the targets.
#
# Variables: CC=gcc|clang, SANITIZE=address,undefined (builds into its own folder), DESTDIR, PREFIX, PROFILE_DIR.

CC ?= gcc
PREFIX ?= /usr
PROFILE_DIR ?= $(PREFIX)/share/twinpost/profiles
VERSION := 0.1.0

comma := ,
SANITIZE ?=
# The ordinary build keeps the short name; every other one has a folder of its own.
BUILD := build$(if $(filter-out cc gcc,$(notdir $(CC))),/$(notdir $(CC)))$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

PACKAGES := sqlite3 zlib libmosquitto mbedcrypto yaml-0.1 libcjson libssl libcrypto xlsxwriter
# mbedTLS 2.28, unixODBC and libcsv ship no pkg-config file on every release: named by hand where there is none.
found = $(shell pkg-config --exists $(1) 2>/dev/null && echo $(1))
PKG_CFLAGS = $(shell pkg-config --cflags $(foreach p,$(PACKAGES),$(call found,$(p))))
PKG_LIBS = $(shell pkg-config --libs $(foreach p,$(PACKAGES),$(call found,$(p)))) -lmbedcrypto -lodbc -lcsv -lm

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror
HARDENING := -fstack-protector-strong -fstack-clash-protection -fPIE
ifneq ($(shell uname -m),aarch64)
HARDENING += -fcf-protection
endif
LINKING := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
ifeq ($(SANITIZE),)
OPTIMISE := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else
OPTIMISE := -O1 -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LINKING += -fsanitize=$(SANITIZE)
endif

# Lazy, so that pkg-config is asked only when something is compiled.
COMPILE = $(CC) -std=c17 -D_GNU_SOURCE -g $(OPTIMISE) $(HARDENING) $(WARNINGS) -I. $(PKG_CFLAGS) -MMD -MP \
	-DTWINPOST_VERSION='"$(VERSION)"' -DTWINPOST_PROFILE_DIR='"$(PROFILE_DIR)"'

PRODUCT_SOURCES := $(sort $(wildcard hal/base/*.c hal/*.c hal/linux/*.c store_forward/*.c config/*.c \
	connector/*/*.c firmware/*.c $(filter-out tools/twinpost/main.c,$(wildcard tools/twinpost/*.c))))
TEST_LIBRARY_SOURCES := $(sort $(filter-out %_test.c,$(wildcard hal/sim/*.c tests/lib/*.c tests/sim/*.c \
	tests/contract/*.c)))
TEST_SOURCES := $(sort $(wildcard tests/unit/*_test.c tests/contract/*_test.c tests/sim/*_test.c))
HELPER_SOURCES := $(sort $(wildcard tests/integration/*_test.c tests/crash/*.c))
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/*_fuzz.c))

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
TESTS := $(patsubst %.c,$(BUILD)/%,$(TEST_SOURCES))
HELPERS := $(patsubst %.c,$(BUILD)/%,$(HELPER_SOURCES))

.PHONY: all help tests check sim swarm crash integration fuzz-smoke asan ubsan tidy cover bench demo schemas \
	install clean
.SECONDARY:

all: $(BUILD)/twinpost

help:
	@echo 'all           build/twinpost (the default)'
	@echo 'check         tidy and every unit, contract and simulator test of this build'
	@echo 'sim SEED=n    one simulated run; swarm N=n: n seeds'
	@echo 'crash         kills real processes at random moments'
	@echo 'integration   real PostgreSQL, MariaDB, Mosquitto, RabbitMQ'
	@echo 'asan, ubsan   check under the sanitizers'
	@echo 'fuzz-smoke    every decoder for FUZZ_SECONDS (20) each'
	@echo 'tidy          include rules, banned functions, layout of files'
	@echo 'cover         line coverage of check (gcov)'
	@echo 'bench         figures as ratios in one run'
	@echo 'demo          tools/demo'
	@echo 'schemas       docs/contract/schemas of the documents, from the tables of fields'
	@echo 'install       into DESTDIR/PREFIX'

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -c $< -o $@

$(BUILD)/libtwinpost.a: $(call objects,$(PRODUCT_SOURCES))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/libtest.a: $(call objects,$(TEST_LIBRARY_SOURCES))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/twinpost: $(BUILD)/tools/twinpost/main.o $(BUILD)/libtwinpost.a
	$(CC) $(LINKING) -o $@ $^ $(PKG_LIBS)

$(BUILD)/schemas: $(BUILD)/tools/schemas/schemas.o $(BUILD)/libtwinpost.a
	$(CC) $(LINKING) -o $@ $^ $(PKG_LIBS)

$(BUILD)/bare_pipe: $(BUILD)/tools/bench/bare_pipe.o
	$(CC) $(LINKING) -o $@ $^ $(PKG_LIBS)

$(BUILD)/load_ledger: $(BUILD)/tools/bench/load_ledger.o $(BUILD)/libtwinpost.a
	$(CC) $(LINKING) -o $@ $^ $(PKG_LIBS)

$(BUILD)/proof: $(BUILD)/tools/bench/proof.o $(BUILD)/libtest.a $(BUILD)/libtwinpost.a
	$(CC) $(LINKING) -o $@ $^ $(BUILD)/libtest.a -lcmocka $(PKG_LIBS)

$(BUILD)/tests/%_test: $(BUILD)/tests/%_test.o $(BUILD)/libtest.a $(BUILD)/libtwinpost.a
	$(CC) $(LINKING) -o $@ $^ $(BUILD)/libtest.a -lcmocka $(PKG_LIBS)

$(BUILD)/tests/crash/%: $(BUILD)/tests/crash/%.o $(BUILD)/libtest.a $(BUILD)/libtwinpost.a
	$(CC) $(LINKING) -o $@ $^ $(BUILD)/libtest.a -lcmocka $(PKG_LIBS)

$(BUILD)/tests/fuzz/%_fuzz: $(BUILD)/tests/fuzz/%_fuzz.o $(BUILD)/tests/fuzz/driver.o $(BUILD)/libtest.a \
		$(BUILD)/libtwinpost.a
	$(CC) $(LINKING) -o $@ $^ -lcmocka $(PKG_LIBS)

ifneq ($(SANITIZE),)
tests: $(patsubst %.c,$(BUILD)/%,$(FUZZ_SOURCES))
endif

tests: $(TESTS) $(HELPERS) $(BUILD)/twinpost $(BUILD)/schemas $(BUILD)/load_ledger

check: tidy tests
	tests/run --build $(BUILD) unit

sim: $(BUILD)/tests/sim/sim_test
	$(BUILD)/tests/sim/sim_test --seed $(or $(SEED),1)

swarm: $(BUILD)/tests/sim/sim_test
	$(BUILD)/tests/sim/sim_test --seeds $(or $(N),100)

crash: tests
	tests/run --build $(BUILD) crash

integration: tests
	tests/run --build $(BUILD) integration

asan:
	$(MAKE) --no-print-directory SANITIZE=address,undefined check

ubsan:
	$(MAKE) --no-print-directory SANITIZE=undefined check

# Two drivers: libFuzzer, which looks for inputs of its own, and tests/fuzz/driver.c, which runs the kept ones (in a
# sanitizer's build). float-cast-overflow is in no group of sanitizers: what JSON calls a number is a double.
FUZZ_SECONDS ?= 20
FUZZ := build/fuzz
FUZZ_LINKING := -fsanitize=fuzzer,address,undefined,float-cast-overflow
FUZZ_COMPILE = clang -std=c17 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined,float-cast-overflow -fno-sanitize-recover=all -I. $(PKG_CFLAGS) -MMD -MP \
	-DTWINPOST_VERSION='"$(VERSION)"' -DTWINPOST_PROFILE_DIR='"$(PROFILE_DIR)"'
FUZZERS := $(patsubst tests/fuzz/%.c,$(FUZZ)/%,$(FUZZ_SOURCES))

$(FUZZ)/objects/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(FUZZ_COMPILE) -c $< -o $@

$(FUZZ)/libfuzzed.a: $(patsubst %.c,$(FUZZ)/objects/%.o,$(TEST_LIBRARY_SOURCES) $(PRODUCT_SOURCES))
	@rm -f $@
	$(AR) rcs $@ $^

$(FUZZ)/%: $(FUZZ)/objects/tests/fuzz/%.o $(FUZZ)/libfuzzed.a
	clang $(FUZZ_LINKING) -o $@ $^ -lcmocka $(PKG_LIBS)

fuzz-smoke: $(FUZZERS)
	@for f in $(FUZZERS); do mkdir -p $$f.corpus; echo "$$f"; \
		$$f -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -verbosity=0 \
			-artifact_prefix=$$f. $$f.corpus tests/fuzz/seeds/$${f##*/} || exit 1; done

tidy:
	tests/tidy

cover:
	$(MAKE) --no-print-directory BUILD=build/cover CC=gcc OPTIMISE='-O0 --coverage' LINKING='-pie --coverage' check
	cd build/cover && find . -name '*.gcda' -not -path './tests/*' -exec gcov -n {} + 2>/dev/null | \
		awk '/^File/ {f=$$2} /^Lines/ && f !~ /usr|tests/ {split($$2,a,":"); print a[2], f}' | sort -n

bench: all $(BUILD)/bare_pipe $(BUILD)/proof $(BUILD)/load_ledger
	$(BUILD)/proof
	tools/bench/bench
	tools/bench/compare

demo:
	tools/demo

# Versions that were released stay: a new version of a schema is a new file.
schemas: $(BUILD)/schemas
	@for name in $$($(BUILD)/schemas); do \
		$(BUILD)/schemas "$${name%-*}" >"docs/contract/schemas/$$name.schema.json" || exit 1; done

install: all
	install -D -m 0755 $(BUILD)/twinpost $(DESTDIR)$(PREFIX)/bin/twinpost
	install -d $(DESTDIR)$(PROFILE_DIR)
	install -m 0644 config/profiles/*.yaml $(DESTDIR)$(PROFILE_DIR)/
	install -D -m 0644 docs/twinpost.1 $(DESTDIR)$(PREFIX)/share/man/man1/twinpost.1
	install -D -m 0644 tools/twinpost/completion.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/twinpost

clean:
	rm -rf build

-include $(shell find $(BUILD) $(FUZZ) -name '*.d' 2>/dev/null)
