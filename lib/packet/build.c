/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/build.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include "packet/checksum.h"

const struct lm_mac lm_mac_broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
const struct lm_ip lm_ip_broadcast = {.family = 4, .b = {0xff, 0xff, 0xff, 0xff}};
const struct lm_ip lm_ip_unspecified6 = {.family = 6};
const struct lm_ip lm_ip_all_nodes = {.family = 6, .b = {0xff, 0x02, [15] = 1}};

void lm_build_ether(struct lm_build *b, void *out, size_t size, const struct lm_mac *dst,
    const struct lm_mac *src, uint16_t vlan, uint16_t ether_type)
{
	*b = (struct lm_build){.w = lm_writer(out, size)};
	lm_write(&b->w, dst->b, sizeof dst->b);
	lm_write(&b->w, src->b, sizeof src->b);
	if (vlan != 0) {
		lm_write_u16(&b->w, RTE_ETHER_TYPE_VLAN);
		lm_write_u16(&b->w, vlan);
	}
	lm_write_u16(&b->w, ether_type);
}

void lm_build_ip(struct lm_build *b, const struct lm_ip *src, const struct lm_ip *dst,
    uint8_t protocol, uint8_t hop_limit)
{
	struct lm_writer *w = &b->w;

	b->family = src->family;
	b->protocol = protocol;
	b->ip = w->at;
	if (b->family == 4) {
		lm_write_u8(w, RTE_IPV4_VHL_DEF);
		lm_write_u8(w, 0);
		lm_write_u16(w, 0); /* total length: at the end */
		lm_write_u16(w, 0);
		lm_write_u16(w, RTE_IPV4_HDR_DF_FLAG);
		lm_write_u8(w, hop_limit);
		lm_write_u8(w, protocol);
		lm_write_u16(w, 0); /* checksum: at the end */
		lm_write(w, src->b, 4);
		lm_write(w, dst->b, 4);
	} else {
		lm_write_u32(w, 6u << 28);
		lm_write_u16(w, 0); /* payload length: at the end */
		lm_write_u8(w, protocol);
		lm_write_u8(w, hop_limit);
		lm_write(w, src->b, 16);
		lm_write(w, dst->b, 16);
	}
	b->l4 = w->at;
}

void lm_build_udp(struct lm_build *b, uint16_t src_port, uint16_t dst_port)
{
	lm_write_u16(&b->w, src_port);
	lm_write_u16(&b->w, dst_port);
	lm_write_u32(&b->w, 0);
}

void lm_build_icmp(struct lm_build *b, uint8_t type, uint8_t code)
{
	lm_write_u8(&b->w, type);
	lm_write_u8(&b->w, code);
	lm_write_u16(&b->w, 0);
}

/* The upper layer's checksum; UDP's length as well. */
static void finish_l4(struct lm_build *b, size_t len)
{
	uint16_t sum;
	size_t at; /* of the checksum */

	if (b->protocol == IPPROTO_UDP) {
		struct rte_udp_hdr *udp = (void *)b->l4;

		udp->dgram_len = rte_cpu_to_be_16((uint16_t)len);
		at = offsetof(struct rte_udp_hdr, dgram_cksum);
	} else if (b->protocol == IPPROTO_TCP) {
		at = offsetof(struct rte_tcp_hdr, cksum);
	} else if (b->protocol == IPPROTO_ICMP || b->protocol == IPPROTO_ICMPV6) {
		at = 2;
	} else {
		return;
	}
	if (b->family == 6)
		sum = lm_ipv6_l4_checksum((void *)b->ip, b->protocol, b->l4, len);
	else if (b->protocol == IPPROTO_ICMP)
		sum = lm_checksum(b->l4, len);
	else
		sum = lm_ipv4_l4_checksum((void *)b->ip, b->protocol, b->l4, len);
	if (b->protocol == IPPROTO_UDP)
		sum = lm_udp_checksum(sum);
	memcpy(b->l4 + at, &sum, sizeof sum);
}

size_t lm_build_end(struct lm_build *b)
{
	static const uint8_t zeros[LM_FRAME_MIN];

	if (b->w.failed)
		return 0;
	if (b->ip) {
		size_t l4_len = (size_t)(b->w.at - b->l4);

		if ((size_t)(b->w.at - b->ip) > UINT16_MAX)
			return 0;
		finish_l4(b, l4_len);
		if (b->family == 4) {
			struct rte_ipv4_hdr *ip = (void *)b->ip;

			ip->total_length = rte_cpu_to_be_16((uint16_t)(sizeof *ip + l4_len));
			ip->hdr_checksum = lm_ipv4_checksum(ip);
		} else {
			struct rte_ipv6_hdr *ip = (void *)b->ip;

			ip->payload_len = rte_cpu_to_be_16((uint16_t)l4_len);
		}
	}
	if (lm_writer_len(&b->w) < LM_FRAME_MIN)
		lm_write(&b->w, zeros, LM_FRAME_MIN - lm_writer_len(&b->w));
	return b->w.failed ? 0 : lm_writer_len(&b->w);
}

struct lm_mac lm_mac_of_multicast6(const struct lm_ip *group)
{
	const uint8_t *b = group->b;

	return (struct lm_mac){{0x33, 0x33, b[12], b[13], b[14], b[15]}};
}

struct lm_ip lm_solicited_node(const struct lm_ip *ip)
{
	return (struct lm_ip){
	    .family = 6, .b = {0xff, 0x02, [11] = 1, [12] = 0xff, ip->b[13], ip->b[14], ip->b[15]}};
}

struct lm_ip lm_link_local_of(const struct lm_mac *mac)
{
	const uint8_t *b = mac->b;

	return (struct lm_ip){.family = 6,
	    .b = {0xfe, 0x80, [8] = b[0] ^ 2, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]}};
}
