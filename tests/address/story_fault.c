/* SPDX-License-Identifier: Apache-2.0 */
/* What happens in a story before all is to be well: anything. */
#include "story.h"

/* Most members stay: whom a manifest takes off helps no more to decide that it is off. */
static bool is_bearable(const struct world *w, uint16_t providers)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_members; i++)
		n += providers >> w->members[i] & 1;
	return 2 * n > w->n_members && 4 * n >= 3 * w->n_members;
}

static void next_manifest(struct teller *t)
{
	struct world *w = t->w;
	uint16_t providers = all_nodes(w);
	uint32_t things = (uint32_t)below(t, 1u << THINGS) | (uint32_t)below(t, 1u << THINGS);

	if (w->serial == SERIALS - 4)
		return;
	if (below(t, 2))
		providers &= (uint16_t)~(1u << any_node(t));
	if (!is_bearable(w, providers))
		providers = all_nodes(w);
	world_manifest(w, providers, things);
	t->sum->removed += providers != all_nodes(w);
	for (unsigned i = 0; i < w->n; i++)
		if (below(t, 3))
			world_tell(w, i, w->serial);
}

static void part(struct teller *t)
{
	struct world *w = t->w;
	uint64_t sides = sim_random_next(&w->story), kind = below(t, 3);

	for (unsigned i = 0; i < w->n; i++)
		for (unsigned k = 0; k < w->n; k++) {
			bool across = (sides >> i & 1) != (sides >> k & 1);
			if (kind == 0)
				world_cut(w, i, k, across);
			else if (kind == 1)
				world_cut(w, i, k, across && sides >> i & 1);
			else
				world_cut(w, i, k, below(t, 4) == 0);
		}
}

/* One alone is cut off. */
static unsigned isolate(struct teller *t)
{
	struct world *w = t->w;
	unsigned node = any_node(t);

	for (unsigned i = 0; i < w->n; i++) {
		world_cut(w, i, node, true);
		world_cut(w, node, i, true);
	}
	return node;
}

/* With little to do. */
static void isolate_little(struct teller *t)
{
	unsigned node = isolate(t), left = 2;

	for (unsigned i = 0; i < THINGS; i++)
		if (t->w->node[node].attached[i] && (left == 0 || left-- == 0))
			world_attach(t->w, node, i, false);
}

static void crash(struct teller *t, unsigned node)
{
	if (!t->w->node[node].up)
		return;
	t->sum->crashes++;
	if (below(t, 2))
		world_crash(t->w, node);
	else
		t->w->node[node].dies_after = 1 + (unsigned)below(t, 8);
}

void story_attach_once(struct world *w)
{
	for (unsigned thing = 0; thing < THINGS; thing++) {
		bool there = false;
		for (unsigned i = 0; i < w->n; i++) {
			if (there)
				world_attach(w, i, thing, false);
			there |= w->node[i].attached[thing];
		}
	}
}

static void some_time(struct teller *t)
{
	static const unsigned hours[] = {1, 3, 20, 26, 30, 60, 24 * 4, 24 * 7};

	if (below(t, 3)) {
		world_run(t->w, (1 + below(t, 60)) * SECOND);
		return;
	}
	story_attach_once(t->w);
	/* Whoever is cut off for days tries in vain, again and again, what it has tried before. */
	if (below(t, 8)) {
		world_heal(t->w);
		if (below(t, 2))
			isolate_little(t);
	}
	world_run(t->w, hours[below(t, 8)] * (3000 + below(t, 1200)) * SECOND);
}

static void something(struct teller *t)
{
	struct world *w = t->w;
	unsigned node = any_node(t);

	switch (below(t, 26)) {
	case 0:
		next_manifest(t);
		break;
	case 1:
	case 2:
		world_tell(w, node, w->serial);
		break;
	case 3:
		part(t);
		break;
	case 4:
		isolate(t);
		break;
	case 5:
	case 6:
		world_heal(w);
		break;
	case 7:
		crash(t, node);
		break;
	case 8:
	case 9:
	case 10:
		world_start(w, node);
		break;
	case 11:
		w->loss = below(t, 2) ? (unsigned)below(t, 400) : 0;
		break;
	case 12:
		w->delay = below(t, 60 * MS);
		w->jitter = below(t, 2) ? below(t, 500 * MS) : 0;
		break;
	case 13:
		w->node[node].bad_disk = below(t, 2) ? (unsigned)below(t, 300) : 0;
		break;
	case 14:
	case 15:
		some_time(t);
		break;
	default:
		world_attach(w, node, (unsigned)below(t, THINGS), below(t, 3) > 0);
	}
}

void story_anything(struct teller *t)
{
	for (unsigned n = 20 + (unsigned)below(t, 120); n && !t->w->broken; n--) {
		something(t);
		if (below(t, 3))
			world_run(t->w, below(t, 2) ? below(t, 20 * MS) : below(t, 3000) * MS);
	}
}
