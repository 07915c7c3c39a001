/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/ra_times.h"

#include <stddef.h>

#define MILLISECOND UINT64_C(1000000)

int lm_ra_times_reserve(struct lm_ra_times *ts)
{
	return lm_timers_reserve(&ts->timers);
}

void lm_ra_times_release(struct lm_ra_times *ts, struct lm_ra_time *t)
{
	lm_timers_release(&ts->timers, &t->timer);
}

void lm_ra_times_news(struct lm_ra_times *ts, struct lm_ra_time *t, uint64_t now)
{
	t->initial = LM_RA_INITIAL;
	lm_timers_set(&ts->timers, &t->timer, now);
}

void lm_ra_times_stop(struct lm_ra_times *ts, struct lm_ra_time *t)
{
	lm_timers_set(&ts->timers, &t->timer, LM_NEVER);
}

/* At random between a bound and the next, so that many that started together spread. */
static uint64_t interval(struct lm_ra_time *t, uint32_t random)
{
	uint64_t min = LM_RA_MIN_SECONDS * 1000, max = LM_RA_MAX_SECONDS * 1000;

	if (t->initial > 0)
		t->initial--;
	if (t->initial > 0) {
		max = LM_RA_INITIAL_SECONDS * 1000;
		min = max / 2;
	}
	return (min + ((max - min) * random >> 32)) * MILLISECOND;
}

struct lm_ra_time *lm_ra_times_take(struct lm_ra_times *ts, uint64_t now, uint32_t random)
{
	struct lm_timer *first = lm_timers_first(&ts->timers);

	if (now >= ts->step_ends) {
		ts->step_ends = now + LM_RA_STEP_NS;
		ts->taken = 0;
	}
	if (!first || first->due > now || ts->taken == LM_RA_BURST)
		return NULL;
	struct lm_ra_time *t =
	    (struct lm_ra_time *)((char *)first - offsetof(struct lm_ra_time, timer));
	ts->taken++;
	lm_timers_set(&ts->timers, &t->timer, now + interval(t, random));
	return t;
}

uint64_t lm_ra_times_next(const struct lm_ra_times *ts)
{
	uint64_t due = lm_timers_next(&ts->timers);

	return ts->taken == LM_RA_BURST && due < ts->step_ends ? ts->step_ends : due;
}

void lm_ra_times_free(struct lm_ra_times *ts)
{
	lm_timers_free(&ts->timers);
}
