/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include "manifest/sorted.h"

int lm_sorted_init(struct lm_sorted *index, uint32_t room, lm_sorted_compare compare)
{
	*index = (struct lm_sorted){.room = room, .compare = compare};
	index->entries = calloc(room ? room : 1, sizeof(*index->entries));
	return index->entries ? 0 : -ENOMEM;
}

void lm_sorted_free(struct lm_sorted *index)
{
	free(index->entries);
	*index = (struct lm_sorted){0};
}

void lm_sorted_add(struct lm_sorted *index, const void *key, uint32_t position)
{
	if (index->n < index->room)
		index->entries[index->n++] = (struct lm_sorted_entry){key, position};
}

static int compare_entries(const void *a, const void *b, void *index)
{
	const struct lm_sorted_entry *x = a, *y = b;
	int order = ((const struct lm_sorted *)index)->compare(x->key, y->key);
	if (order != 0)
		return order;
	return x->position < y->position ? -1 : x->position > y->position;
}

void lm_sorted_sort(struct lm_sorted *index)
{
	qsort_r(index->entries, index->n, sizeof(*index->entries), compare_entries, index);
}

bool lm_sorted_repeat(const struct lm_sorted *index, uint32_t *earlier, uint32_t *again)
{
	bool found = false;
	for (uint32_t i = 1; i < index->n; i++) {
		const struct lm_sorted_entry *a = &index->entries[i - 1], *b = &index->entries[i];
		if (index->compare(a->key, b->key) != 0 || (found && b->position >= *again))
			continue;
		found = true;
		*earlier = a->position;
		*again = b->position;
	}
	return found;
}

int64_t lm_sorted_find(const struct lm_sorted *index, const void *key)
{
	uint32_t from = 0, to = index->n;
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		int order = index->compare(key, index->entries[middle].key);
		if (order == 0)
			return index->entries[middle].position;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return -ENOENT;
}
