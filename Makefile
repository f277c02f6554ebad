# cnibox: every target. `make help` lists them.
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
SHELL := /bin/bash
V ?=
Q := $(if $(V),,@)
B := build

# one_of VALUE,LIST: VALUE if it is one word of LIST. No shell sees ARCH, KERNEL or TOPOLOGY before that.
one_of = $(and $(filter 1,$(words $(1))),$(filter $(2),$(1)))

# ARCH, if it is not this machine's: then everything of the binary is made in build/ARCH.
ARCH ?=
ifneq ($(ARCH),)
ifeq ($(call one_of,$(ARCH),$(shell third_party/architecture --known)),)
$(error ARCH=$(ARCH) is unknown; there are: $(shell third_party/architecture --list))
endif
endif
FOREIGN := $(if $(ARCH),$(shell third_party/architecture --foreign $(ARCH)))
O := $(B)$(FOREIGN:%=/%)

# quoted TEXT: as one word of a shell
quoted = '$(subst ','\'',$(1))'

# KERNEL of the lab's machines: a name in qemu/kernels, or the folder of an unpacked package.
KERNEL ?=
ifneq ($(filter lab kernels,$(MAKECMDGOALS)),)
KERNELS := $(shell LAB_ARCH=$(ARCH) qemu/lab kernels 2>/dev/null)
ifeq ($(KERNELS),)
$(error ARCH=$(ARCH) has no lab; there are: $(shell qemu/lab architectures))
endif
ifneq ($(findstring /,$(KERNEL)),)
ifeq ($(and $(filter 1,$(words $(KERNEL))),$(wildcard $(KERNEL)/boot/vmlinu[xz]-*),$(wildcard $(KERNEL)/lib/modules/*)),)
$(error KERNEL=$(KERNEL) is no unpacked kernel package: it has no boot/vmlinuz-* or no lib/modules/*)
endif
else ifneq ($(KERNEL),)
ifeq ($(call one_of,$(KERNEL),$(KERNELS)),)
$(error KERNEL=$(KERNEL) is unknown; there are: $(KERNELS))
endif
endif
endif

# TOPOLOGY of the lab: a name in qemu/topologies.
TOPOLOGY ?=
TOPOLOGIES := $(notdir $(wildcard qemu/topologies/*))
ifneq ($(and $(filter lab,$(MAKECMDGOALS)),$(TOPOLOGY)),)
ifeq ($(call one_of,$(TOPOLOGY),$(TOPOLOGIES)),)
$(error TOPOLOGY=$(TOPOLOGY) is unknown; there are: $(TOPOLOGIES))
endif
endif

# A make that a make calls says again nothing of what is amiss with tags.
VERSION := $(shell third_party/dist/version $(if $(filter-out 0,$(MAKELEVEL)),2>/dev/null))
ifneq ($(origin VERSION),file)
ifeq ($(and $(filter 1,$(words $(VERSION))),$(findstring $(VERSION),$(strip $(VERSION))),$(shell third_party/dist/debian_version \
	$(call quoted,$(VERSION)) 0 2>/dev/null)),)
$(error VERSION=$(VERSION) is no version: a digit, then at most 99 digits, letters and .+~-)
endif
endif
TOOLCHAIN ?= $(O)/toolchain/cc
BINDIR ?= /opt/cni/bin
DESTDIR ?=

SOURCES := $(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))
OBJECTS := $(SOURCES:src/%.c=$(O)/obj/%.o)
UNITS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
SEEDS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/seeds/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
# All that runs with sanitizers: unit tests, corpora, the tests' own program around the Kubernetes client.
SANITIZED := $(UNITS) $(SEEDS) $(B)/kube/watch_nodes

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wpointer-arith \
	-Wcast-qual -Wformat=2 -Wundef -Wvla -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -Wimplicit-fallthrough
COMMON := -std=c11 -D_GNU_SOURCE -Isrc $(WARNINGS) -DCNIBOX_VERSION='"$(VERSION)"'
CFLAGS ?= -Os -g
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
SECTIONS := -flto -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables
RELEASE := $(COMMON) $(HARDEN) $(SECTIONS)
# One partition, so that the link is reproducible.
LINK := -flto-partition=one -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,--build-id=none
# The TLS library's headers, for the one file that uses them.
EXTRA :=
TLS := -isystem $(B)/third_party/mbedtls/include -DMBEDTLS_CONFIG_FILE='"tls/mbedtls_config.h"'
# Made beside its place, with what it depends on: a kill leaves no half of a file that a later make would take for whole.
MADE = -MMD -MP -MT $@ -MF $(@:.o=).d.new -o $@.new
PUT = && mv $@.new $@
PUT_MADE = && mv $(@:.o=).d.new $(@:.o=).d $(PUT)
SANITIZE := $(COMMON) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

.PHONY: all help clean unit test test-clients test-kubernetes soak lab bench fuzz lint install dist dist-alone image test-dist kernels image-node FORCE
all: $(O)/cnibox $(if $(FOREIGN),,$(B)/bin/.done) ## build build/cnibox and build/bin (one link per applet); ARCH=arm64: build/arm64/cnibox

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

# The compilers' packages, once per checkout.
$(B)/.tools: third_party/packages third_party/need
	@mkdir -p $(@D)
	$(Q)third_party/need build
	@touch $@

$(B)/%/.tools: third_party/packages third_party/need
	@mkdir -p $(@D)
	$(Q)third_party/need build build-$*
	@touch $@

# All is compiled anew when the compiler, its flags or what it links have become others. What was never built needs nothing of that to be told by -n.
NEVER_BUILT := $(and $(findstring n,$(firstword -$(MAKEFLAGS))),$(if $(wildcard $(O)/toolchain/versions),,yes))
$(O)/toolchain/versions: $(O)/.tools FORCE
	$(Q)+$(if $(NEVER_BUILT),:,FLAGS=$(call quoted,$(TOOLCHAIN) $(CFLAGS)) third_party/toolchain --versions $(@D) $(FOREIGN))

$(O)/toolchain/cc: third_party/toolchain third_party/architectures $(O)/toolchain/versions
	$(Q)third_party/toolchain $(@D) $(FOREIGN)

# What prints the version is compiled anew when there is another one. (Lines with + run also under -n: it says what would really be made.)
$(B)/.version: FORCE
	@+mkdir -p $(@D)
	@+echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
FORCE:
$(patsubst src/%.c,$(O)/obj/%.o,$(shell grep -lw CNIBOX_VERSION $(SOURCES))): $(B)/.version

# The TLS library: its source, once per checkout; itself for musl, and for the unit tests. Without -flto it stands together in the file, and
# plugins, which do not call it, do not get its pages. Other checkouts of the release files' test share
# the source, with tools of a later date: it must not become newer by them.
$(B)/third_party/mbedtls/.unpacked: third_party/mbedtls | $(B)/.tools
	$(Q)third_party/mbedtls
	@touch $@

$(O)/mbedtls/objects: $(B)/third_party/mbedtls/.unpacked $(O)/toolchain/cc src/tls/mbedtls_config.h third_party/mbedtls.mk
	@echo "  MBEDTLS $(@D)"
	$(Q)$(MAKE) -s --no-print-directory -f third_party/mbedtls.mk OUT=$(@D) CC=$(TOOLCHAIN) FLAGS='$(HARDEN) $(filter-out -flto,$(SECTIONS)) $(CFLAGS)' $@

$(B)/san/mbedtls/libmbedtls.a: $(B)/third_party/mbedtls/.unpacked src/tls/mbedtls_config.h third_party/mbedtls.mk
	@echo "  MBEDTLS $(@D)"
	$(Q)$(MAKE) -s --no-print-directory -f third_party/mbedtls.mk OUT=$(@D) CC=gcc FLAGS='-O1 -g' $@

TLS_OBJECTS := $(foreach of,tls x25519,$(O)/obj/tls/$(of).o $(B)/san/tls/$(of).o)
$(TLS_OBJECTS): EXTRA := $(TLS)
$(TLS_OBJECTS): $(B)/third_party/mbedtls/.unpacked

$(O)/obj/%.o: src/%.c $(O)/toolchain/cc Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(TOOLCHAIN) $(RELEASE) $(CFLAGS) $(EXTRA) -c $(MADE) $< $(PUT_MADE)

$(O)/cnibox.debug: $(OBJECTS) $(O)/mbedtls/objects
	@echo "  LINK    $@"
	$(Q)$(TOOLCHAIN) $(RELEASE) $(CFLAGS) $(LINK) -o $@.new $(OBJECTS) @$(O)/mbedtls/objects $(PUT)

$(O)/cnibox: $(O)/cnibox.debug
	$(Q)$$($(TOOLCHAIN) -print-prog-name=strip) -R .comment -o $@.new $<
	$(Q)tests/static $@.new $(FOREIGN)
	$(Q)mv $@.new $@
	@echo "  SIZE    $@ $$(stat -c %s $@) bytes"

$(B)/bin/.done: $(B)/cnibox
	$(Q)$(B)/cnibox install --quiet $(B)/bin
	@touch $@

# Unit tests: glibc, cmocka, address and undefined-behaviour sanitizers.
$(B)/san/%.o: src/%.c $(B)/.tools Makefile
	@mkdir -p $(@D)
	$(Q)gcc $(SANITIZE) $(EXTRA) -c $(MADE) $< $(PUT_MADE)

$(B)/san/libcnibox.a: $(patsubst src/%.c,$(B)/san/%.o,$(filter-out src/main.c,$(SOURCES)))
	@rm -f $@ $@.new
	$(Q)ar rcs $@.new $^ $(PUT)

$(B)/san/frame.o: qemu/frame.c $(B)/.tools Makefile
	@mkdir -p $(@D)
	$(Q)gcc $(SANITIZE) -c $(MADE) $< $(PUT_MADE)

$(B)/unit/test_lab_frame: MORE := $(B)/san/frame.o
$(B)/unit/test_lab_frame: $(B)/san/frame.o
$(B)/unit/%: tests/unit/%.c $(B)/san/libcnibox.a $(B)/san/mbedtls/libmbedtls.a
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)gcc $(SANITIZE) $(MADE) $< $(MORE) $(B)/san/libcnibox.a $(B)/san/mbedtls/libmbedtls.a -lcmocka $(PUT_MADE)

# The program itself: CNIBOX=$PWD/build/san/cnibox tests/run tests/kube/run.bats
$(B)/san/cnibox: $(B)/san/main.o $(B)/san/libcnibox.a $(B)/san/mbedtls/libmbedtls.a
	$(Q)gcc $(SANITIZE) -o $@.new $^ $(PUT)
	$(Q)rm -rf $(B)/san/bin && $@ install --quiet $(B)/san/bin

# The tests' own program around the Kubernetes client, with the same sanitizers.
$(B)/kube/watch_nodes: tests/kube/watch_nodes.c $(B)/san/libcnibox.a $(B)/san/mbedtls/libmbedtls.a
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)gcc $(SANITIZE) -o $@.new $^ $(PUT)

# The fuzz targets without their fuzzer: the committed corpora need no more than what the unit tests have.
$(B)/fuzz/seeds/fuzz_nl: WRAP := -Wl,--wrap=send,--wrap=recvmsg
$(B)/fuzz/seeds/%: tests/fuzz/%.c tests/fuzz/replay.c tests/fuzz/fuzz.h $(B)/san/libcnibox.a $(B)/san/mbedtls/libmbedtls.a
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)gcc $(SANITIZE) -Itests/fuzz -o $@.new $(filter-out %.h,$^) $(WRAP) $(PUT)

unit: $(UNITS) ## the unit tests alone
	$(Q)for t in $(UNITS); do $$t || exit 1; done

$(B)/.test-tools: third_party/packages third_party/need
	@mkdir -p $(B)
	$(Q)third_party/need build dist test lab
	$(Q)third_party/unpack containernetworking-plugins busybox-static cmocka:source/bookworm
	$(Q)[ "$$(uname -m)" != x86_64 ] || third_party/unpack containernetworking-plugins:amd64/sid
	@touch $@

test: $(B)/.test-tools ## everything: style, unit tests, namespaces, the Kubernetes client, both on an unfriendly machine, reference, property, faults, the lab, of what takes longer a sample; installs what is missing
	$(Q)$(MAKE) -j$(shell nproc) all $(SANITIZED)
	$(Q)+for arch in i386 arm64; do $(MAKE) -j$(shell nproc) ARCH=$$arch all || exit 1; done
	$(Q)tests/run

test-clients: $(B)/.test-tools ## podman with the CNI backend, ctr and containerd's CRI attach containers by our plugins; pods beside Docker, firewalld and ufw
	$(Q)third_party/need test-clients
	$(Q)third_party/unpack docker.io firewalld python3-firewall python3-nftables ufw
	$(Q)$(MAKE) -j$(shell nproc) all
	$(Q)TEST_OUT=$${TEST_OUT:-$(B)/test.clients} tests/run -j 1 clients

soak: $(B)/.test-tools ## make test in full: every point of the sweeps, every case, the long runs, and the lab's tests on all architectures
	$(Q)third_party/need test-dist node-test
	$(Q)$(MAKE) -j$(shell nproc) all $(SANITIZED)
	$(Q)+for arch in $$(third_party/architecture --list); do $(MAKE) -j$(shell nproc) ARCH=$$arch all || exit 1; done
	$(Q)status=0; FULL=1 tests/run || status=1; tests/kernels --foreign || status=1; exit $$status

test-kubernetes: $(B)/.test-tools ## node run in a real cluster of one node, pods beside a real kube-proxy; builds Kubernetes the first time: 20 minutes, 3 GB in build/kubernetes
	$(Q)third_party/need kubernetes
	$(Q)third_party/unpack busybox-static
	$(Q)third_party/kubernetes
	$(Q)$(MAKE) all
	$(Q)$(MAKE) image
	$(Q)tests/run -j 1 tests/kubernetes/*.bats
	$(Q)grep -h '^# from kubectl' $${TEST_OUT:-$(B)/test}/kubernetes-first_pod.tap

lab: ## three nodes and the internet in QEMU, with pods that talk; stays up: qemu/lab exec|shell|status|demo|down; TOPOLOGY=underlay ARCH=arm64 KERNEL=5.10
	$(Q)LAB_TOPOLOGY=$(TOPOLOGY) LAB_ARCH=$(ARCH) LAB_KERNEL=$(call quoted,$(KERNEL)) qemu/lab check
	$(Q)third_party/need build lab
	$(Q)$(MAKE) all
	$(Q)LAB_TOPOLOGY=$(TOPOLOGY) LAB_ARCH=$(ARCH) LAB_KERNEL=$(call quoted,$(KERNEL)) qemu/lab up
	$(Q)qemu/lab demo

# The property test is an ordinary program that shares the hosts and snapshots of the fault sweeps.
PROPERTY := $(wildcard tests/property/*.c) $(addprefix tests/faults/,host.c snapshot.c dump.c subjects.c)
$(B)/property/property: $(PROPERTY) tests/property/property.h tests/faults/sweep.h tests/netns_new.h
	@mkdir -p $(@D)
	$(Q)gcc $(COMMON) -O2 -o $@ $(filter %.c,$^)

NODE_ARCH := $(if $(ARCH),$(shell third_party/architecture $(ARCH)),amd64)
image-node: ## build/node (ARCH=arm64: build/node.arm64): kernel, initramfs and cnibox, for QEMU, iPXE or a stick, with one text file of settings
	$(Q)initramfs/node-image --check $(NODE_ARCH)
	$(Q)$(MAKE) ARCH=$(NODE_ARCH) all
	$(Q)initramfs/node-image $(B)/node$(if $(ARCH),.$(NODE_ARCH)) $(NODE_ARCH)

kernels: $(B)/.test-tools ## the lab's tests, each case, on every kernel of qemu/kernels, or on KERNEL
	$(Q)$(MAKE) all
	$(Q)LAB_ARCH=$(ARCH) tests/kernels $(if $(KERNEL),$(call quoted,$(KERNEL)))

# The bench and its floor use the kernel verbs of src/net and nothing else of ours.
VERBS = $(filter $(O)/obj/base/% $(O)/obj/net/%,$(OBJECTS))
FLOOR := $(wildcard tests/bench/floor*.c)
$(B)/bench/floor: $(FLOOR) $(VERBS) tests/bench/floor.h
	@mkdir -p $(@D)
	$(Q)$(TOOLCHAIN) $(RELEASE) $(CFLAGS) $(LINK) -o $@ $(filter-out %.h,$^)

# The harness is an ordinary program.
HARNESS := $(filter-out $(FLOOR),$(wildcard tests/bench/*.c)) $(wildcard src/base/*.c src/net/*.c)
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

lint: $(B)/.tools $(B)/third_party/mbedtls/.unpacked ## gcc's and clang's analyzers and warnings, clang-tidy, cppcheck, shellcheck: clean, or it fails; only what has changed
	$(Q)third_party/need analysis test
	$(Q)$(MAKE) -j$(shell nproc) --no-print-directory -k -f tests/lint/lint.mk

test-dist: $(B)/.test-tools ## tests/dist for all architectures, with podman, containerd and qemu-user
	$(Q)third_party/need test-dist
	$(Q)$(MAKE) -j$(shell nproc) dist
	$(Q)FULL=1 tests/run dist

DIST_ARCHS ?= $(or $(ARCH),$(shell third_party/architecture --list))
# The same for each of them.
ifneq ($(filter dist dist-alone,$(MAKECMDGOALS)),)
ifneq ($(if $(strip $(DIST_ARCHS)),$(filter-out $(shell third_party/architecture --known),$(DIST_ARCHS)),none),)
$(error DIST_ARCHS=$(DIST_ARCHS) names none, or one that is unknown; there are: $(shell third_party/architecture --list))
endif
endif
dist: ## build/dist: tarball and Debian package of each architecture (or ARCH, and no other), OCI image, checksums, SPDX; replaced when all are there
	$(Q)mkdir -p $(B)
	$(Q)+flock $(B)/.make-dist.lock $(MAKE) --no-print-directory VERSION=$(call quoted,$(VERSION)) DIST_ARCHS='$(DIST_ARCHS)' dist-alone

dist-alone:
	$(Q)third_party/need build dist
	$(Q)+for arch in '' $(DIST_ARCHS); do $(MAKE) --no-print-directory VERSION=$(call quoted,$(VERSION)) ARCH=$$arch all || exit 1; done
	$(Q)third_party/dist/all $(call quoted,$(VERSION)) $$(for arch in $(DIST_ARCHS); do third_party/architecture $$arch; done)

image: ## make dist for this machine (or ARCH) alone: build/dist/cnibox-VERSION-oci.tar; `ctr -n k8s.io images import` takes it
	$(Q)$(MAKE) --no-print-directory dist DIST_ARCHS=$(or $(ARCH),$(shell third_party/architecture $(shell uname -m)))

PLACE = $(call quoted,$(DESTDIR)$(BINDIR))
ifeq ($(FOREIGN),)
install: all ## put the binary and its names into DESTDIR/BINDIR (/opt/cni/bin), atomically; ARCH=arm64: into another machine's root, DESTDIR
	$(Q)$(B)/cnibox install $(PLACE)
else
# The names are put by the one that runs here.
install: all
	$(if $(DESTDIR),,$(error ARCH=$(ARCH) is not this machine: DESTDIR, the root of one that it is, is missing))
	$(Q)$(MAKE) --no-print-directory ARCH= all
	$(Q)$(B)/cnibox install --quiet $(PLACE)
	$(Q)install -m 755 $(O)/cnibox $(PLACE)/cnibox.new && mv $(PLACE)/cnibox.new $(PLACE)/cnibox
	@echo "installed cnibox for $(FOREIGN)"
endif

clean: ## remove build/
	rm -rf $(B)

-include $(OBJECTS:.o=.d) $(SOURCES:src/%.c=$(B)/san/%.d) $(UNITS:=.d)
