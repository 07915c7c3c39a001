/* SPDX-License-Identifier: Apache-2.0 */
#include "store/toc.h"

#include <stdlib.h>
#include <string.h>

struct lm_toc_group {
	uint8_t id[LM_JOURNAL_GROUP_LEN];
	struct lm_item *items; /* never empty */
	UT_hash_handle hh;
};

static struct lm_toc_group *group_find(const struct lm_toc *x, const uint8_t *id)
{
	struct lm_toc_group *g;

	HASH_FIND(hh, x->groups, id, LM_JOURNAL_GROUP_LEN, g);
	return g;
}

static struct lm_item *item_find(const struct lm_toc_group *g, const uint8_t *id)
{
	struct lm_item *item = NULL;

	if (g)
		HASH_FIND(hh, g->items, id, LM_JOURNAL_ID_LEN, item);
	return item;
}

static void item_free(struct lm_toc *x, struct lm_toc_group *g, struct lm_item *item)
{
	x->items--;
	x->bytes -= lm_item_size(item);
	TAILQ_REMOVE(&x->order, item, order);
	HASH_DEL(g->items, item);
	free(item);
}

static void group_free(struct lm_toc *x, struct lm_toc_group *g)
{
	struct lm_item *item, *next;

	HASH_ITER(hh, g->items, item, next)
	item_free(x, g, item);
	HASH_DEL(x->groups, g);
	free(g);
}

struct lm_item *lm_toc_find(const struct lm_toc *x, const uint8_t *group, const uint8_t *id)
{
	return item_find(group_find(x, group), id);
}

void lm_toc_drop(struct lm_toc *x, const uint8_t *group, const uint8_t *id)
{
	struct lm_toc_group *g = group_find(x, group);
	struct lm_item *item = item_find(g, id);

	if (item)
		item_free(x, g, item);
	if (g && !g->items)
		group_free(x, g);
}

void lm_toc_drop_group(struct lm_toc *x, const uint8_t *group)
{
	struct lm_toc_group *g = group_find(x, group);

	if (g)
		group_free(x, g);
}

void lm_toc_init(struct lm_toc *x)
{
	*x = (struct lm_toc){0};
	TAILQ_INIT(&x->order);
}

void lm_toc_clear(struct lm_toc *x)
{
	struct lm_toc_group *g, *next;

	HASH_ITER(hh, x->groups, g, next)
	group_free(x, g);
}

void lm_toc_put(struct lm_toc *x, const uint8_t *group, const uint8_t *id, unsigned file,
    uint64_t at, uint16_t len)
{
	lm_toc_drop(x, group, id);
	struct lm_toc_group *g = group_find(x, group);
	struct lm_item *item = malloc(sizeof(*item));
	if (item && !g && (g = calloc(1, sizeof(*g)))) {
		memcpy(g->id, group, sizeof(g->id));
		HASH_ADD(hh, x->groups, id, sizeof(g->id), g);
	}
	if (!item || !g) {
		free(item);
		return;
	}
	memcpy(item->id, id, sizeof(item->id));
	item->file = file;
	item->at = at;
	item->len = len;
	HASH_ADD(hh, g->items, id, sizeof(item->id), item);
	TAILQ_INSERT_TAIL(&x->order, item, order);
	x->items++;
	x->bytes += lm_item_size(item);
}

void lm_toc_moved(struct lm_toc *x, struct lm_item *item, unsigned file, uint64_t at)
{
	item->file = file;
	item->at = at;
	TAILQ_REMOVE(&x->order, item, order);
	TAILQ_INSERT_TAIL(&x->order, item, order);
}

size_t lm_toc_count(const struct lm_toc *x, const uint8_t *group)
{
	const struct lm_toc_group *g = group_find(x, group);

	return g ? HASH_COUNT(g->items) : 0;
}

void lm_toc_each(const struct lm_toc *x, const uint8_t *group,
    void (*each)(void *ctx, const struct lm_item *item), void *ctx)
{
	const struct lm_toc_group *g = group_find(x, group);

	for (const struct lm_item *item = g ? g->items : NULL; item; item = item->hh.next)
		each(ctx, item);
}

const uint8_t *lm_toc_next_group(const struct lm_toc *x, const uint8_t *group)
{
	const struct lm_toc_group *g = group ? group_find(x, group)->hh.next : x->groups;

	return g ? g->id : NULL;
}
