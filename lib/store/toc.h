/* SPDX-License-Identifier: Apache-2.0 */
/* The table of contents: where in a journal's files each entry stands that counts; in the order in
 * which they came there.
 */
#ifndef LM_STORE_TOC_H
#define LM_STORE_TOC_H

#include <sys/queue.h>
#include <uthash.h>
#include "store/entry.h"

struct lm_item {
	uint8_t id[LM_JOURNAL_ID_LEN];
	uint64_t at; /* of its entry in the file */
	unsigned file; /* the caller's number of it */
	uint16_t len; /* of its value */
	TAILQ_ENTRY(lm_item) order;
	UT_hash_handle hh;
};
TAILQ_HEAD(lm_item_list, lm_item);

struct lm_toc_group;

struct lm_toc {
	struct lm_toc_group *groups;
	struct lm_item_list order; /* oldest first */
	uint64_t items, bytes; /* their number, and the size of their entries */
};

static inline size_t lm_item_size(const struct lm_item *item)
{
	return LM_ENTRY_FIXED + item->len;
}

void lm_toc_init(struct lm_toc *x);
void lm_toc_clear(struct lm_toc *x);

struct lm_item *lm_toc_find(const struct lm_toc *x, const uint8_t *group, const uint8_t *id);
/* In place of what was there; without memory for it there is nothing there then. */
void lm_toc_put(struct lm_toc *x, const uint8_t *group, const uint8_t *id, unsigned file,
    uint64_t at, uint16_t len);
/* The entry was copied there. */
void lm_toc_moved(struct lm_toc *x, struct lm_item *item, unsigned file, uint64_t at);
void lm_toc_drop(struct lm_toc *x, const uint8_t *group, const uint8_t *id);
void lm_toc_drop_group(struct lm_toc *x, const uint8_t *group);

size_t lm_toc_count(const struct lm_toc *x, const uint8_t *group);
void lm_toc_each(const struct lm_toc *x, const uint8_t *group,
    void (*each)(void *ctx, const struct lm_item *item), void *ctx);
/* The id of the group after this one (or the first, after NULL), which must be there; NULL: none.
 */
const uint8_t *lm_toc_next_group(const struct lm_toc *x, const uint8_t *group);

#endif
