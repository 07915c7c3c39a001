/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sorted index over things that must be unique and are looked up: names,
 * keys, addresses. Sorted, not hashed: its cost does not depend on what a
 * hostile document chooses to put in, and it needs no random seed.
 *
 * Private to lib/manifest. Keys are referenced, not copied.
 */
#ifndef LM_MANIFEST_SORTED_H
#define LM_MANIFEST_SORTED_H

#include <stdbool.h>
#include <stdint.h>

typedef int (*lm_sorted_compare)(const void *a, const void *b);

struct lm_sorted_entry {
	const void *key;
	uint32_t position; /* in the list that is indexed */
};

struct lm_sorted {
	struct lm_sorted_entry *entries;
	uint32_t n, room;
	lm_sorted_compare compare;
};

/* -ENOMEM. */
int lm_sorted_init(struct lm_sorted *index, uint32_t room, lm_sorted_compare compare);
void lm_sorted_free(struct lm_sorted *index);
/* Never beyond the room. Finds nothing until sorted. */
void lm_sorted_add(struct lm_sorted *index, const void *key, uint32_t position);
void lm_sorted_sort(struct lm_sorted *index);
/* Of a sorted index: the first position whose key an earlier one has too. */
bool lm_sorted_repeat(const struct lm_sorted *index, uint32_t *earlier, uint32_t *again);
/* The position of the key, or -ENOENT. */
int64_t lm_sorted_find(const struct lm_sorted *index, const void *key);

#endif
