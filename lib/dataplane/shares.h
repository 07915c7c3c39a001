/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A limit among several workers. Each has a part of it, so that nothing is shared
 * while packets pass; by the parts' sum the limit holds. Where packets are dropped the
 * worker leaves a mark, and control, a few times a second, divides those limits anew by
 * what came to each worker since. What nobody exceeds costs control nothing.
 */
#ifndef LM_DATAPLANE_SHARES_H
#define LM_DATAPLANE_SHARES_H

#include <stdint.h>
#include "dataplane/meters.h"

#define LM_SHARES (1u << 16) /* the whole of a limit */
/* One of so many parts is divided evenly: whoever is new at a worker can begin at once. */
#define LM_SHARES_EVEN 16
#define LM_MARKS 64u /* of each worker, a power of two; what finds no room marks itself again */

/* Limits that were exceeded at one worker: a ring, which it writes and control empties. */
struct lm_marks {
	uint32_t id[LM_MARKS]; /* see struct lm_meters */
	uint32_t written; /* the worker's */
	uint32_t taken __attribute__((aligned(64))); /* control's */
};

/*
 * Parts of n workers, of which this much came to each where capacity could have passed: the least
 * wishes are met first, what is over goes to all in the ratio of their wishes. The sum is LM_SHARES
 * at most. Nothing changes if nothing came.
 */
void lm_shares_divide(uint32_t *share, const uint64_t *came, unsigned n, double capacity);

/* On the worker: this meter of a limit has dropped something. */
static inline void lm_marks_put(struct lm_marks *marks, struct lm_meter *m, uint32_t id)
{
	if (__atomic_load_n(&m->marked, __ATOMIC_RELAXED) != 0 ||
	    marks->written - __atomic_load_n(&marks->taken, __ATOMIC_ACQUIRE) == LM_MARKS)
		return;
	__atomic_store_n(&m->marked, 1, __ATOMIC_RELAXED);
	marks->id[marks->written % LM_MARKS] = id;
	__atomic_store_n(&marks->written, marks->written + 1, __ATOMIC_RELEASE);
}

#endif
