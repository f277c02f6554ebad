/*
 * Settings of a pod's interface that a chained plugin changes, and a file that says what they were,
 * so that DEL can put them back. The file is the reference's: DIR/<container id>_<interface>.json
 * with mac, promisc, mtu, allmulti, txQLen; ours adds whose it is, and the sysctls.
 */
#ifndef IFACE_TUNED_H
#define IFACE_TUNED_H

#include <stdbool.h>
#include <stdint.h>

#include "cni/request.h"
#include "iface/sysctls.h"
#include "net/link.h"

struct err;
struct nl;

struct tuned {
	bool has_mac, has_mtu, has_promisc, has_allmulti, has_tx_queue;
	uint8_t mac[6];
	uint32_t mtu, tx_queue;
	bool promisc, allmulti;
	struct sysctls sysctls; /* in a file: path and the old value */
};

bool tuned_is_empty(const struct tuned *t);

/* What the link has now of what wanted changes. */
void tuned_of_link(const struct tuned *wanted, const struct link *l, struct tuned *out);

/* Write the requests into the batch. */
void tuned_put(const struct tuned *t, struct nl *nl, int index);

/* CHECK: CNI_ERR_DIFFERS names what is not as wanted. */
int tuned_check(const struct tuned *wanted, const struct link *l, struct err *e);

/* CNI_ERR_STATE. */
int tuned_save(const struct cni_request *req, const char *dir, const struct tuned *t,
	       struct err *e);

/* 1; 0: there is no file, or it is another network's. What is no file of this kind is 0, too. */
int tuned_load(const struct cni_request *req, const char *dir, struct tuned *out, struct err *e);
int tuned_remove(const struct cni_request *req, const char *dir, struct err *e);

/* Remove the files of this network's attachments that are not valid and have no interface. */
int tuned_gc(const struct cni_request *req, const char *dir, struct err *e);

#endif
