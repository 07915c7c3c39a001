/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LM_TESTS_CHECKSUMS_H
#define LM_TESTS_CHECKSUMS_H

#include <rte_tcp.h>
#include <rte_udp.h>
#include "packet/frame.h"

/*
 * Makes the checksums of a parsed frame right: the IPv4 header's, and that of what is inside, if
 * it is UDP, TCP, ICMP or ICMPv6 and has one.
 */
static inline void checksums_set(uint8_t *frame, const struct lm_frame *f)
{
	uint16_t sum;

	if (f->ip == 4) {
		sum = lm_ipv4_checksum(f->ip4);
		memcpy(frame + ((const uint8_t *)&f->ip4->hdr_checksum - frame), &sum, 2);
	}
	size_t at = f->protocol == IPPROTO_UDP   ? offsetof(struct rte_udp_hdr, dgram_cksum)
		    : f->protocol == IPPROTO_TCP ? offsetof(struct rte_tcp_hdr, cksum)
						 : 2;
	if (f->l4_len < at + 2 || (f->protocol != IPPROTO_UDP && f->protocol != IPPROTO_TCP &&
				      f->protocol != IPPROTO_ICMP && f->protocol != IPPROTO_ICMPV6))
		return;
	uint8_t *l4 = frame + (f->l4 - frame);
	memset(l4 + at, 0, 2);
	if (f->protocol == IPPROTO_ICMP)
		sum = lm_checksum(l4, f->l4_len);
	else if (f->ip == 4)
		sum = lm_ipv4_l4_checksum(f->ip4, f->protocol, l4, f->l4_len);
	else
		sum = lm_ipv6_l4_checksum(f->ip6, f->protocol, l4, f->l4_len);
	memcpy(l4 + at, &sum, 2);
}

#endif
