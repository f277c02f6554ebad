# What make lint runs, each file when it or a header of it has changed: gcc's analyzer, clang's warnings, clang-tidy (.clang-tidy says what
# and why not), cppcheck over all, shellcheck over every script. A finding is an error. Exclusions stand beside what they exclude.
# usage: make -f tests/lint/lint.mk [-k] [FILES="FILE..."]
O := build/lint
C := $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c tests/*/*.c tests/*/*/*.c qemu/*.c))
FILES ?= $(C)
WARNINGS := $(shell sed -n '/^WARNINGS := /,/[^\\]$$/p' Makefile | sed 's/WARNINGS :=//' | tr -d '\\\n')
FLAGS := -std=c11 -D_GNU_SOURCE -Isrc -Itests/fuzz -DCNIBOX_VERSION='"lint"' $(WARNINGS) -Werror
# The lab's programs define it themselves, and pass words of a message to exec().
$(O)/qemu/%: FLAGS := $(filter-out -D_GNU_SOURCE -Wcast-qual,$(FLAGS)) -D_GNU_SOURCE=
# The TLS library's headers, which are not ours to judge.
$(O)/src/tls/%: FLAGS += -isystem build/third_party/mbedtls/include -DMBEDTLS_CONFIG_FILE='"tls/mbedtls_config.h"'
# A fuzzer's entry point has no header.
$(O)/tests/fuzz/%: FLAGS += -Wno-missing-prototypes
# Programs of the tests end with what they hold, and by the NULL if there is no memory.
ANALYZER := -fanalyzer
$(O)/tests/%: ANALYZER := -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-file-leak \
	-Wno-analyzer-possible-null-argument -Wno-analyzer-possible-null-dereference

all: $(FILES:%=$(O)/%.ok) $(O)/cppcheck.ok $(O)/scripts.ok

$(O)/%.c.ok: %.c .clang-tidy tests/lint/lint.mk
	@mkdir -p $(@D)
	@gcc $(FLAGS) $(ANALYZER) -O1 -MMD -MP -MF $(@:.ok=.d) -MT $@ -c -o /dev/null $<
	@clang $(FLAGS) -fsyntax-only $<
	@clang-tidy --quiet $< -- $(filter-out -W%,$(FLAGS)) 2>/dev/null
	@touch $@

# ctu*: across functions it takes a buffer that the callee fills, or an offset that the caller bounds, for a fault.
# nullPointerRedundantCheck: it does not take die() for the end.
# -D__x86_64__: the fault sweep reads registers, and knows those of this machine only.
$(O)/cppcheck.ok: $(C) $(wildcard src/*/*.h tests/*/*.h)
	@mkdir -p $(O)/cppcheck
	@cppcheck -j2 --cppcheck-build-dir=$(O)/cppcheck --enable=warning,performance,portability --std=c11 --inline-suppr --quiet \
		--suppress=ctuuninitvar --suppress=ctuPointerArith --suppress='nullPointerRedundantCheck:tests/*' \
		--error-exitcode=1 -D_GNU_SOURCE -D__x86_64__ -DCNIBOX_VERSION='"lint"' -Isrc -Itests/fuzz src tests qemu
	@touch $@

# SC2016: programs for awk, other shells and other machines stand in single quotes. SC1091, SC2154: what is sourced defines it.
# In bats files also: SC2030, SC2031 a test is a subshell, and means it; SC2317 functions are called by name; SC2143 a test does not end
# with a failed "!", and shows what was found; SC2086, SC2044, SC2012 names and paths of the tests have no blanks; SC1007 "NAME= command"
# is meant; SC2094 read twice; SC2164 a failed cd ends a test, as any command does; SC2153 CONF is of a file that is loaded;
# SC2119, SC2120 functions get their arguments through others (fails, unchanged); SC2001 sed is read as sed.
BATS := SC2030,SC2031,SC2317,SC2143,SC2086,SC2044,SC2012,SC1007,SC2094,SC2164,SC2153,SC2119,SC2120,SC2001
SCRIPTS := $(shell grep -rlE '^.!/(usr/)?bin/(env )?(ba)?sh$$' --exclude-dir=build --exclude-dir=.git --exclude='*.bats' .)
$(O)/scripts.ok: $(SCRIPTS) $(wildcard tests/*/*.bats tests/*/*.bash) tests/settle
	@mkdir -p $(O)
	@shellcheck -e SC2016,SC1091,SC2154 $(SCRIPTS)
	@shellcheck -s bash -e SC2016,SC1091,SC2154 tests/settle $(wildcard qemu/*.bash tests/*/*.bash)
	@shellcheck -s bats -e SC2016,SC1091,SC2154,$(BATS) $(wildcard tests/*/*.bats)
	@touch $@

-include $(FILES:%=$(O)/%.d)
