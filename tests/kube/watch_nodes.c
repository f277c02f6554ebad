/*
 * The Kubernetes client in a poll loop, as the node program will have it, for the tests: prints one
 * line for each change of a node, each complete list and each error.
 * usage: watch_nodes [--kubernetes] [--kubeconfig FILE] [--server URL] [--ca FILE] [--token-file
 * FILE]
 *                    [--cert FILE] [--key FILE]
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "cluster/node_store.h"
#include "kube/client.h"
#include "tls/tls.h"

static _Alignas(16) char tls_memory[256 << 10], store_memory[4 << 20], scratch_memory[1 << 20],
	arena_memory[1 << 20];
static struct kube_client client;
static struct node_store store;

static void on_change(void *arg, enum node_change change, const struct stored_node *n)
{
	const char *data = stored_annotation(n, "backend-data");

	(void)arg;
	printf("%c %s", "+~-"[change], n -> node.name);
	for (size_t i = 0; i < n->node.address_count; i++)
		printf(" %s", addr_text(&n->node.addresses[i]));
	for (size_t i = 0; i < n->node.subnet_count; i++)
		printf(" %s", prefix_text(&n->node.subnets[i]));
	printf("%s%s\n", data ? " " : "", data ? data : "");
}

static void on_complete(void *arg)
{
	const struct node_store *s = arg;

	printf("complete %zu\n", s->count);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void parse(int argc, char **argv, struct access_options *o)
{
	const struct {
		const char *name;
		const char **value;
	} options[] = {
		{ "--kubeconfig", &o->kubeconfig },
		{ "--server", &o->server },
		{ "--ca", &o->ca },
		{ "--token-file", &o->token_file },
		{ "--cert", &o->cert },
		{ "--key", &o->key },
	};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--kubernetes") == 0)
			o->in_pod = true;
		for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
			if (strcmp(argv[i], options[k].name) == 0 && i + 1 < argc)
				*options[k].value = argv[++i];
		}
	}
}

static void loop(void)
{
	for (;;) {
		struct err e = { 0 };
		struct pollfd p;
		int64_t until, now = now_ms();

		if (kube_client_step(&client, now, &e) < 0)
			printf("error %s\n", e.text);
		kube_client_wait(&client, &p, &until);
		poll(&p, 1, until > now ? (int)(until - now) : 0);
	}
}

int main(int argc, char **argv)
{
	const struct node_sink sink = { .arg = &store,
					.change = on_change,
					.complete = on_complete };
	struct access_options o = { 0 };
	struct kube_access access;
	struct arena arena, scratch;
	struct err e = { 0 };
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv, &o);
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	arena_init(&scratch, scratch_memory, sizeof(scratch_memory));
	node_store_init(&store, store_memory, sizeof(store_memory), &scratch, &sink);
	r = tls_setup(tls_memory, sizeof(tls_memory), &e);
	if (r == 0)
		r = access_load(&arena, &o, &access, &e);
	if (r == 0)
		r = kube_client_init(&client, &arena, &access, &node_kind, &store.watch, &e);
	if (r == 0)
		loop();
	printf("error %s\n", e.text);
	return 1;
}
