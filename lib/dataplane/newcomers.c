/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/newcomers.h"

#include <rte_common.h>

/* Below an eighth of the time it is not newcomers for whom it does not suffice. */
#define MATTER_SHIFT 3
/* They begin with an eighth of the time ... */
#define FIRST_SHIFT 3
/* ... and keep a 32nd of it, so that nobody is shut out for ever. */
#define LEAST_SHIFT 5
/* Half as much where it did not suffice, an eighth more where it did. */
#define SHRINK_SHIFT 1
#define GROW_SHIFT 3
/* So many intervals without one that gives way, and counting ends. */
#define QUIET 16
/* Until the first ones are measured. */
#define COST_FIRST 500
#define COST_MIN 16
/* One that took many times as long was interrupted. */
#define COST_JUMP 8
#define COST_SHIFT 4

int lm_newcomers_init(struct lm_newcomers *n, struct lm_fair_net *nets, uint64_t interval)
{
	*n = (struct lm_newcomers){
	    .cost = COST_FIRST, .next = LM_NEWCOMERS_SAMPLE, .interval = interval};
	int err = lm_fair_init(&n->fair, nets);
	n->fair.pace_all = true;
	return err;
}

void lm_newcomers_free(struct lm_newcomers *n)
{
	lm_fair_free(&n->fair);
}

static void start(struct lm_newcomers *n)
{
	n->on = true;
	n->quiet = 0;
	lm_fair_turn(&n->fair, n->interval >> FIRST_SHIFT);
}

/* What they had was most of what they may have; so to let them have less is of use. */
static bool is_used(const struct lm_newcomers *n)
{
	return n->fair.taken >= n->fair.capacity / 2;
}

static uint64_t seek(const struct lm_newcomers *n, enum lm_pressure pressure)
{
	const uint64_t now = n->fair.capacity, least = n->interval >> LEAST_SHIFT;

	if (pressure == LM_OVER && is_used(n))
		return RTE_MAX(now - (now >> SHRINK_SHIFT), least);
	if (pressure == LM_CALM && n->fair.dropped > 0)
		return RTE_MIN(now + (now >> GROW_SHIFT), n->interval);
	return now;
}

bool lm_newcomers_end(
    struct lm_newcomers *n, uint64_t seen, uint64_t spent, enum lm_pressure pressure)
{
	const uint64_t came = seen - n->seen;

	n->seen = seen;
	if (!n->on) {
		if (pressure != LM_OVER || came * n->cost < spent >> MATTER_SHIFT)
			return false;
		start(n);
		return true;
	}
	n->quiet = n->fair.dropped == 0 ? n->quiet + 1 : 0;
	if (n->quiet >= QUIET) {
		n->on = false;
		return false;
	}
	const uint64_t next = seek(n, pressure);
	const bool less = next < n->fair.capacity;
	lm_fair_turn(&n->fair, next);
	return less;
}

void lm_newcomers_clock(struct lm_newcomers *n, uint64_t cycles)
{
	const int64_t more =
	    (int64_t)RTE_MIN(cycles, (uint64_t)n->cost * COST_JUMP) - (int64_t)n->cost;

	n->cost = (uint32_t)((int64_t)n->cost + more / (1 << COST_SHIFT));
	n->cost = RTE_MAX(n->cost, (uint32_t)COST_MIN);
}
