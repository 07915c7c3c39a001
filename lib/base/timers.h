/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary heap of deadlines: the earliest is found at once, setting one costs the logarithm of
 * how many are set. Which clock they are on is the owner's matter, in ns.
 *
 * Timers are part of what they belong to, which the caller finds from them (offsetof). Room is
 * reserved when an owner of a timer is made, so that setting one can never fail. Of equal
 * deadlines any may come first. One thread.
 */
#ifndef LM_BASE_TIMERS_H
#define LM_BASE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#define LM_NEVER UINT64_MAX

/* All zero: not set. */
struct lm_timer {
	uint64_t due; /* ns; valid while set */
	size_t pos; /* in the heap, from 1; 0: not set */
};

/* All zero: empty. */
struct lm_timers {
	struct lm_timer **heap; /* [1 .. n] */
	size_t n, cap, reserved;
};

/* Room for one more timer: 0 or -ENOMEM. */
int lm_timers_reserve(struct lm_timers *ts);
/* Unsets the timer and gives its room back. */
void lm_timers_release(struct lm_timers *ts, struct lm_timer *t);
/* Sets, moves, or with LM_NEVER unsets. */
void lm_timers_set(struct lm_timers *ts, struct lm_timer *t, uint64_t due);
/* The earliest, or NULL. */
struct lm_timer *lm_timers_first(const struct lm_timers *ts);
/* The earliest deadline, or LM_NEVER. */
uint64_t lm_timers_next(const struct lm_timers *ts);
void lm_timers_free(struct lm_timers *ts);

#endif
