/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timers.h"

#include <errno.h>
#include <stdlib.h>

int lm_timers_reserve(struct lm_timers *ts)
{
	if (ts->reserved + 1 >= ts->cap) {
		size_t cap = ts->cap ? 2 * ts->cap : 16;
		struct lm_timer **heap = realloc(ts->heap, cap * sizeof(*heap));
		if (!heap)
			return -ENOMEM;
		ts->heap = heap;
		ts->cap = cap;
	}
	ts->reserved++;
	return 0;
}

static void place(struct lm_timers *ts, struct lm_timer *t, size_t pos)
{
	ts->heap[pos] = t;
	t->pos = pos;
}

/* Moves t, which may stand anywhere, to where its deadline belongs, starting at the hole pos. */
static void settle(struct lm_timers *ts, struct lm_timer *t, size_t pos)
{
	while (pos > 1 && ts->heap[pos / 2]->due > t->due) {
		place(ts, ts->heap[pos / 2], pos);
		pos /= 2;
	}
	for (;;) {
		size_t child = 2 * pos;
		if (child > ts->n)
			break;
		if (child < ts->n && ts->heap[child + 1]->due < ts->heap[child]->due)
			child++;
		if (ts->heap[child]->due >= t->due)
			break;
		place(ts, ts->heap[child], pos);
		pos = child;
	}
	place(ts, t, pos);
}

static void unset(struct lm_timers *ts, struct lm_timer *t)
{
	if (!t->pos)
		return;
	size_t hole = t->pos;
	struct lm_timer *last = ts->heap[ts->n--];
	t->pos = 0;
	if (last != t)
		settle(ts, last, hole);
}

void lm_timers_set(struct lm_timers *ts, struct lm_timer *t, uint64_t due)
{
	if (due == LM_NEVER) {
		unset(ts, t);
		return;
	}
	if (t->pos && t->due == due)
		return;
	t->due = due;
	settle(ts, t, t->pos ? t->pos : ++ts->n);
}

void lm_timers_release(struct lm_timers *ts, struct lm_timer *t)
{
	unset(ts, t);
	ts->reserved--;
}

struct lm_timer *lm_timers_first(const struct lm_timers *ts)
{
	return ts->n ? ts->heap[1] : NULL;
}

uint64_t lm_timers_next(const struct lm_timers *ts)
{
	return ts->n ? ts->heap[1]->due : LM_NEVER;
}

void lm_timers_free(struct lm_timers *ts)
{
	free(ts->heap);
	*ts = (struct lm_timers){0};
}
