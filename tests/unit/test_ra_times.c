/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include "workload/ra_times.h"

#define SECOND UINT64_C(1000000000)
#define MANY 10000

static struct lm_ra_times times;
static struct lm_ra_time all[MANY];
static unsigned sent[MANY];

static void begin(unsigned n)
{
	memset(all, 0, sizeof all);
	memset(sent, 0, sizeof sent);
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT_EQUAL_FATAL(lm_ra_times_reserve(&times), 0);
}

static void end(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		lm_ra_times_release(&times, &all[i]);
	CU_ASSERT_EQUAL(lm_ra_times_next(&times), LM_NEVER);
	lm_ra_times_free(&times);
	times = (struct lm_ra_times){0};
}

/* As a control loop does, with randomness from a seed; until then. Returns the frames of the
 * busiest step. */
static unsigned run(uint64_t *now, uint64_t until)
{
	static uint32_t random = 1;
	unsigned busiest = 0, turns = 0;

	while (lm_ra_times_next(&times) <= until && turns++ < 10 * MANY) {
		struct lm_ra_time *t;
		unsigned n = 0;

		CU_ASSERT_FATAL(lm_ra_times_next(&times) > *now || turns == 1);
		*now = lm_ra_times_next(&times) > *now ? lm_ra_times_next(&times) : *now;
		for (; (t = lm_ra_times_take(&times, *now, random)); n++) {
			sent[t - all]++;
			random = random * 1664525 + 1013904223;
		}
		busiest = n > busiest ? n : busiest;
	}
	*now = until;
	return busiest;
}

/* Three at once, then the slow pace, within RFC 4861's bounds. */
static void test_one(void)
{
	uint64_t now = 5 * SECOND;

	begin(1);
	CU_ASSERT_EQUAL(lm_ra_times_next(&times), LM_NEVER);
	CU_ASSERT_PTR_NULL(lm_ra_times_take(&times, now, 0));
	lm_ra_times_news(&times, &all[0], now);
	CU_ASSERT_EQUAL(lm_ra_times_next(&times), now);
	CU_ASSERT_PTR_EQUAL(lm_ra_times_take(&times, now, UINT32_MAX), &all[0]);
	CU_ASSERT_PTR_NULL(lm_ra_times_take(&times, now, 0));
	uint64_t next = lm_ra_times_next(&times);
	CU_ASSERT(next > now + 15 * SECOND && next <= now + 16 * SECOND);
	CU_ASSERT_PTR_EQUAL(lm_ra_times_take(&times, next, 0), &all[0]);
	CU_ASSERT_EQUAL(lm_ra_times_next(&times), next + 8 * SECOND);
	next += 8 * SECOND;
	CU_ASSERT_PTR_EQUAL(lm_ra_times_take(&times, next, 0), &all[0]);
	CU_ASSERT_EQUAL(lm_ra_times_next(&times), next + LM_RA_MIN_SECONDS * SECOND);
	next += LM_RA_MIN_SECONDS * SECOND;
	CU_ASSERT_PTR_EQUAL(lm_ra_times_take(&times, next, UINT32_MAX), &all[0]);
	uint64_t rest = lm_ra_times_next(&times) - next;
	CU_ASSERT(rest > (LM_RA_MAX_SECONDS - 1) * SECOND && rest <= LM_RA_MAX_SECONDS * SECOND);
	/* Whoever loses two in a row still knows his router. */
	CU_ASSERT(LM_RA_LIFETIME_SECONDS > 2 * LM_RA_MAX_SECONDS);
	/* News, and an end. */
	lm_ra_times_news(&times, &all[0], next);
	CU_ASSERT_EQUAL(lm_ra_times_next(&times), next);
	lm_ra_times_stop(&times, &all[0]);
	CU_ASSERT_EQUAL(lm_ra_times_next(&times), LM_NEVER);
	end(1);
}

static void test_many(void)
{
	uint64_t now = SECOND;
	unsigned at_start = 0, in_an_hour = 0;

	begin(MANY);
	for (unsigned i = 0; i < MANY; i++)
		lm_ra_times_news(&times, &all[i], now);
	CU_ASSERT_EQUAL(run(&now, 3 * SECOND), LM_RA_BURST);
	for (unsigned i = 0; i < MANY; i++)
		at_start += sent[i] == 1;
	CU_ASSERT_EQUAL(at_start, MANY);
	/* The other two of three, spread. */
	CU_ASSERT(run(&now, 40 * SECOND) <= LM_RA_BURST);
	for (unsigned i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL(sent[i], LM_RA_INITIAL);
	memset(sent, 0, sizeof sent);
	/* An hour at rest: 2 or 3 each, and never many together. */
	CU_ASSERT(run(&now, now + 3600 * SECOND) <= 8);
	for (unsigned i = 0; i < MANY; i++) {
		CU_ASSERT(sent[i] >= 1 && sent[i] <= 3);
		in_an_hour += sent[i];
	}
	CU_ASSERT(in_an_hour < 7 * 3600);
	end(MANY);
}

LM_SUITE("ra_times", {"one", test_one}, {"many", test_many})
