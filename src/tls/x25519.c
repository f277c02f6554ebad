/* Public keys by mbedTLS: see tls.h. */
#include "tls/tls.h"

#include <errno.h>

#include <psa/crypto.h>

#include "base/err.h"

int x25519_public(const uint8_t key[static 32], uint8_t out[static 32], struct err *e)
{
	psa_key_attributes_t a = PSA_KEY_ATTRIBUTES_INIT;
	psa_key_id_t id;
	size_t len;
	bool good;

	psa_set_key_type(&a, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY));
	psa_set_key_bits(&a, 255);
	psa_set_key_usage_flags(&a, PSA_KEY_USAGE_DERIVE);
	psa_set_key_algorithm(&a, PSA_ALG_ECDH);
	if (psa_import_key(&a, key, 32, &id) != PSA_SUCCESS)
		return err_set(e, EIO, "X25519: the key cannot be used");
	good = psa_export_public_key(id, out, 32, &len) == PSA_SUCCESS && len == 32;
	psa_destroy_key(id);
	return good ? 0 : err_set(e, EIO, "X25519: there is no public key");
}
