/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/fair.h"

#include <errno.h>
#include <stdlib.h>
#include <rte_common.h>

/* Rounds of water-filling. Whoever makes us need more gets a little less. */
#define PASSES 16
/* So many intervals without a drop, and counting ends. */
#define QUIET 16
/* So many times it is not looked at again where one is alone, or all ask for as much. */
#define REST 32
/* A heavy network may take this part of its share at once. */
#define BURST_SHIFT 5
/* Where all are paced: those whom nobody knew may have so many times what suffices, together. */
#define MOST 2
/* Whatever was measured: from nothing, nothing grows. */
#define CAPACITY_MIN 65536
/* After so many intervals in which it sufficed it may well be much more: 2^n times as fast. */
#define CALM 64
#define CALM_SHIFT 2

uint64_t lm_fair_level(uint64_t *asked, unsigned n, uint64_t capacity)
{
	uint64_t left = capacity;

	for (unsigned pass = 0; pass < PASSES && n > 0; pass++) {
		const uint64_t equal = left / n;
		unsigned more = 0;

		/* Who asks for no more than an equal part gets it; the rest is divided anew. */
		for (unsigned i = 0; i < n; i++) {
			if (asked[i] <= equal)
				left -= asked[i];
			else
				asked[more++] = asked[i];
		}
		if (more == n)
			return equal;
		n = more;
	}
	return n > 0 ? left / n : LM_FAIR_ALL;
}

int lm_fair_init(struct lm_fair *f, struct lm_fair_net *nets)
{
	*f = (struct lm_fair){
	    .nets = nets, .level = LM_FAIR_ALL, .paced = LM_FAIR_ALL, .most = LM_FAIR_ALL};
	f->active = malloc(LM_FAIR_ACTIVE * sizeof *f->active);
	return f->active ? 0 : -ENOMEM;
}

void lm_fair_free(struct lm_fair *f)
{
	free(f->active);
	f->active = NULL;
}

void lm_fair_enter(struct lm_fair *f, uint32_t net)
{
	struct lm_fair_net *n = &f->nets[net];

	n->heavy = f->pace_all || (n->turn + 1 == f->turn && n->asked > f->level);
	n->turn = f->turn;
	n->asked = n->taken = 0;
	if (f->n_active < LM_FAIR_ACTIVE)
		f->active[f->n_active++] = net;
}

static void begin_turn(struct lm_fair *f, uint64_t level)
{
	f->turn++;
	f->level = level;
	lm_fair_pace(f, 0, 1);
	f->asked = f->taken = f->refused = f->dropped = 0;
	f->n_active = 0;
}

/* In parts of 1,024, so that nothing overflows. */
static uint64_t pace(uint64_t share, uint64_t part)
{
	return share == LM_FAIR_ALL ? LM_FAIR_ALL : (share >> BURST_SHIFT) + (share >> 10) * part;
}

void lm_fair_pace(struct lm_fair *f, uint64_t done, uint64_t whole)
{
	uint64_t part = done >= whole ? 1024 : (done << 10) / whole;

	f->paced = pace(f->level, part);
	/* Who comes at once with others may have as much as one alone, but together they not. */
	if (f->pace_all)
		f->most = MOST * pace(f->capacity, part);
}

void lm_fair_start(struct lm_fair *f)
{
	if (f->rest > 0) {
		f->rest--;
		return;
	}
	f->on = true;
	f->capacity = LM_FAIR_ALL;
	f->quiet = f->calm = 0;
	begin_turn(f, LM_FAIR_ALL);
}

static void stop(struct lm_fair *f, uint32_t rest)
{
	f->on = false;
	f->rest = rest;
}

/* Nobody to be protected from anybody: all have much to carry, and about as much. */
static bool is_even(const struct lm_fair *f, unsigned known)
{
	uint64_t least = UINT64_MAX, most = 0;

	if (f->n_active < known)
		return false;
	for (uint32_t i = 0; i < f->n_active; i++) {
		uint64_t asked = f->nets[f->active[i]].asked;

		least = RTE_MIN(least, asked);
		most = RTE_MAX(most, asked);
	}
	return least >= most / 4 * 3;
}

static void seek_capacity(struct lm_fair *f, enum lm_pressure pressure)
{
	uint64_t carried = f->taken - RTE_MIN(f->taken, f->refused);

	f->calm = pressure == LM_CALM ? f->calm + 1 : 0;
	if (pressure == LM_OVER) {
		if (f->capacity != LM_FAIR_ALL) {
			/* One bad interval is no measure, so no more than a quarter less at once.
			 */
			carried = RTE_MAX(carried, f->capacity / 4 * 3);
			carried = RTE_MIN(carried, f->capacity);
		}
		/*
		 * It must not come to dropping more and carrying less for ever: what arrives may
		 * be more than we can even drop. Half of our time at most.
		 */
		if (f->dropped * f->drop_cost <= f->taken)
			f->capacity = carried - (carried >> f->shrink);
		else
			f->capacity = carried + (carried >> f->shrink);
		f->capacity = RTE_MAX(f->capacity, (uint64_t)CAPACITY_MIN);
	} else if (pressure == LM_CALM && f->capacity != LM_FAIR_ALL) {
		f->capacity += f->capacity >> (f->calm > CALM ? f->grow - CALM_SHIFT : f->grow);
	}
}

static uint64_t next_level(const struct lm_fair *f, bool over)
{
	uint64_t asked[LM_FAIR_ACTIVE], sum = 0, capacity = f->capacity;

	if (capacity == LM_FAIR_ALL)
		return LM_FAIR_ALL;
	if (over && f->drain > 0)
		capacity -= capacity >> f->drain;
	for (uint32_t i = 0; i < f->n_active; i++) {
		asked[i] = f->nets[f->active[i]].asked;
		sum += asked[i];
	}
	/* Those that are not compared take their part, too. */
	if (sum < f->asked)
		capacity = (uint64_t)((double)capacity * (double)sum / (double)f->asked);
	return lm_fair_level(asked, f->n_active, capacity);
}

void lm_fair_end(struct lm_fair *f, enum lm_pressure pressure, unsigned known)
{
	if (known < 2 && f->n_active < 2) {
		stop(f, REST);
		return;
	}
	if (pressure == LM_OVER && is_even(f, known)) {
		stop(f, REST);
		return;
	}
	f->quiet = f->dropped == 0 && pressure != LM_OVER ? f->quiet + 1 : 0;
	if (f->quiet >= QUIET) {
		stop(f, 0);
		return;
	}
	seek_capacity(f, pressure);
	begin_turn(f, next_level(f, pressure == LM_OVER));
}

void lm_fair_turn(struct lm_fair *f, uint64_t capacity)
{
	f->capacity = capacity;
	begin_turn(f, RTE_MIN(next_level(f, false), capacity));
}
