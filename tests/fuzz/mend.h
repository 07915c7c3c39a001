/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzzer does not guess checksums: this makes those of a frame right where it
 * has any, so that the code behind them is reached.
 */
#ifndef LM_TESTS_FUZZ_MEND_H
#define LM_TESTS_FUZZ_MEND_H

#include "checksums.h"
#include "fuzz.h"
#include "packet/frame.h"

static inline void mend(uint8_t *frame, size_t len)
{
	struct lm_frame f;

	if (lm_frame_parse(&f, frame, len) == 0 && f.ip != 0)
		checksums_set(frame, &f);
}

/* Likewise of a packet alone, its header only. */
static inline void mend_ipv4(uint8_t *ip, size_t len)
{
	if (len < sizeof(struct rte_ipv4_hdr) || ip[0] >> 4 != 4 || (ip[0] & 15u) * 4u > len)
		return;
	uint16_t sum = lm_ipv4_checksum((void *)ip);
	memcpy(ip + offsetof(struct rte_ipv4_hdr, hdr_checksum), &sum, sizeof sum);
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
