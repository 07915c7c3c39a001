/* SPDX-License-Identifier: Apache-2.0 */
/* What small benchmarks in C share: they end where something cannot be set up. */
#ifndef LM_PERF_BENCH_H
#define LM_PERF_BENCH_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <rte_errno.h>
#include "percentile.h"

#define BENCH_ROUNDS 7

static inline void bench_check(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, rte_strerror(-err));
	exit(EXIT_FAILURE);
}

static inline void *bench_must(void *p, const char *what)
{
	if (!p)
		bench_check(rte_errno ? -rte_errno : -ENOMEM, what);
	return p;
}

/* CPU time of this thread, so that a busy machine does not count. */
static inline uint64_t bench_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Of BENCH_ROUNDS, each of which did something so many times. */
static inline double bench_median(uint64_t rounds[BENCH_ROUNDS], double each)
{
	return (double)percentile(rounds, BENCH_ROUNDS, 0.5) / each;
}

#endif
