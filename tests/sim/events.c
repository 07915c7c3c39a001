/* SPDX-License-Identifier: Apache-2.0 */
#include "events.h"

#include <stdbool.h>
#include <stdlib.h>

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void place(struct sim_events *es, struct sim_event *e, size_t pos)
{
	es->heap[pos] = e;
	e->pos = pos;
}

/* Moves e, which may stand anywhere, to where it belongs, starting at the hole pos. */
static void settle(struct sim_events *es, struct sim_event *e, size_t pos)
{
	for (; pos > 1 && before(e, es->heap[pos / 2]); pos /= 2)
		place(es, es->heap[pos / 2], pos);
	for (size_t child = 2 * pos; child <= es->n; child = 2 * pos) {
		if (child < es->n && before(es->heap[child + 1], es->heap[child]))
			child++;
		if (!before(es->heap[child], e))
			break;
		place(es, es->heap[child], pos);
		pos = child;
	}
	place(es, e, pos);
}

static void take_out(struct sim_events *es, struct sim_event *e)
{
	if (!e->pos)
		return;
	size_t hole = e->pos;
	struct sim_event *last = es->heap[es->n--];
	e->pos = 0;
	if (last != e)
		settle(es, last, hole);
}

static void grow(struct sim_events *es)
{
	if (es->n + 1 < es->room)
		return;
	es->room = es->room ? 2 * es->room : 1024;
	es->heap = realloc(es->heap, es->room * sizeof(es->heap[0]));
	if (!es->heap)
		abort();
}

void sim_event_set(struct sim_events *es, struct sim_event *e, uint64_t at)
{
	if (at == SIM_NEVER) {
		take_out(es, e);
		return;
	}
	e->at = at;
	e->order = ++es->order;
	if (!e->pos) {
		grow(es);
		es->n++;
		settle(es, e, es->n);
	} else {
		settle(es, e, e->pos);
	}
}

struct sim_event *sim_event_first(const struct sim_events *es)
{
	return es->n ? es->heap[1] : NULL;
}

void sim_events_free(struct sim_events *es)
{
	free(es->heap);
	*es = (struct sim_events){0};
}
