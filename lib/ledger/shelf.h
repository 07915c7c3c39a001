/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/ledger: a sorted set of leaves, seen as a tree of 16 branches a level. Two gateways
 * with equal sets have equal digests at every node; where they differ they look below. A node of
 * at most LM_LEAVES_MAX leaves is told by its leaves, a larger one by its children's digests.
 */
#ifndef LM_LEDGER_SHELF_H
#define LM_LEDGER_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LM_LEAF_LEN 16
#define LM_LEAVES_MAX 32 /* of one node in a message */
#define LM_DEPTH_MAX (2 * LM_LEAF_LEN)

struct lm_leaf {
	uint8_t id[LM_LEAF_LEN]; /* uniform: a keyed hash */
	uint8_t state[LM_LEAF_LEN]; /* of two states of one id the larger is the newer */
};

/* A node: the first `depth` half-bytes of prefix, the rest is zero. */
struct lm_node {
	uint8_t depth;
	uint8_t prefix[LM_LEAF_LEN];
};

struct lm_shelf {
	struct lm_leaf **at; /* by id; owned by others */
	uint32_t n, cap;
	uint8_t (*digests)[LM_LEAF_LEN]; /* of the root's children, once there are many leaves */
	uint16_t valid; /* which of them */
};

void lm_shelf_free(struct lm_shelf *s);
/* The leaf with this id, or NULL. */
struct lm_leaf *lm_shelf_find(const struct lm_shelf *s, const uint8_t id[LM_LEAF_LEN]);
/* Room for one more: 0 or -ENOMEM; the next lm_shelf_put cannot fail then. */
int lm_shelf_reserve(struct lm_shelf *s);
/* In the place of the leaf with the same id, if there is one. */
void lm_shelf_put(struct lm_shelf *s, struct lm_leaf *leaf);
/* The leaf must be there. */
void lm_shelf_take(struct lm_shelf *s, const struct lm_leaf *leaf);
/* The leaf's state has changed. */
void lm_shelf_touch(struct lm_shelf *s, const struct lm_leaf *leaf);
/* The leaves below a node are at[*from] .. at[result - 1]. */
uint32_t lm_shelf_range(const struct lm_shelf *s, const struct lm_node *node, uint32_t *from);
/* key of 32 bytes may be NULL. No leaves: zero. */
void lm_shelf_digest(
    struct lm_shelf *s, const struct lm_node *node, const uint8_t *key, uint8_t out[LM_LEAF_LEN]);

/* The child-th child, 0 .. 15; node->depth must be below LM_DEPTH_MAX. */
struct lm_node lm_node_child(const struct lm_node *node, unsigned child);

#endif
