/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Newcomers: packets of flows that the table does not know. Each takes a worker as long as
 * several of known flows do, as rules are asked and a place is looked for. When a worker has more
 * to do than it can, they get a part of its time, by network in fair shares (fair.h), and
 * what is over is dropped right after the look-up, so that a flood of them takes next to
 * nothing from who is established.
 *
 * What part, is sought: less after an interval that did not suffice, more after one that did.
 * What one takes is measured as it goes. Belongs to one worker; knows no clock and no packets.
 */
#ifndef LM_DATAPLANE_NEWCOMERS_H
#define LM_DATAPLANE_NEWCOMERS_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/fair.h"

/* What one takes is measured once in so many. */
#define LM_NEWCOMERS_SAMPLE 64u

struct lm_newcomers {
	bool on; /* they have no more than their part */
	uint32_t cost; /* cycles that one takes to be judged */
	uint32_t next; /* the one that is measured next: 1 is the next */
	uint32_t quiet; /* intervals in a row in which none had to give way */
	uint64_t interval; /* cycles */
	uint64_t seen; /* when the interval began, since start */
	struct lm_fair fair; /* in cycles */
};

/* -ENOMEM. interval: cycles. nets: as for lm_fair_init. */
int lm_newcomers_init(struct lm_newcomers *n, struct lm_fair_net *nets, uint64_t interval);
void lm_newcomers_free(struct lm_newcomers *n);
/*
 * An interval of so many cycles has ended. seen: how many there have been since start. True: it was
 * for them that it did not suffice, and they give way now; so nobody else need to.
 */
bool lm_newcomers_end(
    struct lm_newcomers *n, uint64_t seen, uint64_t spent, enum lm_pressure pressure);
/* One took so many cycles. */
void lm_newcomers_clock(struct lm_newcomers *n, uint64_t cycles);

/* While on: may this one be judged? */
static inline bool lm_newcomers_take(struct lm_newcomers *n, uint32_t net)
{
	return lm_fair_take(&n->fair, net, n->cost);
}

/* Is this one to be measured? */
static inline bool lm_newcomers_sample(struct lm_newcomers *n)
{
	if (likely(--n->next > 0))
		return false;
	n->next = LM_NEWCOMERS_SAMPLE;
	return true;
}

#endif
