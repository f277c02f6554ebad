/*
 * A CNI result in one form, read from and written in every version of the protocol.
 * Follows the specification's "Section 5: Result Types" and, for 0.1.0 to 0.4.0, the older
 * specifications.
 */
#ifndef CNI_RESULT_H
#define CNI_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "cni/cni.h"
#include "json/json.h"

struct arena;
struct err;
struct json_writer;
struct text;

#define CNI_IFACES_MAX 32
#define CNI_IPS_MAX 32
#define CNI_ROUTES_MAX 128

struct cni_iface {
	const char *name;
	const char *mac;	 /* NULL: none */
	const char *sandbox;	 /* NULL: on the host */
	int64_t mtu;		 /* 0: not said */
	const char *socket_path; /* NULL: none */
	const char *pci_id;
};

struct cni_ip {
	struct prefix address;
	struct addr gateway; /* family 0: none */
	int64_t interface;   /* index into ifaces, -1: none */
};

struct cni_route {
	struct prefix dst;
	struct addr gw; /* family 0: the gateway of the address of the same family */
	int64_t mtu, advmss, priority, table; /* 0: not said */
	int64_t scope;			      /* -1: not said */
};

struct cni_result {
	size_t iface_count, ip_count, route_count;
	struct json_raw dns; /* as it came; text NULL: none */
	struct cni_iface ifaces[CNI_IFACES_MAX];
	struct cni_ip ips[CNI_IPS_MAX];
	struct cni_route routes[CNI_ROUTES_MAX];
};

/*
 * Read a result of any version of the protocol; the forms do not overlap, so all are looked for.
 * *out is overwritten. Strings live in the arena, dns in raw. what (e.g. "prevResult") is put in
 * front of the keys in errors. -EINVAL, -ENOMEM, -E2BIG (too many entries).
 */
int cni_result_read(struct arena *a, struct json_raw raw, const char *what, struct cni_result *out,
		    struct err *e);

/* What every answer, and every configuration, begins with: '{' and its cniVersion. */
void cni_object_begin(struct json_writer *w, struct text *t, enum cni_version v);

/* Append the result in the form of this version. Overflow marks t bad. */
void cni_result_write(struct text *t, const struct cni_result *r, enum cni_version v);

/*
 * Can a result of this version say all of it? Up to 0.2.0 one address of each family, and routes of
 * the families of these alone; -EINVAL, which names what has no place.
 */
int cni_result_fits(const struct cni_result *r, enum cni_version v, struct err *e);

/* Append an entry; its index, or -E2BIG when the table is full. */
int cni_result_add_iface(struct cni_result *r, const struct cni_iface *i, struct err *e);
int cni_result_add_ip(struct cni_result *r, const struct cni_ip *ip, struct err *e);
int cni_result_add_route(struct cni_result *r, const struct cni_route *rt, struct err *e);

/*
 * Read a list of routes (struct json_list of struct json_raw), as results and host-local
 * configurations hold them, behind those of out.
 */
int cni_routes_read(struct arena *a, const struct json_list *raws, const char *what,
		    struct cni_result *out, struct err *e);

/* Keys of a route, for help. */
extern const struct json_table cni_route_table;

#endif
