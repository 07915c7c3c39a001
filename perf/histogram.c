/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram.h"

#include <stddef.h>

/* The largest value that falls into this slot. */
static uint64_t top(size_t slot)
{
	if (slot < HISTOGRAM_STEPS)
		return slot;
	unsigned shift = (unsigned)(slot / HISTOGRAM_STEPS) - 1;
	uint64_t first = slot % HISTOGRAM_STEPS + HISTOGRAM_STEPS;
	return (first << shift) + ((UINT64_C(1) << shift) - 1);
}

uint64_t histogram_at(const struct histogram *h, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)h->n + 0.5), seen = 0;

	for (size_t i = 0; i < sizeof h->count / sizeof h->count[0]; i++) {
		seen += h->count[i];
		if (h->count[i] > 0 && seen >= wanted)
			return top(i);
	}
	return 0;
}
