/*
 * A server that answers each client with the address it came from, and a client: for TCP and UDP,
 * IPv4 and IPv6. A test's own program, so that machines without Python have it, too.
 *
 * usage: talk serve PORT READY		on every address; opens the file READY when it listens
 *        talk ask tcp|udp ADDRESS PORT [SOURCE-PORT]	prints the answer; fails without one in 20 s
 *        talk stopped ADDRESS PORT	succeeds if no TCP connection comes about in 0.4 s
 *        talk tap NAME READY		opens the tap, and the file READY when it has; prints
 *					whom the first ARP request on it asks for
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <net/if.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* An address and port; text NULL: any of the family. */
static socklen_t fill(struct sockaddr_storage *out, int family, const char *text, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	const in_port_t number = htons((uint16_t)atoi(port));

	memset(out, 0, sizeof(*out));
	out->ss_family = (sa_family_t)family;
	if (family == AF_INET)
		v4->sin_port = number;
	else
		v6->sin6_port = number;
	if (text && inet_pton(family, text,
			      family == AF_INET ? (void *)&v4->sin_addr : &v6->sin6_addr) != 1) {
		fprintf(stderr, "talk: no address: %s\n", text);
		exit(2);
	}
	return family == AF_INET ? sizeof(*v4) : sizeof(*v6);
}

static int listener(int family, int type, const char *port)
{
	struct sockaddr_storage at;
	socklen_t size = fill(&at, family, NULL, port);
	const int one = 1;
	int s = socket(family, type, 0);

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		fail("socket");
	if (family == AF_INET6)
		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&at, size) < 0)
		fail("bind");
	if (type == SOCK_STREAM && listen(s, 16) < 0)
		fail("listen");
	return s;
}

static const char *text_of(const struct sockaddr_storage *peer)
{
	static char text[INET6_ADDRSTRLEN];

	if (peer->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr, text,
			  sizeof(text));
	else
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)peer)->sin6_addr, text,
			  sizeof(text));
	return text;
}

/* What was asked is read first: closed with something unread, the connection would be reset. */
static void answer_stream(int s)
{
	const struct timeval limit = { .tv_sec = 20 };
	struct sockaddr_storage peer = { 0 };
	socklen_t size = sizeof(peer);
	char asked[100];
	int c = accept(s, (struct sockaddr *)&peer, &size);

	if (c < 0)
		return;
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	recv(c, asked, sizeof(asked), 0);
	send(c, text_of(&peer), strlen(text_of(&peer)), MSG_NOSIGNAL);
	close(c);
}

static void answer_datagram(int s)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t size = sizeof(peer);
	char asked[100];

	if (recvfrom(s, asked, sizeof(asked), 0, (struct sockaddr *)&peer, &size) >= 0)
		sendto(s, text_of(&peer), strlen(text_of(&peer)), 0, (struct sockaddr *)&peer,
		       size);
}

static void serve(const char *port, const char *ready)
{
	const int families[] = { AF_INET, AF_INET6 };
	struct pollfd p[4];

	for (int n = 0; n < 4; n++)
		p[n] = (struct pollfd){
			.fd = listener(families[n % 2], n < 2 ? SOCK_STREAM : SOCK_DGRAM, port),
			.events = POLLIN,
		};
	close(open(ready, O_WRONLY | O_CREAT, 0600));
	while (poll(p, 4, -1) > 0) {
		for (int n = 0; n < 4; n++) {
			if (n < 2 && p[n].revents)
				answer_stream(p[n].fd);
			else if (p[n].revents)
				answer_datagram(p[n].fd);
		}
	}
	fail("poll");
}

static void ask(const char *proto, const char *to, const char *port, const char *from)
{
	const int family = strchr(to, ':') ? AF_INET6 : AF_INET;
	const struct timeval limit = { .tv_sec = 20 };
	int s = socket(family, strcmp(proto, "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, 0);
	struct sockaddr_storage at;
	socklen_t size = fill(&at, family, NULL, from);
	char text[100];
	ssize_t n;

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
	    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		fail("socket");
	if (atoi(from) && bind(s, (struct sockaddr *)&at, size) < 0)
		fail("bind");
	size = fill(&at, family, to, port);
	if (connect(s, (struct sockaddr *)&at, size) < 0 || send(s, "?", 1, MSG_NOSIGNAL) < 0)
		fail(to);
	n = recv(s, text, sizeof(text), 0);
	if (n <= 0)
		fail(to);
	printf("%.*s\n", (int)n, text);
}

/* A filter that drops, or that answers; a route that is missing here would prove nothing. */
static bool is_refusal(int error)
{
	return error == EINPROGRESS || error == ECONNREFUSED || error == EHOSTUNREACH ||
	       error == EACCES;
}

static void stopped(const char *to, const char *port)
{
	const int family = strchr(to, ':') ? AF_INET6 : AF_INET;
	const struct timeval limit = { .tv_usec = 400000 };
	int s = socket(family, SOCK_STREAM, 0);
	struct sockaddr_storage at;
	socklen_t size = fill(&at, family, to, port);

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		fail("socket");
	if (connect(s, (struct sockaddr *)&at, size) == 0) {
		fprintf(stderr, "talk: %s answers on port %s\n", to, port);
		exit(1);
	}
	if (!is_refusal(errno))
		fail(to);
}

#define ARP_TARGET (ETH_HLEN + 24) /* of RFC 826's packet over Ethernet and IPv4 */

static void tap(const char *name, const char *ready)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	unsigned char frame[2048] = { 0 };
	char text[INET_ADDRSTRLEN];

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		fail(name);
	close(open(ready, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	while (frame[12] != ETH_P_ARP >> 8 || frame[13] != (ETH_P_ARP & 0xff)) {
		if (read(fd, frame, sizeof(frame)) < 0)
			fail(name);
	}
	printf("%s\n", inet_ntop(AF_INET, frame + ARP_TARGET, text, sizeof(text)));
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		serve(argv[2], argv[3]);
	else if (argc >= 5 && strcmp(argv[1], "ask") == 0)
		ask(argv[2], argv[3], argv[4], argc > 5 ? argv[5] : "0");
	else if (argc == 4 && strcmp(argv[1], "stopped") == 0)
		stopped(argv[2], argv[3]);
	else if (argc == 4 && strcmp(argv[1], "tap") == 0)
		tap(argv[2], argv[3]);
	else
		return 2;
	return 0;
}
