/* One interface of a pod, reached from outside: see pod_link.h. */
#include "dhcp/pod_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "base/err.h"
#include "dhcp/client.h"
#include "dhcp/frame.h"
#include "net/ip.h"
#include "net/link.h"
#include "net/netns.h"
#include "net/nl.h"

/* A few frames: a flood is dropped by the kernel, and a lost answer is asked for again. */
#define RECEIVE_BUFFER 32768

/* include/uapi/asm-generic/socket.h, since Linux 5.14; libc's headers may be older. */
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* A look into the pod: sockets that were opened there work here. */
struct visit {
	struct nl nl;
	char buf[4096];
	int fd; /* the raw socket, -1: not asked for */
};

/* IPv4, UDP, no later fragment, to port 68; offsets are those of the IP header. */
static struct sock_filter to_client[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 2048),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int set_option(int fd, int level, int name, const void *value, socklen_t size, struct err *e)
{
	if (setsockopt(fd, level, name, value, size) < 0)
		return err_errno(e, "set up a packet socket (option %d)", name);
	return 0;
}

/* Without a protocol nothing is received; that begins with bind(), when the filter is in place. */
static int open_packet(struct err *e)
{
	const struct sock_fprog program = {
		.len = sizeof(to_client) / sizeof(to_client[0]),
		.filter = to_client,
	};
	const int on = 1, room = RECEIVE_BUFFER;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return err_errno(e, "open a packet socket (kernel option CONFIG_PACKET)");
	r = set_option(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program), e);
	if (r == 0)
		r = set_option(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on), e);
	if (r == 0)
		r = set_option(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room), e);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int open_sockets(struct visit *v, bool packet, struct err *e)
{
	int r = nl_open(&v->nl, NETLINK_ROUTE, v->buf, sizeof(v->buf), e);

	if (r < 0 || !packet)
		return r;
	v->fd = open_packet(e);
	if (v->fd < 0)
		nl_close(&v->nl);
	return v->fd < 0 ? v->fd : 0;
}

/* Both sockets are of the namespace ns; the caller is back at home. */
static int visit_begin(struct visit *v, int ns, int home, bool packet, struct err *e)
{
	int r;

	v->fd = -1;
	r = netns_enter(ns, e);
	if (r < 0)
		return r;
	r = open_sockets(v, packet, e);
	if (netns_enter(home, err_ignored()) == 0)
		return r;
	if (r == 0)
		nl_close(&v->nl);
	if (v->fd >= 0)
		close(v->fd);
	err_clear(e);
	return err_set(e, ENOTRECOVERABLE, "cannot come back from a pod's network namespace");
}

static void visit_end(struct visit *v, bool keep_packet)
{
	nl_close(&v->nl);
	if (v->fd >= 0 && !keep_packet)
		close(v->fd);
}

static int open_same_namespace(const struct dhcp_pod_link *w, struct err *e)
{
	int ns = netns_open(w->netns, e);
	struct stat st;

	if (ns == -EINVAL) { /* unmounted, the file is left */
		err_clear(e);
		return err_set(e, ENOENT, "%s is no network namespace any more", w->netns);
	}
	if (ns < 0)
		return ns;
	if (fstat(ns, &st) == 0 && st.st_dev == w->ns_dev && st.st_ino == w->ns_inode)
		return ns;
	close(ns);
	return err_set(e, ENOENT, "%s is another namespace now", w->netns);
}

static uint64_t namespace_cookie(const struct visit *v)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	return getsockopt(v->nl.fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

/*
 * An inode is given again at once, a cookie never. A kernel without cookies leaves the MAC, which a
 * pod may change: its lease ends then.
 */
static bool link_is_same(const struct visit *v, const struct dhcp_pod_link *w, const struct link *l)
{
	if (w->ns_cookie)
		return namespace_cookie(v) == w->ns_cookie;
	return memcmp(l->mac, w->mac, sizeof(w->mac)) == 0;
}

static int find_same_link(struct visit *v, const struct dhcp_pod_link *w, struct err *e)
{
	struct link l;
	int r = link_find_index(&v->nl, w->index, &l, e);

	if (r > 0 && !link_is_same(v, w, &l))
		return err_set(e, ENOENT, "%s is another namespace now", w->netns);
	if (r == 0)
		return err_set(e, ENODEV, "the interface %s is not in %s any more", w->ifname,
			       w->netns);
	return r < 0 ? r : 0;
}

/* A visit to the known interface. */
static int visit_again(struct visit *v, const struct dhcp_pod_link *w, int home, bool packet,
		       struct err *e)
{
	int ns = open_same_namespace(w, e), r;

	if (ns < 0)
		return ns;
	r = visit_begin(v, ns, home, packet, e);
	close(ns);
	if (r < 0)
		return r;
	r = find_same_link(v, w, e);
	if (r < 0)
		visit_end(v, false);
	return r;
}

int dhcp_pod_link_check(const struct dhcp_pod_link *w, int home, struct err *e)
{
	static struct visit v;
	int r = visit_again(&v, w, home, false, e);

	if (r == 0)
		visit_end(&v, false);
	return r;
}

static int take_link(struct visit *v, struct dhcp_pod_link *w, struct dhcp_link_facts *out,
		     struct err *e)
{
	struct link l;
	int r = link_find(&v->nl, w->ifname, &l, e);

	if (r == 0)
		return err_set(e, ENODEV, "there is no interface %s in %s", w->ifname, w->netns);
	if (r < 0)
		return r;
	if (!l.has_mac || l.loopback)
		return err_set(e, EINVAL, "interface %s in %s is no Ethernet: DHCP needs a MAC",
			       w->ifname, w->netns);
	w->ns_cookie = namespace_cookie(v);
	w->index = l.index;
	memcpy(w->mac, l.mac, sizeof(w->mac));
	out->mtu = (uint16_t)(l.mtu < UINT16_MAX ? l.mtu : UINT16_MAX);
	out->shares_mac = strcmp(l.kind, "ipvlan") == 0;
	if (l.up)
		return 0;
	link_up(&v->nl, l.index);
	return nl_commit(&v->nl, NULL, e);
}

int dhcp_pod_link_find(struct dhcp_pod_link *w, int home, struct dhcp_link_facts *out,
		       struct err *e)
{
	static struct visit v;
	int ns = netns_open(w->netns, e), r;
	struct stat st = { 0 };

	if (ns < 0)
		return ns;
	if (netns_same(ns, home))
		r = err_set(e, EINVAL, "%s is the host's own network namespace", w->netns);
	else
		r = fstat(ns, &st) < 0 ? err_errno(e, "stat %s", w->netns)
				       : visit_begin(&v, ns, home, false, e);
	close(ns);
	if (r < 0)
		return r;
	w->ns_dev = st.st_dev;
	w->ns_inode = st.st_ino;
	r = take_link(&v, w, out, e);
	visit_end(&v, false);
	return r;
}

static struct sockaddr_ll link_address(const struct dhcp_pod_link *w)
{
	return (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = w->index,
		.sll_halen = ETH_ALEN,
	};
}

int dhcp_pod_link_open(const struct dhcp_pod_link *w, int home, struct err *e)
{
	const struct sockaddr_ll at = link_address(w);
	static struct visit v;
	int r = visit_again(&v, w, home, true, e);

	if (r < 0)
		return r;
	r = bind(v.fd, (const struct sockaddr *)&at, sizeof(at)) < 0
		    ? err_errno(e, "bind a packet socket to %s in %s", w->ifname, w->netns)
		    : 0;
	visit_end(&v, r == 0);
	return r < 0 ? r : v.fd;
}

/* ENXIO: no interface of this index. A full queue is a lost packet, as on any network. */
int dhcp_pod_link_send(int fd, const struct dhcp_pod_link *w, const struct dhcp_packet *p,
		       struct err *e)
{
	struct sockaddr_ll to = link_address(w);
	uint8_t frame[DHCP_FRAME_MAX];
	size_t len = dhcp_frame_write(frame, p);

	if (len == 0)
		return err_set(e, EMSGSIZE, "the DHCP message is too long for one frame");
	memcpy(to.sll_addr, p->mac, ETH_ALEN);
	if (sendto(fd, frame, len, 0, (const struct sockaddr *)&to, sizeof(to)) >= 0 ||
	    errno == EAGAIN || errno == ENOBUFS)
		return 0;
	return err_sys(e, errno == ENXIO ? ENODEV : errno, "send a DHCP message by %s in %s",
		       w->ifname, w->netns);
}

static bool checksum_is_partial(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA ||
		    c->cmsg_len < CMSG_LEN(sizeof(aux)))
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		return aux.tp_status & TP_STATUS_CSUMNOTREADY;
	}
	return false;
}

/* One frame: its length, 0 for one that is not for us, or -errno. */
static ssize_t receive_frame(int fd, struct dhcp_inbox *in, bool *partial)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec part = { in->frame, sizeof(in->frame) };
	struct sockaddr_ll from = { 0 };
	struct msghdr m = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(fd, &m, 0);

	if (len < 0)
		return -errno;
	if (from.sll_pkttype == PACKET_OUTGOING || (m.msg_flags & MSG_TRUNC))
		return 0;
	memset(in->mac, 0, sizeof(in->mac));
	if (from.sll_halen == ETH_ALEN)
		memcpy(in->mac, from.sll_addr, ETH_ALEN);
	*partial = checksum_is_partial(&m);
	return len;
}

int dhcp_pod_link_receive(int fd, struct dhcp_inbox *in, struct err *e)
{
	struct dhcp_area message;
	bool partial = false;
	ssize_t len = receive_frame(fd, in, &partial);

	if (len == -EAGAIN || len == -EINTR)
		return 0;
	if (len < 0)
		return err_sys(e, len == -ENXIO ? ENODEV : (int)-len, "receive a DHCP message");
	in->len = 0;
	in->message = in->frame;
	if (dhcp_frame_parse(in->frame, (size_t)len, partial, &message)) {
		in->message = message.at;
		in->len = message.len;
	}
	return 1;
}

struct own {
	const struct addr *addr;
	struct prefix found[8];
	unsigned int count;
};

static int find_own(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	struct own *o = arg;

	(void)index;
	(void)scope;
	if (addr_equal(&p->addr, o->addr) && o->count < sizeof(o->found) / sizeof(o->found[0]))
		o->found[o->count++] = *p;
	return 0;
}

/* With whatever length the interface has it. */
int dhcp_pod_link_drop_address(const struct dhcp_pod_link *w, int home, const struct prefix *p,
			       struct err *e)
{
	static struct visit v;
	struct own own = { .addr = &p->addr };
	int r = visit_again(&v, w, home, false, e);

	if (r < 0)
		return r;
	r = ifaddr_each(&v.nl, AF_INET, w->index, find_own, &own, e);
	for (unsigned int i = 0; r == 0 && i < own.count; i++)
		ifaddr_del(&v.nl, w->index, &own.found[i]);
	if (r == 0)
		r = nl_commit(&v.nl, NULL, e);
	visit_end(&v, false);
	return r;
}
