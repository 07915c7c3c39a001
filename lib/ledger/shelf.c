/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/shelf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#define BRANCHES 16

void lm_shelf_free(struct lm_shelf *s)
{
	free(s->at);
	free(s->digests);
	*s = (struct lm_shelf){0};
}

/* Index of the first leaf whose id is not below this one. */
static uint32_t lower_bound(const struct lm_shelf *s, const uint8_t id[LM_LEAF_LEN])
{
	uint32_t low = 0, high = s->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (memcmp(s->at[mid]->id, id, LM_LEAF_LEN) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_at(const struct lm_shelf *s, uint32_t i, const uint8_t id[LM_LEAF_LEN])
{
	return i < s->n && memcmp(s->at[i]->id, id, LM_LEAF_LEN) == 0;
}

struct lm_leaf *lm_shelf_find(const struct lm_shelf *s, const uint8_t id[LM_LEAF_LEN])
{
	uint32_t i = lower_bound(s, id);

	return is_at(s, i, id) ? s->at[i] : NULL;
}

int lm_shelf_reserve(struct lm_shelf *s)
{
	if (s->n < s->cap)
		return 0;
	uint32_t cap = s->cap ? 2 * s->cap : 4;
	struct lm_leaf **at = realloc(s->at, cap * sizeof(*at));
	if (!at)
		return -ENOMEM;
	s->at = at;
	s->cap = cap;
	return 0;
}

void lm_shelf_touch(struct lm_shelf *s, const struct lm_leaf *leaf)
{
	s->valid = (uint16_t)(s->valid & ~(1u << (leaf->id[0] >> 4)));
}

void lm_shelf_put(struct lm_shelf *s, struct lm_leaf *leaf)
{
	uint32_t i = lower_bound(s, leaf->id);

	lm_shelf_touch(s, leaf);
	if (!is_at(s, i, leaf->id)) {
		memmove(&s->at[i + 1], &s->at[i], (s->n - i) * sizeof(s->at[0]));
		s->n++;
	}
	s->at[i] = leaf;
}

void lm_shelf_take(struct lm_shelf *s, const struct lm_leaf *leaf)
{
	uint32_t i = lower_bound(s, leaf->id);

	lm_shelf_touch(s, leaf);
	s->n--;
	memmove(&s->at[i], &s->at[i + 1], (s->n - i) * sizeof(s->at[0]));
}

struct lm_node lm_node_child(const struct lm_node *node, unsigned child)
{
	struct lm_node below = *node;

	below.prefix[node->depth / 2] |= (uint8_t)(node->depth % 2 ? child : child << 4);
	below.depth++;
	return below;
}

/* The smallest id beyond a node; false: there is none. */
static bool beyond(const struct lm_node *node, uint8_t out[LM_LEAF_LEN])
{
	memcpy(out, node->prefix, LM_LEAF_LEN);
	for (unsigned i = node->depth; i-- > 0;) {
		unsigned shift = i % 2 ? 0 : 4, half = (out[i / 2] >> shift) & 0xf;
		out[i / 2] = (uint8_t)(out[i / 2] & ~(0xfu << shift));
		if (half < 0xf) {
			out[i / 2] |= (uint8_t)((half + 1) << shift);
			return true;
		}
	}
	return false;
}

uint32_t lm_shelf_range(const struct lm_shelf *s, const struct lm_node *node, uint32_t *from)
{
	uint8_t end[LM_LEAF_LEN];

	*from = lower_bound(s, node->prefix);
	return beyond(node, end) ? lower_bound(s, end) : s->n;
}

static void digest_leaves(
    const struct lm_shelf *s, uint32_t from, uint32_t to, const uint8_t *key, uint8_t *out)
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, key, key ? 32 : 0, LM_LEAF_LEN);
	crypto_generichash_update(&h, (const uint8_t *)"leaves", 6);
	for (uint32_t i = from; i < to; i++)
		crypto_generichash_update(&h, s->at[i]->id, sizeof(struct lm_leaf));
	crypto_generichash_final(&h, out, LM_LEAF_LEN);
}

static void digest_branch(uint8_t (*children)[LM_LEAF_LEN], const uint8_t *key, uint8_t *out)
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, key, key ? 32 : 0, LM_LEAF_LEN);
	crypto_generichash_update(&h, (const uint8_t *)"branch", 6);
	crypto_generichash_update(&h, children[0], BRANCHES * LM_LEAF_LEN);
	crypto_generichash_final(&h, out, LM_LEAF_LEN);
}

static void compute(
    struct lm_shelf *s, const struct lm_node *node, const uint8_t *key, uint8_t out[LM_LEAF_LEN])
{
	uint8_t children[BRANCHES][LM_LEAF_LEN];
	uint32_t from, to = lm_shelf_range(s, node, &from);

	memset(out, 0, LM_LEAF_LEN);
	if (from == to)
		return;
	if (to - from <= LM_LEAVES_MAX || node->depth == LM_DEPTH_MAX) {
		digest_leaves(s, from, to, key, out);
		return;
	}
	for (unsigned c = 0; c < BRANCHES; c++) {
		struct lm_node child = lm_node_child(node, c);
		lm_shelf_digest(s, &child, key, children[c]);
	}
	digest_branch(children, key, out);
}

void lm_shelf_digest(
    struct lm_shelf *s, const struct lm_node *node, const uint8_t *key, uint8_t out[LM_LEAF_LEN])
{
	unsigned c = node->prefix[0] >> 4;

	/* Without memory for them nothing is remembered, and all is computed again. */
	if (node->depth == 1 && s->n > LM_LEAVES_MAX && !s->digests) {
		s->digests = calloc(BRANCHES, sizeof(s->digests[0]));
		s->valid = 0;
	}
	if (node->depth != 1 || !s->digests) {
		compute(s, node, key, out);
		return;
	}
	if (!(s->valid >> c & 1)) {
		compute(s, node, key, s->digests[c]);
		s->valid |= (uint16_t)(1u << c);
	}
	memcpy(out, s->digests[c], LM_LEAF_LEN);
}
