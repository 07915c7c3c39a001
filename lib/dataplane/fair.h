/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fair shares of something that does not suffice for all networks: a worker's time,
 * or what a port takes. Max-min fair: nobody who asks for less than the level loses
 * anything, and whoever asks for more gets the level.
 *
 * What suffices is not known, so it is sought: in an interval in which it did not
 * suffice, less was right; in one in which it did, somewhat more is tried. What
 * networks asked for in the last interval sets the level of the next one.
 *
 * Knows no clock and no packets: the caller counts, and says when an interval ends
 * (overload.c). Belongs to one worker.
 */
#ifndef LM_DATAPLANE_FAIR_H
#define LM_DATAPLANE_FAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <rte_branch_prediction.h>

/* Networks that are compared with each other in an interval; more are held to the same level. */
#define LM_FAIR_ACTIVE 1024u
#define LM_FAIR_ALL UINT64_MAX

enum lm_pressure {
	LM_CALM, /* it sufficed */
	LM_TIGHT, /* just about */
	LM_OVER, /* it did not */
};

/*
 * Of a worker that was busy for so much of its time, and whose fullest queue gave as much as it may
 * in full of its rounds. Some time is to be left: what a packet takes varies, and whoever sends
 * little loses packets as soon as a queue overflows.
 */
static inline enum lm_pressure lm_fair_pressure(
    uint64_t busy, uint64_t time, uint64_t full, uint64_t rounds)
{
	if (full * 4 >= rounds * 3 || busy * 16 >= time * 15)
		return LM_OVER;
	return busy * 8 >= time * 7 ? LM_TIGHT : LM_CALM;
}

struct lm_fair_net {
	uint64_t asked, taken; /* in the turn */
	uint32_t turn; /* in which it was seen last */
	bool heavy; /* asked for more in the turn before than it gets in this one */
};

struct lm_fair {
	bool on; /* shares are counted, and kept */
	bool pace_all; /* whoever it is, and all together: what suffices is known, see lm_fair_turn
			*/
	uint8_t shrink, grow; /* what suffices is changed by 1/2^n */
	uint8_t drain; /* where it did not, 1/2^n less is let in, so that a queue empties; 0: no */
	uint32_t drop_cost; /* what it costs to drop a packet */
	uint32_t turn; /* number of the interval */
	uint64_t level; /* what a network may take in it */
	uint64_t paced; /* what a heavy one may have taken by now */
	uint64_t most; /* likewise, all together */
	uint64_t capacity; /* what suffices, as far as we know; LM_FAIR_ALL: not known yet */
	uint64_t asked, taken, refused; /* by all; refused: taken and then lost nevertheless */
	uint64_t dropped; /* packets */
	uint32_t quiet; /* intervals in a row in which nobody had to give way */
	uint32_t calm; /* intervals in a row in which it sufficed */
	uint32_t rest; /* intervals for which it is left alone */
	uint32_t n_active;
	uint32_t *active; /* networks of this turn, LM_FAIR_ACTIVE at most */
	struct lm_fair_net *nets; /* by index; the caller's memory */
};

/*
 * Max-min fair: the level up to which each gets what it asks for, so that all together get no more
 * than capacity, and less only by rounding. LM_FAIR_ALL: there is enough. Reorders asked.
 */
uint64_t lm_fair_level(uint64_t *asked, unsigned n, uint64_t capacity);

/* -ENOMEM. nets: zeroed, one for each index that networks may have; stays the caller's. */
int lm_fair_init(struct lm_fair *f, struct lm_fair_net *nets);
void lm_fair_free(struct lm_fair *f);
/* It did not suffice in an interval in which nothing was counted. */
void lm_fair_start(struct lm_fair *f);
/* An interval has ended. known: networks that may have something to carry. */
void lm_fair_end(struct lm_fair *f, enum lm_pressure pressure, unsigned known);
/* Likewise where what suffices is known, and said. Starts as well; lm_fair_end is not called. */
void lm_fair_turn(struct lm_fair *f, uint64_t capacity);
/* The interval has come so far. */
void lm_fair_pace(struct lm_fair *f, uint64_t done, uint64_t whole);
/* A network's first packet in this turn. */
void lm_fair_enter(struct lm_fair *f, uint32_t net);

/* While on. False: it is over its share. */
static inline bool lm_fair_take(struct lm_fair *f, uint32_t net, uint32_t cost)
{
	struct lm_fair_net *n = &f->nets[net];

	if (unlikely(n->turn != f->turn))
		lm_fair_enter(f, net);
	n->asked += cost;
	f->asked += cost;
	/* By one packet more than the share: a share may be less than a packet. */
	if (n->taken >= (n->heavy ? f->paced : f->level) || f->taken >= f->most) {
		f->dropped++;
		return false;
	}
	n->taken += cost;
	f->taken += cost;
	return true;
}

/* What was let in turned out to cost more. */
static inline void lm_fair_charge(struct lm_fair *f, uint32_t net, uint32_t cost)
{
	struct lm_fair_net *n = &f->nets[net];

	if (unlikely(n->turn != f->turn))
		lm_fair_enter(f, net);
	n->asked += cost;
	n->taken += cost;
	f->asked += cost;
	f->taken += cost;
}

#endif
