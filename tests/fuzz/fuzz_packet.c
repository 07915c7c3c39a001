/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is a frame. Whatever is in it: the view stays inside, and what the
 * data path changes (MSS, TTL) leaves checksums as right or wrong as they were.
 */
#include <stdlib.h>
#include "fuzz.h"
#include "packet/frame.h"
#include "packet/mss.h"
#include "packet/ttl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_frame f;
	uint8_t *copy;

	/* As TCP, without anything around it. */
	copy = malloc(size > 0 ? size : 1);
	memcpy(copy, data, size);
	uint16_t before = lm_checksum(copy, size);
	if (lm_tcp_mss_clamp(copy, size, 1300))
		MUST(lm_checksum(copy, size) == before);
	else
		MUST(memcmp(copy, data, size) == 0);
	MUST(!lm_tcp_mss_clamp(copy, size, 1300)); /* once is enough */
	memcpy(copy, data, size);

	if (lm_frame_parse(&f, copy, size) == 0) {
		MUST(f.l3 >= copy && f.l3 + f.l3_len <= copy + size);
		if (f.ip != 0) {
			MUST(f.l4 >= f.l3 && f.l4 + f.l4_len == f.l3 + f.l3_len);
			MUST(!f.later_fragment || f.fragment);
			lm_frame_l4_checksum_ok(&f);
		}
		if (f.ip == 4) {
			struct rte_ipv4_hdr *ip = (void *)(copy + (f.l3 - copy));
			uint16_t sum = lm_checksum(ip, rte_ipv4_hdr_len(ip));

			if (lm_ipv4_ttl_decrement(ip))
				MUST(lm_checksum(ip, rte_ipv4_hdr_len(ip)) == sum);
		}
		if (f.ip == 6)
			lm_ipv6_hop_limit_decrement((void *)(copy + (f.l3 - copy)));
	}
	free(copy);
	return 0;
}
