/* Names and marks of an attachment. */
#include <unistd.h>
#include <sys/wait.h>

#include "unit_cni.h"

#include "cni/attachment.h"

static const struct cni_attachment at = { "net1", "c1", "eth0" };

static struct link named(const char *name, const char *kind, const char *alias, uint32_t group)
{
	struct link l = { .group = group };

	str_copy(l.name, sizeof(l.name), name);
	str_copy(l.kind, sizeof(l.kind), kind);
	str_copy(l.alias, sizeof(l.alias), alias);
	return l;
}

/* A node keeps its pods over an upgrade: the name of an attachment is the same for ever. */
static void host_names(void **state)
{
	const struct cni_attachment shifted = { "net1", "c1e", "th0" },
				    other = { "net", "1c1", "eth0" };
	char name[IF_NAMESIZE], again[IF_NAMESIZE];

	(void)state;
	assert_string_equal(attachment_host_name(&at, name), "veth40ffccd1f15");
	assert_int_equal(strlen(name), IF_NAMESIZE - 1);
	assert_string_not_equal(attachment_host_name(&shifted, again), name);
	assert_string_not_equal(attachment_host_name(&other, again), name);
}

static void aliases_are_read_back(void **state)
{
	char id[CNI_ID_SHORT + 1], network[CNI_NETWORK_SHORT + 1];
	struct cni_attachment longest = { network, id, "eth0123456789ab" }, back;
	char alias[LINK_ALIAS_SIZE], buf[LINK_ALIAS_SIZE];

	(void)state;
	assert_string_equal(attachment_alias(&at, alias), "cnibox net1 c1 eth0");
	memset(id, 'i', CNI_ID_SHORT);
	id[CNI_ID_SHORT] = '\0';
	memset(network, 'n', CNI_NETWORK_SHORT);
	network[CNI_NETWORK_SHORT] = '\0';
	assert_true(attachment_parse(attachment_alias(&longest, alias), buf, &back));
	assert_string_equal(back.network, network);
	assert_string_equal(back.container_id, id);
	assert_string_equal(back.ifname, longest.ifname);
}

/* A name of this length; the last letter tells two apart. */
static const char *long_name(char *out, size_t len, char last)
{
	memset(out, 'n', len);
	out[len - 1] = last;
	out[len] = '\0';
	return out;
}

static void names_that_fit_are_their_own_short_forms(void **state)
{
	char name[400], id[CNI_ID_SHORT + 1], network[CNI_NETWORK_SHORT + 1];

	(void)state;
	assert_ptr_equal(attachment_short_network("net1", network), "net1");
	assert_ptr_equal(attachment_short_network(long_name(name, 80, 'a'), network), name);
	assert_ptr_equal(attachment_short_id(long_name(name, 150, 'a'), id), name);
	assert_ptr_equal(attachment_short_id(long_name(name, 151, 'a'), id), id);
	assert_int_equal(strlen(id), 150);
	assert_memory_equal(id, name, 133);
	assert_int_equal(id[133], '~');
	assert_int_equal(strspn(id + 134, "0123456789abcdef"), 16);
	assert_ptr_equal(attachment_short_network(long_name(name, 81, 'a'), network), network);
	assert_int_equal(strlen(network), 80);
	assert_int_equal(network[63], '~');
	assert_false(cni_network_valid(network));
	assert_true(attachment_short_network_valid(network));
}

static void different_names_have_different_short_forms(void **state)
{
	char name[4097], forms[200][CNI_NETWORK_SHORT + 1];
	size_t n = 0;

	(void)state;
	for (size_t len = 81; len <= 4096; len += 41) {
		for (const char *last = "ab"; *last; last++) {
			attachment_short_network(long_name(name, len, *last), forms[n]);
			for (size_t i = 0; i < n; i++)
				assert_string_not_equal(forms[i], forms[n]);
			n += n < 199;
		}
	}
}

static void short_forms_are_valid_and_nothing_like_them(void **state)
{
	char name[400], id[CNI_ID_SHORT + 1];

	(void)state;
	attachment_short_id(long_name(name, 300, 'a'), id);
	assert_true(attachment_short_id_valid(id));
	assert_true(attachment_short_id_valid("c1"));
	assert_true(attachment_short_id_valid(long_name(name, 150, 'a')));
	assert_false(attachment_short_id_valid(long_name(name, 151, 'a')));
	assert_false(attachment_short_id_valid(""));
	assert_false(attachment_short_id_valid("n~0123456789abcdef"));
	id[149] = 'g';
	assert_false(attachment_short_id_valid(id));
	id[149] = '0';
	id[5] = '/';
	assert_false(attachment_short_id_valid(id));
	id[5] = '~';
	assert_false(attachment_short_id_valid(id));
}

static void long_names_are_found_by_what_is_read_back(void **state)
{
	char id[301], network[301], other[301], name[IF_NAMESIZE], again[IF_NAMESIZE];
	struct cni_attachment whole = { network, id, "eth0123456789ab" }, back;
	char alias[LINK_ALIAS_SIZE], buf[LINK_ALIAS_SIZE];

	(void)state;
	long_name(id, 300, 'a');
	long_name(network, 300, 'a');
	assert_true(attachment_parse(attachment_alias(&whole, alias), buf, &back));
	assert_int_equal(strlen(alias), 254);
	assert_string_equal(back.ifname, whole.ifname);
	assert_true(attachment_network_is(back.network, network));
	assert_false(attachment_network_is(back.network, long_name(other, 300, 'b')));
	assert_string_equal(attachment_host_name(&back, name), attachment_host_name(&whole, again));
	whole.network = other;
	assert_string_not_equal(attachment_host_name(&whole, again), name);
}

static void foreign_aliases_are_not(void **state)
{
	static const char *const foreign[] = { "",
					       "cnibox",
					       "cnibox net1 c1",
					       "cniboxn c i",
					       "other n c i",
					       "cnibox n c i more",
					       "Cnibox n c i",
					       "cnibox  ",
					       " cnibox n c i" };
	char buf[LINK_ALIAS_SIZE];
	struct cni_attachment out;

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_false(attachment_parse(foreign[i], buf, &out));
}

static void a_host_end_is_owned_by_name_and_alias(void **state)
{
	char name[IF_NAMESIZE];
	struct link l;

	(void)state;
	attachment_host_name(&at, name);
	l = named(name, "veth", "cnibox net1 c1 eth0", 0);
	assert_true(attachment_owns(&at, &l));
	l = named(name, "veth", "", 0); /* killed before it had its alias */
	assert_true(attachment_owns(&at, &l));
	l = named(name, "veth", "cnibox net1 c2 eth0", 0);
	assert_false(attachment_owns(&at, &l));
	l = named(name, "dummy", "cnibox net1 c1 eth0", 0);
	assert_false(attachment_owns(&at, &l));
	l = named("veth0", "veth", "cnibox net1 c1 eth0", 0);
	assert_false(attachment_owns(&at, &l));
}

/* The group of a process that has ended. */
static uint32_t dead_maker(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return attachment_group() - (uint32_t)getpid() + (uint32_t)pid;
}

static void an_interface_in_the_pod_is_owned_by_alias_or_maker(void **state)
{
	struct link l = named("eth0", "dummy", "cnibox net1 c1 eth0", 0);
	uint32_t dead = dead_maker();
	char name[IF_NAMESIZE];

	(void)state;
	assert_true(attachment_owns_in_pod(&at, &l));
	l = named("eth0", "dummy", "", attachment_group());
	assert_false(attachment_owns_in_pod(&at, &l));
	l = named("eth0", "dummy", "", dead);
	assert_true(attachment_owns_in_pod(&at, &l));
	l = named("eth0", "dummy", "", 0);
	assert_false(attachment_owns_in_pod(&at, &l));
	l = named("eth0", "dummy", "cnibox net2 c1 eth0", dead);
	assert_false(attachment_owns_in_pod(&at, &l));
	l = named("eth1", "dummy", "cnibox net1 c1 eth0", 0); /* renamed by the pod */
	assert_true(attachment_owns_in_pod(&at, &l));
	l = named("eth1", "dummy", "", dead);
	assert_false(attachment_owns_in_pod(&at, &l));
	attachment_host_name(&at, name); /* killed before it was renamed */
	l = named(name, "macvlan", "", dead);
	assert_true(attachment_owns_in_pod(&at, &l));
}

static void an_orphan_has_no_alias_and_a_dead_maker(void **state)
{
	uint32_t mine = attachment_group(), dead = dead_maker();
	struct link l = named("x", "veth", "", mine);

	(void)state;
	assert_false(attachment_orphaned(&l));
	l.group = dead;
	assert_true(attachment_orphaned(&l));
	str_copy(l.alias, sizeof(l.alias), "cnibox net1 c1 eth0");
	assert_false(attachment_orphaned(&l));
	l = named("x", "veth", "", 0);
	assert_false(attachment_orphaned(&l));
	l = named("x", "bridge", "", dead);
	assert_false(attachment_orphaned(&l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_names),
		cmocka_unit_test(aliases_are_read_back),
		cmocka_unit_test(names_that_fit_are_their_own_short_forms),
		cmocka_unit_test(different_names_have_different_short_forms),
		cmocka_unit_test(short_forms_are_valid_and_nothing_like_them),
		cmocka_unit_test(long_names_are_found_by_what_is_read_back),
		cmocka_unit_test(foreign_aliases_are_not),
		cmocka_unit_test(a_host_end_is_owned_by_name_and_alias),
		cmocka_unit_test(an_interface_in_the_pod_is_owned_by_alias_or_maker),
		cmocka_unit_test(an_orphan_has_no_alias_and_a_dead_maker),
	};

	return cmocka_run_group_tests_name("attachments", tests, NULL, NULL);
}
