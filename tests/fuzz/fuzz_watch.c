/*
 * What an API server answers to those who list and watch nodes: a byte for the size of pieces, one
 * for the status, then the answer to a list, and behind a NUL the events of a watch. In pieces and
 * whole the same nodes come out of it, and what is stored can be read again.
 */
#include "cluster/node_store.h"

#include <errno.h>

#include "fuzz.h"

struct run {
	struct watch w;
	struct node_store store;
	struct arena scratch;
	int list, watch;
	unsigned int changes;
	_Alignas(16) char memory[1 << 16], scratch_memory[1 << 18];
};

static void on_change(void *arg, enum node_change change, const struct stored_node *n)
{
	struct run *x = arg;

	(void)change;
	require(n->node.name && n->node.index <= x->store.count);
	x->changes++;
}

static void on_complete(void *arg)
{
	(void)arg;
}

static int exchange(struct run *x, unsigned int status, struct json_raw answer, size_t piece)
{
	struct watch_result result = { .status = status, .retry_after_s = -1 };
	char request[8192];
	struct err e = { 0 };
	struct text path;
	int r;

	text_init(&path, request, sizeof(request));
	watch_request(&x->w, 0, 0, &path);
	require(!path.bad && !strpbrk(path.at, " \r\n"));
	for (size_t i = 0; i < answer.len && result.r == 0; i += piece)
		result.r = watch_body(&x->w, status, answer.text + i,
				      answer.len - i < piece ? answer.len - i : piece, &e);
	check_err(result.r, &e);
	r = watch_end(&x->w, &result, 5000, &e);
	check_err(r, &e);
	require(r == 0 || x->w.due_ms > 5000);
	return r;
}

static void check_store(const struct run *x)
{
	struct stored_node n = { 0 };
	size_t at = 0, count = 0;

	while (node_store_next(&x->store, &at, &n)) {
		require(n.node.index == count++ && strlen(n.node.name) < sizeof(x->memory));
		for (size_t i = 0; i < n.node.address_count; i++)
			require(addr_is_set(&n.node.addresses[i]));
		for (size_t i = 0; i < n.node.subnet_count; i++)
			require(addr_is_set(&n.node.subnets[i].addr));
		stored_annotation(&n, "none");
	}
	require(at == x->store.used && count == x->store.count);
}

static void run(struct run *x, unsigned int status, struct json_raw list, struct json_raw events,
		size_t piece)
{
	const struct node_sink sink = { x, on_change, on_complete };

	memset(x, 0, sizeof(*x));
	arena_init(&x->scratch, x->scratch_memory, sizeof(x->scratch_memory));
	node_store_init(&x->store, x->memory, sizeof(x->memory), &x->scratch, &sink);
	watch_init(&x->w, &node_kind, &x->store.watch);
	x->list = exchange(x, status, list, piece);
	x->watch = exchange(x, 200, events, piece);
	check_store(x);
	require(x->scratch.used == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned int statuses[] = { 200, 200, 200, 200, 401, 403, 410, 503 };
	static struct run whole, pieces;
	struct input in = input_begin(data, size);
	struct json_raw list, events;
	const uint8_t *head;
	unsigned int status;

	if (size < 2)
		return 0;
	head = (const uint8_t *)input_take(&in, 2, false);
	status = statuses[head[1] % 8];
	list.text = input_string(&in);
	list.len = strlen(list.text);
	events = input_rest(&in, false);
	run(&whole, status, list, events, size);
	run(&pieces, status, list, events, 1 + head[0] % 32u);
	require(whole.list == pieces.list && whole.watch == pieces.watch);
	require(whole.store.used == pieces.store.used && whole.changes == pieces.changes);
	require(memcmp(whole.memory, pieces.memory, whole.store.used) == 0);
	require(strcmp(whole.w.version, pieces.w.version) == 0);
	input_end(&in);
	return 0;
}
