# cnibox: every target. `make help` lists them.
.DEFAULT_GOAL := all
SHELL := /bin/bash
V ?=
Q := $(if $(V),,@)
B := build

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
TOOLCHAIN ?= musl-gcc
CROSS ?=
BINDIR ?= /opt/cni/bin
DESTDIR ?=

SOURCES := $(sort $(wildcard src/*.c src/*/*.c))
OBJECTS := $(SOURCES:src/%.c=$(B)/obj/%.o)
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wpointer-arith \
	-Wcast-qual -Wformat=2 -Wundef -Wvla -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough
COMMON := -std=c11 -D_GNU_SOURCE -Isrc $(WARNINGS) -DCNIBOX_VERSION='"$(VERSION)"' -MMD -MP
# A guard for every function with an array of 64 bytes or more. Under -flto GCC 12 does not see `char` arrays as reason for one, so the rooms
# that read outside bytes and write texts are compiled without; it would cost 4 KB more in the others, which the limit of 150 KB has no room for.
HARDEN := -fstack-protector --param ssp-buffer-size=64 -D_FORTIFY_SOURCE=2
GUARDED := json cni ipam tools
CFLAGS ?= -Oz -g
# Tables of pointers are constant at a fixed address only; the link sees the whole program (-flto, in one partition, so that it is reproducible).
# On a fresh machine the compiler is installed by the first target, after this line was read.
MACHINE := $(firstword $(subst -, ,$(or $(shell $(TOOLCHAIN) -dumpmachine 2>/dev/null),$(shell uname -m))))
SMALL_x86_64 := -mgeneral-regs-only -malign-data=abi -fno-jump-tables
SMALL := -fno-pie -flto -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-caller-saves -fno-thread-jumps \
	-fno-expensive-optimizations -fno-inline-functions-called-once -fno-if-conversion -fno-tree-dominator-opts -fno-tree-loop-im -fipa-pta -fno-partial-inlining \
	-fmerge-all-constants -fno-jump-tables -fno-tree-loop-ivcanon -fno-move-loop-invariants -fno-forward-propagate $(SMALL_$(MACHINE))
RELEASE := $(COMMON) $(HARDEN) $(SMALL) -Isrc/small/include -isystem $(B)/include
# A static C program begins with the C library's crt1.o and needs no other start file: the compiler's serve C++ and shared objects.
HASH := \#
CRT1 = $(dir $(filter %/crti.o,$(shell $(TOOLCHAIN) -static -$(HASH)$(HASH)$(HASH) none.o 2>&1)))crt1.o
# musl makes RELRO's pages read-only in programs that it loads, not in static ones. What protects this one is that there is next to nothing in them:
# no .plt and no .got, one pointer in .fini_array.
LINK = -static -no-pie -nostartfiles $(CRT1) -flto-partition=one -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code,--build-id=none
SANITIZE := $(COMMON) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

.PHONY: all help clean unit test soak lab bench fuzz check install
all: $(B)/cnibox $(B)/bin/.done ## build build/cnibox and build/bin (one link per applet)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

# The compiler's packages, once per checkout; kernel headers and jsmn are linked into a folder of their own, because musl-gcc knows neither
# and must never see /usr/include.
$(B)/.tools: third_party/packages third_party/need
	@mkdir -p $(B)
	$(Q)third_party/need build
	@touch $@

$(B)/include/.done: $(B)/.tools
	@mkdir -p $(B)/include
	@ln -sfn /usr/include/linux $(B)/include/linux
	@ln -sfn /usr/include/asm-generic $(B)/include/asm-generic
	@ln -sfn /usr/include/$(shell gcc -print-multiarch 2>/dev/null || echo x86_64-linux-gnu)/asm $(B)/include/asm
	@ln -sfn /usr/include/jsmn.h $(B)/include/jsmn.h
	@touch $@

$(B)/obj/%.o: src/%.c $(B)/include/.done Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(TOOLCHAIN) $(RELEASE) $(OWN) $(CFLAGS) -c -o $@ $<

# What takes the place of the C library's functions stays out of the link's optimiser, which knows these names as built in.
$(B)/obj/small/%.o: OWN := -fno-lto -fno-builtin
$(foreach room,$(GUARDED),$(eval $(B)/obj/$(room)/%.o: OWN := -fno-lto))

$(B)/cnibox.debug: $(OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(TOOLCHAIN) $(RELEASE) $(CFLAGS) $(LINK) -o $@ $^

$(B)/cnibox: $(B)/cnibox.debug
	$(Q)strip -R .comment -o $@.new $<
	$(Q)tests/static $@.new
	$(Q)mv $@.new $@

$(B)/bin/.done: $(B)/cnibox
	$(Q)$(B)/cnibox install --quiet $(B)/bin
	@touch $@

# Unit tests: glibc, cmocka, address and undefined-behaviour sanitizers.
$(B)/san/%.o: src/%.c $(B)/.tools Makefile
	@mkdir -p $(@D)
	$(Q)gcc $(SANITIZE) -c -o $@ $<

$(B)/san/libcnibox.a: $(patsubst src/%.c,$(B)/san/%.o,$(filter-out src/main.c src/small/%,$(SOURCES)))
	@rm -f $@
	$(Q)ar rcs $@ $^

$(B)/unit/%: tests/unit/%.c $(B)/san/libcnibox.a
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)gcc $(SANITIZE) -o $@ $< $(B)/san/libcnibox.a -lcmocka

$(filter $(B)/unit/test_small_%,$(UNITS)): tests/unit/unit_small.h $(wildcard src/small/*.[ch] src/small/*/*.h)

unit: $(UNITS) ## the unit tests alone
	$(Q)for t in $(UNITS); do $$t || exit 1; done

$(B)/.test-tools: third_party/packages third_party/need
	@mkdir -p $(B)
	$(Q)third_party/need build test lab
	$(Q)third_party/unpack containernetworking-plugins
	@touch $@

test: $(B)/.test-tools ## everything: unit tests, namespaces, reference, faults, the lab; installs what is missing
	$(Q)$(MAKE) -j$(shell nproc) all $(UNITS)
	$(Q)tests/run

soak: $(B)/.test-tools ## the sweeps in full and the long runs
	$(Q)$(MAKE) -j$(shell nproc) all $(UNITS)
	$(Q)FULL=1 tests/run

lab: ## three nodes and the internet in QEMU, with pods that talk; stays up: qemu/lab exec|shell|status|demo|down
	$(Q)third_party/need build lab
	$(Q)$(MAKE) all
	$(Q)qemu/lab up
	$(Q)qemu/lab demo

# The bench and its floor use the kernel verbs of src/net and nothing else of ours.
VERBS = $(filter $(B)/obj/base/% $(B)/obj/net/% $(B)/obj/small/%,$(OBJECTS))
$(B)/bench/floor: tests/bench/floor.c $(VERBS)
	@mkdir -p $(@D)
	$(Q)$(TOOLCHAIN) $(RELEASE) $(CFLAGS) $(LINK) -o $@ $^

# The harness is an ordinary program: it prints fractions, which the small printf does not.
HARNESS := $(filter-out tests/bench/floor.c,$(wildcard tests/bench/*.c)) $(wildcard src/base/*.c src/net/*.c)
$(B)/bench/bench: $(HARNESS) tests/bench/bench.h
	@mkdir -p $(@D)
	$(Q)gcc $(COMMON) -O2 -o $@ $(filter %.c,$^) -lm

bench: all $(B)/bench/floor $(B)/bench/bench ## ADD and DEL beside the reference plugins and the kernel's floor: table, JSON and plot
	$(Q)third_party/need bench
	$(Q)third_party/unpack containernetworking-plugins
	$(Q)tests/bench/run $(BENCHFLAGS)

fuzz: $(B)/.tools ## every parser of outside bytes, FUZZ_SECONDS each (600)
	$(Q)third_party/need analysis
	$(Q)tests/fuzz/run

install: all ## put the binary and its names into DESTDIR/BINDIR (/opt/cni/bin), atomically
	$(Q)$(B)/cnibox install $(DESTDIR)$(BINDIR)

clean: ## remove build/
	rm -rf $(B)

-include $(OBJECTS:.o=.d)
