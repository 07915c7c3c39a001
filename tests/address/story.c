/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#define SILENCE (20 * 86400 * SECOND) /* then all rests and quarantines are over */

void story_log(void *ctx, enum lm_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	/* Disks of this world fail, again and again. */
	if (!strstr(line, "could not be stored") && !strstr(line, "lines like the next one"))
		fprintf(stderr, "log: %s\n", line);
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
	story_attach_once(w);
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
		story_anything(&t);
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
