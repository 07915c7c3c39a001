/* SPDX-License-Identifier: Apache-2.0 */
#include "percentile.h"

#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t percentile(uint64_t *values, unsigned n, double share)
{
	qsort(values, n, sizeof(*values), ascending);
	unsigned rank = (unsigned)(share * n + 0.999999); /* nearest rank */
	return values[rank ? rank - 1 : 0];
}
