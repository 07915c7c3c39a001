/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gets which address, where endpoints live and what happens to both, in worlds of gateways
 * (tests/address), whose own checks look on.
 */
#include "suite.h"

#include "../address/world.h"

#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define ALL ((1u << THINGS) - 1)

static struct setup plain(unsigned members)
{
	return (struct setup){
	    .members = members, .family = 46, .block_bits = 2, .pool_bits = 6, .things = ALL};
}

static struct world *begin(const struct setup *s)
{
	struct world *w = world_new(1, s, NULL);

	world_run(w, 5 * SECOND);
	return w;
}

static void end(struct world *w)
{
	CU_ASSERT_EQUAL(w->broken, 0);
	if (w->broken)
		fprintf(stderr, "%s\n", w->first_broken);
	world_free(w);
}

static struct lm_address_place place(const struct world *w, unsigned node, unsigned thing)
{
	const struct node *n = &w->node[node];
	struct lm_address_place p = {0};

	CU_ASSERT_EQUAL(lm_address_get(n->address, &w->net, version_of(n)->endpoint[thing], &p), 0);
	return p;
}

static bool serves(const struct world *w, unsigned node, unsigned thing)
{
	return place(w, node, thing).serve;
}

static struct lm_address_counts counts(const struct world *w, unsigned node)
{
	struct lm_address_counts c = {0};

	CU_ASSERT_EQUAL(lm_address_counts(w->node[node].address, &w->net, &c), 0);
	return c;
}

static void attach(struct world *w, unsigned node, unsigned thing)
{
	world_attach(w, node, thing, true);
	world_run(w, 3 * SECOND);
}

static void isolate(struct world *w, unsigned node, bool cut)
{
	for (unsigned i = 0; i < w->n; i++) {
		world_cut(w, i, node, cut);
		world_cut(w, node, i, cut);
	}
}

static void manifest(struct world *w, uint16_t providers, uint32_t things)
{
	world_manifest(w, providers, things);
	for (unsigned i = 0; i < w->n; i++)
		world_tell(w, i, w->serial);
}

static uint16_t all_nodes(const struct world *w)
{
	return (uint16_t)((1u << w->n) - 1);
}

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

static void not_stored_not_served(void)
{
	struct setup s = plain(1);
	struct world *w = begin(&s);

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

/* ---- cut off for long ---- */

static void fenced(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	isolate(w, 0, true);
	world_run(w, 6 * DAY - 2 * HOUR);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	world_run(w, 3 * HOUR);
	CU_ASSERT_FALSE(serves(w, 0, 1));
	CU_ASSERT_EQUAL(place(w, 0, 1).wait, LM_AW_FENCED);
	CU_ASSERT_TRUE(counts(w, 0).fenced);
	world_attach(w, 0, 2, true);
	CU_ASSERT_FALSE(serves(w, 0, 2));
	isolate(w, 0, false);
	world_run(w, 15 * SECOND);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	CU_ASSERT_TRUE(serves(w, 0, 2));
	end(w);
}

/* A restart makes it forget nothing, whatever its clock says. */
static void fenced_after_restart(void)
{
	for (int back = 0; back < 2; back++) {
		struct setup s = plain(3);
		struct world *w = begin(&s);
		attach(w, 0, 1);
		isolate(w, 0, true);
		world_run(w, 3 * DAY);
		world_crash(w, 0);
		world_run(w, 2 * DAY);
		if (back)
			w->node[0].clock -= (int64_t)(9 * DAY);
		world_start(w, 0);
		world_run(w, 10 * SECOND);
		CU_ASSERT_EQUAL(serves(w, 0, 1), !back);
		world_run(w, DAY + 2 * HOUR);
		CU_ASSERT_FALSE(serves(w, 0, 1));
		isolate(w, 0, false);
		world_run(w, 15 * SECOND);
		CU_ASSERT_TRUE(serves(w, 0, 1));
		end(w);
	}
}

/* The machine slept: the monotonic clock stood still. */
static void fenced_after_sleep(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	isolate(w, 0, true);
	w->node[0].clock += (int64_t)(8 * DAY);
	world_attach(w, 0, 2, true);
	CU_ASSERT_FALSE(serves(w, 0, 1));
	end(w);
}

/* Of two members the other one decides nothing alone. */
static void two_need_each_other(void)
{
	struct setup s = plain(2);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	isolate(w, 0, true);
	world_run(w, 20 * DAY);
	CU_ASSERT_TRUE(serves(w, 0, 1));
	CU_ASSERT_FALSE(counts(w, 0).fenced);
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

/* ---- resting ---- */

static void rests(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	attach(w, 0, 2);
	CU_ASSERT_EQUAL(counts(w, 0).given, 2);
	manifest(w, all_nodes(w), ALL & ~(1u << 1));
	world_run(w, 10 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).given, 1);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	world_run(w, 20 * HOUR);
	world_crash(w, 0);
	world_start(w, 0);
	world_run(w, 5 * HOUR - 60 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	world_run(w, 120 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 0);
	end(w);
}

/* Others may have served it, and one of them may be cut off. */
static void rests_for_long(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	world_attach(w, 0, 1, false);
	attach(w, 1, 1);
	world_run(w, 10 * SECOND);
	CU_ASSERT_TRUE(serves(w, 1, 1));
	attach(w, 0, 2);
	manifest(w, all_nodes(w), ALL & ~(1u << 1));
	world_run(w, 7 * DAY - HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	world_run(w, 2 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 0);
	end(w);
}

/* The MOVE that noted it may still be on its way: until nothing of its manifest is decided. */
static void rests_until_known(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	isolate(w, 0, true);
	attach(w, 0, 2);
	CU_ASSERT_TRUE(serves(w, 0, 2));
	manifest(w, all_nodes(w), ALL & ~(1u << 2));
	world_run(w, 30 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	isolate(w, 0, false);
	world_run(w, 120 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 0);
	end(w);
}

/* A block comes with an endpoint in it, which is forgotten while its new owner is down. */
static void rests_though_another_gave_it(void)
{
	struct setup s = plain(5);
	struct world *w = begin(&s);

	attach(w, 4, 1);
	uint32_t index = place(w, 4, 1).index;
	manifest(w, 0xf, ALL);
	attach(w, 1, 1);
	world_run(w, 8 * DAY);
	CU_ASSERT_EQUAL(place(w, 1, 1).index, index);
	attach(w, 0, 2);
	CU_ASSERT_EQUAL(place(w, 0, 2).index / 4, index / 4);
	CU_ASSERT_EQUAL(counts(w, 0).given, 2);
	world_crash(w, 0);
	manifest(w, 0xf, ALL & ~(1u << 1));
	world_run(w, 60 * SECOND);
	world_start(w, 0);
	world_tell(w, 0, w->serial);
	world_run(w, 10 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).given, 1);
	CU_ASSERT_EQUAL(counts(w, 0).resting, 1);
	end(w);
}

/* What is given back is nobody's for a week, and then anybody's. */
static void given_back(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);
	struct lm_chain_info info;

	attach(w, 0, 1);
	manifest(w, all_nodes(w), ALL & ~(1u << 1));
	world_attach(w, 0, 1, false);
	world_run(w, 26 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 0);
	lm_chain_info(w->node[1].chain, &w->net, &info);
	CU_ASSERT_EQUAL(info.n_owned, 0);
	CU_ASSERT_EQUAL(info.n_quarantined, 1);
	world_run(w, 7 * DAY + HOUR);
	lm_chain_info(w->node[1].chain, &w->net, &info);
	CU_ASSERT_EQUAL(info.n_quarantined, 0);
	end(w);
}

/* Blocks that came with a crowd go when it has gone; one stays while anything is attached. */
static void one_spare(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	for (unsigned i = 0; i < 12; i++)
		world_attach(w, 0, i, true);
	world_run(w, 20 * SECOND);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 4);
	manifest(w, all_nodes(w), 1u << 0 | 1u << 13);
	world_run(w, 26 * HOUR);
	CU_ASSERT_EQUAL(counts(w, 0).blocks, 2);
	CU_ASSERT_TRUE(serves(w, 0, 0));
	end(w);
}

static void silent_when_idle(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	world_run(w, 60 * SECOND);
	for (unsigned i = 0; i < 3; i++) {
		struct lm_now now = world_now(&w->node[i]);
		CU_ASSERT(lm_address_tick(w->node[i].address, &now) - now.mono > 20 * HOUR);
	}
	end(w);
}

/* ---- consent ---- */

static struct lm_chain_command command(
    const struct world *w, enum lm_chain_kind kind, unsigned author, unsigned thing)
{
	struct lm_chain_command c = {.kind = (uint8_t)kind,
	    .author = w->node[author].id.pub,
	    .number = 1,
	    .serial = w->serial};

	if (kind == LM_CHAIN_MOVE || kind == LM_CHAIN_FORGET)
		c.key_len = (uint8_t)lm_address_key(
		    c.key, w->version[w->serial].man, w->version[w->serial].endpoint[thing]);
	if (kind == LM_CHAIN_MOVE)
		c.gateway = c.author;
	return c;
}

static bool consents(const struct world *w, unsigned node, const struct lm_chain_command *c)
{
	struct lm_now now = world_now(&w->node[node]);

	return lm_address_consent(w->node[node].address, &now, &w->net, c);
}

static void consent_to_note(void)
{
	struct setup s = plain(3);
	s.kind[6] = GIVEN_PLACED;
	s.kind[7] = STATIC;
	struct world *w = begin(&s);
	unsigned home = (unsigned)version_of(&w->node[0])->place[6], other = (home + 1) % 3;

	for (unsigned i = 0; i < 3; i++)
		attach(w, i, i);
	struct lm_chain_command c = command(w, LM_CHAIN_MOVE, home, 6);
	c.generation = 1;
	c.address = place(w, home, home).index ^ 1;
	CU_ASSERT_TRUE(consents(w, 0, &c));
	c.generation = 2;
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c.generation = 1;
	c.serial = 2;
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c.serial = 1;
	c.address = place(w, other, other).index ^ 1; /* another's address block */
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c = command(w, LM_CHAIN_MOVE, other, 6); /* it is placed elsewhere */
	c.generation = 1;
	c.address = place(w, other, other).index ^ 1;
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c = command(w, LM_CHAIN_MOVE, home, 7); /* nothing of it is decided */
	c.generation = 1;
	c.address = place(w, home, home).index ^ 1;
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c = command(w, LM_CHAIN_MOVE, home, 6);
	c.generation = 1;
	c.address = place(w, home, home).index ^ 1;
	c.gateway = w->node[other].id.pub; /* for somebody else */
	CU_ASSERT_FALSE(consents(w, 0, &c));
	c.gateway = c.author = w->owner.pub; /* no provider */
	CU_ASSERT_FALSE(consents(w, 0, &c));
	end(w);
}

static void consent_to_move(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	struct lm_chain_command c = command(w, LM_CHAIN_MOVE, 1, 1);
	c.generation = 2;
	c.address = place(w, 0, 1).index;
	CU_ASSERT_FALSE(consents(w, 0, &c)); /* it serves it itself */
	CU_ASSERT_FALSE(consents(w, 2, &c)); /* it does not know yet */
	CU_ASSERT_FALSE(consents(w, 2, &c)); /* the holder says that it does */
	world_attach(w, 0, 1, false);
	CU_ASSERT_TRUE(consents(w, 0, &c));
	world_run(w, 5 * SECOND);
	consents(w, 2, &c);
	CU_ASSERT_TRUE(consents(w, 2, &c));
	c.generation = 3;
	CU_ASSERT_FALSE(consents(w, 2, &c));
	c.generation = 1;
	CU_ASSERT_FALSE(consents(w, 2, &c));
	c.generation = 2;
	c.address ^= 1;
	CU_ASSERT_FALSE(consents(w, 2, &c));
	c = command(w, LM_CHAIN_MOVE, 0, 1); /* to where it is */
	c.generation = 2;
	c.address = place(w, 0, 1).index;
	CU_ASSERT_FALSE(consents(w, 2, &c));
	end(w);
}

static void consent_to_forget(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	struct lm_chain_command c = command(w, LM_CHAIN_FORGET, 0, 1);
	CU_ASSERT_FALSE(consents(w, 1, &c)); /* it is in the manifest */
	isolate(w, 0, true);
	world_manifest(w, 7, ALL & ~(1u << 1));
	world_tell(w, 1, 2);
	c.serial = 2;
	CU_ASSERT_TRUE(consents(w, 1, &c));
	c.author = w->node[2].id.pub; /* not its to give up */
	CU_ASSERT_FALSE(consents(w, 1, &c));
	c.author = w->node[0].id.pub;
	c.key[2] = 'x'; /* unknown */
	CU_ASSERT_FALSE(consents(w, 1, &c));
	world_manifest(w, 6, ALL & ~(1u << 1));
	world_tell(w, 1, 3);
	c.key[2] = 'm';
	c.serial = 3;
	CU_ASSERT_FALSE(consents(w, 1, &c)); /* no provider */
	c.author = w->node[2].id.pub;
	CU_ASSERT_TRUE(consents(w, 1, &c)); /* its gateway is none */
	end(w);
}

static void consent_to_blocks(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);

	attach(w, 0, 1);
	uint32_t block = place(w, 0, 1).index / 4;
	struct lm_chain_command c = command(w, LM_CHAIN_ASSIGN, 0, 0);
	CU_ASSERT_TRUE(consents(w, 1, &c));
	c = command(w, LM_CHAIN_RELEASE, 0, 0);
	c.block = block;
	c.until = world_now(&w->node[1]).wall / SECOND + LM_ADDRESS_QUARANTINE;
	CU_ASSERT_TRUE(consents(w, 1, &c));
	c.until += LM_ADDRESS_CLOCKS + 1;
	CU_ASSERT_FALSE(consents(w, 1, &c));
	c.until -= 2 * LM_ADDRESS_CLOCKS + 2;
	CU_ASSERT_FALSE(consents(w, 1, &c));
	c.until += LM_ADDRESS_CLOCKS;
	c.author = w->node[2].id.pub;
	CU_ASSERT_FALSE(consents(w, 1, &c));
	c = command(w, LM_CHAIN_FREE, 2, 0);
	c.block = block;
	CU_ASSERT_FALSE(consents(w, 1, &c)); /* it is somebody's */
	world_manifest(w, 6, ALL);
	world_tell(w, 1, 2);
	world_tell(w, 2, 2);
	world_run(w, 60 * SECOND);
	c.serial = 2;
	CU_ASSERT_FALSE(consents(w, 1, &c)); /* its time has not come */
	w->node[1].clock += (int64_t)(7 * DAY + HOUR);
	CU_ASSERT_TRUE(consents(w, 1, &c));
	w->node[1].clock -= (int64_t)(7 * DAY + HOUR);
	for (unsigned kind = 0; kind < 16; kind++) {
		c.kind = (uint8_t)kind;
		if (kind == 0 || kind == LM_CHAIN_ADD || kind == LM_CHAIN_REMOVE || kind > 7)
			CU_ASSERT_FALSE(consents(w, 1, &c));
	}
	end(w);
}

/* ---- claims ---- */

static void claims(void)
{
	struct setup s = plain(3);
	struct world *w = begin(&s);
	struct node *n = &w->node[2];
	struct lm_now now = world_now(n);

	attach(w, 0, 0);
	attach(w, 1, 1);
	uint32_t e = version_of(n)->endpoint[5], first = place(w, 0, 0).index,
		 second = place(w, 1, 1).index;
	struct lm_address_claim all[] = {{e, 0, first ^ 1, 0}, {e, 1, second ^ 1, 0}};
	unsigned lower = memcmp(w->node[0].id.pub.b, w->node[1].id.pub.b, 32) > 0;

	now = world_now(n);
	CU_ASSERT_EQUAL(lm_address_heard(n->address, &now, &w->net, all, 2), 0);
	lm_address_tick(n->address, &now);
	CU_ASSERT_EQUAL(place(w, 2, 5).provider, lower);
	CU_ASSERT_EQUAL(place(w, 2, 5).index, all[lower].index);
	all[0].index = second ^ 2; /* another's to give */
	all[1].index = second; /* an endpoint has it */
	lm_address_heard(n->address, &now, &w->net, all, 2);
	lm_address_tick(n->address, &now);
	CU_ASSERT_EQUAL(place(w, 2, 5).provider, LM_ANY_PROVIDER);
	CU_ASSERT_EQUAL(place(w, 2, 5).index, LM_ADDRESS_NONE);
	all[0] = (struct lm_address_claim){e, 0, first ^ 1, 7}; /* the chain knows no such */
	lm_address_heard(n->address, &now, &w->net, all, 1);
	lm_address_tick(n->address, &now);
	CU_ASSERT_EQUAL(place(w, 2, 5).provider, LM_ANY_PROVIDER);
	all[0] = (struct lm_address_claim){version_of(n)->endpoint[1], 0, first ^ 1, 0};
	lm_address_heard(n->address, &now, &w->net, all, 1);
	lm_address_tick(n->address, &now);
	CU_ASSERT_EQUAL(place(w, 2, 1).provider, 1); /* the chain knows better */
	all[0].provider = 3;
	CU_ASSERT_EQUAL(lm_address_heard(n->address, &now, &w->net, all, 1), -EINVAL);
	end(w);
}

LM_SUITE("address", {"given_at_once", given_at_once}, {"given_while_cut_off", given_while_cut_off},
    {"all_taken", all_taken}, {"no_majority_no_block", no_majority_no_block},
    {"block_before_need", block_before_need}, {"not_stored_not_served", not_stored_not_served},
    {"fixed_and_static", fixed_and_static}, {"restart_keeps", restart_keeps},
    {"restart_alone", restart_alone}, {"restart_after_move", restart_after_move},
    {"records_lost", records_lost}, {"records_are_checked", records_are_checked},
    {"fenced", fenced}, {"fenced_after_restart", fenced_after_restart},
    {"fenced_after_sleep", fenced_after_sleep}, {"two_need_each_other", two_need_each_other},
    {"moves", moves}, {"moves_from_the_dead", moves_from_the_dead}, {"conflict", conflict},
    {"revoked", revoked}, {"rests", rests}, {"rests_for_long", rests_for_long},
    {"rests_until_known", rests_until_known},
    {"rests_though_another_gave_it", rests_though_another_gave_it}, {"given_back", given_back},
    {"one_spare", one_spare}, {"silent_when_idle", silent_when_idle},
    {"consent_to_note", consent_to_note}, {"consent_to_move", consent_to_move},
    {"consent_to_forget", consent_to_forget}, {"consent_to_blocks", consent_to_blocks},
    {"claims", claims})
