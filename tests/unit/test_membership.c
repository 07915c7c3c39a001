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

/* The hash of what is in force. */
static bool enforces(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	const struct lm_network *net = lm_membership_find(s->node[gateway]->m, &d->net);

	return net && memcmp(net->sm->hash, d->hash, 32) == 0;
}

/* The owner signed the same serial twice: all settle on the same one, and say so. */
static void test_conflict(void)
{
	for (unsigned first = 0; first < 2; first++) {
		struct sim *s = sim_new(first + 1, 3);
		struct sim_doc a = sim_sign(s, "shop", 1, ALL3, NULL);
		struct sim_doc b = sim_sign_again(s, "shop", 1, ALL3, &a, true);
		struct sim_doc next = sim_sign(s, "shop", 2, ALL3, NULL);

		sim_partition(s, 0, 1, true);
		sim_partition(s, 2, 1, true);
		CU_ASSERT_EQUAL(sim_submit(s, 0, first ? &a : &b, NULL), 0);
		CU_ASSERT_EQUAL(sim_submit(s, 1, first ? &b : &a, NULL), 0);
		sim_run(s, 2 * SIM_SECOND);
		sim_partition(s, 0, 1, false);
		sim_partition(s, 2, 1, false);
		sim_run(s, 60 * SIM_SECOND);
		CU_ASSERT_EQUAL(s->twice_warned, 3);
		for (unsigned i = 0; i < 3; i++) {
			CU_ASSERT(enforces(s, i, &b));
			CU_ASSERT_EQUAL(sim_drops(s, i, LM_MD_SIGNED_TWICE), 1);
			sim_crash(s, i);
			sim_start(s, i);
			CU_ASSERT(enforces(s, i, &b));
		}
		sim_run(s, 20 * SIM_SECOND);
		CU_ASSERT(sim_all_ready(s, ALL3, &a)); /* same providers, so the same secret */
		CU_ASSERT_EQUAL(sim_submit(s, 1, &a, NULL), -EEXIST);
		CU_ASSERT_EQUAL(sim_submit(s, 1, &next, NULL), 0);
		sim_run(s, 2 * SIM_SECOND);
		CU_ASSERT_EQUAL(sim_serial(s, 0, &a), 2);
		sim_doc_free(&a);
		sim_doc_free(&b);
		sim_doc_free(&next);
		sim_end(s);
	}
}

/* Every gateway says it once, whichever document it got and how bad the network is; then all are
 * silent. One that restarts is shown the proof by the others. */
static void test_conflict_is_said_everywhere(void)
{
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct sim *s = sim_new(seed, 5);
		struct sim_doc a = sim_sign(s, "shop", 1, 0x1f, NULL);
		struct sim_doc b = sim_sign_again(s, "shop", 1, 0x1f, &a, seed % 2);
		struct sim_doc c = sim_sign_again(s, "shop", 1, 0x1f, seed % 2 ? &b : &a, true);
		struct sim_doc next = sim_sign(s, "shop", 2, 0x1f, NULL);

		s->loss = 30;
		CU_ASSERT_EQUAL(sim_submit(s, 0, &a, NULL), 0);
		sim_run(s, sim_random(s, 2 * SIM_SECOND)); /* some have it, some have not */
		sim_submit(s, 4, &b, NULL);
		sim_run(s, 200 * SIM_SECOND);
		s->loss = 0;
		sim_run(s, 130 * SIM_SECOND);
		for (unsigned i = 0; i < 5; i++)
			CU_ASSERT_EQUAL(sim_drops(s, i, LM_MD_SIGNED_TWICE), 1);
		CU_ASSERT_EQUAL(s->twice_warned, 5);
		for (unsigned i = 0; i < 5; i++)
			CU_ASSERT(enforces(s, i, seed % 2 ? &b : &a));

		/* A third one adds nothing to what was said. */
		CU_ASSERT_EQUAL(sim_submit(s, 2, &c, NULL), 0);
		sim_run(s, 130 * SIM_SECOND);
		for (unsigned i = 0; i < 5; i++)
			CU_ASSERT(enforces(s, i, &c));
		CU_ASSERT_EQUAL(s->twice_warned, 5);

		sim_crash(s, 3);
		sim_start(s, 3);
		sim_run(s, 130 * SIM_SECOND);
		CU_ASSERT_EQUAL(sim_drops(s, 3, LM_MD_SIGNED_TWICE), 1);
		CU_ASSERT_EQUAL(s->twice_warned, 6);

		/* With a newer serial it is history. */
		CU_ASSERT_EQUAL(sim_submit(s, 1, &next, NULL), 0);
		sim_run(s, 10 * SIM_SECOND);
		sim_crash(s, 3);
		sim_start(s, 3);
		sim_run(s, 130 * SIM_SECOND);
		CU_ASSERT_EQUAL(sim_drops(s, 3, LM_MD_SIGNED_TWICE), 0);
		CU_ASSERT_EQUAL(sim_drops(s, 3, LM_MD_REFUSED), 0);
		CU_ASSERT_EQUAL(s->twice_warned, 6);
		sim_doc_free(&a);
		sim_doc_free(&b);
		sim_doc_free(&c);
		sim_doc_free(&next);
		sim_end(s);
	}
}

static unsigned haves_within(struct sim *s, const struct sim_node *raw, unsigned seconds)
{
	unsigned before = raw->haves;

	sim_run(s, seconds * SIM_SECOND);
	return raw->haves - before;
}

/* The proof is offered again and again, until the other end says that it knows; so is the blob. */
static void test_proof_is_repeated(void)
{
	for (unsigned wins = 0; wins < 2; wins++) {
		struct sim *s = sim_new(1, 2);
		struct sim_doc a = sim_sign(s, "shop", 1, 0x3, NULL);
		struct sim_doc b = sim_sign_again(s, "shop", 1, 0x3, &a, wins);
		const struct sim_doc *winner = wins ? &b : &a, *loser = wins ? &a : &b;

		sim_crash(s, 1);
		CU_ASSERT_EQUAL(sim_submit(s, 0, &a, NULL), 0);
		struct sim_node *raw = sim_raw(s, 1, 0);
		sim_run(s, 2 * SIM_SECOND);
		sim_raw_have(s, raw, &a, 1, 0);
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(haves_within(s, raw, 130), 0);
		CU_ASSERT_EQUAL(sim_submit(s, 0, &b, NULL), wins ? 0 : -EEXIST);
		sim_run(s, SIM_SECOND);
		sim_raw_have(s, raw, winner, 1, 0);
		CU_ASSERT(haves_within(s, raw, 130) > 5);
		CU_ASSERT_EQUAL(lm_blob_pull(raw->blobs, &s->now, raw->peer, loser->hash,
				    (uint32_t)loser->len, 0),
		    0);
		sim_tick(raw);
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(raw->pull_err, 0);
		sim_raw_have(s, raw, loser, 1, 0x02);
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(haves_within(s, raw, 130), 0);
		sim_raw_have(s, raw, loser, 1, 0x03); /* it may ask again, and is answered once */
		CU_ASSERT_EQUAL(haves_within(s, raw, 130), 1);
		sim_doc_free(&a);
		sim_doc_free(&b);
		sim_end(s);
	}
}

/* One of the two leaves a gateway out: whichever wins, those that it names agree. */
static void test_conflict_of_sets(void)
{
	for (unsigned wins = 0; wins < 2; wins++) {
		struct sim *s = sim_new(1, 3);
		struct sim_doc a = sim_sign(s, "shop", 1, ALL3, NULL);
		struct sim_doc b = sim_sign_again(s, "shop", 1, 0x3, &a, wins);

		CU_ASSERT_EQUAL(sim_submit(s, 0, &a, NULL), 0);
		sim_run(s, 2 * SIM_SECOND);
		CU_ASSERT_EQUAL(sim_submit(s, 1, &b, NULL), wins ? 0 : -EEXIST);
		sim_run(s, 60 * SIM_SECOND);
		CU_ASSERT(enforces(s, 0, wins ? &b : &a) && enforces(s, 1, wins ? &b : &a));
		CU_ASSERT(sim_all_ready(s, wins ? 0x3 : ALL3, &a));
		CU_ASSERT_EQUAL(sim_out(s, 0, 2, &a) == NULL, wins);
		sim_doc_free(&a);
		sim_doc_free(&b);
		sim_end(s);
	}
}

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

LM_SUITE("membership", {"reaches_all", test_reaches_all}, {"idle_is_silent", test_idle_is_silent},
    {"many_networks", test_many_networks}, {"come_and_go", test_providers_come_and_go},
    {"refusals", test_refusals}, {"bounds", test_bounds}, {"conflict", test_conflict},
    {"conflict_is_said_everywhere", test_conflict_is_said_everywhere},
    {"proof_is_repeated", test_proof_is_repeated}, {"conflict_of_sets", test_conflict_of_sets},
    {"expiry", test_expiry}, {"expired_while_away", test_expired_while_away},
    {"expired_from_liars", test_expired_from_liars}, {"taken_off", test_taken_off},
    {"owner_gone", test_owner_gone}, {"dropped", test_dropped})
