/* Settings that are put back: see tuned.h. */
#include "iface/tuned.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "cni/attachment.h"
#include "iface/attached.h"
#include "json/writer.h"
#include "net/nl.h"

#define FILE_MAX 65536
#define ID_MAX 200 /* with an interface's name, a file's name is shorter than NAME_MAX */

bool tuned_is_empty(const struct tuned *t)
{
	return !t->has_mac && !t->has_mtu && !t->has_promisc && !t->has_allmulti &&
	       !t->has_tx_queue;
}

void tuned_of_link(const struct tuned *wanted, const struct link *l, struct tuned *out)
{
	*out = *wanted;
	memcpy(out->mac, l->mac, sizeof(out->mac));
	out->mtu = l->mtu;
	out->promisc = l->promisc;
	out->allmulti = l->allmulti;
	out->tx_queue = l->tx_queue;
}

void tuned_put(const struct tuned *t, struct nl *nl, int index)
{
	if (t->has_mac)
		link_set_mac(nl, index, t->mac);
	if (t->has_promisc)
		link_set_promisc(nl, index, t->promisc);
	if (t->has_mtu)
		link_set_mtu(nl, index, t->mtu);
	if (t->has_allmulti)
		link_set_allmulti(nl, index, t->allmulti);
	if (t->has_tx_queue)
		link_set_tx_queue(nl, index, t->tx_queue);
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

int tuned_check(const struct tuned *w, const struct link *l, struct err *e)
{
	char mac[MAC_TEXT], want[MAC_TEXT];
	int r = 0;

	if (w->has_mac && memcmp(w->mac, l->mac, sizeof(w->mac)) != 0)
		r = err_set(e, EINVAL, "interface %s in the pod has the MAC %s instead of %s",
			    l->name, mac_format(l->mac, mac), mac_format(w->mac, want));
	else if (w->has_mtu && w->mtu != l->mtu)
		r = err_set(e, EINVAL, "interface %s in the pod has the MTU %u instead of %u",
			    l->name, l->mtu, w->mtu);
	else if (w->has_promisc && w->promisc != l->promisc)
		r = err_set(e, EINVAL, "promisc of interface %s in the pod is %s", l->name,
			    on_off(l->promisc));
	else if (w->has_allmulti && w->allmulti != l->allmulti)
		r = err_set(e, EINVAL, "allmulti of interface %s in the pod is %s", l->name,
			    on_off(l->allmulti));
	else if (w->has_tx_queue && w->tx_queue != l->tx_queue)
		r = err_set(e, EINVAL, "txQLen of interface %s in the pod is %u instead of %u",
			    l->name, l->tx_queue, w->tx_queue);
	return err_code(e, r, CNI_ERR_DIFFERS);
}

static const char *file_name(const struct cni_request *req, char out[static NAME_MAX + 1])
{
	char brief[CNI_ID_SHORT + 1];
	const char *id = req->at.container_id;

	if (strlen(id) > ID_MAX)
		id = attachment_short_id(id, brief);
	snprintf(out, NAME_MAX + 1, "%s_%s.json", id, req->at.ifname);
	return out;
}

static void put_sysctls(struct json_writer *w, const struct sysctls *s)
{
	json_key(w, "sysctl");
	json_open(w, '{');
	for (size_t n = 0; n < s->count; n++) {
		if (s->list[n].old)
			json_member_str(w, s->list[n].path, s->list[n].old);
	}
	json_close(w, '}');
}

static void write_file(const struct cni_request *req, const struct tuned *t, struct text *out)
{
	struct json_writer w;
	char mac[MAC_TEXT];

	json_begin(&w, out, 1);
	json_open(&w, '{');
	if (t->has_mac)
		json_member_str(&w, "mac", mac_format(t->mac, mac));
	if (t->has_promisc)
		json_member_bool(&w, "promisc", t->promisc);
	if (t->has_mtu)
		json_member_int(&w, "mtu", t->mtu);
	if (t->has_allmulti)
		json_member_bool(&w, "allmulti", t->allmulti);
	if (t->has_tx_queue)
		json_member_int(&w, "txQLen", t->tx_queue);
	json_member_str(&w, "network", req->at.network);
	json_member_str(&w, "containerID", req->at.container_id);
	json_member_str(&w, "ifname", req->at.ifname);
	put_sysctls(&w, &t->sysctls);
	json_close(&w, '}');
	text_char(out, '\n');
}

int tuned_save(const struct cni_request *req, const char *dir, const struct tuned *t, struct err *e)
{
	static char buf[FILE_MAX];
	char name[NAME_MAX + 1];
	struct text out;
	int fd, r;

	text_init(&out, buf, sizeof(buf));
	write_file(req, t, &out);
	if (out.bad)
		return err_code(e, err_set(e, E2BIG, "dataDir %.200s: too much to write down", dir),
				CNI_ERR_STATE);
	fd = dir_open(dir, true, e);
	r = fd;
	if (fd >= 0) {
		r = file_replace(fd, file_name(req, name), buf, out.len, 0600, FILE_NO_SYNC, e);
		close(fd);
	}
	return err_code(e, err_ctx(e, r < 0 ? r : 0, "dataDir"), CNI_ERR_STATE);
}

struct saved {
	const char *mac, *network, *id, *ifname;
	int64_t mtu, tx_queue;
	struct json_raw promisc, allmulti, sysctl; /* text NULL: not there */
};

static const struct json_field saved_fields[] = {
	{ "mac", JSON_STR, offsetof(struct saved, mac) },
	{ "mtu", JSON_INT, offsetof(struct saved, mtu), .min = 0, .max = UINT32_MAX },
	{ "txQLen", JSON_INT, offsetof(struct saved, tx_queue), .min = 0, .max = UINT32_MAX },
	{ "promisc", JSON_RAW, offsetof(struct saved, promisc) },
	{ "allmulti", JSON_RAW, offsetof(struct saved, allmulti) },
	{ "network", JSON_STR, offsetof(struct saved, network) },
	{ "containerID", JSON_STR, offsetof(struct saved, id) },
	{ "ifname", JSON_STR, offsetof(struct saved, ifname) },
	{ "sysctl", JSON_RAW, offsetof(struct saved, sysctl) },
};
static const struct json_table saved_table = {
	.fields = saved_fields,
	.count = sizeof(saved_fields) / sizeof(saved_fields[0]),
};

/* 1: *out is the file's; 0: there is none, or it is none of these. */
static int read_file(struct arena *a, int dir, const char *name, struct saved *out, struct err *e)
{
	char *buf = arena_alloc_raw(a, FILE_MAX);
	struct err local = { 0 };
	ssize_t len = buf ? file_read(dir, name, buf, FILE_MAX, &local) : -ENOMEM;

	*out = (struct saved){ .tx_queue = -1 };
	if (len < 0 && !file_is_foreign((int)len))
		return buf ? err_take(e, &local) : err_set(e, ENOMEM, "no memory left");
	return len > 0 && json_decode(a, buf, (size_t)len, &saved_table, out, err_ignored()) == 0;
}

static bool raw_is(struct json_raw raw, const char *text)
{
	return raw.text && raw.len == strlen(text) && memcmp(raw.text, text, raw.len) == 0;
}

static void take_saved(const struct cni_request *req, const struct saved *s, struct tuned *out)
{
	*out = (struct tuned){
		.has_mac = s->mac != NULL,
		.has_mtu = s->mtu != 0,
		.has_promisc = raw_is(s->promisc, "true") || raw_is(s->promisc, "false"),
		.has_allmulti = raw_is(s->allmulti, "true") || raw_is(s->allmulti, "false"),
		.has_tx_queue = s->tx_queue >= 0,
		.mtu = (uint32_t)s->mtu,
		.tx_queue = (uint32_t)s->tx_queue,
		.promisc = raw_is(s->promisc, "true"),
		.allmulti = raw_is(s->allmulti, "true"),
	};
	if (out->has_mac)
		out->has_mac = mac_parse(s->mac, out->mac);
	(void)sysctls_read(req, s->sysctl, "sysctl", true, &out->sysctls, err_ignored());
	for (size_t n = 0; n < out->sysctls.count; n++)
		out->sysctls.list[n].old = out->sysctls.list[n].value;
}

/* 1: *fd is open; 0: there is no such folder. */
static int open_saved(const char *dir, int *fd, struct err *e)
{
	struct err local = { 0 };

	*fd = dir_open(dir, false, &local);
	if (*fd == -ENOENT || *fd == -ENOTDIR)
		return 0;
	return *fd < 0 ? err_code(e, err_take(e, &local), CNI_ERR_STATE) : 1;
}

int tuned_load(const struct cni_request *req, const char *dir, struct tuned *out, struct err *e)
{
	char name[NAME_MAX + 1];
	struct saved s;
	int fd, r = open_saved(dir, &fd, e);

	if (r <= 0)
		return r;
	r = read_file(req->arena, fd, file_name(req, name), &s, e);
	close(fd);
	if (r > 0 && s.network && strcmp(s.network, req->at.network) != 0)
		return 0;
	if (r > 0)
		take_saved(req, &s, out);
	return err_code(e, r, CNI_ERR_STATE);
}

int tuned_remove(const struct cni_request *req, const char *dir, struct err *e)
{
	char name[NAME_MAX + 1];
	struct saved s;
	int fd, r = open_saved(dir, &fd, e);

	if (r <= 0)
		return r;
	r = read_file(req->arena, fd, file_name(req, name), &s, e);
	if (r >= 0 && (r == 0 || !s.network || strcmp(s.network, req->at.network) == 0))
		r = file_remove(fd, name, e);
	close(fd);
	return err_code(e, r < 0 ? r : 0, CNI_ERR_STATE);
}

#define GC_MAX 1000 /* more wait for the next GC */

struct gc_walk {
	const struct cni_request *req;
	struct err *e;
	struct {
		char file[NAME_MAX + 1], host_name[IF_NAMESIZE];
	} found[GC_MAX];
	size_t count;
};

static int collect(int dir, const char *name, void *arg)
{
	struct gc_walk *w = arg;
	size_t mark = w->req->arena->used;
	struct saved s;
	int r = read_file(w->req->arena, dir, name, &s, w->e);

	if (r > 0 && w->count < GC_MAX && s.network && s.id && s.ifname &&
	    strcmp(s.network, w->req->at.network) == 0 && !cni_is_valid(w->req, s.id, s.ifname)) {
		const struct cni_attachment at = { s.network, s.id, s.ifname };

		str_copy(w->found[w->count].file, NAME_MAX + 1, name);
		attachment_host_name(&at, w->found[w->count++].host_name);
	}
	arena_reset(w->req->arena, mark);
	return r < 0 ? r : 0;
}

/* The attachments are read behind the files: whoever has one has had an interface before. */
static int remove_stale(int dir, const struct gc_walk *w, struct err *e)
{
	int r = w->count ? attached_read(e) : 0;

	for (size_t n = 0; r == 0 && n < w->count; n++) {
		if (!attached_has(w->found[n].host_name))
			r = file_remove(dir, w->found[n].file, e);
	}
	return r;
}

int tuned_gc(const struct cni_request *req, const char *dir, struct err *e)
{
	static struct gc_walk w;
	struct err local = { 0 };
	int fd = dir_open(dir, false, &local), r;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return err_code(e, err_take(e, &local), CNI_ERR_STATE);
	w.req = req;
	w.e = e;
	w.count = 0;
	r = dir_each(fd, dir, collect, &w, e);
	if (r == 0)
		r = remove_stale(fd, &w, e);
	close(fd);
	return err_code(e, r, CNI_ERR_STATE);
}
