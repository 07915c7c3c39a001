/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/due.h"

#include <errno.h>
#include <stdlib.h>

int lm_dues_reserve(struct lm_dues *ds)
{
	if (ds->reserved + 1 >= ds->cap) {
		size_t cap = ds->cap ? 2 * ds->cap : 16;
		struct lm_due **heap = realloc(ds->heap, cap * sizeof(*heap));
		if (!heap)
			return -ENOMEM;
		ds->heap = heap;
		ds->cap = cap;
	}
	ds->reserved++;
	return 0;
}

static void place(struct lm_dues *ds, struct lm_due *d, size_t pos)
{
	ds->heap[pos] = d;
	d->pos = pos;
}

/* Puts d, which stands nowhere, where it belongs, starting at the hole pos. */
static void settle(struct lm_dues *ds, struct lm_due *d, size_t pos)
{
	for (; pos > 1 && ds->heap[pos / 2]->at > d->at; pos /= 2)
		place(ds, ds->heap[pos / 2], pos);
	for (size_t child; (child = 2 * pos) <= ds->n; pos = child) {
		if (child < ds->n && ds->heap[child + 1]->at < ds->heap[child]->at)
			child++;
		if (ds->heap[child]->at >= d->at)
			break;
		place(ds, ds->heap[child], pos);
	}
	place(ds, d, pos);
}

void lm_dues_set(struct lm_dues *ds, struct lm_due *d, uint64_t at)
{
	d->at = at;
	settle(ds, d, d->pos ? d->pos : ++ds->n);
}

void lm_dues_release(struct lm_dues *ds, struct lm_due *d)
{
	ds->reserved--;
	if (!d->pos)
		return;
	struct lm_due *last = ds->heap[ds->n--];
	if (last != d)
		settle(ds, last, d->pos);
	d->pos = 0;
}

struct lm_due *lm_dues_first(const struct lm_dues *ds)
{
	return ds->n ? ds->heap[1] : NULL;
}

void lm_dues_free(struct lm_dues *ds)
{
	free(ds->heap);
	*ds = (struct lm_dues){0};
}
