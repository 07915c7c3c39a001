/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a router advertises without being asked (RFC 4861 section 6.2.4): three
 * times when a workload is attached or what it is told has changed, then rarely,
 * at random intervals. Workloads that start solicit, so this is for those that
 * missed a change, and keeps lifetimes from running out.
 *
 * However many are due, no more than LM_RA_BURST go out in LM_RA_STEP_NS: the
 * news of 10,000 attachments takes two seconds of small steps. At rest they cost 6
 * frames a second.
 *
 * Deterministic: time and randomness are arguments. One thread.
 */
#ifndef LM_WORKLOAD_RA_TIMES_H
#define LM_WORKLOAD_RA_TIMES_H

#include <stdint.h>
#include "base/timers.h"

#define LM_RA_INITIAL 3
#define LM_RA_INITIAL_SECONDS 16 /* between those, at most */
#define LM_RA_MIN_SECONDS 1350
#define LM_RA_MAX_SECONDS 1800
#define LM_RA_LIFETIME_SECONDS (3 * LM_RA_MAX_SECONDS) /* two may be lost */
#define LM_RA_BURST 64
#define LM_RA_STEP_NS UINT64_C(10000000)

/* Of one attachment, which holds it. All zero: not advertised to. */
struct lm_ra_time {
	struct lm_timer timer;
	uint8_t initial; /* of LM_RA_INITIAL, still to come */
};

/* All zero: empty. */
struct lm_ra_times {
	struct lm_timers timers;
	uint64_t step_ends; /* monotonic ns */
	unsigned taken; /* in this step */
};

/* Room for one more: 0 or -ENOMEM. */
int lm_ra_times_reserve(struct lm_ra_times *ts);
/* Gives its room back. */
void lm_ra_times_release(struct lm_ra_times *ts, struct lm_ra_time *t);
/* There is something to say: now, and twice more. */
void lm_ra_times_news(struct lm_ra_times *ts, struct lm_ra_time *t, uint64_t now);
/* Nothing more is said. */
void lm_ra_times_stop(struct lm_ra_times *ts, struct lm_ra_time *t);
/* One that is to be advertised to now, NULL: none. It is set anew; random: any 32 random bits. */
struct lm_ra_time *lm_ra_times_take(struct lm_ra_times *ts, uint64_t now, uint32_t random);
/* When take is to be called again; LM_NEVER. */
uint64_t lm_ra_times_next(const struct lm_ra_times *ts);
void lm_ra_times_free(struct lm_ra_times *ts);

#endif
