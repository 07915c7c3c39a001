/* SPDX-License-Identifier: Apache-2.0 */
/* The smaller and the larger of two numbers: mostly moments in ns. */
#ifndef LM_BASE_NUMBER_H
#define LM_BASE_NUMBER_H

#include <stdint.h>

static inline uint64_t lm_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t lm_max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
