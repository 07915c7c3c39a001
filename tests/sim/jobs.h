/* SPDX-License-Identifier: Apache-2.0 */
/* Plays seeds on several processes. */
#ifndef LM_TESTS_SIM_JOBS_H
#define LM_TESTS_SIM_JOBS_H

#include <stddef.h>

#define JOBS_TALLY_MAX 512 /* bytes: a pipe takes these at once */

struct jobs {
	unsigned n; /* processes, at least 1 */
	/* Every n-th seed from this one, so that each process gets its share of large worlds. */
	void (*play)(void *ctx, unsigned job, void *tally);
	void (*add)(void *sum, const void *tally);
	size_t size; /* of a tally, which begins as zeros and is plain data */
};

/* Fills sum, which is zeros. How many processes died and whose seeds are in no tally, so. */
unsigned jobs_run(const struct jobs *jobs, void *ctx, void *sum);

#endif
