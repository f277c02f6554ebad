/* See available.h. */
#include "node/available.h"

#include <stdio.h>
#include <time.h>

#include "cluster/node_store.h"
#include "kube/patch.h"

/* Times of the API: RFC 3339, in UTC. */
static void format_time(char out[static 32])
{
	time_t now = time(NULL);
	struct tm tm = { 0 };

	gmtime_r(&now, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void available_offer(struct patch *p, const struct stored_node *n)
{
	char now[32];
	int len;

	p->wanted = n && n->unavailable;
	if (!p->wanted)
		return;
	format_time(now);
	p->resource = "nodes/status";
	len = snprintf(p->path, sizeof(p->path), "/api/v1/nodes/%s/status", n->node.name);
	p->wanted = len < (int)sizeof(p->path);
	snprintf(
		p->content, sizeof(p->content),
		"{\"status\":{\"conditions\":[{\"type\":\"" NODE_UNAVAILABLE
		"\",\"status\":\"False\",\"reason\":\"CniboxIsUp\",\"message\":\"cnibox node has "
		"joined this node\",\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":\"%s\"}]}}",
		now, now);
}
