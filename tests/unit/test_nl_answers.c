/*
 * Netlink mechanism, sending: answers from a kernel that we play ourselves at the other end of a
 * socket pair.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/addr.h"
#include "base/err.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/nl.h"
#include "unit_nl.h"
#include "wire.h"

static void commit_takes_the_acknowledgement(void **state)
{
	struct err e = { 0 };
	unsigned int failed = 5;
	struct nlmsghdr h;
	char sent[256];
	struct nl nl;

	(void)state;
	fake_open(&nl);
	link_up(&nl, 1);
	link_up(&nl, 2);
	say_error(0, EPERM, 0, NULL, 0); /* of a request before */
	say_error(3, EPERM, 0, NULL, 0); /* of one that was never sent */
	say(RTM_NEWLINK, 0, 2, NULL, 0); /* not an answer to a change */
	say_error(2, 0, 0, NULL, 0);
	say_error(2, 0, 0, NULL, 0); /* repeated */
	assert_int_equal(nl_commit(&nl, &failed, &e), 0);
	assert_int_equal(failed, 5);
	assert_int_equal(e.errnum, 0);
	/* One datagram; only its last request asks for an acknowledgement. */
	assert_int_equal(recv(kernel, sent, sizeof(sent), 0), 64);
	memcpy(&h, sent, sizeof(h));
	assert_int_equal(h.nlmsg_flags, NLM_F_REQUEST);
	memcpy(&h, sent + 32, sizeof(h));
	assert_int_equal(h.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);

	assert_int_equal(nl_commit(&nl, &failed, &e), 0); /* empty: nothing is sent */
	assert_int_equal(recv(kernel, sent, sizeof(sent), MSG_DONTWAIT), -1);
	fake_close(&nl);
}

static void commit_reports_the_first_error(void **state)
{
	struct err e = { 0 };
	unsigned int failed = 99;
	struct nl nl;

	(void)state;
	fake_open(&nl);
	link_up(&nl, 1);
	nl_put_u32(&nl, 0x77, 0);
	link_set_mtu(&nl, 2, 3);
	link_del(&nl, 4);
	/*
	 * Request 1 complains about its attribute at byte 32, request 2 about something else,
	 * request 0 went well.
	 */
	say_error(2, EINVAL, 0, U16("\x08") U16("\x01") "bad\0" U16("\x08") U16("\x02") U32("\x20"),
		  16);
	say_error(3, EPERM, 0, NULL, 0);
	assert_int_equal(nl_commit(&nl, &failed, &e), -EINVAL);
	assert_int_equal(failed, 1);
	assert_string_equal(e.text, "set link MTU: Invalid argument (kernel: bad) (attribute 4)");
	fake_close(&nl);
}

static void commit_fails_when_nothing_comes(void **state)
{
	struct err e = { 0 };
	unsigned int failed = 99;
	struct nl nl;

	(void)state;
	fake_open(&nl);
	link_up(&nl, 1);
	link_up(&nl, 2);
	say_error(1, 0, 0, NULL, 0);
	assert_int_equal(nl_commit(&nl, &failed, &e), -EPROTO);
	assert_non_null(strstr(e.text, "set link up: the kernel's answer is missing"));
	fake_close(&nl);
}

/* What stands behind a request with NLM_F_ACK is not sent when that fails. */
static void barrier_holds_back_what_follows(void **state)
{
	const struct veth v = { .host = "vethx", .pod = "eth0", .alias = "ours" };
	const struct port hairpin = { .hairpin = true };
	struct err e = { 0 };
	unsigned int failed = 99;
	struct nl nl;
	char sent[512];
	size_t first;

	(void)state;
	fake_open(&nl);
	link_up(&nl, 1);
	link_add_veth(&nl, &v);
	first = nl.len;
	link_join_veth(&nl, &v, true);
	link_set_port(&nl, "vethx", &hairpin);
	assert_int_equal(nl.count, 5);
	say_error(2, EEXIST, 0, NULL, 0);
	assert_int_equal(nl_commit(&nl, &failed, &e), -EEXIST);
	assert_int_equal(failed, 1);
	assert_string_equal(
		e.text,
		"create veth: a link with the name of the host's or the pod's end exists already");
	assert_int_equal(recv(kernel, sent, sizeof(sent), 0), first);
	assert_int_equal(recv(kernel, sent, sizeof(sent), MSG_DONTWAIT), -1);
	assert_int_equal(nl.count, 0);
	fake_close(&nl);
}

static void extended_ack_is_read_with_care(void **state)
{
	static const struct {
		uint32_t echo;
		const char *tlvs;
		size_t len;
		const char *text;
	} cases[] = {
		{ 16, U16("\x07") U16("\x01") "no\0\0", 8,
		  "set link up: Operation not permitted (kernel: no)" }, /* request echoed */
		{ 0, U16("\x07") U16("\x01") "no\0\0", 8,
		  "set link up: Operation not permitted (kernel: no)" },
		{ 0, U16("\x06") U16("\x01") "no", 6,
		  "set link up: Operation not permitted (kernel: no)" }, /* no NUL */
		{ 0, U16X("\xff", "\xff") U16("\x01") "no\0\0", 8,
		  "set link up: Operation not permitted" },
		{ 0, U16("\x08") U16("\x02") "\xff\xff\xff\xff", 8,
		  "set link up: Operation not permitted" }, /* points out of the request */
		{ 0, U16("\x08") U16("\x02") U32("\x1d"), 8,
		  "set link up: Operation not permitted" }, /* by one byte */
		{ 0, U16("\x08") U16("\x02") U32("\x01"), 8,
		  "set link up: Operation not permitted" }, /* into the header */
		{ 0, U16("\x08") U16("\x05") U32("\x03"), 8,
		  "set link up: Operation not permitted (attribute 3 is missing)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		struct nl nl;

		fake_open(&nl);
		link_up(&nl, 1);
		say_error(1, EPERM, cases[i].echo, cases[i].tlvs, cases[i].len);
		assert_int_equal(nl_commit(&nl, NULL, &e), -EPERM);
		assert_string_equal(e.text, cases[i].text);
		fake_close(&nl);
	}
}

static void broken_answers_are_errors(void **state)
{
	struct nlmsgerr m = { .error = -EPERM, .msg = { .nlmsg_len = 0xffffffff } };
	struct nlmsghdr lie = { .nlmsg_len = 1000, .nlmsg_type = NLMSG_ERROR, .nlmsg_seq = 3 };
	int positive[5] = { 7 };
	struct err e = { 0 };
	struct nl nl;

	(void)state;
	fake_open(&nl);
	link_up(&nl, 1);
	say(NLMSG_ERROR, NLM_F_ACK_TLVS, 1, &m,
	    sizeof(m)); /* says that 4 GiB of request are echoed */
	assert_int_equal(nl_commit(&nl, NULL, &e), -EPERM);
	assert_string_equal(e.text, "set link up: Operation not permitted");
	err_clear(&e);
	link_up(&nl, 1);
	say(NLMSG_ERROR, 0, 2, "abc", 3); /* too short to hold an error */
	assert_int_equal(nl_commit(&nl, NULL, &e), -EPROTO);
	err_clear(&e);
	link_up(&nl, 1);
	assert_int_equal(send(kernel, &lie, sizeof(lie), 0), sizeof(lie));
	assert_int_equal(nl_commit(&nl, NULL, &e), -EPROTO);
	assert_non_null(strstr(e.text, "answer is missing"));
	err_clear(&e);
	link_up(&nl, 1);
	say(NLMSG_ERROR, 0, 4, positive, sizeof(positive));
	assert_int_equal(nl_commit(&nl, NULL, &e), -EPROTO);
	fake_close(&nl);
}

static int count_addresses(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	unsigned int *count = arg;

	assert_int_equal(index, 7);
	assert_int_equal(p->len, 24);
	assert_int_equal(p->addr.bytes[0], 10);
	assert_int_equal(scope, 0);
	++*count;
	return 0;
}

/*
 * A kernel without IPv6 answers the question for it with its IPv4 addresses; an old one does not
 * look at the index.
 */
static void answers_to_another_question_are_dropped(void **state)
{
	static const char here[] =
		"\x02\x18\0\0" U32("\x07") U16("\x08") U16("\x01") "\x0a\0\0\x01",
			  there[] =
				  "\x02\x18\0\0" U32("\x08") U16("\x08") U16("\x01") "\x0a\0\0\x02";
	static const uint8_t families[] = { AF_INET6, AF_INET };
	struct err e = { 0 };
	struct nl nl;

	(void)state;
	fake_open(&nl);
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int count = 0;

		say(RTM_NEWADDR, NLM_F_MULTI, nl.seq + 1, here, sizeof(here) - 1);
		say(RTM_NEWADDR, NLM_F_MULTI, nl.seq + 1, there, sizeof(there) - 1);
		say(RTM_NEWADDR, NLM_F_MULTI, nl.seq + 1, here,
		    sizeof(here) - 2); /* its address is cut */
		say(RTM_NEWLINK, NLM_F_MULTI, nl.seq + 1, here, sizeof(here) - 1);
		say(NLMSG_DONE, NLM_F_MULTI, nl.seq + 1, "\0\0\0\0", 4);
		assert_int_equal(ifaddr_each(&nl, families[i], 7, count_addresses, &count, &e), 0);
		assert_int_equal(count, i);
	}
	fake_close(&nl);
}

static void hints_fit_their_request_only(void **state)
{
	struct err e = { 0 };
	struct nl nl;

	(void)state;
	fake_open(&nl);
	link_up(&nl, 1);
	nl_hint(&nl, EPERM, "", "no word");
	nl_hint(&nl, EPERM, NULL, "any word");
	link_up(&nl, 2);
	say_error(2, EPERM, 0, NULL, 0);
	assert_int_equal(nl_commit(&nl, NULL, &e), -EPERM);
	assert_string_equal(e.text, "set link up: Operation not permitted");
	err_clear(&e);
	link_up(&nl, 1);
	nl_hint(&nl, EPERM, "", "no word");
	nl_hint(&nl, EPERM, NULL, "any word");
	say_error(3, EPERM, 0, U16("\x07") U16("\x01") "no\0\0", 8);
	assert_int_equal(nl_commit(&nl, NULL, &e), -EPERM);
	assert_string_equal(e.text, "set link up: any word");
	err_clear(&e);
	link_up(&nl, 1); /* hints do not outlive their batch */
	for (int i = 0; i < NL_HINTS_MAX + 1; i++)
		nl_hint(&nl, EBUSY, NULL, "none of these");
	say_error(4, EPERM, 0, NULL, 0);
	assert_int_equal(nl_commit(&nl, NULL, &e), -EPERM);
	assert_string_equal(e.text, "set link up: Operation not permitted");
	fake_close(&nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commit_takes_the_acknowledgement),
		cmocka_unit_test(commit_reports_the_first_error),
		cmocka_unit_test(commit_fails_when_nothing_comes),
		cmocka_unit_test(barrier_holds_back_what_follows),
		cmocka_unit_test(extended_ack_is_read_with_care),
		cmocka_unit_test(broken_answers_are_errors),
		cmocka_unit_test(answers_to_another_question_are_dropped),
		cmocka_unit_test(hints_fit_their_request_only),
	};

	return cmocka_run_group_tests_name("nl answers", tests, NULL, NULL);
}
