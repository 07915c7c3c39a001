/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A received Ethernet frame, taken apart: one 802.1Q tag at most, IPv4 or IPv6,
 * and where the upper layer starts. After a parse that returned 0, every pointer
 * and length in the view lies within the frame and within the IP packet, and
 * Ethernet's padding is outside. Reads nothing beyond len, whatever is in it.
 *
 * A view points into the frame and owns nothing. Any thread.
 */
#ifndef LM_PACKET_FRAME_H
#define LM_PACKET_FRAME_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include "base/addr.h"
#include "packet/checksum.h"

/* Next Header values that precede an upper layer (RFC 8200 section 4.1). */
#define LM_IPV6_HOP_BY_HOP 0
#define LM_IPV6_ROUTING 43
#define LM_IPV6_FRAGMENT 44
#define LM_IPV6_DESTINATION 60
/* More of them than this in one packet have no use but to cost time. */
#define LM_IPV6_EXTENSIONS_MAX 8

struct lm_frame {
	const struct rte_ether_hdr *ether;
	uint16_t ether_type; /* host byte order, behind the tag */
	uint16_t vlan; /* VLAN id; 0: untagged or priority tagged */
	/* Behind Ethernet header and tag: the IP packet, or whatever it is including padding. */
	const uint8_t *l3;
	size_t l3_len;

	uint8_t ip; /* 4 or 6; 0: not IP, and all that follows is zero */
	uint8_t
	    protocol; /* of the upper layer; an extension header's that was not walked through */
	bool options; /* IPv4 options or IPv6 extension headers are present */
	bool fragment; /* any part of a larger packet */
	bool later_fragment; /* not the first: l4 is payload, not a header */
	const struct rte_ipv4_hdr *ip4; /* one of the two */
	const struct rte_ipv6_hdr *ip6;
	const uint8_t *l4;
	size_t l4_len;
};

static inline int lm_frame_parse_ipv4(struct lm_frame *f)
{
	const struct rte_ipv4_hdr *ip = (const void *)f->l3;

	if (f->l3_len < sizeof *ip || ip->version_ihl >> 4 != 4)
		return -EINVAL;
	size_t header_len = rte_ipv4_hdr_len(ip), total = rte_be_to_cpu_16(ip->total_length);
	if (header_len < sizeof *ip || total < header_len || total > f->l3_len)
		return -EINVAL;
	uint16_t fragment = rte_be_to_cpu_16(ip->fragment_offset);

	f->ip = 4;
	f->ip4 = ip;
	f->protocol = ip->next_proto_id;
	f->options = header_len > sizeof *ip;
	f->later_fragment = (fragment & RTE_IPV4_HDR_OFFSET_MASK) != 0;
	f->fragment = f->later_fragment || (fragment & RTE_IPV4_HDR_MF_FLAG);
	f->l3_len = total;
	f->l4 = f->l3 + header_len;
	f->l4_len = total - header_len;
	return 0;
}

static inline bool lm_ipv6_is_extension(uint8_t next_header)
{
	return next_header == LM_IPV6_HOP_BY_HOP || next_header == LM_IPV6_ROUTING ||
	       next_header == LM_IPV6_FRAGMENT || next_header == LM_IPV6_DESTINATION;
}

static inline int lm_frame_parse_ipv6(struct lm_frame *f)
{
	const struct rte_ipv6_hdr *ip = (const void *)f->l3;

	if (f->l3_len < sizeof *ip || f->l3[0] >> 4 != 6)
		return -EINVAL;
	size_t left = rte_be_to_cpu_16(ip->payload_len);
	if (left > f->l3_len - sizeof *ip)
		return -EINVAL;
	f->ip = 6;
	f->ip6 = ip;
	f->protocol = ip->proto;
	f->l3_len = sizeof *ip + left;
	f->l4 = f->l3 + sizeof *ip;
	for (unsigned i = 0; lm_ipv6_is_extension(f->protocol) && i < LM_IPV6_EXTENSIONS_MAX; i++) {
		/* A fragment header is 8 bytes as well; the others count 8 bytes beyond the
		 * first 8. */
		bool fragment = f->protocol == LM_IPV6_FRAGMENT;
		size_t len = 8;

		if (left < len)
			return -EINVAL;
		if (!fragment)
			len += (size_t)f->l4[1] * 8;
		if (left < len)
			return -EINVAL;
		f->options = true;
		f->protocol = f->l4[0];
		if (fragment) {
			uint16_t offset = (uint16_t)(f->l4[2] << 8 | f->l4[3]);

			f->later_fragment = offset >> 3 != 0;
			f->fragment = f->fragment || f->later_fragment || (offset & 1);
		}
		f->l4 += len;
		left -= len;
		if (f->later_fragment)
			break;
	}
	f->l4_len = left;
	return 0;
}

/*
 * Takes a frame apart. -EINVAL: truncated, or lengths and versions do not hold together. Other
 * ether types than IP are not an error. Checksums are not looked at.
 */
static inline int lm_frame_parse(struct lm_frame *f, const void *data, size_t len)
{
	const uint8_t *p = data;

	*f = (struct lm_frame){0};
	if (len < sizeof(struct rte_ether_hdr))
		return -EINVAL;
	f->ether = data;
	f->ether_type = rte_be_to_cpu_16(f->ether->ether_type);
	p += sizeof(struct rte_ether_hdr);
	len -= sizeof(struct rte_ether_hdr);
	if (f->ether_type == RTE_ETHER_TYPE_VLAN) {
		if (len < sizeof(struct rte_vlan_hdr))
			return -EINVAL;
		f->vlan = (uint16_t)((p[0] << 8 | p[1]) & 0x0fff);
		f->ether_type = (uint16_t)(p[2] << 8 | p[3]);
		p += sizeof(struct rte_vlan_hdr);
		len -= sizeof(struct rte_vlan_hdr);
	}
	f->l3 = p;
	f->l3_len = len;
	if (f->ether_type == RTE_ETHER_TYPE_IPV4)
		return lm_frame_parse_ipv4(f);
	if (f->ether_type == RTE_ETHER_TYPE_IPV6)
		return lm_frame_parse_ipv6(f);
	return 0;
}

static inline bool lm_frame_ipv4_checksum_ok(const struct lm_frame *f)
{
	return lm_ipv4_checksum_ok(f->ip4);
}

/* Of TCP, UDP and ICMPv6, over the pseudo header. Not for fragments. */
static inline bool lm_frame_l4_checksum_ok(const struct lm_frame *f)
{
	uint16_t sum = f->ip == 4 ? lm_ipv4_l4_checksum(f->ip4, f->protocol, f->l4, f->l4_len)
				  : lm_ipv6_l4_checksum(f->ip6, f->protocol, f->l4, f->l4_len);
	return sum == 0;
}

static inline struct lm_ip lm_ip_of4(const void *b)
{
	struct lm_ip ip = {.family = 4};

	memcpy(ip.b, b, 4);
	return ip;
}

static inline struct lm_ip lm_ip_of6(const void *b)
{
	struct lm_ip ip = {.family = 6};

	memcpy(ip.b, b, 16);
	return ip;
}

/* Only of a frame whose ip is not 0. */
static inline struct lm_ip lm_frame_src(const struct lm_frame *f)
{
	return f->ip == 4 ? lm_ip_of4(&f->ip4->src_addr)
			  : lm_ip_of6((const uint8_t *)&f->ip6->src_addr);
}

static inline struct lm_ip lm_frame_dst(const struct lm_frame *f)
{
	return f->ip == 4 ? lm_ip_of4(&f->ip4->dst_addr)
			  : lm_ip_of6((const uint8_t *)&f->ip6->dst_addr);
}

#endif
