/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/membership: a binary heap of deadlines. Room is reserved when an
 * owner of a timer is made, so that setting one can never fail.
 */
#ifndef LM_MEMBERSHIP_TIMERS_H
#define LM_MEMBERSHIP_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#define LM_NEVER UINT64_MAX

struct lm_membership;

struct timer {
	uint64_t due; /* monotonic ns */
	size_t pos; /* in the heap, from 1; 0: not set */
	void (*fire)(struct lm_membership *m, struct timer *t);
};

struct timers {
	struct timer **heap; /* [1 .. n] */
	size_t n, cap, reserved;
};

/* Room for one more timer: 0 or -ENOMEM. */
int lm_timers_reserve(struct timers *ts);
/* Unsets the timer and gives its room back. */
void lm_timers_release(struct timers *ts, struct timer *t);
/* Sets, moves, or with LM_NEVER unsets. */
void lm_timers_set(struct timers *ts, struct timer *t, uint64_t due);
/* The earliest, or NULL. */
struct timer *lm_timers_first(const struct timers *ts);
void lm_timers_free(struct timers *ts);

#endif
