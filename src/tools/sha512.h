/*
 * SHA-512 of a short text (FIPS 180-4). Only for the container ids of cnitool, which the reference
 * derives so; nothing here is secret.
 */
#ifndef TOOLS_SHA512_H
#define TOOLS_SHA512_H

#include <stddef.h>
#include <stdint.h>

#define SHA512_SIZE 64

void sha512(const void *data, size_t len, uint8_t out[static SHA512_SIZE]);

#endif
