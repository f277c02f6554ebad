/* Netlink mechanism, dumps: interrupted, broken off, or ended by the kernel that we play. */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "base/err.h"
#include "net/nl.h"
#include "unit_nl.h"

struct gathered {
	struct nl *nl;
	unsigned int count, restarts, replies;
	int stop_at;
};

static int gather(const struct nlmsghdr *h, void *arg)
{
	struct gathered *g = arg;

	(void)h;
	g->count++;
	return g->stop_at && (int)g->count == g->stop_at ? -ECANCELED : 0;
}

/* The second pass is answered whole, unless replies says that there are more interruptions to come.
 */
static void restarted(void *arg)
{
	struct gathered *g = arg;
	uint32_t seq = g->nl->seq + 1;

	g->restarts++;
	g->count = 0;
	for (int i = 0; i < 3; i++)
		say(RTM_NEWLINK, NLM_F_MULTI | (g->replies > 0 ? NLM_F_DUMP_INTR : 0), seq, NULL,
		    0);
	say(NLMSG_DONE, NLM_F_MULTI, seq, "\0\0\0\0", 4);
	if (g->replies > 0)
		g->replies--;
}

static void dump_request(struct nl *nl)
{
	static const struct ifinfomsg any = { .ifi_family = AF_UNSPEC };

	nl_request(nl, "list links", RTM_GETLINK, NLM_F_DUMP, &any, sizeof(any));
}

static void begin(struct nl *nl, struct gathered *g)
{
	fake_open(nl);
	g->nl = nl;
	dump_request(nl);
}

static void interrupted_dump_begins_anew(void **state)
{
	struct err e = { 0 };
	struct nl nl;
	struct gathered g = { 0 };

	(void)state;
	begin(&nl, &g);
	say(RTM_NEWLINK, NLM_F_MULTI, 1, NULL, 0);
	say(RTM_NEWLINK, NLM_F_MULTI, 42, NULL, 0); /* foreign */
	say(RTM_NEWLINK, NLM_F_MULTI | NLM_F_DUMP_INTR, 1, NULL, 0);
	say(RTM_NEWLINK, NLM_F_MULTI, 1, NULL, 0); /* not looked at any more */
	say(NLMSG_DONE, NLM_F_MULTI, 1, "\0\0\0\0", 4);
	assert_int_equal(nl_dump(&nl, gather, restarted, &g, &e), 0);
	assert_int_equal(g.restarts, 1);
	assert_int_equal(g.count, 3);

	/* Told only by the end mark, as Linux may when the change comes after the last piece. */
	g = (struct gathered){ .nl = &nl };
	dump_request(&nl);
	say(RTM_NEWLINK, NLM_F_MULTI, nl.seq, NULL, 0);
	say(NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, nl.seq, "\0\0\0\0", 4);
	assert_int_equal(nl_dump(&nl, gather, restarted, &g, &e), 0);
	assert_int_equal(g.restarts, 1);

	g = (struct gathered){ .nl = &nl, .replies = 1000 };
	dump_request(&nl);
	say(NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, nl.seq, "\0\0\0\0", 4);
	assert_int_equal(nl_dump(&nl, gather, restarted, &g, &e), -EAGAIN);
	assert_int_equal(g.restarts, 100);
	assert_non_null(strstr(e.text, "list links: interrupted"));
	fake_close(&nl);
}

static void what_interrupted_dumps_show_is_seen(void **state)
{
	struct err e = { 0 };
	struct nl nl;
	struct gathered g = { 0 };

	(void)state;
	begin(&nl, &g);
	for (uint32_t seq = 1; seq <= 5; seq++) {
		say(RTM_NEWLINK, NLM_F_MULTI, seq, NULL, 0);
		say(RTM_NEWLINK, NLM_F_MULTI | NLM_F_DUMP_INTR, seq, NULL, 0);
		say(RTM_NEWLINK, NLM_F_MULTI, seq, NULL, 0);
		say(NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, seq, "\0\0\0\0", 4);
	}
	assert_int_equal(nl_dump_seen(&nl, gather, &g, &e), 0);
	assert_int_equal(g.count, 12);
	assert_int_equal(nl.seq, 4);

	/* The first that is not interrupted is enough. */
	fake_close(&nl);
	fake_open(&nl);
	g = (struct gathered){ .nl = &nl };
	dump_request(&nl);
	say(RTM_NEWLINK, NLM_F_MULTI | NLM_F_DUMP_INTR, 1, NULL, 0);
	say(NLMSG_DONE, NLM_F_MULTI, 1, "\0\0\0\0", 4);
	say(RTM_NEWLINK, NLM_F_MULTI, 2, NULL, 0);
	say(NLMSG_DONE, NLM_F_MULTI, 2, "\0\0\0\0", 4);
	assert_int_equal(nl_dump_seen(&nl, gather, &g, &e), 0);
	assert_int_equal(g.count, 2);
	assert_int_equal(nl.seq, 2);
	fake_close(&nl);
}

static void dump_ends_as_told(void **state)
{
	struct err e = { 0 };
	struct nl nl;
	struct gathered g = { .stop_at = 1 };
	int error = -EPERM;
	char left;

	(void)state;
	begin(&nl, &g);
	say(RTM_NEWLINK, NLM_F_MULTI, 1, NULL, 0);
	say(RTM_NEWLINK, NLM_F_MULTI, 1, NULL, 0);
	say(NLMSG_DONE, NLM_F_MULTI, 1, "\0\0\0\0", 4);
	assert_int_equal(nl_dump(&nl, gather, restarted, &g, &e), -ECANCELED);
	assert_int_equal(g.count, 1);
	assert_int_equal(recv(nl.fd, &left, 1, MSG_DONTWAIT),
			 -1); /* the rest was taken out of the queue */
	assert_int_equal(e.errnum, 0);

	g = (struct gathered){ .nl = &nl };
	dump_request(&nl);
	say(RTM_NEWLINK, NLM_F_MULTI, nl.seq - 1, NULL, 0); /* foreign */
	say(NLMSG_DONE, NLM_F_MULTI, nl.seq + 1, NULL, 0);
	say(RTM_NEWLINK, NLM_F_MULTI, nl.seq, NULL, 0);
	say(RTM_NEWLINK, NLM_F_MULTI, nl.seq, NULL, 0);
	say(NLMSG_DONE, NLM_F_MULTI, nl.seq, NULL, 0);
	assert_int_equal(nl_dump(&nl, gather, NULL, &g, &e), 0);
	assert_int_equal(g.count, 2);

	dump_request(&nl);
	say(NLMSG_DONE, NLM_F_MULTI, nl.seq, &error, sizeof(error));
	assert_int_equal(nl_dump(&nl, gather, NULL, &g, &e), -EPERM);
	assert_string_equal(e.text, "list links: Operation not permitted");

	err_clear(&e);
	dump_request(&nl);
	say(RTM_NEWLINK, NLM_F_MULTI, nl.seq, NULL, 0);
	assert_int_equal(nl_dump(&nl, gather, NULL, &g, &e), -EPROTO);
	assert_non_null(strstr(e.text, "incomplete"));

	err_clear(&e);
	nl.cap = 8;
	dump_request(&nl);
	assert_int_equal(nl_dump(&nl, gather, NULL, &g, &e), -EMSGSIZE);
	fake_close(&nl);
}

static void get_takes_one_answer(void **state)
{
	struct err e = { 0 };
	struct nl nl;
	struct gathered g = { .nl = &nl };

	(void)state;
	fake_open(&nl);
	nl_request(&nl, "find link", RTM_GETLINK, 0, NULL, 0);
	say(RTM_NEWLINK, 0, 1, NULL, 0);
	say(RTM_NEWLINK, 0, 1, NULL, 0);
	assert_int_equal(nl_dump(&nl, gather, NULL, &g, &e), 0);
	assert_int_equal(g.count, 1);
	nl_request(&nl, "find link", RTM_GETLINK, 0, NULL, 0);
	say_error(2, ENODEV, 0, NULL, 0);
	assert_int_equal(nl_dump(&nl, gather, NULL, &g, &e), -ENODEV);
	assert_int_equal(g.count, 1);
	fake_close(&nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interrupted_dump_begins_anew),
		cmocka_unit_test(what_interrupted_dumps_show_is_seen),
		cmocka_unit_test(dump_ends_as_told),
		cmocka_unit_test(get_takes_one_answer),
	};

	return cmocka_run_group_tests_name("nl dumps", tests, NULL, NULL);
}
