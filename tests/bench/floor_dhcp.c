/*
 * The floor of macvlan with a lease: the link, four packets to and from the server, the address;
 * and the lease given back: see floor.c. No daemon holds it. The socket is an ordinary one, which
 * asks for answers to everybody: a packet socket would cost a grace period at its end
 * (packet_release()).
 */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <netinet/in.h>

#define NAME "eth0"
#define BOOTP 236
#define COOKIE "\x63\x82\x53\x63"
#define OPTIONS (BOOTP + 4)
#define SIZE 576

enum { DISCOVER = 1, OFFER, REQUEST, ACK = 5, RELEASE = 7 };
enum { ADDRESS_OPTION = 50, TYPE_OPTION = 53, SERVER_OPTION = 54 };

static struct {
	int fd, index;
	uint8_t packet[SIZE];
	uint8_t mac[6], address[4], server[4];
} dhcp;

static uint8_t *put_option(uint8_t *at, uint8_t option, const uint8_t *value)
{
	*at++ = option;
	*at++ = 4;
	memcpy(at, value, 4);
	return at + 4;
}

static void send_message(uint8_t type)
{
	const struct sockaddr_in all = {
		.sin_family = AF_INET,
		.sin_port = htons(67),
		.sin_addr.s_addr = INADDR_BROADCAST,
	};
	uint8_t *bootp = dhcp.packet, *at = dhcp.packet + OPTIONS;

	memset(dhcp.packet, 0, SIZE);
	bootp[0] = 1; /* request */
	bootp[1] = 1; /* Ethernet */
	bootp[2] = 6;
	memcpy(bootp + 4, dhcp.mac + 2, 4); /* the exchange's number */
	bootp[10] = 0x80;		    /* answers to everybody */
	memcpy(bootp + 28, dhcp.mac, 6);
	memcpy(bootp + BOOTP, COOKIE, 4);
	*at++ = TYPE_OPTION;
	*at++ = 1;
	*at++ = type;
	if (type == REQUEST)
		at = put_option(at, ADDRESS_OPTION, dhcp.address);
	if (type == RELEASE)
		memcpy(bootp + 12, dhcp.address, 4);
	if (type != DISCOVER)
		at = put_option(at, SERVER_OPTION, dhcp.server);
	*at = 255;
	if (sendto(dhcp.fd, dhcp.packet, SIZE, 0, (const void *)&all, sizeof(all)) < 0)
		must(err_sys(&err, errno, "send"));
}

static const uint8_t *find_option(const uint8_t *end, uint8_t option)
{
	const uint8_t *at = dhcp.packet + OPTIONS;

	while (at + 2 < end && *at != 255 && *at != option)
		at += *at == 0 ? 1 : 2 + at[1];
	return at + 2 < end && *at == option ? at + 2 : NULL;
}

static void await_message(uint8_t type)
{
	const uint8_t *bootp = dhcp.packet, *option = NULL, *server = NULL;

	while (!option || *option != type || !server) {
		ssize_t n = recv(dhcp.fd, dhcp.packet, SIZE, 0);

		if (n < 0)
			must(err_sys(&err, errno, "no answer of the DHCP server"));
		option = NULL;
		if (n > OPTIONS && memcmp(bootp + 28, dhcp.mac, 6) == 0)
			option = find_option(dhcp.packet + n, TYPE_OPTION);
		if (option)
			server = find_option(dhcp.packet + n, SERVER_OPTION);
	}
	memcpy(dhcp.server, server, sizeof(dhcp.server));
	memcpy(dhcp.address, bootp + 16, 4);
}

static void open_socket(const char *ns_path)
{
	const struct timeval patience = { .tv_sec = 10 };
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC),
	    ns = open(ns_path, O_RDONLY | O_CLOEXEC);
	const struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(68) };
	const int on = 1;
	struct link l;

	must(link_find(&pod, NAME, &l, &err));
	memcpy(dhcp.mac, l.mac, sizeof(dhcp.mac));
	dhcp.index = l.index;
	if (setns(ns, CLONE_NEWNET) < 0)
		must(err_sys(&err, errno, "enter %s", ns_path));
	dhcp.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(dhcp.fd, SOL_SOCKET, SO_BINDTODEVICE, NAME, sizeof(NAME));
	setsockopt(dhcp.fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	setsockopt(dhcp.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (dhcp.fd < 0 || bind(dhcp.fd, (const void *)&here, sizeof(here)) < 0 ||
	    setns(home, CLONE_NEWNET) < 0)
		must(err_sys(&err, errno, "open a socket"));
}

/* The link as wire makes it, without an address. */
void dhcp_add(char **argv, bool masq)
{
	struct prefix p = { .addr.family = AF_INET, .len = 16 };
	struct link l;

	(void)masq;
	put_wire(argv, &l);
	must(nl_commit(&pod, NULL, &err));
	open_socket(argv[2]);
	send_message(DISCOVER);
	await_message(OFFER);
	send_message(REQUEST);
	await_message(ACK);
	memcpy(p.addr.bytes, dhcp.address, 4);
	ifaddr_add(&pod, dhcp.index, &p);
	must(nl_commit(&pod, NULL, &err));
	neigh_announce(&pod, dhcp.index, dhcp.mac);
	must(nl_commit(&pod, NULL, &err));
}

static int take_address(int index, const struct prefix *p, uint8_t scope, void *arg)
{
	(void)index;
	(void)scope;
	(void)arg;
	memcpy(dhcp.address, p->addr.bytes, 4);
	return 0;
}

/* argv: as unwire's, and the server's address. */
void dhcp_del(char **argv, bool masq)
{
	struct addr server;

	if (!addr_parse(argv[2], &server))
		_exit(2);
	memcpy(dhcp.server, server.bytes, 4);
	open_pod(argv[1]);
	open_socket(argv[1]);
	must(ifaddr_each(&pod, AF_INET, dhcp.index, take_address, NULL, &err));
	send_message(RELEASE);
	nl_close(&pod);
	unwire(argv, masq);
}
