/* SPDX-License-Identifier: Apache-2.0 */
/* Taking part: gateways join with their first attachment, leave with their last, die and return. */
#include "membership_sim.h"
#include "suite.h"

#define ALL3 0x7u

static enum lm_part part(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	const struct lm_network *net = lm_membership_find(s->node[gateway]->m, &d->net);

	return net ? lm_membership_part(s->node[gateway]->m, net->index) : LM_PART_OUT;
}

/* Records in all networks of a gateway, of others and its own. */
static unsigned records(const struct sim *s, unsigned gateway)
{
	struct lm_ledger_info info;

	lm_ledger_info(lm_membership_ledger(s->node[gateway]->m), &info);
	return info.records;
}

static struct sim *world(struct sim_doc *d, unsigned idle)
{
	struct sim *s = sim_new(1, 3);

	for (unsigned i = 0; i < 3; i++)
		s->node[i]->idle = idle >> i & 1;
	*d = sim_sign(s, "shop", 1, ALL3, NULL);
	CU_ASSERT_EQUAL(sim_submit(s, 0, d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	return s;
}

/* Whoever has nothing attached has the manifest, and nothing else; its first attachment changes it.
 */
static void test_join(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0x4);

	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(sim_serial(s, i, &d), 1);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	CU_ASSERT(sim_routed(s, 0, 1, &d) && sim_routed(s, 1, 0, &d));
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_OUT);
	CU_ASSERT_EQUAL(s->node[2]->live_sas, 0);
	CU_ASSERT_EQUAL(records(s, 2), 0);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 2, 0, &d));
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &d));

	uint64_t before = s->now.mono;
	sim_attach(s, 2, true);
	while (!sim_all_ready(s, ALL3, &d) && s->now.mono - before < 2 * SIM_SECOND)
		sim_run(s, 10 * SIM_MS);
	CU_ASSERT(s->now.mono - before < SIM_SECOND);
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_JOINED);
	for (unsigned a = 0; a < 3; a++)
		for (unsigned b = 0; b < 3; b++)
			CU_ASSERT_EQUAL(sim_routed(s, a, b, &d), a != b);
	sim_doc_free(&d);
	sim_end(s);
}

static void test_leave(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0);

	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	unsigned before = s->node[0]->live_sas;
	sim_attach(s, 2, false);
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_LEAVING);
	CU_ASSERT_PTR_NULL(sim_out(s, 2, 0, &d));
	sim_run(s, 300 * SIM_MS);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT(!sim_routed(s, i, 2, &d));
		CU_ASSERT_PTR_NULL(sim_out(s, i, 2, &d));
	}
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	CU_ASSERT(s->node[0]->live_sas < before);
	sim_run(s, LM_LEAVE_TIME * SIM_SECOND);
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_OUT);
	CU_ASSERT_EQUAL(s->node[2]->live_sas, 0);
	CU_ASSERT_EQUAL(records(s, 2), 0);
	CU_ASSERT_EQUAL(sim_serial(s, 2, &d), 1); /* it still enforces and passes manifests on */

	/* Then a manifest comes, by way of the one that has left. */
	struct sim_doc two = sim_sign(s, "shop", 2, ALL3, NULL);
	CU_ASSERT_EQUAL(sim_submit(s, 2, &two, NULL), 0);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &d), 2);
	sim_attach(s, 2, true);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	CU_ASSERT(sim_routed(s, 0, 2, &d));

	/* Away and back again before it has left. */
	sim_attach(s, 2, false);
	sim_run(s, SIM_SECOND);
	sim_attach(s, 2, true);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_JOINED);
	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	CU_ASSERT(sim_routed(s, 0, 2, &d) && sim_routed(s, 2, 1, &d));
	sim_doc_free(&d);
	sim_doc_free(&two);
	sim_end(s);
}

/* Nobody heard that it left: those that ask it later learn it. */
static void test_leave_unheard(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0);

	s->cut[2][0] = s->cut[2][1] = true;
	sim_attach(s, 2, false);
	sim_run(s, (LM_LEAVE_TIME + 1) * SIM_SECOND);
	CU_ASSERT_EQUAL(part(s, 2, &d), LM_PART_OUT);
	s->cut[2][0] = s->cut[2][1] = false;
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 1, 2, &d));
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* Without a word: noticed within LM_DEAD_AFTER, and healed by itself. */
static void test_dies(void)
{
	struct sim_doc d;
	struct sim *s = world(&d, 0);

	sim_run(s, 60 * SIM_SECOND);
	sim_crash(s, 2);
	sim_run(s, (LM_DEAD_AFTER + LM_KEEPALIVE + 1) * SIM_SECOND);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 1, 2, &d));
	CU_ASSERT(sim_routed(s, 0, 1, &d) && sim_lanes_ready(s, 0, 1, &d));
	sim_start(s, 2);
	sim_run(s, 15 * SIM_SECOND);
	CU_ASSERT(sim_all_ready(s, ALL3, &d));
	for (unsigned a = 0; a < 3; a++)
		for (unsigned b = 0; b < 3; b++)
			CU_ASSERT_EQUAL(sim_routed(s, a, b, &d), a != b);

	/* One that returns with nothing attached takes back what it said in its former life. */
	sim_crash(s, 2);
	s->node[2]->idle = true;
	sim_start(s, 2);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(!sim_routed(s, 0, 2, &d) && !sim_routed(s, 1, 2, &d));
	sim_doc_free(&d);
	sim_end(s);
}

/* All networks of a peer change at once: each is published once, not once a record. */
static void test_batch(void)
{
	enum { N = 40 };
	struct sim *s = sim_new(1, 2);
	struct sim_doc docs[N];

	for (unsigned i = 0; i < N; i++) {
		char name[16];
		snprintf(name, sizeof(name), "net%u", i);
		docs[i] = sim_sign(s, name, 1, 0x3, NULL);
		CU_ASSERT_EQUAL(sim_submit(s, 0, &docs[i], NULL), 0);
	}
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(s->node[0]->routed <= 2 * N);
	unsigned before = s->node[0]->routed;
	sim_attach(s, 1, false);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(s->node[0]->routed - before <= 2 * N);
	for (unsigned i = 0; i < N; i++) {
		CU_ASSERT(!sim_routed(s, 0, 1, &docs[i]));
		sim_doc_free(&docs[i]);
	}
	sim_end(s);
}

LM_SUITE("membership_part", {"join", test_join}, {"leave", test_leave},
    {"leave_unheard", test_leave_unheard}, {"dies", test_dies}, {"batch", test_batch})
