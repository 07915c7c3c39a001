/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of deadlines, beside a plain model of it. */
#include "suite.h"

#include <stdbool.h>
#include "base/number.h"
#include "base/timers.h"

#define TIMERS 300

static uint64_t seed = 1;

static uint64_t chance(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

struct model {
	struct lm_timers heap;
	struct lm_timer timer[TIMERS];
	bool there[TIMERS], set[TIMERS];
	uint64_t due[TIMERS];
};

static uint64_t earliest(const struct model *m)
{
	uint64_t first = LM_NEVER;

	for (unsigned i = 0; i < TIMERS; i++)
		if (m->set[i])
			first = lm_min_u64(first, m->due[i]);
	return first;
}

static void set(struct model *m, unsigned i, uint64_t due)
{
	lm_timers_set(&m->heap, &m->timer[i], due);
	m->set[i] = due != LM_NEVER;
	m->due[i] = due;
}

static void change_something(struct model *m)
{
	unsigned i = (unsigned)chance(TIMERS);

	if (!m->there[i])
		CU_ASSERT_EQUAL_FATAL(lm_timers_reserve(&m->heap), 0);
	m->there[i] = true;
	switch (chance(6)) {
	case 0:
		lm_timers_release(&m->heap, &m->timer[i]);
		m->there[i] = m->set[i] = false;
		break;
	case 1:
		set(m, i, LM_NEVER);
		break;
	default: /* few moments, so that many are equal */
		set(m, i, chance(100));
	}
}

static void test_like_the_model(void)
{
	static struct model m;

	for (unsigned i = 0; i < 20000; i++) {
		change_something(&m);
		const struct lm_timer *first = lm_timers_first(&m.heap);
		CU_ASSERT_EQUAL(lm_timers_next(&m.heap), earliest(&m));
		CU_ASSERT_EQUAL(first ? first->due : LM_NEVER, earliest(&m));
	}
	lm_timers_free(&m.heap);
}

static void test_in_order(void)
{
	static struct lm_timer timer[TIMERS];
	struct lm_timers heap = {0};
	struct lm_timer *first;
	uint64_t last = 0;
	unsigned n = 0;

	CU_ASSERT_PTR_NULL(lm_timers_first(&heap));
	CU_ASSERT_EQUAL(lm_timers_next(&heap), LM_NEVER);
	for (unsigned i = 0; i < TIMERS; i++) {
		CU_ASSERT_EQUAL_FATAL(lm_timers_reserve(&heap), 0);
		lm_timers_set(&heap, &timer[i], chance(1000));
	}
	while ((first = lm_timers_first(&heap))) {
		CU_ASSERT(first->due >= last);
		last = first->due;
		n++;
		lm_timers_set(&heap, first, LM_NEVER);
	}
	CU_ASSERT_EQUAL(n, TIMERS);
	lm_timers_free(&heap);
}

LM_SUITE("timers", {"like_the_model", test_like_the_model}, {"in_order", test_in_order})
