# The fuzz targets: all of src but main.c, and each tests/fuzz/fuzz_NAME.c, with clang under libFuzzer, ASan and UBSan.
# No target goes through the TLS library, which is not built for them.
# usage: make -f tests/fuzz/build.mk
O := build/fuzz
TARGETS := $(patsubst tests/fuzz/%.c,$(O)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
OBJECTS := $(patsubst src/%.c,$(O)/obj/%.o,$(filter-out src/main.c src/tls/tls.c src/tls/x25519.c,$(sort $(wildcard src/*/*.c src/*/*/*.c))))
FLAGS := -std=c11 -D_GNU_SOURCE -Isrc -Itests/fuzz -DCNIBOX_VERSION='"fuzz"' -Wall -Wextra -Wno-unused-function -Wno-missing-field-initializers -MMD -MP \
	-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

all: $(TARGETS)

# The kernel that answers is the target's own.
$(O)/fuzz_nl: WRAP := -Wl,--wrap=send,--wrap=recvmsg

$(O)/obj/%.o: src/%.c tests/fuzz/build.mk
	@mkdir -p $(@D)
	@clang $(FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(O)/libcnibox.a: $(OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(O)/%: tests/fuzz/%.c $(O)/libcnibox.a
	@clang $(FLAGS) -fsanitize=fuzzer -o $@ $< $(O)/libcnibox.a $(WRAP)

-include $(OBJECTS:.o=.d) $(TARGETS:=.d)
