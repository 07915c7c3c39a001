/* SPDX-License-Identifier: Apache-2.0 */
/* The shelf of the ledger, beside a plain model of it. */
#include "ledger/internal.h"
#include "suite.h"

#include <sodium.h>

static uint64_t seed = 1;

static uint64_t chance(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

/* ---- shelf ---- */

#define LEAVES 1500

struct model {
	struct lm_leaf leaf[LEAVES];
	bool there[LEAVES];
	struct lm_shelf shelf;
};

/* The first half-bytes from a small set, so that nodes fill up at several depths. */
static void make_leaves(struct model *m)
{
	memset(m, 0, sizeof(*m));
	for (unsigned i = 0; i < LEAVES; i++) {
		for (unsigned k = 0; k < LM_LEAF_LEN; k++)
			m->leaf[i].id[k] = (uint8_t)chance(256);
		if (chance(3) == 0)
			memset(m->leaf[i].id, 0x70 + (int)chance(3), 1 + chance(14));
		memcpy(m->leaf[i].id + 14, &i, 2); /* no two alike */
		m->leaf[i].state[0] = (uint8_t)chance(256);
	}
}

static void change_something(struct model *m)
{
	unsigned i = (unsigned)chance(LEAVES);

	if (!m->there[i]) {
		CU_ASSERT_EQUAL(lm_shelf_reserve(&m->shelf), 0);
		lm_shelf_put(&m->shelf, &m->leaf[i]);
		m->there[i] = true;
	} else if (chance(3)) {
		lm_shelf_take(&m->shelf, &m->leaf[i]);
		m->there[i] = false;
	} else {
		m->leaf[i].state[chance(LM_LEAF_LEN)]++;
		lm_shelf_touch(&m->shelf, &m->leaf[i]);
	}
}

/* Digests of a shelf with a history are those of one that was just made. */
static void compare_with_fresh(struct model *m, const uint8_t *key)
{
	struct lm_shelf fresh = {0};
	struct lm_node node = {0};

	for (unsigned i = LEAVES; i-- > 0;) {
		if (!m->there[i])
			continue;
		lm_shelf_reserve(&fresh);
		lm_shelf_put(&fresh, &m->leaf[i]);
	}
	CU_ASSERT_EQUAL(fresh.n, m->shelf.n);
	for (unsigned depth = 0; depth < 6; depth++) {
		uint8_t a[LM_LEAF_LEN], b[LM_LEAF_LEN];
		lm_shelf_digest(&m->shelf, &node, key, a);
		lm_shelf_digest(&fresh, &node, key, b);
		CU_ASSERT_EQUAL(memcmp(a, b, LM_LEAF_LEN), 0);
		node = lm_node_child(&node, chance(2) ? 7 : (unsigned)chance(16));
	}
	lm_shelf_free(&fresh);
}

static bool is_below(const struct lm_node *node, const uint8_t *id)
{
	for (unsigned i = 0; i < node->depth; i++) {
		unsigned shift = i % 2 ? 0 : 4;
		if ((id[i / 2] >> shift & 0xf) != (node->prefix[i / 2] >> shift & 0xf))
			return false;
	}
	return true;
}

static void check_ranges(struct model *m)
{
	struct lm_node node = {0};

	for (unsigned depth = 0; depth <= LM_DEPTH_MAX; depth++) {
		uint32_t from, to = lm_shelf_range(&m->shelf, &node, &from), n = 0;
		for (unsigned i = 0; i < LEAVES; i++)
			n += m->there[i] && is_below(&node, m->leaf[i].id);
		CU_ASSERT_EQUAL(to - from, n);
		for (uint32_t i = from; i < to; i++)
			CU_ASSERT_EQUAL(is_below(&node, m->shelf.at[i]->id), true);
		if (depth == LM_DEPTH_MAX)
			break;
		/* Along the edges as well: all zero, all ones. */
		unsigned way = m->shelf.n % 3;
		node = lm_node_child(&node, way == 0 ? 0 : way == 1 ? 15 : (unsigned)chance(16));
	}
}

static void test_shelf(void)
{
	static struct model m;
	const uint8_t key[32] = {5};

	for (unsigned round = 0; round < 20; round++) {
		make_leaves(&m);
		for (unsigned i = 0; i < 60; i++) {
			for (unsigned k = 1 + (unsigned)chance(100); k--;)
				change_something(&m);
			compare_with_fresh(&m, round % 2 ? key : NULL);
			check_ranges(&m);
		}
		for (unsigned i = 0; i < LEAVES; i++)
			CU_ASSERT_EQUAL(
			    lm_shelf_find(&m.shelf, m.leaf[i].id) == &m.leaf[i], m.there[i]);
		lm_shelf_free(&m.shelf);
	}
}

/* Whatever differs, the digest differs, with the key as well. */
static void test_digest_differs(void)
{
	struct lm_leaf leaf = {.id = {1}}, other = {.id = {2}};
	struct lm_shelf s = {0};
	const struct lm_node all = {0};
	const uint8_t key[32] = {1}, zero[LM_LEAF_LEN] = {0};
	uint8_t a[LM_LEAF_LEN], b[LM_LEAF_LEN];

	lm_shelf_digest(&s, &all, key, a);
	CU_ASSERT_EQUAL(memcmp(a, zero, sizeof(a)), 0);
	lm_shelf_reserve(&s);
	lm_shelf_put(&s, &leaf);
	lm_shelf_digest(&s, &all, key, a);
	lm_shelf_digest(&s, &all, NULL, b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	leaf.state[15] ^= 1;
	lm_shelf_touch(&s, &leaf);
	lm_shelf_digest(&s, &all, key, b);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	lm_shelf_reserve(&s);
	lm_shelf_put(&s, &other);
	lm_shelf_digest(&s, &all, key, a);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	lm_shelf_free(&s);
}

/* As docs/protocol.md says, computed here by hand. */
static void test_digest_is_as_documented(void)
{
	struct lm_leaf leaf = {.id = {0x12}, .state = {0x34}};
	struct lm_shelf s = {0};
	const struct lm_node all = {0};
	uint8_t key[32] = {7}, want[LM_LEAF_LEN], got[LM_LEAF_LEN], text[6 + 32] = "leaves";

	memcpy(text + 6, &leaf, 32);
	crypto_generichash(want, sizeof(want), text, sizeof(text), key, sizeof(key));
	lm_shelf_reserve(&s);
	lm_shelf_put(&s, &leaf);
	lm_shelf_digest(&s, &all, key, got);
	CU_ASSERT_EQUAL(memcmp(want, got, sizeof(got)), 0);
	lm_shelf_free(&s);
}

/* ---- allowances ---- */

static void test_allowance(void)
{
	struct lm_ledger l = {.now.mono = 10 * SECOND};
	struct allowance a = {.milli = 5000, .refilled = l.now.mono};
	unsigned taken = 0;

	for (unsigned i = 0; i < 10; i++)
		taken += lm_ledger_allow(&l, &a, 100, 5, 1);
	CU_ASSERT_EQUAL(taken, 5);
	/* In steps too short to count alone, a second still gives its due. */
	taken = 0;
	for (unsigned i = 0; i < 1000000; i++) {
		l.now.mono += SECOND / 1000000;
		taken += lm_ledger_allow(&l, &a, 100, 5, 1);
	}
	CU_ASSERT_EQUAL(taken >= 99 && taken <= 100, true);
	l.now.mono += 1000000 * SECOND;
	CU_ASSERT_EQUAL(lm_ledger_allowed(&l, &a, 4000, 8000), 8000);
	CU_ASSERT_EQUAL(lm_ledger_allow(&l, &a, 4000, 8000, 8001), false);
}

LM_SUITE("ledger_parts", {"shelf", test_shelf}, {"digest_differs", test_digest_differs},
    {"digest_is_as_documented", test_digest_is_as_documented}, {"allowance", test_allowance})
