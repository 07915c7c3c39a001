/* SPDX-License-Identifier: Apache-2.0 */
/* How networks end here, and what brings them back: expiry, manifests without us, owners who go. */
#include "membership_sim.h"
#include "suite.h"

#include <errno.h>

#define ALL3 0x7u

static void test_expiry(void)
{
	struct sim *s = sim_new(1, 2);
	/* The world begins on 2027-01-15 at 08:00:00. */
	struct sim_doc keep = sim_sign(s, "keep", 1, 0x3, "expires: 2027-01-15T08:10:00Z\n");
	struct sim_doc shut =
	    sim_sign(s, "shut", 1, 0x3, "expires: 2027-01-15T08:10:00Z\non_expiry: close\n");
	struct sim_doc newer = sim_sign(s, "shut", 2, 0x3, NULL);
	struct lm_why why = {""};

	CU_ASSERT_EQUAL(sim_submit(s, 0, &keep, NULL), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &shut, NULL), 0);
	sim_run(s, 590 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &shut));
	sim_run(s, 20 * SIM_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(sim_serial(s, i, &keep), 1);
		CU_ASSERT_EQUAL(sim_serial(s, i, &shut), 0);
		CU_ASSERT_EQUAL(s->node[i]->gone, 1);
		sim_crash(s, i);
		sim_start(s, i);
		CU_ASSERT_EQUAL(sim_serial(s, i, &keep), 1);
		CU_ASSERT_EQUAL(sim_serial(s, i, &shut), 0);
	}
	CU_ASSERT_EQUAL(sim_submit(s, 0, &shut, &why), -ETIME);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &newer, NULL), 0);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &shut), 2);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &shut));
	sim_doc_free(&keep);
	sim_doc_free(&shut);
	sim_doc_free(&newer);
	sim_end(s);
}

/* One that started with a clock of the future closes what has not expired, until it is told again.
 */
static void test_closed_by_a_wrong_clock(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc d =
	    sim_sign(s, "shop", 1, 0x3, "expires: 2027-01-15T10:00:00Z\non_expiry: close\n");

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	sim_crash(s, 1);
	s->now.wall += 86400 * SIM_SECOND;
	sim_start(s, 1);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &d), 0);
	s->now.wall -= 86400 * SIM_SECOND;
	sim_run(s, 40 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &d), 1);
	sim_run(s, 7200 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &d), 0);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &d), 0);
	sim_doc_free(&d);
	sim_end(s);
}

/* A manifest that stays in force reaches a gateway that was away when it expired; one that closes
 * the network does not, and a tenant can bring in neither. */
static void test_expired_while_away(void)
{
	struct sim *s = sim_new(1, 3);
	const char *at = "expires: 2027-01-15T08:10:00Z\n";
	struct sim_doc keep = sim_sign(s, "keep", 1, ALL3, at);
	struct sim_doc newer = sim_sign(s, "keep", 2, ALL3, NULL);
	struct sim_doc late = sim_sign(s, "late", 1, ALL3, at);
	struct sim_doc shut =
	    sim_sign(s, "shut", 1, ALL3, "expires: 2027-01-15T08:10:00Z\non_expiry: close\n");
	struct lm_why why = {""};

	sim_crash(s, 2);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &keep, NULL), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &shut, NULL), 0);
	sim_run(s, 3600 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &keep), 1);
	sim_start(s, 2);
	CU_ASSERT_EQUAL(sim_submit(s, 2, &keep, &why), -ETIME);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "expired at 2027-01-15T08:10:00Z"));
	CU_ASSERT_EQUAL(sim_submit(s, 2, &late, NULL), -ETIME);
	sim_run(s, 90 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 2, &keep), 1);
	CU_ASSERT_EQUAL(sim_serial(s, 2, &shut), 0);
	CU_ASSERT(sim_all_ready(s, ALL3, &keep));
	sim_crash(s, 2);
	sim_start(s, 2);
	CU_ASSERT_EQUAL(sim_serial(s, 2, &keep), 1);
	CU_ASSERT_EQUAL(sim_submit(s, 2, &newer, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &keep), 2);
	sim_doc_free(&keep);
	sim_doc_free(&newer);
	sim_doc_free(&late);
	sim_doc_free(&shut);
	sim_end(s);
}

/* Gateway 2 has `d` to offer to gateway 0, or somebody whom it does not name has. */
static void offer(struct sim *s, struct sim_node *raw, const struct sim_doc *d)
{
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(raw->raw_up);
	raw->offer = d->bytes;
	raw->offer_len = d->len;
	sim_raw_have(s, raw, d, 1, 1);
	sim_run(s, 5 * SIM_SECOND);
}

/* Whether an expired manifest may come is a matter of who brings it, and of what is known. */
static void test_expired_from_liars(void)
{
	struct sim *s = sim_new(1, 3);
	const char *at = "expires: 2027-01-15T07:00:00Z\n";
	struct sim_doc one = sim_sign(s, "one", 1, ALL3, at);
	struct sim_doc old = sim_sign(s, "old", 1, ALL3, at);
	struct sim_doc newer = sim_sign(s, "old", 2, ALL3, NULL);
	struct sim_doc shut =
	    sim_sign(s, "shut", 1, ALL3, "expires: 2027-01-15T07:00:00Z\non_expiry: close\n");

	sim_crash(s, 2);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &newer, NULL), 0);
	offer(s, sim_raw(s, SIM_GATEWAYS, 0), &one); /* no provider of it */
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 0);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_REFUSED), 1);
	struct sim_node *raw = sim_raw(s, 2, 1);
	offer(s, raw, &one);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 1);
	CU_ASSERT_EQUAL(sim_drops(s, 1, LM_MD_REFUSED), 0);
	offer(s, raw, &shut);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &shut), 0);
	CU_ASSERT_EQUAL(sim_drops(s, 1, LM_MD_REFUSED), 1);
	offer(s, raw, &old);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &old), 2);
	sim_doc_free(&one);
	sim_doc_free(&old);
	sim_doc_free(&newer);
	sim_doc_free(&shut);
	sim_end(s);
}

static void test_taken_off(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = sim_sign(s, "shop", 1, ALL3, NULL);
	struct sim_doc two = sim_sign(s, "shop", 2, 0x6, NULL);
	struct sim_doc three = sim_sign(s, "shop", 3, ALL3, NULL);
	struct lm_why why = {""};

	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	s->node[0]->persist_fails = true;
	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, NULL), -EIO);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 1);
	s->node[0]->persist_fails = false;
	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, &why), -EACCES);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "has left network shop"));
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 0);
	CU_ASSERT_EQUAL(s->node[0]->gone, 1);
	CU_ASSERT_EQUAL(s->node[0]->live_sas, 0);
	CU_ASSERT_EQUAL(lm_membership_peers_end(s->node[0]->m), 0);

	/* Neither the tenant's old copy nor the others' nor the store brings it back. */
	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), -ESTALE);
	sim_run(s, 120 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 0);
	sim_crash(s, 0);
	sim_start(s, 0);
	sim_run(s, 120 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), -ESTALE);

	CU_ASSERT_EQUAL(sim_submit(s, 1, &three, NULL), 0);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 3);
	CU_ASSERT(sim_all_ready(s, ALL3, &one));
	sim_doc_free(&one);
	sim_doc_free(&two);
	sim_doc_free(&three);
	sim_end(s);
}

/* An owner who is not listed any more keeps what is in force, and changes nothing. */
static void test_owner_gone(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc one = sim_sign(s, "shop", 1, 0x3, NULL);
	struct sim_doc two = sim_sign(s, "shop", 2, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	sim_crash(s, 1);
	s->node[1]->no_owners = true;
	sim_start(s, 1);
	CU_ASSERT_EQUAL(sim_submit(s, 1, &two, NULL), -EACCES);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &two, NULL), 0);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 1);
	CU_ASSERT(sim_drops(s, 1, LM_MD_UNKNOWN_OWNER) > 0);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &one));
	/* Listed again: the next HAVE is followed. */
	CU_ASSERT_EQUAL(lm_membership_set_owners(s->node[1]->m, &s->owner.pub, 1), 0);
	sim_run(s, 61 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 2);
	sim_doc_free(&one);
	sim_doc_free(&two);
	sim_end(s);
}

/* Then the operator drops it: here it ends, for good while the owner is not listed. */
static void test_dropped(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = sim_sign(s, "shop", 1, ALL3, NULL);
	struct sim_doc other = sim_sign(s, "other", 1, ALL3, NULL);
	struct sim_node *n = s->node[1];
	struct lm_why why = {""};

	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &other, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT_EQUAL(lm_membership_drop(n->m, &s->now, &one.net, &why), -EBUSY);
	CU_ASSERT_EQUAL(lm_membership_set_owners(n->m, NULL, 0), 0);
	n->persist_fails = true;
	CU_ASSERT_EQUAL(lm_membership_drop(n->m, &s->now, &one.net, &why), -EIO);
	n->persist_fails = false;
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 1);
	unsigned sas = n->live_sas;
	CU_ASSERT_EQUAL(lm_membership_drop(n->m, &s->now, &one.net, &why), 0);
	CU_ASSERT_EQUAL(lm_membership_drop(n->m, &s->now, &one.net, &why), -ENOENT);
	sim_tick(n);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 0);
	CU_ASSERT_EQUAL(n->gone, 1);
	CU_ASSERT_EQUAL(n->live_sas, sas / 2);
	/* The session goes on for the other network, so it has to be said. */
	sim_run(s, SIM_SECOND);
	CU_ASSERT(!sim_routed(s, 0, 1, &one) && !sim_routed(s, 2, 1, &one));
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &other) && sim_routed(s, 0, 1, &other));
	CU_ASSERT(sim_lanes_ready(s, 0, 2, &one) && sim_routed(s, 0, 2, &one));

	/* Neither the others nor the store bring it back. */
	sim_run(s, 200 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 0);
	sim_crash(s, 1);
	n->no_owners = true;
	sim_start(s, 1);
	sim_run(s, 200 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 0);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &other), 1);
	CU_ASSERT(!sim_routed(s, 0, 1, &one));

	/* Listed again: the next HAVE of the others does. */
	CU_ASSERT_EQUAL(lm_membership_set_owners(n->m, &s->owner.pub, 1), 0);
	sim_run(s, 61 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 1);
	CU_ASSERT(sim_all_ready(s, ALL3, &one));
	sim_doc_free(&one);
	sim_doc_free(&other);
	sim_end(s);
}

LM_SUITE("membership_end", {"expiry", test_expiry},
    {"closed_by_a_wrong_clock", test_closed_by_a_wrong_clock},
    {"expired_while_away", test_expired_while_away},
    {"expired_from_liars", test_expired_from_liars}, {"taken_off", test_taken_off},
    {"owner_gone", test_owner_gone}, {"dropped", test_dropped})
