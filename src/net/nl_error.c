/*
 * Netlink mechanism: what the kernel's refusals mean, as texts. Nothing of an answer is believed
 * before its length was checked.
 */
#include "net/nl_private.h"

#include <errno.h>

#include "base/err.h"
#include "base/text.h"

/*
 * Where the extended ACK begins behind the message header, past the request if that is echoed; 0:
 * there is none.
 */
static size_t extack_offset(const struct nlmsghdr *h)
{
	struct nlmsgerr m;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	if (h->nlmsg_type == NLMSG_DONE)
		return sizeof(int);
	memcpy(&m, h + 1, sizeof(m));
	if (h->nlmsg_flags & NLM_F_CAPPED)
		return sizeof(m);
	return m.msg.nlmsg_len > h->nlmsg_len ? 0 : sizeof(int) + NLMSG_ALIGN(m.msg.nlmsg_len);
}

void nl_refusal_read(const struct nlmsghdr *h, struct nl_refusal *f)
{
	const struct nlattr *a[NLMSGERR_ATTR_MISS_TYPE + 1];
	size_t need = h->nlmsg_type == NLMSG_DONE ? sizeof(int) : sizeof(struct nlmsgerr);
	size_t offset;
	int error = -EPROTO;

	memset(f, 0, sizeof(*f));
	if (h->nlmsg_len < NLMSG_HDRLEN + need) {
		f->errnum = h->nlmsg_type == NLMSG_DONE ? 0 : EPROTO;
		return;
	}
	memcpy(&error, h + 1, sizeof(error));
	f->errnum = error > 0 || error < -NL_ERRNO_MAX ? EPROTO : -error;
	offset = extack_offset(h);
	if (!offset)
		return;
	(void)nl_attrs(h, offset, a, NLMSGERR_ATTR_MISS_TYPE);
	(void)nl_str(a[NLMSGERR_ATTR_MSG], f->says, sizeof(f->says));
	f->offset = nl_u32(a[NLMSGERR_ATTR_OFFS]);
	f->missing = nl_u32(a[NLMSGERR_ATTR_MISS_TYPE]);
}

static const char *hint_find(const struct nl *nl, const struct nl_refusal *f)
{
	for (unsigned int i = 0; i < nl->hints; i++) {
		const struct nl_hint *h = &nl->hint[i];

		if (h->request == f->request && h->errnum == f->errnum &&
		    (!h->says || strcmp(h->says, f->says) == 0))
			return h->text;
	}
	return NULL;
}

/* A request as it was sent, in aligned memory; cut where it is larger than any of ours. */
struct copy {
	_Alignas(struct nlmsghdr) char bytes[4096];
};

static const struct nlmsghdr *copy_request(const struct nl *nl, unsigned int request,
					   struct copy *c)
{
	size_t at = 0;
	uint32_t len;

	for (; request > 0; request--)
		at += nl_header(nl, at).nlmsg_len;
	len = nl_header(nl, at).nlmsg_len;
	if (len > sizeof(c->bytes))
		len = sizeof(c->bytes);
	memcpy(c->bytes, nl->buf + at, len);
	memcpy(c->bytes, &len, sizeof(len)); /* a message begins with its length */
	return (const void *)c->bytes;
}

/* The type of the attribute that the kernel points at in the request; 0: it points at none. */
static unsigned int attr_type_at(const struct nlmsghdr *sent, uint32_t offset)
{
	struct nlattr a;

	if (offset < sizeof(*sent) || sent->nlmsg_len < sizeof(a) ||
	    offset > sent->nlmsg_len - sizeof(a))
		return 0;
	memcpy(&a, (const char *)sent + offset, sizeof(a));
	return a.nla_type & (unsigned int)NLA_TYPE_MASK;
}

static int report(const struct nl_refusal *f, struct err *e)
{
	unsigned int type = f->missing ? f->missing : attr_type_at(f->sent, f->offset);
	char buf[320];
	struct text t;

	text_init(&t, buf, sizeof(buf));
	if (f->says[0])
		text_printf(&t, " (kernel: %s)", f->says);
	if (type)
		text_printf(&t, " (attribute %u%s)", type, f->missing ? " is missing" : "");
	return err_set(e, f->errnum, "%s: %s%s", f->what, strerror(f->errnum), buf);
}

int nl_refusal_report(const struct nl *nl, const struct nl_protocol *as, struct nl_refusal *f,
		      struct err *e)
{
	const char *hint = hint_find(nl, f);
	struct copy copy;

	f->what = nl->what[f->request];
	if (hint)
		return err_set(e, f->errnum, "%s: %s", f->what, hint);
	f->sent = copy_request(nl, f->request, &copy);
	return as && as->explain ? as->explain(f, e) : report(f, e);
}

const char *nl_batch_name(const struct nl *nl, const struct nl_protocol *as)
{
	if (as && as->batch)
		return as->batch;
	return nl->count > 0 ? nl->what[nl->count - 1] : "netlink request";
}

int nl_bad_report(const struct nl *nl, const struct nl_protocol *as, struct err *e)
{
	if (nl->why)
		return err_set(e, EMSGSIZE, "%s: %s", nl_batch_name(nl, as), nl->why);
	return err_set(
		e, EMSGSIZE,
		"%s: the batch is too large, it does not fit (%zu bytes, %u requests so far)",
		nl_batch_name(nl, as), nl->len, nl->count);
}
