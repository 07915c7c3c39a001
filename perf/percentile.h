/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LM_PERF_PERCENTILE_H
#define LM_PERF_PERCENTILE_H

#include <stdint.h>

/* Of n values, which it sorts; share 0.5 is the median. */
uint64_t percentile(uint64_t *values, unsigned n, double share);

#endif
