/* Generic netlink: what the kernel says about a WireGuard interface, one message after the other.
 */
#include <linux/netlink.h>

#include "base/addr.h"
#include "base/list.h"
#include "fuzz.h"
#include "net/nl.h"
#include "net/wireguard.h"

/* Each piece is a message, its length put right: two bytes of length, and the bytes. */
static void read_all(struct input *in, struct wg_reading *r)
{
	while (in->left > 2 + sizeof(struct nlmsghdr) && in->count < FUZZ_PIECES) {
		size_t len = (size_t)((uint8_t)in->at[0] | (uint8_t)in->at[1] << 8);
		struct nlmsghdr *h;

		in->at += 2, in->left -= 2;
		len = len < sizeof(*h) ? sizeof(*h) : len;
		len = len > in->left ? in->left : len;
		h = (struct nlmsghdr *)(void *)input_take(in, len, false);
		h->nlmsg_len = (uint32_t)len;
		require(wg_read_message(h, r) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = input_begin(data, size);
	struct arena a = fuzz_arena();
	struct wg_device device = { 0 };
	struct list peers, prefixes;
	struct wg_reading r = { &device, &peers, &prefixes };
	const struct wg_peer *p;
	const struct prefix *at;
	char text[PREFIX_TEXT];

	list_init(&peers, &a, sizeof(struct wg_peer));
	list_init(&prefixes, &a, sizeof(struct prefix));
	read_all(&in, &r);
	p = peers.at;
	at = prefixes.at;
	for (size_t i = 0; i < peers.count; i++)
		require(p[i].first + p[i].count <= prefixes.count);
	for (size_t i = 0; i < prefixes.count; i++)
		require(at[i].len <= addr_bits(&at[i].addr) &&
			strlen(prefix_format(&at[i], text)) < sizeof(text));
	input_end(&in);
	return 0;
}
