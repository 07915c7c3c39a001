/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets which address and where endpoints live, over restarts and moves. */
#include "address_rig.h"

/* ---- giving ---- */

static void given_at_once(void)
{
	for (unsigned family = 0; family < 3; family++) {
		struct setup s = plain(3);
		s.family = family == 0 ? 4 : family == 1 ? 6 : 46;
		struct world *w = begin(&s);
		attach(w, 0, 5);
		struct lm_address_place p = place(w, 0, 5);
		CU_ASSERT_TRUE(p.serve);
		CU_ASSERT_EQUAL(p.generation, 1);
		CU_ASSERT_EQUAL(p.wait, LM_AW_NOT);
		for (unsigned i = 1; i < 3; i++) {
			CU_ASSERT_EQUAL(place(w, i, 5).index, p.index);
			CU_ASSERT_EQUAL(place(w, i, 5).provider, 0);
			CU_ASSERT_FALSE(place(w, i, 5).serve);
		}
		end(w);
	}
}

/* Out of what it has, with nobody to ask; the others believe it, though the chain does not know. */
static void given_while_cut_off(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	for (unsigned i = 1; i < 3; i++)
		w->cut[i][0] = true; /* it is heard, and hears nobody */
	world_attach(w, 0, 2, true);
	CU_ASSERT_TRUE(serves(w, 0, 2));
	CU_ASSERT_EQUAL(place(w, 0, 2).generation, 0);
	world_run(w, 2 * SECOND);
	isolate(w, 0, false);
	uint32_t index = place(w, 0, 2).index;
	for (unsigned i = 1; i < 3; i++)
		w->cut[0][i] = w->cut[i][0] = false;
	world_run(w, 10 * SECOND);
	CU_ASSERT_EQUAL(place(w, 1, 2).generation, 1);
	CU_ASSERT_EQUAL(place(w, 1, 2).index, index);
	end(w);
}

/* Refused for want of the manifest, and tried again though nothing is heard of those who get it. */
static void noted_in_the_end(void)
{
	struct setup s = plain(3);
	s.things = ALL & ~(1u << 5);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	world_manifest(w, 7, ALL);
	world_tell(w, 0, 2);
	attach(w, 0, 5);
	CU_ASSERT_TRUE(serves(w, 0, 5));
	world_run(w, 120 * SECOND);
	CU_ASSERT_EQUAL(place(w, 0, 5).generation, 0);
	world_tell(w, 1, 2);
	world_tell(w, 2, 2);
	world_run(w, 90 * SECOND);
	CU_ASSERT_EQUAL(place(w, 0, 5).generation, 1);
	end(w);
}

static void all_taken(void)
{
	struct setup s = plain(3);
	s.pool_bits = 4;
	struct world *w = begin(&s);

	for (unsigned i = 0; i < 12; i++)
		world_attach(w, 0, i, true);
	world_run(w, 20 * SECOND);
	for (unsigned i = 0; i < 12; i++)
		CU_ASSERT_TRUE(serves(w, 0, i));
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 4);
	CU_ASSERT_EQUAL(counts(w, 0).addresses, 16);
	CU_ASSERT_EQUAL(counts(w, 0).given, 12);
	attach(w, 1, 12);
	CU_ASSERT_FALSE(serves(w, 1, 12));
	CU_ASSERT_EQUAL(place(w, 1, 12).wait, LM_AW_POOL);
	end(w);
}

static void no_majority_no_block(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	isolate(w, 2, true);
	attach(w, 2, 1);
	CU_ASSERT_FALSE(serves(w, 2, 1));
	CU_ASSERT_EQUAL(place(w, 2, 1).wait, LM_AW_BLOCK);
	isolate(w, 2, false);
	world_run(w, 15 * SECOND);
	CU_ASSERT_TRUE(serves(w, 2, 1));
	end(w);
}

/* The next address block is there before the last address is gone. */
static void block_before_need(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	for (unsigned i = 0; i < 3; i++)
		attach(w, 0, i);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 1);
	attach(w, 0, 3);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 2);
	end(w);
}

/* One by one, or several in one transaction. */
static void not_stored_not_served(void)
{
	for (unsigned seed = 1; seed <= 2; seed++) {
		struct setup s = plain(1);
		struct world *w = world_new(seed, &s, NULL);
		attach(w, 0, 0);
		w->node[0].bad_disk = 1000;
		attach(w, 0, 1);
		CU_ASSERT_FALSE(serves(w, 0, 1));
		CU_ASSERT_EQUAL(place(w, 0, 1).wait, LM_AW_STORE);
		w->node[0].bad_disk = 0;
		world_run(w, 5 * SECOND);
		CU_ASSERT_TRUE(serves(w, 0, 1));
		end(w);
	}
}

static void fixed_and_static(void)
{
	struct setup s = plain(3);
	s.kind[3] = FIXED_ANY;
	s.kind[4] = STATIC;
	struct world *w = begin(&s);
	unsigned home = (unsigned)version_of(&w->node[0])->place[4];

	attach(w, 1, 3);
	CU_ASSERT_TRUE(serves(w, 1, 3));
	CU_ASSERT_NOT_EQUAL(place(w, 1, 3).index, LM_ADDRESS_NONE);
	attach(w, home, 4);
	CU_ASSERT_TRUE(serves(w, home, 4));
	CU_ASSERT_EQUAL(place(w, 0, 4).index, LM_ADDRESS_NONE);
	CU_ASSERT_EQUAL(place(w, 0, 4).provider, home);
	world_attach(w, 1, 3, false);
	attach(w, 2, 3);
	CU_ASSERT_TRUE(serves(w, 2, 3));
	CU_ASSERT_EQUAL(place(w, 2, 3).generation, 2);
	end(w);
}

/* ---- restarts ---- */

static void restart_keeps(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	uint32_t index = place(w, 0, 1).index;
	world_crash(w, 0);
	world_run(w, 30 * SECOND);
	world_start(w, 0);
	CU_ASSERT_FALSE(serves(w, 0, 1));
	CU_ASSERT_EQUAL(place(w, 0, 1).wait, LM_AW_CHAIN);
	world_run(w, SECOND);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	CU_ASSERT_EQUAL(place(w, 0, 1).index, index);
	end(w);
}

/* What nobody else has heard of yet as well; alone, a while after the start. */
static void restart_alone(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	isolate(w, 0, true);
	attach(w, 0, 2);
	uint32_t first = place(w, 0, 1).index, second = place(w, 0, 2).index;
	world_crash(w, 0);
	world_start(w, 0);
	world_run(w, (LM_ADDRESS_GRACE * 1000 - 10) * MS);
	CU_ASSERT_FALSE(serves(w, 0, 1));
	CU_ASSERT_FALSE(serves(w, 0, 2));
	world_run(w, SECOND);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	CU_ASSERT_TRUE(serves(w, 0, 2));
	CU_ASSERT_EQUAL(place(w, 0, 1).index, first);
	CU_ASSERT_EQUAL(place(w, 0, 2).index, second);
	end(w);
}

/* Moved meanwhile: the old place reads the chain first. */
static void restart_after_move(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	uint32_t index = place(w, 0, 1).index;
	world_crash(w, 0);
	world_run(w, 10 * SECOND);
	world_attach(w, 1, 1, true);
	world_run(w, 25 * SECOND);
	CU_ASSERT_TRUE(serves(w, 1, 1));
	CU_ASSERT_EQUAL(place(w, 1, 1).index, index);
	uint64_t served = w->served;
	world_start(w, 0);
	world_run(w, 60 * SECOND);
	CU_ASSERT_EQUAL(w->served, served);
	CU_ASSERT_EQUAL(place(w, 0, 1).wait, LM_AW_ELSEWHERE);
	end(w);
}

/* Its addresses are lost, its chain is not: what it may have given out is left alone. */
static void records_lost(void)
{
	struct setup s = plain(1);
	struct world *w = begin(&s);
	struct node *n = &w->node[0];

	attach(w, 0, 1);
	uint32_t index = place(w, 0, 1).index;
	world_crash(w, 0);
	for (unsigned i = 0; i < n->n_files; i++)
		if (n->files[i].key[0] != 1) {
			free(n->files[i].bytes);
			n->files[i--] = n->files[--n->n_files];
		}
	world_start(w, 0);
	attach(w, 0, 2);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	CU_ASSERT_EQUAL(place(w, 0, 1).index, index);
	CU_ASSERT_TRUE(serves(w, 0, 2));
	CU_ASSERT_NOT_EQUAL(place(w, 0, 2).index / 4, index / 4);
	end(w);
}

static void records_are_checked(void)
{
	struct setup s = plain(1);
	struct world *w = begin(&s);
	struct node *n = &w->node[0];
	struct lm_now now = world_now(n);
	struct lm_address *a;
	uint8_t key[5] = {STORE_ADDRESS, 0, 0, 0, 7};
	uint8_t value[40] = {STORE_FORMAT, RECORD_GIVEN, [18] = 3, 0, 0, 'm'};

	CU_ASSERT_EQUAL(lm_address_create(&a, &n->id.pub, 1, n->chain, &world_address_ops, n), 0);
	CU_ASSERT_EQUAL(lm_address_restore(a, &w->net, key, 5, value, 22), -ENOENT);
	CU_ASSERT_EQUAL(lm_address_set(a, &now, &w->net, version_of(n)->man, 0), 0);
	for (size_t len = 0; len < 22; len++)
		CU_ASSERT_EQUAL(lm_address_restore(a, &w->net, key, 5, value, len), -EBADMSG);
	CU_ASSERT_EQUAL(lm_address_restore(a, &w->net, key, 5, value, 23), -EBADMSG);
	CU_ASSERT_EQUAL(lm_address_restore(a, &w->net, key, 4, value, 22), -EBADMSG);
	value[1] = 9;
	CU_ASSERT_EQUAL(lm_address_restore(a, &w->net, key, 5, value, 22), -EBADMSG);
	value[1] = RECORD_GIVEN;
	key[4] = 64; /* the pool has 64 */
	CU_ASSERT_EQUAL(lm_address_restore(a, &w->net, key, 5, value, 22), -EBADMSG);
	key[4] = 7;
	CU_ASSERT_EQUAL(lm_address_restore(a, &w->net, key, 5, value, 22), 0);
	CU_ASSERT_EQUAL(lm_address_restore(a, &w->net, key, 5, value, 22), -EBADMSG);
	lm_address_free(a);
	end(w);
}

/* ---- moving ---- */

static void moves(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	uint32_t index = place(w, 0, 1).index;
	attach(w, 1, 1);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	CU_ASSERT_FALSE(serves(w, 1, 1));
	CU_ASSERT_EQUAL(place(w, 1, 1).wait, LM_AW_ELSEWHERE);
	world_attach(w, 0, 1, false);
	world_run(w, 20 * SECOND); /* it is asked for again every few seconds */
	CU_ASSERT_TRUE(serves(w, 1, 1));
	CU_ASSERT_EQUAL(place(w, 1, 1).index, index);
	CU_ASSERT_EQUAL(place(w, 1, 1).generation, 2);
	CU_ASSERT_EQUAL(place(w, 2, 1).provider, 1);
	end(w);
}

static void moves_from_the_dead(void)
{
	struct setup s = plain(5);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	uint32_t index = place(w, 0, 1).index;
	world_crash(w, 0);
	world_crash(w, 4);
	world_attach(w, 1, 1, true);
	world_run(w, 9 * SECOND);
	CU_ASSERT_FALSE(serves(w, 1, 1));
	CU_ASSERT_EQUAL(place(w, 1, 1).wait, LM_AW_MOVING);
	world_run(w, 11 * SECOND);
	CU_ASSERT_TRUE(serves(w, 1, 1));
	CU_ASSERT_EQUAL(place(w, 1, 1).index, index);
	end(w);
}

/* Both have given it an address before they could talk: the chain knows one, the other rests. */
static void conflict(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	attach(w, 1, 2);
	isolate(w, 0, true);
	world_attach(w, 0, 3, true);
	world_attach(w, 1, 3, true);
	CU_ASSERT_TRUE(serves(w, 0, 3));
	world_run(w, 5 * SECOND);
	CU_ASSERT_TRUE(serves(w, 1, 3));
	CU_ASSERT_NOT_EQUAL(place(w, 0, 3).index, place(w, 1, 3).index);
	CU_ASSERT_EQUAL(place(w, 1, 3).generation, 1);
	isolate(w, 0, false);
	world_run(w, 5 * SECOND);
	CU_ASSERT_FALSE(serves(w, 0, 3));
	CU_ASSERT_TRUE(serves(w, 1, 3));
	CU_ASSERT_EQUAL(place(w, 0, 3).index, place(w, 1, 3).index);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	CU_ASSERT_EQUAL(counts(w, 1).resting, 0);
	end(w);
}

static void revoked(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);
	struct lm_chain_info info;

	attach(w, 2, 1);
	uint32_t index = place(w, 2, 1).index;
	isolate(w, 2, true);
	world_manifest(w, 3, ALL);
	world_tell(w, 0, 2);
	world_tell(w, 1, 2);
	world_attach(w, 0, 1, true);
	world_run(w, 60 * SECOND);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	CU_ASSERT_EQUAL(place(w, 0, 1).index, index);
	lm_chain_info(w->node[0].chain, &w->net, &info);
	CU_ASSERT_EQUAL(info.n_quarantined, 1);
	world_run(w, 7 * DAY - HOUR);
	lm_chain_info(w->node[0].chain, &w->net, &info);
	CU_ASSERT_EQUAL(info.n_quarantined, 1);
	world_run(w, 2 * HOUR);
	lm_chain_info(w->node[0].chain, &w->net, &info);
	CU_ASSERT_EQUAL(info.n_quarantined, 0);
	end(w);
}

LM_SUITE("address", {"given_at_once", given_at_once}, {"given_while_cut_off", given_while_cut_off},
    {"noted_in_the_end", noted_in_the_end}, {"all_taken", all_taken},
    {"no_majority_no_block", no_majority_no_block}, {"block_before_need", block_before_need},
    {"not_stored_not_served", not_stored_not_served}, {"fixed_and_static", fixed_and_static},
    {"restart_keeps", restart_keeps}, {"restart_alone", restart_alone},
    {"restart_after_move", restart_after_move}, {"records_lost", records_lost},
    {"records_are_checked", records_are_checked}, {"moves", moves},
    {"moves_from_the_dead", moves_from_the_dead}, {"conflict", conflict}, {"revoked", revoked})
