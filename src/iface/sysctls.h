/*
 * Sysctls of a pod, as a configuration lists them: an object of names and values. A name has dots
 * or slashes, as sysctl(8): the first of them says which, and the other is part of a component.
 * IFNAME in it is the pod's interface. Only what is below net/ belongs to a network namespace;
 * anything else is refused.
 */
#ifndef IFACE_SYSCTLS_H
#define IFACE_SYSCTLS_H

#include <stdbool.h>
#include <stddef.h>

#include "json/json.h"

struct cni_request;
struct err;
struct pod;

#define SYSCTLS_MAX 64

struct sysctl_want {
	const char *key;   /* as it is written in the configuration */
	const char *path;  /* below /proc/sys */
	const char *value; /* NULL: leave it */
	const char *old;   /* what stood there, NULL: not known, or it is the same */
};

struct sysctls {
	struct sysctl_want list[SYSCTLS_MAX];
	size_t count;
};

/*
 * Append an object's members; what names the object in errors. One that is in the list is replaced
 * when replace is set, else refused. -EINVAL, -E2BIG, -ENOMEM.
 */
int sysctls_read(const struct cni_request *req, struct json_raw object, const char *what,
		 bool replace, struct sysctls *out, struct err *e);

/*
 * Is each allowed by the administrator's list, a file of regular expressions, one a line? Without
 * the file all are. CNI_ERR_CONFIG names the sysctl and the file; -EINVAL a line that is none.
 */
int sysctls_check_allowed(const struct sysctls *s, struct err *e);

/* In the pod's namespace: learn the old values. A sysctl that is not there is CNI_ERR_CONFIG. */
int sysctls_learn(struct sysctls *s, const struct cni_request *req, const struct pod *p,
		  struct err *e);

/* Write them; and write back what was learnt, the last first, as far as it goes. */
int sysctls_apply(const struct sysctls *s, const struct pod *p, struct err *e);
int sysctls_restore(const struct sysctls *s, const struct pod *p, struct err *e);

/* CHECK: CNI_ERR_DIFFERS names what has another value. Numbers compare as such. */
int sysctls_check(const struct sysctls *s, const struct pod *p, struct err *e);

#endif
