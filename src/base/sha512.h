/*
 * SHA-512 of a short text (FIPS 180-4). Only for names that the reference derives so: the container
 * ids of cnitool, the ifb of bandwidth; nothing here is secret.

 */
#ifndef BASE_SHA512_H
#define BASE_SHA512_H

#include <stddef.h>
#include <stdint.h>

#define SHA512_SIZE 64

void sha512(const void *data, size_t len, uint8_t out[static SHA512_SIZE]);

#endif
