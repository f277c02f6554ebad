/*
 * What the program that stays tells of itself: /healthz, /readyz and /metrics, the last in the text
 * format of Prometheus (0.0.4).
 */
#ifndef NODE_METRICS_H
#define NODE_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct text;

struct node_metrics {
	size_t nodes;
	unsigned long passes, failures, wakeups;
	int64_t pass_ms;     /* the last one took so long */
	int64_t contact_ms;  /* ago, the source said what is true; -1: never */
	const char *failure; /* why it is not ready; NULL: it is */
};

/* The answer and its status, as listen.h has it. */
unsigned int metrics_answer(const char *path, const struct node_metrics *m, struct text *t);

#endif
