/* SPDX-License-Identifier: Apache-2.0 */
/* Memory in whole cache lines, so that no two workers write into one. */
#ifndef LM_DATAPLANE_LINES_H
#define LM_DATAPLANE_LINES_H

#include <stdlib.h>
#include <string.h>
#include <rte_common.h>

/* Zeroed, for free(). NULL: no memory. */
static inline void *lm_lines_alloc(size_t bytes)
{
	size_t whole = RTE_CACHE_LINE_ROUNDUP(bytes);
	void *lines = aligned_alloc(RTE_CACHE_LINE_SIZE, whole);

	return lines ? memset(lines, 0, whole) : NULL;
}

#endif
