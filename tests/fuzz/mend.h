/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzzer does not guess checksums: this makes those of a frame right where it
 * has any, so that the code behind them is reached.
 */
#ifndef LM_TESTS_FUZZ_MEND_H
#define LM_TESTS_FUZZ_MEND_H

#include <rte_udp.h>
#include "fuzz.h"
#include "packet/frame.h"

static inline void mend(uint8_t *frame, size_t len)
{
	struct lm_frame f;
	uint16_t sum;

	if (lm_frame_parse(&f, frame, len) < 0 || f.ip == 0)
		return;
	if (f.ip == 4) {
		sum = lm_ipv4_checksum(f.ip4);
		memcpy(frame + ((const uint8_t *)&f.ip4->hdr_checksum - frame), &sum, 2);
	}
	size_t at = f.protocol == IPPROTO_UDP ? offsetof(struct rte_udp_hdr, dgram_cksum) : 2;
	if (f.l4_len < 8 || (f.protocol != IPPROTO_UDP && f.protocol != IPPROTO_ICMP &&
				f.protocol != IPPROTO_ICMPV6))
		return;
	uint8_t *l4 = frame + (f.l4 - frame);
	memset(l4 + at, 0, 2);
	if (f.protocol == IPPROTO_ICMP)
		sum = lm_checksum(l4, f.l4_len);
	else if (f.ip == 4)
		sum = lm_ipv4_l4_checksum(f.ip4, f.protocol, l4, f.l4_len);
	else
		sum = lm_ipv6_l4_checksum(f.ip6, f.protocol, l4, f.l4_len);
	memcpy(l4 + at, &sum, 2);
}

/* A frame that we send is sound: it parses to its end, and its checksums hold. */
static inline void check_sent(const uint8_t *frame, size_t len)
{
	struct lm_frame f;

	MUST(lm_frame_parse(&f, frame, len) == 0 && len >= 60);
	if (f.ip == 0)
		return;
	MUST(f.ip != 4 || lm_frame_ipv4_checksum_ok(&f));
	MUST(f.protocol == IPPROTO_ICMP ? lm_checksum(f.l4, f.l4_len) == 0
					: lm_frame_l4_checksum_ok(&f));
	MUST(len <= 60 || f.l4 + f.l4_len == frame + len);
}

#endif
