/* SPDX-License-Identifier: Apache-2.0 */
/* The owner signed one serial twice: all settle on the same document, and all say so. */
#include "membership_sim.h"
#include "suite.h"

#include <errno.h>

#define ALL3 0x7u

/* The hash of what is in force. */
static bool enforces(const struct sim *s, unsigned gateway, const struct sim_doc *d)
{
	const struct lm_network *net = lm_membership_find(s->node[gateway]->m, &d->net);

	return net && memcmp(net->sm->hash, d->hash, 32) == 0;
}

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

/* Signs serial 1 of a network twice, with so many bytes of comment, and submits both. */
static void sign_twice(struct sim *s, unsigned network, size_t bytes)
{
	char *comment = malloc(bytes + 2), name[16];

	snprintf(name, sizeof(name), "net%u", network);
	memset(comment, '#', bytes);
	strcpy(comment + bytes, "\n");
	for (unsigned i = 0; i < 2; i++) {
		comment[bytes - 1] = (char)('1' + i);
		struct sim_doc d = sim_sign(s, name, 1, 0x3, comment);
		int err = sim_submit(s, 0, &d, NULL);
		CU_ASSERT(err == 0 || (i == 1 && err == -EEXIST));
		sim_doc_free(&d);
	}
	free(comment);
}

/* 16 MiB of proofs are kept; beyond that it is said all the same, and room comes with newer
 * serials.
 */
static void test_proofs_are_bounded(void)
{
	enum { FIT = 18, BYTES = 900000 };
	struct sim *s = sim_new(1, 2);

	sim_crash(s, 1); /* it would only slow this down */
	for (unsigned i = 0; i < FIT; i++)
		sign_twice(s, i, BYTES);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_LIMIT), 0);
	sign_twice(s, FIT, BYTES);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_LIMIT), 1);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_SIGNED_TWICE), FIT + 1);
	for (unsigned i = 0; i < 2; i++) {
		char name[16];
		snprintf(name, sizeof(name), "net%u", i);
		struct sim_doc next = sim_sign(s, name, 2, 0x3, NULL);
		CU_ASSERT_EQUAL(sim_submit(s, 0, &next, NULL), 0);
		sim_doc_free(&next);
	}
	sign_twice(s, FIT + 1, BYTES);
	sign_twice(s, FIT + 2, BYTES);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_LIMIT), 1);
	sign_twice(s, FIT + 3, BYTES);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_LIMIT), 2);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_SIGNED_TWICE), FIT + 4);
	sim_end(s);
}

LM_SUITE("membership_conflict", {"conflict", test_conflict},
    {"conflict_is_said_everywhere", test_conflict_is_said_everywhere},
    {"proof_is_repeated", test_proof_is_repeated}, {"proofs_are_bounded", test_proofs_are_bounded},
    {"conflict_of_sets", test_conflict_of_sets})
