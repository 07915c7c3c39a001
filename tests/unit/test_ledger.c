/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's behaviour, one thing at a time (test_ledger_random.c does everything at once). */
#include "ledger_sim.h"
#include "suite.h"

static void check_end(struct sim *s)
{
	if (s->broken)
		printf("\n  %u violations, the first %s\n", s->broken, s->first_broken);
	CU_ASSERT_EQUAL(s->broken, 0);
	sim_free(s);
}

static void check_converged(struct sim *s)
{
	char where[128] = "";

	if (!sim_converged(s, where, sizeof(where)))
		printf("\n  %s\n", where);
	CU_ASSERT_STRING_EQUAL(where, "");
}

static void test_push(void)
{
	struct sim *s = sim_new(1, 5);

	sim_all(s, 0);
	sim_run(s, 5 * SECOND);
	CU_ASSERT_EQUAL(sim_publish(s, 0, 0, 1), 0);
	sim_run(s, 11 * MS); /* one way */
	for (unsigned i = 1; i < 5; i++)
		CU_ASSERT_EQUAL(sim_has(s, i, 0, 0, 1), s->node[0].stands[0][1]);
	sim_withdraw(s, 0, 0, 1);
	sim_run(s, 11 * MS);
	for (unsigned i = 1; i < 5; i++)
		CU_ASSERT_EQUAL(sim_has(s, i, 0, 0, 1), 0);
	check_end(s);
}

static void test_late_joiner(void)
{
	struct sim *s = sim_new(1, 5);

	for (unsigned i = 0; i < 5; i++)
		sim_authorise(s, 0, i, true);
	for (unsigned i = 0; i < 4; i++) {
		sim_tell(s, 0, i);
		sim_join(s, 0, i, true);
		for (unsigned k = 0; k < SIM_KEYS; k++)
			sim_publish(s, i, 0, k);
	}
	sim_run(s, 60 * SECOND);
	check_converged(s);
	sim_tell(s, 0, 4);
	sim_run(s, 60 * SECOND);
	CU_ASSERT_EQUAL(sim_has(s, 4, 0, 0, 0), 0); /* not joined: hears nothing */
	sim_join(s, 0, 4, true);
	sim_run(s, SECOND);
	check_converged(s);
	CU_ASSERT_NOT_EQUAL(sim_has(s, 4, 0, 3, 2), 0);
	check_end(s);
}

LM_SUITE("ledger", {"push", test_push}, {"late_joiner", test_late_joiner})
