/* SPDX-License-Identifier: Apache-2.0 */
/* How chains begin in membership, and with what. */
#include "membership_sim_chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "suite.h"

static void test_begins(void)
{
	for (unsigned n = 1; n <= 9; n += 2) {
		struct sim_doc d;
		struct sim *s = chain_world(n, &d);
		struct lm_chain_info info;

		CU_ASSERT(chain_alike(s, (1u << n) - 1, &d));
		for (unsigned i = 0; i < n; i++) {
			CU_ASSERT(chain_info(s, i, &d, &info));
			CU_ASSERT_EQUAL(info.n_members, n < 7 ? n : 7);
			CU_ASSERT_EQUAL(info.votes, i < 7);
			/* The upper half of a /24, in sixteen blocks. */
			CU_ASSERT_EQUAL(info.n_blocks, 16);
			CU_ASSERT_EQUAL(info.block_size, 8);
		}
		chain_end(s, &d, NULL);
	}
}

static void test_static_has_none(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = sim_sign(s, "shop", 1, 0x7, NULL),
		       two = sim_sign(s, "shop", 2, 0x7, NULL);
	struct sim_doc three = chain_sign(s, 3, 0x7);

	chain_submit(s, 0, &one);
	sim_run(s, 5 * SIM_SECOND);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT(!chain_there(s, i, &one));
		CU_ASSERT_EQUAL(s->node[i]->n_facts, 0);
	}
	/* Where it could begin is known even if that is long ago. */
	chain_submit(s, 0, &two);
	sim_run(s, 5 * SIM_SECOND);
	sim_crash(s, 1);
	sim_start(s, 1);
	chain_submit(s, 0, &three);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &one));
	CU_ASSERT_EQUAL(chain_members(s, 2, &one), 3);
	sim_doc_free(&three);
	chain_end(s, &one, &two);
}

/* A later manifest without anything to decide lets the chain rest; then it goes on. */
static void test_rests(void)
{
	struct sim_doc one, two, three, four;
	struct sim *s = chain_world(3, &one);

	two = chain_sign(s, 2, 0x7);
	chain_submit(s, 1, &two);
	sim_run(s, 60 * SIM_SECOND);
	uint64_t before = chain_height(s, 0, &one);
	CU_ASSERT(before > 0);
	three = sim_sign(s, "shop", 3, 0x7, NULL);
	chain_submit(s, 1, &three);
	sim_run(s, 5 * SIM_SECOND);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(!chain_there(s, i, &one));
	four = chain_sign(s, 4, 0x7);
	chain_submit(s, 2, &four);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &one));
	CU_ASSERT(chain_height(s, 0, &one) >= before);
	sim_doc_free(&four);
	sim_doc_free(&three);
	chain_end(s, &one, &two);
}

/* Without facts there are no chains; the rest is as ever. */
static void test_no_facts(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc d = chain_sign(s, 1, 0x7);

	sim_crash(s, 1);
	s->node[1]->no_facts = true;
	sim_start(s, 1);
	chain_submit(s, 1, &d);
	sim_run(s, 5 * SIM_SECOND);
	CU_ASSERT(lm_membership_chain(s->node[1]->m) == NULL);
	CU_ASSERT(sim_all_ready(s, 0x7, &d));
	CU_ASSERT(chain_alike(s, 0x5, &d));
	chain_end(s, &d, NULL);
}

/* Who has never seen serial 1 gets it from those who have. */
static void joins_later(unsigned down)
{
	struct sim_doc one, two;
	struct sim *s = sim_new(3, 5);

	one = chain_sign(s, 1, 0x3);
	chain_submit(s, 0, &one);
	sim_run(s, 3 * SIM_SECOND);
	two = chain_sign(s, 2, 0x1f);
	chain_submit(s, 0, &two);
	sim_run(s, 2 * SIM_SECOND);
	if (down)
		sim_crash(s, down);
	s->loss = 20;
	sim_run(s, 60 * SIM_SECOND);
	s->loss = 0;
	sim_run(s, 60 * SIM_SECOND);
	unsigned up = down ? 0x1f & ~(1u << down) : 0x1f;
	CU_ASSERT(chain_alike(s, up, &one));
	for (unsigned i = 0; i < 5; i++)
		if (up >> i & 1)
			CU_ASSERT(chain_seats_are(s, i, 0x1f, &one));
	CU_ASSERT_EQUAL(chain_facts(s, 3, 0), 1);
	/* The document is there for the next one, too. */
	sim_crash(s, 2);
	sim_start(s, 2);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, up, &one));
	chain_end(s, &one, &two);
}

static void test_joins_later(void)
{
	joins_later(0);
	joins_later(4);
}

/* Nobody has it: all wait, and ask no more than now and then. */
static void test_no_genesis(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc two = chain_sign(s, 2, 0x7);

	chain_submit(s, 0, &two);
	sim_run(s, 600 * SIM_SECOND);
	uint64_t before = s->sent;
	sim_run(s, 3600 * SIM_SECOND);
	/* One datagram a minute to each of two others, beside what sessions say. */
	CU_ASSERT(s->sent - before < 3 * 2 * (2 * 60 + 1200));
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(!chain_there(s, i, &two));
	chain_end(s, &two, NULL);
}

/* Two documents with serial 1: all begin with the one that wins. */
static void test_signed_twice(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc a = chain_sign(s, 1, 0x7), b = chain_sign(s, 1, 0x3),
		       later = chain_sign(s, 2, 0x7);
	bool b_wins = memcmp(b.hash, a.hash, 32) < 0;
	const struct sim_doc *wins = b_wins ? &b : &a, *loses = b_wins ? &a : &b;

	sim_partition(s, 0, 1, true);
	sim_partition(s, 0, 2, true);
	chain_submit(s, 0, loses);
	chain_submit(s, 1, wins);
	sim_run(s, 3 * SIM_SECOND);
	sim_partition(s, 0, 1, false);
	sim_partition(s, 0, 2, false);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x3, &a));
	CU_ASSERT_EQUAL(chain_members(s, 0, &a), b_wins ? 2 : 3);
	chain_submit(s, 0, &later);
	sim_run(s, 60 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &a));
	CU_ASSERT(chain_seats_are(s, 2, 0x7, &a));
	sim_doc_free(&later);
	chain_end(s, &a, &b);
}

/* Nor do they disagree for good if the one that loses was passed over by serial 2. */
static void test_signed_twice_unseen(void)
{
	struct sim *s = sim_new(1, 4);
	struct sim_doc a = chain_sign(s, 1, 0xf), b = chain_sign(s, 1, 0x7),
		       two = chain_sign(s, 2, 0xf);

	for (unsigned i = 0; i < 2; i++) {
		sim_partition(s, i, 2, true);
		sim_partition(s, i, 3, true);
	}
	chain_submit(s, 0, &a);
	chain_submit(s, 2, &b);
	sim_run(s, 2 * SIM_SECOND);
	chain_submit(s, 0, &two);
	chain_submit(s, 2, &two);
	sim_run(s, SIM_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		sim_partition(s, i, 2, false);
		sim_partition(s, i, 3, false);
	}
	sim_run(s, 120 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0xf, &a));
	sim_doc_free(&two);
	chain_end(s, &a, &b);
}

/* Who has it comes back at last: nobody waits for the end of a minute then. */
static void test_genesis_comes(void)
{
	struct sim *s = sim_new(1, 3);
	struct sim_doc one = chain_sign(s, 1, 0x7), two = chain_sign(s, 2, 0x7);

	sim_crash(s, 0);
	sim_crash(s, 1);
	chain_submit(s, 2, &one);
	sim_crash(s, 2);
	sim_start(s, 0);
	sim_start(s, 1);
	chain_submit(s, 0, &two);
	sim_run(s, 600 * SIM_SECOND);
	CU_ASSERT(!chain_there(s, 0, &one));
	sim_start(s, 2);
	sim_run(s, 3 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x7, &one));
	chain_end(s, &one, &two);
}

/* What another gateway gives as the first manifest must be it. */
static void test_false_genesis(void)
{
	struct sim *s = sim_new(1, 2);
	struct sim_doc two = chain_sign(s, 2, 0x3), three = chain_sign(s, 3, 0x3),
		       one = chain_sign(s, 1, 0x3);
	struct sim_doc other = sim_sign_members(
	    s, "other", 1, 0x3, NULL, "  - name: app\n    deployment: 7\n    replicas: 8\n");
	const struct sim_doc *offers[] = {&three, &other};

	sim_crash(s, 1);
	chain_submit(s, 0, &two);
	struct sim_node *raw = sim_raw(s, 1, 0);
	sim_run(s, 2 * SIM_SECOND);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t before = sim_drops(s, 0, LM_MD_REFUSED);
		uint8_t body[68] = {0};
		struct lm_writer w = lm_writer(body, sizeof(body));
		lm_write(&w, two.net.b, LM_NET_ID_LEN);
		lm_write(&w, offers[i]->hash, 32);
		lm_write_u32(&w, (uint32_t)offers[i]->len);
		raw->offer = offers[i]->bytes;
		raw->offer_len = offers[i]->len;
		sim_raw_send(raw, LM_MSG_GENESIS, body, sizeof(body));
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_REFUSED), before + 1);
		unsigned finds = raw->finds;
		CU_ASSERT(finds > 0);
		sim_raw_send(raw, LM_MSG_GENESIS, body, sizeof(body)); /* not once more */
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(raw->finds, finds);
		CU_ASSERT(!chain_there(s, 0, &two));
		sim_raw_send(raw, LM_MSG_GENESIS, body, 67); /* nor half of it */
		sim_run(s, SIM_SECOND);
		CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_MALFORMED), i + 1);
	}
	CU_ASSERT_EQUAL(s->node[0]->n_facts, 0);
	/* One is enough that is right. */
	uint8_t body[68];
	struct lm_writer w = lm_writer(body, sizeof(body));
	lm_write(&w, two.net.b, LM_NET_ID_LEN);
	lm_write(&w, one.hash, 32);
	lm_write_u32(&w, (uint32_t)one.len);
	raw->offer = one.bytes;
	raw->offer_len = one.len;
	sim_raw_send(raw, LM_MSG_GENESIS, body, sizeof(body));
	sim_run(s, SIM_SECOND);
	CU_ASSERT(chain_there(s, 0, &two));
	sim_doc_free(&one);
	sim_doc_free(&other);
	chain_end(s, &two, &three);
}

/* The chain has begun when a second document with serial 1 comes along: it goes on. */
static void test_signed_twice_late(void)
{
	struct sim_doc one;
	struct sim *s = chain_world(3, &one);
	struct sim_doc two = one;

	chain_attach(s, 1, &one, 0, 4);
	sim_run(s, 10 * SIM_SECOND);
	uint64_t before = chain_height(s, 0, &one);
	CU_ASSERT(before > 0);
	for (unsigned n = 1; memcmp(two.hash, one.hash, 32) >= 0; n++) {
		char members[128];
		if (two.bytes != one.bytes)
			sim_doc_free(&two);
		sprintf(members, "  - name: app\n    deployment: %u\n    replicas: 8\n", 7 + n);
		two = sim_sign_members(s, "shop", 1, 0x3, NULL, members);
	}
	chain_submit(s, 0, &two);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x3, &one));
	CU_ASSERT(chain_height(s, 0, &one) >= before);
	for (unsigned i = 0; i < 2; i++)
		sim_crash(s, i);
	for (unsigned i = 0; i < 2; i++)
		sim_start(s, i);
	sim_run(s, 20 * SIM_SECOND);
	CU_ASSERT(chain_alike(s, 0x3, &one));
	CU_ASSERT(chain_height(s, 0, &one) >= before);
	CU_ASSERT_EQUAL(sim_drops(s, 0, LM_MD_FACTS), 0);
	CU_ASSERT_EQUAL(chain_facts(s, 0, 0), 1); /* others may need it one day */
	chain_end(s, &one, &two);
}

LM_SUITE("membership_genesis", {"begins", test_begins}, {"static_has_none", test_static_has_none},
    {"rests", test_rests}, {"no_facts", test_no_facts}, {"joins_later", test_joins_later},
    {"no_genesis", test_no_genesis}, {"genesis_comes", test_genesis_comes},
    {"false_genesis", test_false_genesis}, {"signed_twice_late", test_signed_twice_late},
    {"signed_twice", test_signed_twice}, {"signed_twice_unseen", test_signed_twice_unseen})
