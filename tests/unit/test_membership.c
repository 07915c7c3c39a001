/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole networks of gateways, with the real sessions below them. A failing seed of
 * the random runs prints how to play it again.
 */
#include "membership_sim.h"
#include "suite.h"

#include <errno.h>
#include <stdarg.h>
#include "base/bytes.h"
#include "base/log.h"

#define ALL3 0x7u

static unsigned twice_warned; /* "signed serial N twice" */

static void quiet(void *ctx, enum lm_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	twice_warned += strstr(line, "twice") != NULL;
}

static struct sim *world(uint64_t seed, unsigned n)
{
	lm_log_set_sink(quiet, NULL);
	twice_warned = 0;
	return sim_new(seed, n);
}

static void end(struct sim *s)
{
	CU_ASSERT_EQUAL(s->broken, 0);
	if (s->broken)
		printf("\n  %u violations, the first %s\n", s->broken, s->first_broken);
	sim_free(s);
}

static bool all_ready(const struct sim *s, unsigned mask, const struct sim_doc *d)
{
	for (unsigned a = 0; a < s->n; a++)
		for (unsigned b = a + 1; b < s->n; b++)
			if ((mask >> a & 1) && (mask >> b & 1) && !sim_lanes_ready(s, a, b, d))
				return false;
	return true;
}

static uint64_t drops(const struct sim *s, unsigned gateway, enum lm_membership_drop reason)
{
	return lm_membership_drops(s->node[gateway]->m)[reason];
}

/* ---- passing manifests on ---- */

static void test_reaches_all(void)
{
	for (unsigned at = 0; at < 3; at++) {
		struct sim *s = world(at + 1, 3);
		struct sim_doc one = sim_sign(s, "shop", 1, ALL3, NULL);
		struct sim_doc two = sim_sign(s, "shop", 2, ALL3, NULL);

		CU_ASSERT_EQUAL(sim_submit(s, at, &one, NULL), 0);
		sim_run(s, 2 * SIM_SECOND);
		for (unsigned i = 0; i < 3; i++)
			CU_ASSERT_EQUAL(sim_serial(s, i, &one), 1);
		CU_ASSERT(all_ready(s, ALL3, &one));

		CU_ASSERT_EQUAL(sim_submit(s, (at + 1) % 3, &two, NULL), 0);
		CU_ASSERT_EQUAL(sim_submit(s, (at + 1) % 3, &two, NULL), 0); /* again: still 0 */
		sim_run(s, 2 * SIM_SECOND);
		for (unsigned i = 0; i < 3; i++) {
			CU_ASSERT_EQUAL(sim_serial(s, i, &one), 2);
			CU_ASSERT_EQUAL(s->node[i]->changed, 2);
		}
		CU_ASSERT(all_ready(s, ALL3, &one));
		sim_doc_free(&one);
		sim_doc_free(&two);
		end(s);
	}
}

static void test_idle_is_silent(void)
{
	struct sim *s = world(1, 3);
	struct sim_doc d = sim_sign(s, "shop", 1, ALL3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 20 * SIM_SECOND);
	uint64_t before = s->sent;
	sim_run(s, 80 * SIM_SECOND);
	/* Three sessions, both directions, a keep-alive in ten seconds, and nothing else. */
	CU_ASSERT(s->sent - before <= 3 * 2 * 9);
	sim_doc_free(&d);
	end(s);
}

static void test_many_networks(void)
{
	enum { N = 300 };
	struct sim *s = world(7, 2);
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
	/* Four for the manifest, and the rest for lanes; nothing that grows with their number. */
	CU_ASSERT(s->sent - before < 16 * N);

	/* A rekey of the session renews all lanes, in few datagrams. */
	before = s->sent;
	sim_run(s, 120 * SIM_SECOND);
	CU_ASSERT(s->sent - before < N);
	for (unsigned i = 0; i < N; i++)
		sim_doc_free(&docs[i]);
	end(s);
}

/* A gateway that comes to a network later gets it, one that leaves gets nothing more. */
static void test_providers_come_and_go(void)
{
	struct sim *s = world(3, 3);
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
	CU_ASSERT(all_ready(s, ALL3, &one));

	CU_ASSERT_EQUAL(sim_submit(s, 0, &three, NULL), 0);
	/* At once, not when the others have heard. */
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &one));
	sim_run(s, 120 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 2, &one), 3);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 2);
	CU_ASSERT(all_ready(s, 0x5, &one));
	CU_ASSERT_PTR_NULL(sim_out(s, 2, 1, &one));
	CU_ASSERT_PTR_NULL(sim_out(s, 1, 0, &one));
	CU_ASSERT_EQUAL(lm_membership_peers_end(s->node[0]->m), 2);
	sim_doc_free(&one);
	sim_doc_free(&two);
	sim_doc_free(&three);
	end(s);
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
	struct sim *s = world(1, 2);
	struct sim_doc good = sim_sign(s, "shop", 5, 0x3, NULL), d;

	CU_ASSERT_EQUAL(sim_submit(s, 0, &good, NULL), 0);

	d = sim_sign(s, "shop", 6, 0x3, NULL);
	d.bytes[d.len - 3] ^= 1;
	refused(s, &d, -EBADMSG, "signature");
	d.bytes[d.len - 3] ^= 1;
	d.bytes[0] ^= 1;
	refused(s, &d, -EINVAL, "signed manifest");
	sim_doc_free(&d);

	d = sim_sign(s, "shop", 4, 0x3, NULL);
	refused(s, &d, -ESTALE, "serial 4 of network shop is older than serial 5");
	sim_doc_free(&d);

	d = sim_sign(s, "shop", 5, 0x3, "expires: 2040-01-01T00:00:00Z\n");
	refused(s, &d, -EEXIST, "another document with serial 5");
	refused(s, &d, -EEXIST, "another document with serial 5");
	CU_ASSERT_EQUAL(twice_warned, 1);
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
	end(s);
}

static void test_bounds(void)
{
	struct sim *s = world(1, 4);
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
	end(s);
}

/* The owner signed the same serial twice: both sides stay as they are, and say so once. */
static void test_conflict(void)
{
	struct sim *s = world(1, 2);
	struct sim_doc a = sim_sign(s, "shop", 1, 0x3, NULL);
	struct sim_doc b = sim_sign(s, "shop", 1, 0x3, "expires: 2040-01-01T00:00:00Z\n");
	struct sim_doc next = sim_sign(s, "shop", 2, 0x3, NULL);

	sim_partition(s, 0, 1, true);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &a, NULL), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 1, &b, NULL), 0);
	sim_partition(s, 0, 1, false);
	sim_run(s, 60 * SIM_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		const struct lm_network *net = lm_membership_find(s->node[i]->m, &a.net);
		CU_ASSERT(memcmp(net->sm->hash, i ? b.hash : a.hash, 32) == 0);
		CU_ASSERT_EQUAL(s->node[i]->changed, 1);
	}
	CU_ASSERT_EQUAL(twice_warned, 2);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &a)); /* same providers, so the same secret */
	CU_ASSERT_EQUAL(sim_submit(s, 1, &next, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &a), 2);
	sim_doc_free(&a);
	sim_doc_free(&b);
	sim_doc_free(&next);
	end(s);
}

static void test_expiry(void)
{
	struct sim *s = world(1, 2);
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
	end(s);
}

static void test_taken_off(void)
{
	struct sim *s = world(1, 3);
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
	CU_ASSERT(all_ready(s, ALL3, &one));
	sim_doc_free(&one);
	sim_doc_free(&two);
	sim_doc_free(&three);
	end(s);
}

/* ---- tenants ---- */

static void test_guest(void)
{
	struct sim *s = world(1, 2);
	struct sim_doc one = sim_sign(s, "shop", 2, 0x3, NULL);
	struct sim_doc old = sim_sign(s, "shop", 1, 0x3, NULL);
	struct sim_node *tenant = sim_raw(s, 100, 0);

	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->raw_up);
	s->node[0]->persist_fails = true;
	sim_raw_submit(s, tenant, &one);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == EIO);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 0);
	s->node[0]->persist_fails = false;

	/* An answer that was lost is given again; another document is judged anew. */
	sim_raw_submit(s, tenant, &old);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == 0 && tenant->serial == 1);
	sim_raw_submit(s, tenant, &one);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == 0 && tenant->serial == 2);
	unsigned changed = s->node[0]->changed;
	sim_raw_submit(s, tenant, &one);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == 0 && tenant->serial == 2);
	CU_ASSERT_EQUAL(s->node[0]->changed, changed);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &one), 2);

	sim_raw_submit(s, tenant, &old);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == ESTALE && tenant->serial == 2);
	CU_ASSERT_STRING_EQUAL(
	    tenant->text, "serial 1 of network shop is older than serial 2, which is in force");
	CU_ASSERT_EQUAL(sim_serial(s, 0, &one), 2);

	/* Guests are given no manifest, not even one that they have brought. */
	int err = lm_blob_pull(tenant->blobs, &s->now, tenant->peer, one.hash, one.len, 0);
	CU_ASSERT_EQUAL(err, 0);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT_EQUAL(tenant->pull_err, -ENOENT);
	sim_doc_free(&one);
	sim_doc_free(&old);
	end(s);
}

static void test_guest_limits(void)
{
	struct sim *s = world(1, 1);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x1, NULL);
	struct sim_node *tenant = sim_raw(s, 100, 0);

	sim_run(s, SIM_SECOND);
	unsigned answers = 0;
	for (unsigned i = 0; i < 50; i++) {
		struct sim_doc bad = d;
		bad.hash[0] ^= (uint8_t)(i + 1); /* what it gives has another hash */
		sim_raw_submit(s, tenant, &bad);
		sim_run(s, 100 * SIM_MS);
		answers += tenant->answered;
	}
	/* A burst of four, then one a second. */
	CU_ASSERT(answers <= 4 + 6);
	CU_ASSERT(drops(s, 0, LM_MD_LIMIT) >= 30);
	sim_run(s, 10 * SIM_SECOND);
	sim_raw_submit(s, tenant, &d);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == 0);

	/* A claimed size beyond the bound is not pulled at all. */
	struct sim_doc big = d;
	big.hash[0] ^= 0xff;
	big.len = LM_MANIFEST_BYTES_MAX + 1;
	sim_raw_submit(s, tenant, &big);
	sim_run(s, SIM_SECOND);
	CU_ASSERT(tenant->answered && tenant->code == E2BIG);
	sim_doc_free(&d);
	end(s);
}

/* ---- providers without manners ---- */

static void test_unauthorised(void)
{
	struct sim *s = world(1, 3);
	struct sim_doc shop = sim_sign(s, "shop", 3, 0x3, NULL);
	struct sim_doc old = sim_sign(s, "shop", 2, ALL3, NULL);
	struct sim_doc both = sim_sign(s, "both", 1, ALL3, NULL);

	/* Gateway 2 shares one network with 0, and is not in the other; a program has its key. */
	CU_ASSERT_EQUAL(sim_submit(s, 0, &shop, NULL), 0);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &both, NULL), 0);
	sim_crash(s, 2);
	struct sim_node *raw = sim_raw(s, 2, 0);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(raw->raw_up && raw->haves > 0);

	int err = lm_blob_pull(raw->blobs, &s->now, raw->peer, both.hash, both.len, 0);
	CU_ASSERT_EQUAL(err, 0);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->pull_err, 0);
	err = lm_blob_pull(raw->blobs, &s->now, raw->peer, shop.hash, shop.len, 0);
	CU_ASSERT_EQUAL(err, 0);
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(raw->pull_err, -ENOENT);

	/* It learns nothing by asking, and brings back nothing that was. */
	unsigned haves = raw->haves;
	raw->offer = old.bytes;
	raw->offer_len = old.len;
	sim_raw_have(s, raw, &old, 2);
	sim_raw_have(s, raw, &old, 9); /* a lie: it is 2, and judged so */
	sim_run(s, SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &shop), 3);
	CU_ASSERT_EQUAL(drops(s, 0, LM_MD_OLD), 1);
	CU_ASSERT_EQUAL(drops(s, 0, LM_MD_REFUSED), 1);
	sim_raw_have(s, raw, &old, 9); /* remembered */
	sim_run(s, 100 * SIM_MS);
	CU_ASSERT_EQUAL(drops(s, 0, LM_MD_REFUSED), 2);
	CU_ASSERT(raw->haves - haves <= 1); /* of the network that it is in */

	/* Lanes of a network that it is no provider of. */
	uint8_t lanes[32 + 8 + 4 + 16 + 1 + 4] = {0};
	memcpy(lanes, shop.net.b, 32);
	lanes[60] = 1;
	lanes[61] = 1;
	unsigned acks = raw->acks;
	sim_raw_send(raw, LM_MSG_LANES, lanes, sizeof(lanes));
	sim_run(s, 100 * SIM_MS);
	CU_ASSERT_EQUAL(drops(s, 0, LM_MD_UNAUTHORISED), 1);
	/* Of one that it is in, with keys that are not the network's. */
	memcpy(lanes, both.net.b, 32);
	sim_raw_send(raw, LM_MSG_LANES, lanes, sizeof(lanes));
	sim_run(s, 100 * SIM_MS);
	CU_ASSERT_EQUAL(drops(s, 0, LM_MD_NO_KEY), 1);
	CU_ASSERT_EQUAL(raw->acks, acks);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &both));

	/* What does not hold together. */
	static const size_t cuts[] = {1, 31, 40, 60, 64};
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		sim_raw_send(raw, LM_MSG_LANES, lanes, cuts[i]);
	lanes[60] = 3; /* no power of two */
	sim_raw_send(raw, LM_MSG_LANES, lanes, sizeof(lanes));
	sim_raw_send(raw, LM_MSG_LANES_ACK, lanes, 43);
	sim_raw_send(raw, LM_MSG_HAVE, lanes, 60);
	sim_raw_send(raw, LM_MSG_SUBMIT, lanes, 68 - 3);
	sim_raw_send(raw, LM_MSG_SUBMIT_RESULT, lanes, 4);
	sim_run(s, 100 * SIM_MS);
	CU_ASSERT_EQUAL(drops(s, 0, LM_MD_MALFORMED), 10);
	sim_doc_free(&shop);
	sim_doc_free(&old);
	sim_doc_free(&both);
	end(s);
}

/* ---- lanes ---- */

static void test_rekey_by_secret(void)
{
	struct sim *s = world(4, 3);
	struct sim_doc one = sim_sign(s, "shop", 1, ALL3, NULL);
	struct sim_doc same = sim_sign(s, "shop", 2, ALL3, NULL);
	struct sim_doc fewer = sim_sign(s, "shop", 3, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &one, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	struct sim_out first = *sim_out(s, 0, 1, &one);
	CU_ASSERT_EQUAL(sim_submit(s, 0, &same, NULL), 0);
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(memcmp(&first, sim_out(s, 0, 1, &one), sizeof(first)) == 0);

	/* Someone left: another secret, other keys, and the old ones stay until they are unused. */
	uint32_t before = s->node[0]->live_sas + s->node[1]->live_sas;
	CU_ASSERT_EQUAL(sim_submit(s, 0, &fewer, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(sim_out(s, 0, 1, &one));
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 2, &one));
	sim_run(s, 2 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &one));
	const struct sim_out *second = sim_out(s, 0, 1, &one);
	CU_ASSERT(memcmp(first.keys[0], second->keys[0], 36) != 0);
	CU_ASSERT(first.spis[0] != second->spis[0]);
	CU_ASSERT(s->node[1]->sas[first.spis[0] - 256].there);
	sim_run(s, 15 * SIM_SECOND);
	CU_ASSERT(!s->node[1]->sas[first.spis[0] - 256].there);
	CU_ASSERT(s->node[0]->live_sas + s->node[1]->live_sas < before);
	sim_doc_free(&one);
	sim_doc_free(&same);
	sim_doc_free(&fewer);
	end(s);
}

static void test_rekey_by_session(void)
{
	struct sim *s = world(5, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 100 * SIM_SECOND);
	uint32_t live = s->node[1]->live_sas;
	struct sim_out first = *sim_out(s, 0, 1, &d);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(memcmp(first.keys[0], sim_out(s, 0, 1, &d)->keys[0], 36) != 0);
	sim_run(s, 2000 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	CU_ASSERT(s->node[1]->live_sas <= 2 * live); /* the old ones went */
	sim_doc_free(&d);
	end(s);
}

static void test_session_dies_and_returns(void)
{
	struct sim *s = world(6, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);
	struct sim_doc two = sim_sign(s, "shop", 2, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	sim_partition(s, 0, 1, true);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &d)); /* nothing is sent into the void */
	CU_ASSERT_PTR_NULL(sim_out(s, 1, 0, &d));
	CU_ASSERT(!s->node[0]->path_there[0]);
	CU_ASSERT_EQUAL(sim_submit(s, 1, &two, NULL), 0);
	sim_run(s, 200 * SIM_SECOND);
	CU_ASSERT_EQUAL(s->node[0]->live_sas, 0); /* inbound ones linger, but not for ever */
	sim_partition(s, 0, 1, false);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 0, &d), 2);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	sim_doc_free(&d);
	sim_doc_free(&two);
	end(s);
}

static void test_restart(void)
{
	struct sim *s = world(8, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	/* It comes back before the other has noticed, and counts its generations from the start. */
	sim_crash(s, 1);
	sim_run(s, SIM_SECOND);
	sim_start(s, 1);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &d), 1);
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));

	/* It has lost its disk as well: the other one notices, and gives it everything again. */
	sim_crash(s, 1);
	for (unsigned i = 0; i < SIM_NETWORKS; i++) {
		free(s->node[1]->store[i].bytes);
		s->node[1]->store[i].bytes = NULL;
	}
	sim_start(s, 1);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &d), 0);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT_EQUAL(sim_serial(s, 1, &d), 1);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	sim_doc_free(&d);
	end(s);
}

static void test_data_plane_full(void)
{
	struct sim *s = world(9, 2);
	struct sim_doc d = sim_sign(s, "shop", 1, 0x3, NULL);

	s->node[1]->sa_fails = true;
	CU_ASSERT_EQUAL(sim_submit(s, 0, &d, NULL), 0);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT_EQUAL(s->node[1]->live_sas, 0);
	CU_ASSERT_PTR_NULL(sim_out(s, 0, 1, &d));
	CU_ASSERT(drops(s, 1, LM_MD_NO_SA) > 0);
	s->node[1]->sa_fails = false;
	sim_run(s, 10 * SIM_SECOND);
	CU_ASSERT(sim_lanes_ready(s, 0, 1, &d));
	sim_doc_free(&d);
	end(s);
}

/* ---- everything at once ---- */

#define NETS 3
#define DOCS_MAX 64

struct story {
	struct sim *s;
	struct sim_doc docs[DOCS_MAX];
	unsigned net_of[DOCS_MAX], mask_of[DOCS_MAX], serial_of[DOCS_MAX], n_docs;
	unsigned serial[NETS], ever[NETS];
	unsigned left[NETS][SIM_GATEWAYS]; /* serial that took it off */
	bool failed;
};

static void wrong(struct story *t, const char *fmt, ...)
{
	va_list args;

	if (!t->failed)
		printf("\n  seed %llu: ", (unsigned long long)t->s->seed);
	else
		printf("; ");
	t->failed = true;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

static unsigned random_mask(struct sim *s)
{
	unsigned mask = 0;

	while (mask == 0)
		mask = (unsigned)sim_random(s, 1u << s->n) | (unsigned)sim_random(s, 1u << s->n);
	return mask;
}

static void judge_submission(struct story *t, unsigned doc, unsigned at)
{
	struct sim *s = t->s;
	struct sim_node *n = s->node[at];
	unsigned net = t->net_of[doc], serial = t->serial_of[doc];
	uint64_t before = sim_serial(s, at, &t->docs[doc]);
	int err = sim_submit(s, at, &t->docs[doc], NULL);
	uint64_t after = sim_serial(s, at, &t->docs[doc]);

	if (err == 0 && after != serial)
		wrong(t, "acknowledged serial %u is not in force", serial);
	if (err && err != -EACCES && after != before)
		wrong(t, "refused with %d, but %llu became %llu", err, (unsigned long long)before,
		    (unsigned long long)after);
	if (n->persist_fails && err == 0 && before != serial)
		wrong(t, "acknowledged without being stored");
	if (err == -EACCES && before && !after)
		t->left[net][at] = serial;
}

static void tell_new(struct story *t)
{
	struct sim *s = t->s;
	unsigned net = (unsigned)sim_random(s, NETS), i = t->n_docs++;
	char name[8];

	snprintf(name, sizeof(name), "net%u", net);
	/* Now and then the owner signs the same serial twice, for the same providers. */
	bool twice = i > 0 && sim_random(s, 12) == 0;
	if (twice)
		net = t->net_of[i - 1];
	snprintf(name, sizeof(name), "net%u", net);
	t->net_of[i] = net;
	t->serial_of[i] = twice ? t->serial_of[i - 1] : ++t->serial[net];
	t->mask_of[i] = twice ? t->mask_of[i - 1] : random_mask(s);
	t->ever[net] |= t->mask_of[i];
	t->docs[i] = sim_sign(s, name, t->serial_of[i], t->mask_of[i],
	    twice ? "expires: 2040-01-01T00:00:00Z\n" : NULL);
}

static void something_happens(struct story *t)
{
	struct sim *s = t->s;
	unsigned a = (unsigned)sim_random(s, s->n), b = (unsigned)sim_random(s, s->n);

	switch (sim_random(s, 10)) {
	case 0:
	case 1:
	case 2:
		if (t->n_docs < DOCS_MAX)
			tell_new(t);
		if (s->node[a]->running &&
		    (sim_random(s, 8) == 0 || (t->mask_of[t->n_docs - 1] >> a & 1)))
			judge_submission(t, t->n_docs - 1, a);
		break;
	case 3:
		if (s->node[a]->running && t->n_docs)
			judge_submission(t, (unsigned)sim_random(s, t->n_docs), a);
		break;
	case 4:
		s->cut[a][b] = sim_random(s, 2); /* one way only */
		break;
	case 5:
		sim_partition(s, a, b, sim_random(s, 2));
		break;
	case 6:
		if (s->node[a]->running)
			sim_crash(s, a);
		else
			sim_start(s, a);
		break;
	case 7:
		if (!s->node[a]->running)
			sim_start(s, a);
		break;
	case 8:
		s->node[a]->persist_fails = sim_random(s, 3) == 0;
		s->node[b]->sa_fails = sim_random(s, 3) == 0;
		break;
	default:
		s->loss = (unsigned)sim_random(s, 2) * (unsigned)sim_random(s, 40);
		s->dup = (unsigned)sim_random(s, 30);
		s->jitter = sim_random(s, 2) * sim_random(s, 3 * SIM_SECOND) + SIM_MS;
	}
}

static void heal(struct story *t)
{
	struct sim *s = t->s;

	s->loss = s->dup = 0;
	s->jitter = SIM_MS;
	memset(s->cut, 0, sizeof(s->cut));
	for (unsigned i = 0; i < s->n; i++) {
		s->node[i]->persist_fails = s->node[i]->sa_fails = false;
		if (!s->node[i]->running)
			sim_start(s, i);
	}
}

static unsigned lanes_in(const struct sim *s, unsigned gateway)
{
	const struct lm_membership *m = s->node[gateway]->m;
	unsigned n = 0;

	for (uint32_t net = 0; net < lm_membership_networks_end(m); net++) {
		for (uint32_t slot = 0; slot < lm_membership_peers_end(m); slot++) {
			struct lm_lanes_info info;
			lm_membership_lanes(m, net, slot, &info);
			n += info.n_in;
		}
	}
	return n;
}

/* The newest that anybody has is everywhere where it belongs, and nowhere else. */
static void check_end(struct story *t, unsigned net)
{
	struct sim *s = t->s;
	unsigned best = 0, mask = 0;
	const struct sim_doc *d = NULL;

	for (unsigned i = 0; i < t->n_docs; i++) {
		if (t->net_of[i] != net)
			continue;
		for (unsigned g = 0; g < s->n; g++) {
			if (sim_serial(s, g, &t->docs[i]) == t->serial_of[i] &&
			    t->serial_of[i] > best) {
				best = t->serial_of[i];
				mask = t->mask_of[i];
				d = &t->docs[i];
			}
		}
	}
	for (unsigned g = 0; d && g < s->n; g++) {
		if (t->left[net][g] > best)
			mask &= ~(1u << g);
		if ((mask >> g & 1) && sim_serial(s, g, d) != best)
			wrong(t, "net %u serial %u did not reach gateway %u, which has %llu", net,
			    best, g, (unsigned long long)sim_serial(s, g, d));
		if (!(t->ever[net] >> g & 1) && sim_serial(s, g, d) != 0)
			wrong(t, "net %u reached gateway %u", net, g);
	}
	if (d && !all_ready(s, mask, d))
		sim_run(s, 3 * SIM_SECOND); /* keys may be changing just now */
	if (d && !all_ready(s, mask, d))
		wrong(t, "net %u serial %u: lanes are missing", net, best);
}

static bool play(uint64_t seed)
{
	struct story t = {.s = world(seed, 2 + (unsigned)(seed % (SIM_GATEWAYS - 1)))};
	struct sim *s = t.s;

	tell_new(&t);
	unsigned events = 10 + (unsigned)sim_random(s, 30);
	for (unsigned i = 0; i < events; i++) {
		something_happens(&t);
		sim_run(s, sim_random(s, 2) ? sim_random(s, 2 * SIM_SECOND)
					    : sim_random(s, 60 * SIM_SECOND));
	}
	heal(&t);
	sim_run(s, 200 * SIM_SECOND);
	for (unsigned net = 0; net < NETS; net++)
		check_end(&t, net);
	for (unsigned g = 0; g < s->n; g++)
		if (s->node[g]->live_sas > 4 * lanes_in(s, g)) /* peers that do not follow */
			wrong(&t, "gateway %u keeps %u inbound lanes of %u", g,
			    s->node[g]->live_sas, lanes_in(s, g));
	if (s->broken)
		wrong(&t, "%u violations, the first %s", s->broken, s->first_broken);
	if (t.failed)
		printf("\n  play it again: LM_SEED=%llu test_membership random\n",
		    (unsigned long long)seed);
	for (unsigned i = 0; i < t.n_docs; i++)
		sim_doc_free(&t.docs[i]);
	sim_free(s);
	return !t.failed;
}

/* LM_SEED plays one seed, LM_SEEDS that many. */
static void test_random(void)
{
	const char *one = getenv("LM_SEED"), *many = getenv("LM_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	uint64_t n = one ? 1 : many ? strtoull(many, NULL, 10) : 200;
	unsigned failed = 0;

	for (uint64_t seed = first; seed < first + n && failed < 5; seed++)
		failed += !play(seed);
	CU_ASSERT_EQUAL(failed, 0);
}

static int start(void)
{
	return lm_crypto_init();
}

__attribute__((constructor)) static void before_main(void)
{
	if (start() < 0)
		abort();
}

LM_SUITE("membership", {"reaches_all", test_reaches_all}, {"idle_is_silent", test_idle_is_silent},
    {"many_networks", test_many_networks}, {"come_and_go", test_providers_come_and_go},
    {"refusals", test_refusals}, {"bounds", test_bounds}, {"conflict", test_conflict},
    {"expiry", test_expiry}, {"taken_off", test_taken_off}, {"guest", test_guest},
    {"guest_limits", test_guest_limits}, {"unauthorised", test_unauthorised},
    {"rekey_by_secret", test_rekey_by_secret}, {"rekey_by_session", test_rekey_by_session},
    {"dies_and_returns", test_session_dies_and_returns}, {"restart", test_restart},
    {"data_plane_full", test_data_plane_full}, {"random", test_random})
