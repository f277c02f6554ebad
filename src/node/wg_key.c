/* See wg_key.h. */
#include "node/wg_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "kube/base64.h"
#include "tls/tls.h"

#define PATH WG_KEY_DIR "/" WG_KEY_NAME
#define CRYPTO_MEMORY (32 << 10) /* where no server is spoken to */

static _Alignas(16) char crypto_memory[CRYPTO_MEMORY];

/* RFC 7748, section 5: as the kernel does it. */
static void clamp(uint8_t key[static 32])
{
	key[0] &= 248;
	key[31] = (uint8_t)((key[31] & 127) | 64);
}

static int derive(struct wg_key *k, struct err *e)
{
	int r = tls_is_setup() ? 0 : tls_setup(crypto_memory, sizeof(crypto_memory), e);

	return r < 0 ? r : x25519_public(k->private_key, k->public_key, e);
}

int wg_key_read(struct wg_key *out, struct err *e)
{
	char text[BASE64_KEY_TEXT + 1];
	struct err mine = { 0 };
	ssize_t len = file_read(AT_FDCWD, PATH, text, sizeof(text), &mine);
	bool good = len > 0 && text[len - 1] == '\n';

	if (len == -ENOENT)
		return 0;
	if (len < 0 && len != -EFBIG)
		return err_take(e, &mine);
	if (good)
		text[len - 1] = '\0';
	good = good && base64_key_decode(text, out->private_key);
	explicit_bzero(text, sizeof(text));
	if (!good)
		return err_set(e, EINVAL, PATH ": no key of WireGuard (32 bytes in base64)");
	return derive(out, e) < 0 ? -e->errnum : 1;
}

static int write_key(const struct wg_key *k, struct err *e)
{
	char text[BASE64_KEY_TEXT];
	int dir = dir_open(WG_KEY_DIR, true, e), r;

	if (dir < 0)
		return dir;
	base64_key_encode(k->private_key, text);
	text[BASE64_KEY_TEXT - 1] = '\n';
	r = fchmod(dir, 0700) < 0
		    ? err_errno(e, WG_KEY_DIR)
		    : file_replace(dir, WG_KEY_NAME, text, sizeof(text), 0600, FILE_SYNC, e);
	explicit_bzero(text, sizeof(text));
	close(dir);
	return r;
}

/* A key needs entropy: this waits for it, as a machine that has just begun may have none yet. */
static int make(struct wg_key *k, struct err *e)
{
	ssize_t n;

	do
		n = getrandom(k->private_key, sizeof(k->private_key), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(k->private_key))
		return err_errno(e, "a key of WireGuard: random bytes");
	clamp(k->private_key);
	return derive(k, e);
}

int wg_key_get(struct wg_key *out, struct err *e)
{
	int r = wg_key_read(out, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = make(out, e);
	return r < 0 ? r : write_key(out, e);
}
