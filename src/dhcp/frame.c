/* IPv4 and UDP around a DHCP message: see frame.h. */
#include "dhcp/frame.h"

#include <string.h>

#include "dhcp/bytes.h"
#include "dhcp/client.h"

enum {
	IP_SIZE = 20,
	UDP_SIZE = 8,
	IP_TTL = 64,
	PROTO_UDP = 17,
	PORT_SERVER = 67,
	PORT_CLIENT = 68,
	IP_AT_FRAGMENT = 6,
	IP_AT_PROTO = 9,
	IP_AT_SUM = 10,
	IP_AT_FROM = 12,
	IP_AT_TO = 16,
};

/* RFC 1071, without the final complement. */
static uint32_t sum_add(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += be16_get(data + i);
	if (len % 2)
		sum += (uint32_t)data[len - 1] << 8;
	return sum;
}

static uint16_t sum_end(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Over the addresses of the IP header, protocol, length, and the datagram. */
static uint16_t udp_sum(const uint8_t *ip, const uint8_t *udp, size_t len)
{
	uint32_t sum = sum_add(0, ip + IP_AT_FROM, 8);

	sum += PROTO_UDP + (uint32_t)len;
	return sum_end(sum_add(sum, udp, len));
}

static void write_ip(uint8_t *ip, const struct dhcp_packet *p, size_t len)
{
	memset(ip, 0, IP_SIZE);
	ip[0] = 0x45;
	be16_put(ip + 2, (uint16_t)len);
	ip[8] = IP_TTL;
	ip[IP_AT_PROTO] = PROTO_UDP;
	memcpy(ip + IP_AT_FROM, p->from.bytes, 4);
	if (addr_is_set(&p->to))
		memcpy(ip + IP_AT_TO, p->to.bytes, 4);
	else
		memset(ip + IP_AT_TO, 0xff, 4);
	be16_put(ip + IP_AT_SUM, sum_end(sum_add(0, ip, IP_SIZE)));
}

size_t dhcp_frame_write(uint8_t out[static DHCP_FRAME_MAX], const struct dhcp_packet *p)
{
	size_t len = UDP_SIZE + p->message.len;
	uint8_t *udp = out + IP_SIZE;
	uint16_t sum;

	if (p->message.bad)
		return 0;
	write_ip(out, p, IP_SIZE + len);
	be16_put(udp, PORT_CLIENT);
	be16_put(udp + 2, PORT_SERVER);
	be16_put(udp + 4, (uint16_t)len);
	be16_put(udp + 6, 0);
	memcpy(udp + UDP_SIZE, p->message.at, p->message.len);
	sum = udp_sum(out, udp, len);
	be16_put(udp + 6, sum ? sum : 0xffff); /* 0 means: without */
	return IP_SIZE + len;
}

/* The length of a sound IP header in front of a whole UDP datagram; 0 for anything else. */
static size_t ip_header(const uint8_t *ip, size_t len, size_t *total)
{
	size_t header;

	if (len < IP_SIZE || ip[0] >> 4 != 4)
		return 0;
	header = (size_t)(ip[0] & 15) * 4;
	*total = be16_get(ip + 2);
	if (header < IP_SIZE || *total > len || *total < header + UDP_SIZE ||
	    ip[IP_AT_PROTO] != PROTO_UDP || (be16_get(ip + IP_AT_FRAGMENT) & 0x3fff) != 0 ||
	    sum_end(sum_add(0, ip, header)) != 0)
		return 0;
	return header;
}

bool dhcp_frame_parse(const uint8_t *data, size_t len, bool partial, struct dhcp_area *out)
{
	size_t total = 0, header = ip_header(data, len, &total), size;
	const uint8_t *udp = data + header;

	if (header == 0 || be16_get(udp + 2) != PORT_CLIENT)
		return false;
	size = be16_get(udp + 4);
	if (size < UDP_SIZE || size > total - header)
		return false;
	if (!partial && be16_get(udp + 6) != 0 && udp_sum(data, udp, size) != 0)
		return false;
	*out = (struct dhcp_area){ udp + UDP_SIZE, size - UDP_SIZE };
	return true;
}
