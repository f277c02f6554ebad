# The TLS library: all of its library/, configured by src/tls/mbedtls_config.h; its warnings are its own.
# usage: make -f third_party/mbedtls.mk OUT=DIR CC=COMPILER FLAGS=... DIR/objects       the names of the objects, for the compiler's @FILE
#                                                                  or DIR/libmbedtls.a  (of objects that ar understands: not of -flto)
SOURCE := build/third_party/mbedtls
OBJECTS := $(patsubst $(SOURCE)/library/%.c,$(OUT)/%.o,$(sort $(wildcard $(SOURCE)/library/*.c)))

$(OUT)/objects: $(OBJECTS)
	@echo '$^' >$@.new && mv $@.new $@

$(OUT)/libmbedtls.a: $(OBJECTS)
	@rm -f $@.new
	@ar rcs $@.new $^ && mv $@.new $@

$(OUT)/%.o: $(SOURCE)/library/%.c $(SOURCE)/.unpacked src/tls/mbedtls_config.h third_party/mbedtls.mk $(wildcard $(CC))
	@mkdir -p $(@D)
	@$(CC) -std=c11 -D_GNU_SOURCE $(FLAGS) -w -isystem $(SOURCE)/include -Isrc \
		-DMBEDTLS_CONFIG_FILE='"tls/mbedtls_config.h"' -I$(SOURCE)/library -c -o $@.new $< && mv $@.new $@
