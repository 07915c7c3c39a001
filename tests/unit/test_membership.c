/* SPDX-License-Identifier: Apache-2.0 */
/* How manifests come to gateways and come into force there. */
#include "membership_sim.h"
#include "suite.h"

#include <errno.h>
#include "base/bytes.h"

#define ALL3 0x7u

/* ---- passing manifests on ---- */

static void test_reaches_all(void)
{
	for (unsigned at = 0; at < 3; at++) {
		struct sim *s = sim_new(at + 1, 3);
		struct sim_doc one = sim_sign(s, "shop", 1, ALL3, NULL);
		struct sim_doc two = sim_sign(s, "shop", 2, ALL3, NULL);

		CU_ASSERT_EQUAL(sim_submit(s, at, &one, NULL), 0);
		sim_run(s, 2 * SIM_SECOND);
		for (unsigned i = 0; i < 3; i++)
			CU_ASSERT_EQUAL(sim_serial(s, i, &one), 1);
		CU_ASSERT(sim_all_ready(s, ALL3, &one));

		CU_ASSERT_EQUAL(sim_submit(s, (at + 1) % 3, &two, NULL), 0);
		CU_ASSERT_EQUAL(sim_submit(s, (at + 1) % 3, &two, NULL), 0); /* again: still 0 */
		sim_run(s, 2 * SIM_SECOND);
		for (unsigned i = 0; i < 3; i++) {
			CU_ASSERT_EQUAL(sim_serial(s, i, &one), 2);
			CU_ASSERT_EQUAL(s->node[i]->changed, 2);
		}
		CU_ASSERT(sim_all_ready(s, ALL3, &one));
		sim_doc_free(&one);
		sim_doc_free(&two);
		sim_end(s);
	}
}

static void test_idle_is_silent(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc d = sim_sign(s, "shop", 1, ALL3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 20 * SIM_SECOND);
	uint64_t before = s->sent;
	sim_run(s, 80 * SIM_SECOND);
	/* Three sessions, both directions, a keep-alive in ten seconds, and nothing else. */
	CU_ASSERT(s->sent - before <= 3 * 2 * 9);
	sim_doc_free(&d);
	sim_end(s);
}

static void test_many_networks(void)
{
	enum { N = 300 };
	struct sim *s = sim_new(7, 2);
	struct sim_doc docs[N];
	uint64_t before = s->sent;

	for (unsigned i = 0; i < N; i++) {
		char name[16];
		snprintf(name, sizeof(name), "net%u", i);
		docs[i] = sim_sign(s, name, 1, 0x3, NULL);
		CU_ASSERT_EQUAL(sim_submit(s, 0, &docs[i], NULL), 0);
	}
	sim_run(s, 60 * SIM_SECOND);
	unsigned there = 0, ready = 0;
	for (unsigned i = 0; i < N; i++) {
		there += sim_serial(s, 1, &docs[i]) == 1;
		ready += sim_lanes_ready(s, 0, 1, &docs[i]);
	}
	CU_ASSERT_EQUAL(there, N);
	CU_ASSERT_EQUAL(ready, N);
	/* Four for the manifest, and the rest for records and lanes; nothing that grows with their
	 * number. */
	CU_ASSERT(s->sent - before < 24 * N);

	/* A rekey of the session renews all lanes, in few datagrams. */
	before = s->sent;
	sim_run(s, 120 * SIM_SECOND);
	CU_ASSERT(s->sent - before < N);
	for (unsigned i = 0; i < N; i++)
		sim_doc_free(&docs[i]);
	sim_end(s);
}

/* A gateway that comes to a network later gets it, one that leaves gets nothing more. */
static void test_providers_come_and_go(void)
{
	struct sim *s = sim_new(3, 3);
	struct sim_doc one = sim_sign(s, "shop", 1, 0x3, NULL);
	struct sim_doc two = sim_sign(s, "shop", 2, ALL3, NULL);
	struct sim_doc three = sim_sign(s, "shop", 3, 0x5, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 2, &one), 0);
	/* The newcomer has it first: the others do not know that gateway yet. */
	CU_ASSERT_EQUAL(sim_submit(s, 2, &two, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 2);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 2);
	CU_ASSERT(sim_all_ready(s, ALL3, &one));

	CU_ASSERT_EQUAL(sim_submit(s, 0, &three, NULL), 0);
	/* At once, not when the others have heard. */
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &one));
	sim_run(s, 120 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 2, &one), 3);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 2);
	CU_ASSERT(sim_all_ready(s, 0x5, &one));
	CU_ASSERT_PTR_NULL(sim_out(s, 2, 1, &one));
	CU_ASSERT_PTR_NULL(sim_out(s, 1, 0, &one));
	CU_ASSERT_EQUAL(lm_membership_peers_end(s->node[0]->m), 2);
	sim_doc_free(&one);
	sim_doc_free(&two);
	sim_doc_free(&three);
	sim_end(s);
}

/* ---- judging ---- */

static void refused(struct sim *s, const struct sim_doc *d, int err, const char *reason)
{
	struct lm_why why = {""};
	int got = sim_submit(s, 0, d, &why);

	CU_ASSERT_EQUAL(got, err);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, reason));
	if (got != err || !strstr(why.text, reason))
		printf("\n  %d instead of %d: '%s' instead of '%s'\n", got, err, why.text, reason);
	CU_ASSERT_EQUAL(sim_serial(s, 0, d), 5);
	CU_ASSERT_EQUAL(s->node[0]->changed, 1);
}

static void test_refusals(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc good = sim_sign(s, "shop", 5, 0x3, NULL), d;

	CU_ASSERT_EQUAL(sim_submit(s, 0, &good, NULL), 0);

	d = sim_sign(s, "shop", 6, 0x3, NULL);
	d.bytes[d.len - 3] ^= 1;
	refused(s, &d, -EBADMSG, "signature");
	d.bytes[d.len - 3] ^= 1;
	d.bytes[0] ^= 1;
	refused(s, &d, -EINVAL, "signed manifest");
	sim_doc_free(&d);

	d = good;
	d.len = LM_MANIFEST_BYTES_MAX + 1;
	d.bytes = calloc(1, d.len);
	memcpy(d.bytes, good.bytes, good.len);
	refused(s, &d, -E2BIG, "bytes");
	sim_doc_free(&d);

	d = sim_sign(s, "shop", 4, 0x3, NULL);
	refused(s, &d, -ESTALE, "serial 4 of network shop is older than serial 5");
	sim_doc_free(&d);

	d = sim_sign_again(s, "shop", 5, 0x3, &good, false);
	refused(s, &d, -EEXIST, "another document with serial 5");
	refused(s, &d, -EEXIST, "another document with serial 5");
	CU_ASSERT_EQUAL(s->twice_warned, 1);
	sim_doc_free(&d);

	d = sim_sign(s, "shop", 6, 0x3, "expires: 2026-12-31T23:59:59Z\n");
	refused(s, &d, -ETIME, "expired at 2026-12-31T23:59:59Z");
	sim_doc_free(&d);

	/* Neither enforced, nor taken for a reason to leave. */
	static const char wrong[] =
	    "tests: [{from: web, to: web, protocol: icmp, expect: allow}]\n";
	for (unsigned providers = 2; providers <= 3; providers++) {
		d = sim_sign(s, "shop", 6, providers, wrong);
		refused(s, &d, -EINVAL,
		    "manifest:4: tests[0]: expected allow, but the egress of "
		    "web (no rule for it) denies it");
		sim_doc_free(&d);
	}

	d = sim_sign(s, "other", 1, 0x2, NULL);
	struct lm_why why = {""};
	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, &why), -EACCES);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "not among the providers"));
	sim_doc_free(&d);

	d = sim_sign(s, "shop", 6, 0x3, NULL);
	s->node[0]->persist_fails = true;
	refused(s, &d, -EIO, "could not store");
	s->node[0]->persist_fails = false;
	struct lm_public_key nobody = {{0}};
	lm_membership_set_owners(s->node[0]->m, &nobody, 1);
	refused(s, &d, -EACCES, "does not serve owner");
	lm_membership_set_owners(s->node[0]->m, &s->owner.pub, 1);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_doc_free(&d);
	sim_doc_free(&good);
	sim_end(s);
}

static void test_bounds(void)
{
	struct sim *s = sim_new(1, 4);
	struct lm_why why = {""};

	sim_crash(s, 0);
	s->node[0]->max_networks = 1;
	s->node[0]->max_peers = 2;
	sim_start(s, 0);
	struct sim_doc a = sim_sign(s, "a", 1, 0x3, NULL), b = sim_sign(s, "b", 1, 0x3, NULL);
	struct sim_doc wide = sim_sign(s, "a", 2, 0xf, NULL);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &a, NULL), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &b, &why), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "networks"));
	why.text[0] = '\0';
	CU_ASSERT_EQUAL(sim_submit(s, 0, &wide, &why), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(strstr(why.text, "peers"));
	CU_ASSERT_EQUAL(sim_serial(s, 0, &a), 1);
	/* The peer that it was about to add is not kept. */
	CU_ASSERT_EQUAL(lm_membership_peers_end(s->node[0]->m), 1);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &a));
	sim_doc_free(&a);
	sim_doc_free(&b);
	sim_doc_free(&wide);
	sim_end(s);
}

LM_SUITE("membership", {"reaches_all", test_reaches_all}, {"idle_is_silent", test_idle_is_silent},
    {"many_networks", test_many_networks}, {"come_and_go", test_providers_come_and_go},
    {"refusals", test_refusals}, {"bounds", test_bounds})
