/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts values by size, in 64 steps for each doubling: what comes out is at most 1.6 % too large.
 * Any unit. All zero is empty.
 */
#ifndef LM_PERF_HISTOGRAM_H
#define LM_PERF_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 6
#define HISTOGRAM_STEPS (1u << HISTOGRAM_STEP_BITS)

struct histogram {
	uint64_t n;
	uint32_t count[(65 - HISTOGRAM_STEP_BITS) * HISTOGRAM_STEPS];
};

static inline unsigned histogram_slot(uint64_t value)
{
	if (value < HISTOGRAM_STEPS)
		return (unsigned)value;
	unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
	return (shift + 1) * HISTOGRAM_STEPS + (unsigned)(value >> shift) - HISTOGRAM_STEPS;
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->n++;
	h->count[histogram_slot(value)]++;
}

/* No more than this share of the values is above it; share 0.5 is the median. 0 if there are none.
 */
uint64_t histogram_at(const struct histogram *h, double share);

#endif
