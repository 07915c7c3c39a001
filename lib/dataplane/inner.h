/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tenant's packet: checked, and reduced to what names its flow. Used on both
 * sides: from a workload, and out of a tunnel. Whatever is in it, nothing beyond
 * its bytes is read.
 *
 * What a flow's key holds in place of ports:
 *   TCP, UDP            source and destination port
 *   ICMP echo request   identifier, 0          \ so a reply is the reverse direction
 *   ICMP echo reply     0, identifier          / of its request, and of nothing else
 *   ICMP errors         the key of the packet inside them
 *   others              0, 0
 */
#ifndef LM_DATAPLANE_INNER_H
#define LM_DATAPLANE_INNER_H

#include <netinet/in.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include "dataplane/worker.h"

#define LM_ICMP4_ECHO_REPLY 0
#define LM_ICMP4_UNREACHABLE 3
#define LM_ICMP4_ECHO_REQUEST 8
#define LM_ICMP4_TIME_EXCEEDED 11
#define LM_ICMP4_PARAMETER 12
#define LM_ICMP6_ERROR_MAX 4 /* types 1 to 4, RFC 4443 */
#define LM_ICMP6_ECHO_REQUEST 128
#define LM_ICMP6_ECHO_REPLY 129
#define LM_ICMP_HEADER 8

static inline uint16_t lm_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t lm_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint16_t lm_load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Between whom. Kept in registers, the key is what stays. */
struct lm_ends {
	struct lm_addr src, dst;
};

/* Ports as in the packet; what they stand for says whether it is an echo reply. */
struct lm_ports {
	uint16_t src, dst;
	bool reply;
};

/* False: an ICMP message that is neither echo request nor reply. */
static inline bool lm_ports_of_icmp(struct lm_ports *ports, const uint8_t *l4, bool ipv6)
{
	uint8_t request = ipv6 ? LM_ICMP6_ECHO_REQUEST : LM_ICMP4_ECHO_REQUEST;
	uint8_t reply = ipv6 ? LM_ICMP6_ECHO_REPLY : LM_ICMP4_ECHO_REPLY;
	uint16_t id = lm_load16(l4 + 4);

	*ports = (struct lm_ports){.src = id};
	if (l4[0] == reply)
		*ports = (struct lm_ports){.dst = id, .reply = true};
	return l4[0] == request || l4[0] == reply;
}

static inline bool lm_is_icmp(uint8_t proto, bool ipv6)
{
	return proto == (ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static inline bool lm_is_icmp_error(const uint8_t *l4, bool ipv6)
{
	if (ipv6)
		return l4[0] >= 1 && l4[0] <= LM_ICMP6_ERROR_MAX;
	return l4[0] == LM_ICMP4_UNREACHABLE || l4[0] == LM_ICMP4_TIME_EXCEEDED ||
	       l4[0] == LM_ICMP4_PARAMETER;
}

/*
 * An ICMP error: its key becomes that of the packet inside, which must have gone the opposite way
 * between the same two. False: it did not, or cannot be told.
 */
static inline bool lm_inner_error(struct lm_pkt *p, struct lm_ends ends, const uint8_t *l4,
    unsigned l4_len, bool ipv6, uint32_t net)
{
	const uint8_t *ip = l4 + LM_ICMP_HEADER, *upper;
	unsigned left = l4_len - LM_ICMP_HEADER, header = sizeof(struct rte_ipv6_hdr);
	struct lm_ports ports = {0};
	struct lm_addr src, dst;
	uint8_t proto;

	if (ipv6) {
		if (left < header + LM_ICMP_HEADER || ip[0] >> 4 != 6)
			return false;
		proto = ip[6];
		src = lm_addr6(ip + 8);
		dst = lm_addr6(ip + 24);
	} else {
		if (left < sizeof(struct rte_ipv4_hdr) || ip[0] >> 4 != 4)
			return false;
		header = (ip[0] & 15u) * 4;
		if (header < sizeof(struct rte_ipv4_hdr) || left < header + LM_ICMP_HEADER)
			return false;
		if ((lm_be16(ip + 6) & RTE_IPV4_HDR_OFFSET_MASK) != 0)
			return false;
		proto = ip[9];
		src = lm_addr4(lm_load32(ip + 12));
		dst = lm_addr4(lm_load32(ip + 16));
	}
	upper = ip + header;
	if (!lm_addr_equal(src, ends.dst) || !lm_addr_equal(dst, ends.src))
		return false;
	if (lm_is_icmp(proto, ipv6)) {
		if (!lm_ports_of_icmp(&ports, upper, ipv6))
			return false;
	} else if (proto == IPPROTO_TCP || proto == IPPROTO_UDP) {
		ports = (struct lm_ports){.src = lm_load16(upper), .dst = lm_load16(upper + 2)};
	}
	bool from_b =
	    lm_flow_key_set(&p->key, &p->hash, src, dst, ports.src, ports.dst, net, proto);
	/* The error itself goes the other way. */
	p->flags |= from_b ? LM_PKT_ERROR : LM_PKT_ERROR | LM_PKT_FROM_B;
	return true;
}

static __rte_always_inline enum lm_drop lm_inner_upper(struct lm_pkt *p, struct lm_ends ends,
    bool ipv6, uint8_t proto, const uint8_t *l4, unsigned l4_len, uint32_t net)
{
	uint16_t flags = ipv6 ? LM_PKT_V6 : 0;
	struct lm_ports ports = {0};

	p->flags = flags;
	p->proto = proto;
	p->dst_port = 0;
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP) {
		/* Also keeps a first fragment from hiding flags in the second, RFC 3128. */
		if (l4_len < (proto == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr) : 8u))
			return LM_DROP_MALFORMED;
		ports = (struct lm_ports){.src = lm_load16(l4), .dst = lm_load16(l4 + 2)};
		p->dst_port = rte_be_to_cpu_16(ports.dst);
		if (proto == IPPROTO_TCP) {
			p->tcp = l4[13];
			if (l4[13] & RTE_TCP_SYN_FLAG)
				flags |= LM_PKT_SYN;
		}
	} else if (lm_is_icmp(proto, ipv6)) {
		if (l4_len < LM_ICMP_HEADER)
			return LM_DROP_MALFORMED;
		p->proto = IPPROTO_ICMP;
		if (lm_is_icmp_error(l4, ipv6)) {
			if (lm_inner_error(p, ends, l4, l4_len, ipv6, net))
				return LM_FINE;
			return p->sa ? LM_DROP_POLICY_INGRESS : LM_DROP_POLICY_EGRESS;
		}
		if (!lm_ports_of_icmp(&ports, l4, ipv6))
			flags |= LM_PKT_STATELESS;
		else if (ports.reply)
			flags |= LM_PKT_REPLY;
	}
	if (lm_flow_key_set(
		&p->key, &p->hash, ends.src, ends.dst, ports.src, ports.dst, net, proto))
		flags |= LM_PKT_FROM_B;
	p->flags = flags;
	return LM_FINE;
}

static __rte_always_inline enum lm_drop lm_inner_parse4(
    struct lm_pkt *p, struct lm_ends *ends, unsigned room, uint32_t net)
{
	const uint8_t *ip = p->ip;

	if (room < sizeof(struct rte_ipv4_hdr))
		return LM_DROP_MALFORMED;
	unsigned header = (ip[0] & 15u) * 4, total = lm_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < sizeof(struct rte_ipv4_hdr) || total < header ||
	    total > room)
		return LM_DROP_MALFORMED;
	p->len = (uint16_t)total;
	p->l4 = (uint8_t)header;
	ends->src = lm_addr4(lm_load32(ip + 12));
	ends->dst = lm_addr4(lm_load32(ip + 16));
	if (lm_be16(ip + 6) & RTE_IPV4_HDR_OFFSET_MASK)
		return LM_DROP_FRAGMENT;
	return lm_inner_upper(p, *ends, false, ip[9], ip + header, total - header, net);
}

static __rte_always_inline enum lm_drop lm_inner_parse6(
    struct lm_pkt *p, struct lm_ends *ends, unsigned room, uint32_t net)
{
	const uint8_t *ip = p->ip;
	unsigned header = sizeof(struct rte_ipv6_hdr);

	if (room < header)
		return LM_DROP_MALFORMED;
	unsigned total = header + lm_be16(ip + 4);
	uint8_t proto = ip[6];
	if (ip[0] >> 4 != 6 || total > room)
		return LM_DROP_MALFORMED;
	p->len = (uint16_t)total;
	ends->src = lm_addr6(ip + 8);
	ends->dst = lm_addr6(ip + 24);
	/* ::/64 holds no host. Above all, ::ffff:0:0/96 must not pass for an IPv4 address. */
	if (ends->src.w[0] == 0 || ends->dst.w[0] == 0)
		return LM_DROP_MALFORMED;
	if (proto == IPPROTO_FRAGMENT) {
		if (total < header + 8)
			return LM_DROP_MALFORMED;
		if (lm_be16(ip + header + 2) & 0xfff8)
			return LM_DROP_FRAGMENT;
		proto = ip[header];
		header += 8;
	}
	p->l4 = (uint8_t)header;
	return lm_inner_upper(p, *ends, true, proto, ip + header, total - header, net);
}

/*
 * p->ip and p->sa are set; room: bytes there. Fills in what names the packet; LM_FINE or why not,
 * and ends unless it is malformed. Jumbograms do not fit into our buffers.
 */
static __rte_always_inline enum lm_drop lm_inner_parse(
    struct lm_pkt *p, struct lm_ends *ends, unsigned room, bool ipv6, uint32_t net)
{
	return ipv6 ? lm_inner_parse6(p, ends, room, net) : lm_inner_parse4(p, ends, room, net);
}

#endif
