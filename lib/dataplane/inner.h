/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tenant's packet: checked, and reduced to what names its flow. Used on both
 * sides: from a workload, and out of a tunnel. Whatever is in it, nothing beyond
 * its bytes is read.
 *
 * What a flow's key holds in place of ports:
 *   TCP, UDP, SCTP      source and destination port
 *   ICMP echo request   identifier, 0          \ so a reply is the reverse direction
 *   ICMP echo reply     0, identifier          / of its request, and of nothing else
 *   ICMP errors         the key of the packet inside them
 *   others              0, 0
 *   later fragments     those of the first, see fragment.h
 */
#ifndef LM_DATAPLANE_INNER_H
#define LM_DATAPLANE_INNER_H

#include <limits.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include "dataplane/header.h"
#include "dataplane/quote.h"
#include "dataplane/worker.h"
#include "packet/checksum.h"

#define LM_ICMP4_ECHO_REPLY 0
#define LM_ICMP4_UNREACHABLE 3
#define LM_ICMP4_ECHO_REQUEST 8
#define LM_ICMP4_TIME_EXCEEDED 11
#define LM_ICMP4_PARAMETER 12
#define LM_ICMP6_ERROR_MAX 4 /* types 1 to 4, RFC 4443 */
#define LM_ICMP6_ECHO_REQUEST 128
#define LM_ICMP6_ECHO_REPLY 129

/* Between whom. Kept in registers, the key is what stays. */
struct lm_ends {
	struct lm_addr src, dst;
};

/* Of a packet whose key is set, and which is no ICMP error. */
static inline struct lm_ends lm_inner_ends(const struct lm_pkt *p)
{
	bool from_b = p->flags & LM_PKT_FROM_B;

	return (struct lm_ends){
	    .src = from_b ? p->key.b : p->key.a, .dst = from_b ? p->key.a : p->key.b};
}

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
 * An ICMP error: its key becomes that of the packet inside, which must have been sent by whom the
 * error goes to. It must have been sent to whom the error is of, or where there are routes, that
 * may be a router on the way there (LM_PKT_ON_WAY). False: it was not, or cannot be told.
 */
static inline bool lm_inner_error(struct lm_pkt *p, struct lm_ends ends, const uint8_t *l4,
    unsigned l4_len, bool ipv6, uint32_t net)
{
	struct lm_ports ports = {0};
	struct lm_quote q;

	if (!lm_quote_read(&q, l4 + LM_ICMP_HEADER, l4_len - LM_ICMP_HEADER, ipv6))
		return false;
	bool on_way = !lm_addr_equal(q.dst, ends.src);
	if (!lm_addr_equal(q.src, ends.dst) || (on_way && !p->net->routes))
		return false;
	if (lm_is_icmp(q.proto, ipv6)) {
		if (!lm_ports_of_icmp(&ports, q.upper, ipv6))
			return false;
	} else if (lm_proto_has_ports(q.proto)) {
		ports = (struct lm_ports){.src = lm_load16(q.upper), .dst = lm_load16(q.upper + 2)};
	}
	bool from_b =
	    lm_flow_key_set(&p->key, &p->hash, q.src, q.dst, ports.src, ports.dst, net, q.proto);
	/* The error itself goes the other way. */
	p->flags |= from_b ? LM_PKT_ERROR : LM_PKT_ERROR | LM_PKT_FROM_B;
	if (on_way)
		p->flags |= LM_PKT_ON_WAY;
	return true;
}

/* With options. */
static inline unsigned lm_tcp_header(const uint8_t *l4, unsigned l4_len)
{
	if (l4_len < sizeof(struct rte_tcp_hdr))
		return sizeof(struct rte_tcp_hdr);
	unsigned len = (l4[12] >> 4) * 4u;
	return len < sizeof(struct rte_tcp_hdr) ? UINT_MAX : len;
}

/* Of a protocol with ports. All of it must be there. */
static inline unsigned lm_ports_header(uint8_t proto, const uint8_t *l4, unsigned l4_len)
{
	if (proto == IPPROTO_TCP)
		return lm_tcp_header(l4, l4_len);
	return proto == IPPROTO_UDP ? 8 : 12;
}

static __rte_always_inline enum lm_drop lm_inner_upper(struct lm_pkt *p, struct lm_ends ends,
    bool ipv6, uint8_t proto, const uint8_t *l4, unsigned l4_len, uint32_t net)
{
	uint16_t flags = ipv6 ? LM_PKT_V6 : 0;
	struct lm_ports ports = {0};

	p->flags = flags;
	p->proto = proto;
	p->dst_port = 0;
	if (lm_proto_has_ports(proto)) {
		if (l4_len < lm_ports_header(proto, l4, l4_len))
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
			return lm_inner_error(p, ends, l4, l4_len, ipv6, net) ? LM_FINE
									      : LM_DROP_NO_FLOW;
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

/* Which part of which packet. False: of none that can be. */
static inline bool lm_inner_is_part(
    struct lm_pkt *p, unsigned begin, uint16_t at, bool more, uint32_t id, bool ipv6)
{
	unsigned len = p->len - begin;

	p->frag_begin = (uint8_t)begin;
	p->frag_at = at;
	p->frag_id = id;
	p->flags = (uint16_t)(LM_PKT_LATER | (ipv6 ? LM_PKT_V6 : 0) | (more ? LM_PKT_MORE : 0));
	/* Nobody's packet is longer than its length field can tell. */
	return len > 0 && (!more || len % LM_FRAG_UNIT == 0) &&
	       begin + at * LM_FRAG_UNIT + len <=
		   UINT16_MAX + (ipv6 ? sizeof(struct rte_ipv6_hdr) : 0);
}

/*
 * The first of several: all headers must be in it (RFC 1858, RFC 3128, RFC 7112). ICMP that is no
 * echo is never so long.
 */
static inline enum lm_drop lm_inner_first_part(struct lm_pkt *p, struct lm_ends ends, bool ipv6,
    uint8_t proto, const uint8_t *l4, unsigned l4_len, uint32_t net)
{
	enum lm_drop why = lm_inner_upper(p, ends, ipv6, proto, l4, l4_len, net);

	if (why != LM_FINE || (p->flags & (LM_PKT_ERROR | LM_PKT_STATELESS)))
		return LM_DROP_FRAGMENT_BAD;
	p->flags |= LM_PKT_FRAGMENT;
	return LM_FINE;
}

static __rte_noinline enum lm_drop lm_inner_part4(
    struct lm_pkt *p, struct lm_ends ends, uint16_t field, uint32_t net)
{
	const uint8_t *ip = p->ip;
	uint16_t at = field & RTE_IPV4_HDR_OFFSET_MASK;

	if (!lm_inner_is_part(p, p->l4, at, field & RTE_IPV4_HDR_MF_FLAG,
		(uint32_t)ip[9] << 16 | lm_be16(ip + 4), false))
		return LM_DROP_FRAGMENT_BAD;
	if (at != 0)
		return LM_DROP_FRAGMENT;
	return lm_inner_first_part(
	    p, ends, false, ip[9], ip + p->l4, (unsigned)p->len - p->l4, net);
}

/*
 * Do a header's options hold together, and is none of them a source route? By one, a packet to a
 * member that forwards would go on to where rules do not let it (RFC 7126, 4.3 and 4.4).
 */
static bool lm_ipv4_options_ok(const uint8_t *ip, unsigned header)
{
	for (unsigned at = sizeof(struct rte_ipv4_hdr); at < header && ip[at] != IPOPT_END;) {
		if (ip[at] == IPOPT_NOOP) {
			at++;
			continue;
		}
		if (ip[at] == IPOPT_LSRR || ip[at] == IPOPT_SSRR || at + 2 > header ||
		    ip[at + 1] < 2 || at + ip[at + 1] > header)
			return false;
		at += ip[at + 1];
	}
	return true;
}

static __rte_noinline enum lm_drop lm_inner_any4(
    struct lm_pkt *p, struct lm_ends *ends, unsigned room, uint32_t net)
{
	const uint8_t *ip = p->ip;

	if (room < sizeof(struct rte_ipv4_hdr))
		return LM_DROP_MALFORMED;
	unsigned header = (ip[0] & 15u) * 4, total = lm_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < sizeof(struct rte_ipv4_hdr) || total < header ||
	    total > room)
		return LM_DROP_MALFORMED;
	if (unlikely(!lm_ipv4_checksum_ok(ip)))
		return LM_DROP_IP_CHECKSUM;
	if (unlikely(header > sizeof(struct rte_ipv4_hdr) && !lm_ipv4_options_ok(ip, header)))
		return LM_DROP_IP_OPTION;
	p->len = (uint16_t)total;
	p->l4 = (uint8_t)header;
	ends->src = lm_addr4(lm_load32(ip + 12));
	ends->dst = lm_addr4(lm_load32(ip + 16));
	uint16_t part = lm_be16(ip + 6) & (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG);
	if (unlikely(part))
		return lm_inner_part4(p, *ends, part, net);
	return lm_inner_upper(p, *ends, false, ip[9], ip + header, total - header, net);
}

/*
 * By far the most packets: TCP or UDP, whole, without IPv4 options. False: it is another one, or
 * not right, and nothing is filled in. What is, is all but what lm_inner_name adds.
 */
static __rte_always_inline bool lm_inner_plain4(struct lm_pkt *p, unsigned room, uint32_t net)
{
	const uint8_t *const ip = p->ip, *const l4 = ip + sizeof(struct rte_ipv4_hdr);
	const unsigned header = sizeof(struct rte_ipv4_hdr);
	uint16_t flags = LM_PKT_QUICK;
	uint64_t addrs;

	if (unlikely(room < header + sizeof(struct rte_udp_hdr)))
		return false;
	unsigned total = lm_be16(ip + 2);
	if (unlikely(ip[0] != RTE_IPV4_VHL_DEF || total > room ||
		     total < header + sizeof(struct rte_udp_hdr)))
		return false;
	if (unlikely(lm_load16(ip + 6) & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)))
		return false;
	uint8_t proto = ip[9];
	if (proto == IPPROTO_TCP) {
		if (unlikely(lm_tcp_header(l4, total - header) > total - header))
			return false;
		p->tcp = l4[13];
	} else if (unlikely(proto != IPPROTO_UDP)) {
		return false;
	}
	if (unlikely(!lm_ipv4_checksum_ok(ip)))
		return false;
	memcpy(&addrs, ip + 12, sizeof addrs);
	flags |= lm_flow_ends_set(&p->ends, addrs, lm_load32(l4)) ? LM_PKT_FROM_B : 0;
	p->key.net_proto = net << 8 | proto;
	p->len = (uint16_t)total;
	p->flags = flags;
	return true;
}

/* A packet of the short way becomes like the others. */
static inline void lm_inner_name(struct lm_pkt *p)
{
	const struct lm_flow_ends ends = p->ends;

	lm_flow_key_from(&p->key, &ends, p->key.net_proto);
	p->hash = lm_flow_hash4(&ends, (uint8_t)p->key.net_proto);
	p->dst_port = (uint16_t)(p->flags & LM_PKT_FROM_B ? ends.lo : ends.hi);
	p->flags &= (uint16_t)~LM_PKT_QUICK;
	p->l4 = sizeof(struct rte_ipv4_hdr);
	p->proto = (uint8_t)p->key.net_proto;
	if (p->proto == IPPROTO_TCP && (p->tcp & RTE_TCP_SYN_FLAG))
		p->flags |= LM_PKT_SYN;
}

static __rte_always_inline enum lm_drop lm_inner_parse4(
    struct lm_pkt *p, struct lm_ends *ends, unsigned room, uint32_t net)
{
	struct lm_ends other;

	if (likely(lm_inner_plain4(p, room, net))) {
		lm_inner_name(p);
		*ends = lm_inner_ends(p);
		return LM_FINE;
	}
	enum lm_drop why = lm_inner_any4(p, &other, room, net);
	*ends = other;
	return why;
}

/*
 * One extension header at *at, which moves behind it (RFC 8200, 4). LM_FINE: next is another one's
 * type, or the upper layer's.
 */
static inline enum lm_drop lm_inner_extension(
    struct lm_pkt *p, unsigned *at, uint8_t *next, unsigned nth, bool *part)
{
	const uint8_t *header = p->ip + *at;
	unsigned len = LM_EXTENSION_MIN;

	if (*at + len > p->len)
		return LM_DROP_MALFORMED;
	/* Routers look at hop-by-hop options at the front only; nobody is to route by our sources.
	 */
	if (*next == IPPROTO_ROUTING || (*next == IPPROTO_HOPOPTS && nth > 0))
		return LM_DROP_EXTENSION;
	if (*next != IPPROTO_FRAGMENT) {
		len = (header[1] + 1u) * LM_EXTENSION_MIN;
	} else if (lm_be16(header + 2) & (RTE_IPV6_EHDR_FO_MASK | RTE_IPV6_EHDR_MF_MASK)) {
		uint16_t field = lm_be16(header + 2);

		if (*part || *at + len > UINT8_MAX)
			return LM_DROP_EXTENSION;
		*part = true;
		if (!lm_inner_is_part(p, *at + len, field >> RTE_IPV6_EHDR_FO_SHIFT,
			field & RTE_IPV6_EHDR_MF_MASK, lm_load32(header + 4), true))
			return LM_DROP_FRAGMENT_BAD;
		if (p->frag_at != 0)
			return LM_DROP_FRAGMENT;
	}
	*next = header[0];
	*at += len;
	return *at <= p->len ? LM_FINE : LM_DROP_MALFORMED;
}

static __rte_noinline enum lm_drop lm_inner_chain(
    struct lm_pkt *p, struct lm_ends ends, uint32_t net)
{
	unsigned at = sizeof(struct rte_ipv6_hdr);
	uint8_t next = p->ip[6];
	bool part = false;

	for (unsigned n = 0; lm_is_extension(next); n++) {
		if (n == LM_EXTENSIONS_MAX)
			return LM_DROP_EXTENSION;
		enum lm_drop why = lm_inner_extension(p, &at, &next, n, &part);
		if (why != LM_FINE)
			return part && why == LM_DROP_MALFORMED ? LM_DROP_FRAGMENT_BAD : why;
	}
	if (at > UINT8_MAX)
		return LM_DROP_EXTENSION;
	p->l4 = (uint8_t)at;
	if (part)
		return lm_inner_first_part(p, ends, true, next, p->ip + at, p->len - at, net);
	return lm_inner_upper(p, ends, true, next, p->ip + at, p->len - at, net);
}

static __rte_always_inline enum lm_drop lm_inner_parse6(
    struct lm_pkt *p, struct lm_ends *ends, unsigned room, uint32_t net)
{
	const uint8_t *ip = p->ip;
	unsigned header = sizeof(struct rte_ipv6_hdr);

	if (room < header)
		return LM_DROP_MALFORMED;
	unsigned total = header + lm_be16(ip + 4);
	if (ip[0] >> 4 != 6 || total > room)
		return LM_DROP_MALFORMED;
	p->len = (uint16_t)total;
	ends->src = lm_addr6(ip + 8);
	ends->dst = lm_addr6(ip + 24);
	/* ::/64 holds no host. Above all, ::ffff:0:0/96 must not pass for an IPv4 address. */
	if (ends->src.w[0] == 0 || ends->dst.w[0] == 0)
		return LM_DROP_MALFORMED;
	if (unlikely(lm_is_extension(ip[6])))
		return lm_inner_chain(p, *ends, net);
	p->l4 = (uint8_t)header;
	return lm_inner_upper(p, *ends, true, ip[6], ip + header, total - header, net);
}

/*
 * p->ip and p->sa are set; room: bytes there. Fills in what names the packet; LM_FINE or why not,
 * and ends unless it is malformed or its header's checksum is wrong. LM_DROP_FRAGMENT: all but
 * ports and hash, for lm_part_find. Jumbograms do not fit into our buffers.
 */
static __rte_always_inline enum lm_drop lm_inner_parse(
    struct lm_pkt *p, struct lm_ends *ends, unsigned room, bool ipv6, uint32_t net)
{
	return ipv6 ? lm_inner_parse6(p, ends, room, net) : lm_inner_parse4(p, ends, room, net);
}

#endif
