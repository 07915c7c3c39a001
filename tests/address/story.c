/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#define SILENCE (20 * 86400 * SECOND) /* then all rests and quarantines are over */

struct teller {
	struct world *w;
	struct story_sum *sum;
};

void story_log(void *ctx, enum lm_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	/* Disks of this world fail, again and again. */
	if (!strstr(line, "could not be stored") && !strstr(line, "lines like the next one"))
		fprintf(stderr, "log: %s\n", line);
}

static uint64_t below(struct teller *t, uint64_t n)
{
	return sim_random_below(&t->w->story, n);
}

static unsigned any_node(struct teller *t)
{
	return (unsigned)below(t, t->w->n);
}

static uint16_t all_nodes(const struct world *w)
{
	return (uint16_t)((1u << w->n) - 1);
}

/* ---- things that happen ---- */

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

/* What two want to serve is asked for again and again; for days that would only take time. */
static void attach_once(struct world *w)
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
	attach_once(t->w);
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

static void anything(struct teller *t)
{
	for (unsigned n = 20 + (unsigned)below(t, 120); n && !t->w->broken; n--) {
		something(t);
		if (below(t, 3))
			world_run(t->w, below(t, 2) ? below(t, 20 * MS) : below(t, 3000) * MS);
	}
}

/* ---- a majority can talk ---- */

/* These are up, may talk, are providers, and can decide: a majority, and one who knows the tip. */
static bool can_decide(const struct world *w, const bool in[NODES])
{
	unsigned n = 0;
	bool newest = false;

	for (unsigned i = 0; i < w->n_members; i++)
		n += in[w->members[i]];
	for (unsigned i = 0; i < w->n; i++)
		newest |= in[i] && w->node[i].seen == w->height;
	return 2 * n > w->n_members && newest;
}

/* All members that are providers, and whoever has the longest chain. */
static void gather(const struct world *w, bool in[NODES])
{
	for (unsigned i = 0; i < w->n_members; i++)
		in[w->members[i]] = w->version[w->serial].providers >> w->members[i] & 1;
	for (unsigned i = 0; i < w->n; i++)
		in[i] |= w->node[i].seen == w->height && w->version[w->serial].providers >> i & 1;
}

static void choose(struct teller *t, bool in[NODES])
{
	struct world *w = t->w;

	for (unsigned i = 0; i < w->n; i++)
		in[i] = w->version[w->serial].providers >> i & 1;
	if (!can_decide(w, in)) {
		world_manifest(w, all_nodes(w), (1u << THINGS) - 1);
		memset(in, true, NODES * sizeof(in[0]));
	}
	for (unsigned tries = (unsigned)below(t, 6); tries; tries--) {
		unsigned node = any_node(t);
		bool was = in[node];
		in[node] = false;
		if (!can_decide(w, in))
			in[node] = was;
	}
}

static void calm(struct teller *t, const bool in[NODES])
{
	struct world *w = t->w;

	w->loss = 30;
	w->delay = 10 * MS;
	w->jitter = 50 * MS;
	for (unsigned i = 0; i < w->n; i++) {
		w->node[i].bad_disk = w->node[i].dies_after = 0;
		for (unsigned k = 0; k < w->n; k++)
			world_cut(w, i, k, !in[i] || !in[k]);
	}
	for (unsigned i = 0; i < w->n; i++)
		if (in[i]) {
			world_start(w, i);
			world_tell(w, i, w->serial);
		}
}

/* No address block is left, or what is left rests. */
static bool is_full(const struct world *w, const struct node *n)
{
	struct lm_chain_info info;

	return lm_chain_info(n->chain, &w->net, &info) == 0 &&
	       info.n_owned + info.n_quarantined == w->genesis.n_blocks;
}

/* The first that nobody serves though it is attached at one of those; or NO_THING. */
static unsigned unserved(const struct world *w, const bool in[NODES], unsigned *node)
{
	const struct version *v = &w->version[w->serial];

	for (unsigned thing = 0; thing < THINGS; thing++) {
		bool attached = false, served = false;
		if (v->endpoint[thing] == NO_THING || w->kind[thing] == STATIC)
			continue;
		for (unsigned i = 0; i < w->n; i++) {
			const struct node *n = &w->node[i];
			if (!in[i] || !n->chain)
				continue;
			served |= n->serving[thing].serve;
			if (n->attached[thing] &&
			    (v->place[thing] < 0 || v->place[thing] == (int)i) && !is_full(w, n)) {
				attached = true;
				*node = i;
			}
		}
		if (attached && !served)
			return thing;
	}
	return NO_THING;
}

static void check_alike(struct world *w, const bool in[NODES])
{
	for (unsigned i = 0; i < w->n; i++)
		for (unsigned k = 0; k < i; k++) {
			const struct node *a = &w->node[i], *b = &w->node[k];
			for (unsigned t = 0; t < THINGS && in[i] && in[k]; t++)
				if (a->serving[t].serve && b->serving[t].serve)
					world_broken(
					    w, a, "m%u is served here and at %u in the end", t, k);
		}
}

static void must_serve(struct teller *t)
{
	struct world *w = t->w;
	bool in[NODES];
	unsigned node = 0, thing = NO_THING;

	choose(t, in);
	world_say(w, "---- a majority can talk");
	calm(t, in);
	uint64_t start = w->now;
	while (w->now < start + BOUND && !w->broken) {
		world_run(w, 500 * MS);
		/* What was decided meanwhile may have changed who is a majority. */
		if (!can_decide(w, in)) {
			gather(w, in);
			calm(t, in);
			start = w->now;
		}
		thing = unserved(w, in, &node);
		if (thing == NO_THING)
			break;
	}
	if (w->broken)
		return;
	if (thing != NO_THING) {
		struct lm_address_place p;
		lm_address_get(
		    w->node[node].address, &w->net, w->version[w->serial].endpoint[thing], &p);
		world_broken(w, &w->node[node], "m%u is attached here and not served: %s", thing,
		    lm_address_wait_names[p.wait]);
	}
	t->sum->rounds++;
	t->sum->slowest = lm_max_u64(t->sum->slowest, w->now - start);
	world_run(w, 30 * SECOND);
	if (!w->broken)
		check_alike(w, in);
}

/* ---- all is well ---- */

static void must_become_silent(struct teller *t)
{
	struct world *w = t->w;
	bool all[NODES];

	world_say(w, "---- all is well");
	memset(all, true, sizeof(all));
	world_manifest(w, all_nodes(w), (1u << THINGS) - 1);
	calm(t, all);
	attach_once(w);
	w->loss = 0;
	world_run(w, SILENCE);
	uint64_t events = w->events_done;
	world_run(w, SILENCE);
	/* A daily question to each of the others, and its answer. */
	uint64_t most = 2 * w->n * w->n * (SILENCE / SECOND / 86400) * 3;
	if (!w->broken && w->events_done - events > most)
		world_broken(w, NULL, "not silent though nothing is to be done: %llu events",
		    (unsigned long long)(w->events_done - events));
	for (unsigned i = 0; i < w->n && !w->broken; i++)
		if (w->node[i].seen != w->height)
			world_broken(w, &w->node[i], "height %llu in the end, not %llu",
			    (unsigned long long)w->node[i].seen, (unsigned long long)w->height);
	check_alike(w, all);
}

static void add_up(struct teller *t)
{
	struct world *w = t->w;

	t->sum->blocks += w->height;
	t->sum->served += w->served;
	t->sum->moved += w->moved;
	t->sum->conflicts += w->conflicts;
	t->sum->fenced += w->fenced;
}

bool story(uint64_t seed, FILE *trace, struct story_sum *sum, char *why, size_t size)
{
	struct setup setup = world_setup(seed);
	struct teller t = {.sum = sum};

	t.w = world_new(seed, &setup, trace);
	for (unsigned round = 0; round < 2 && !t.w->broken; round++) {
		anything(&t);
		if (!t.w->broken)
			must_serve(&t);
	}
	if (!t.w->broken)
		must_become_silent(&t);
	add_up(&t);
	bool good = t.w->broken == 0;
	snprintf(why, size, "%s", t.w->first_broken);
	world_free(t.w);
	return good;
}
