/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashing by 64 x 64 -> 128 bit multiplication, folded: three multiplications of
 * latency for a flow's 37 bytes, and no bit of the input without influence on
 * every bit of the result. tests/unit/test_flow.c measures it on real key patterns.
 */
#ifndef LM_DATAPLANE_HASH_H
#define LM_DATAPLANE_HASH_H

#include <stdint.h>

/* Fractional digits of pi: constants that hide nothing. */
#define LM_HASH_K0 UINT64_C(0x243f6a8885a308d3)
#define LM_HASH_K1 UINT64_C(0x13198a2e03707345)
#define LM_HASH_K2 UINT64_C(0xa4093822299f31d1)
#define LM_HASH_K3 UINT64_C(0x082efa98ec4e6c89)
#define LM_HASH_K4 UINT64_C(0x452821e638d01377)
#define LM_HASH_K5 UINT64_C(0xbe5466cf34e90c6d)

static inline uint64_t lm_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
