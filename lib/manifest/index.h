/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sorted index over things that must be unique and are looked up: names,
 * keys, addresses. Sorted, not hashed: its cost does not depend on what a
 * hostile document chooses to put in, and it needs no random seed.
 *
 * Private to lib/manifest. Keys are referenced, not copied.
 */
#ifndef LM_MANIFEST_INDEX_H
#define LM_MANIFEST_INDEX_H

#include <stdbool.h>
#include <stdint.h>

typedef int (*lm_index_compare)(const void *a, const void *b);

struct lm_index_entry {
	const void *key;
	uint32_t position; /* in the list that is indexed */
};

struct lm_index {
	struct lm_index_entry *entries;
	uint32_t n, room;
	lm_index_compare compare;
};

/* -ENOMEM. */
int lm_index_init(struct lm_index *index, uint32_t room, lm_index_compare compare);
void lm_index_free(struct lm_index *index);
/* Never beyond the room. Finds nothing until sorted. */
void lm_index_add(struct lm_index *index, const void *key, uint32_t position);
void lm_index_sort(struct lm_index *index);
/* Of a sorted index: the first position whose key an earlier one has too. */
bool lm_index_repeat(const struct lm_index *index, uint32_t *earlier, uint32_t *again);
/* The position of the key, or -ENOENT. */
int64_t lm_index_find(const struct lm_index *index, const void *key);

#endif
