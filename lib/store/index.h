/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a journal's file each entry stands that counts. */
#ifndef LM_STORE_INDEX_H
#define LM_STORE_INDEX_H

#include <uthash.h>
#include "store/entry.h"

struct lm_item {
	uint8_t id[LM_JOURNAL_ID_LEN];
	uint64_t at; /* of its entry in the file */
	uint16_t len; /* of its value */
	UT_hash_handle hh;
};

struct lm_index_group;

struct lm_index {
	struct lm_index_group *groups;
	uint64_t items, bytes; /* their number, and the size of their entries */
};

static inline size_t lm_item_size(const struct lm_item *item)
{
	return LM_ENTRY_FIXED + item->len;
}

struct lm_item *lm_index_find(const struct lm_index *x, const uint8_t *group, const uint8_t *id);
/* In place of what was there; without memory for it there is nothing there then. */
void lm_index_put(
    struct lm_index *x, const uint8_t *group, const uint8_t *id, uint64_t at, uint16_t len);
void lm_index_drop(struct lm_index *x, const uint8_t *group, const uint8_t *id);
void lm_index_drop_group(struct lm_index *x, const uint8_t *group);
void lm_index_clear(struct lm_index *x);

size_t lm_index_count(const struct lm_index *x, const uint8_t *group);
/* Of one group, or of all (NULL), until each returns not 0, which is returned. */
int lm_index_each(const struct lm_index *x, const uint8_t *group,
    int (*each)(void *ctx, struct lm_item *item), void *ctx);
/* The id of the group after this one (or the first, after NULL), which must be there; NULL: none.
 */
const uint8_t *lm_index_next_group(const struct lm_index *x, const uint8_t *group);

#endif
