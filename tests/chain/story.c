/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#include "liar.h"

#define STEP (200 * MS)

struct teller {
	struct world *w;
	struct sim_random random;
	unsigned members; /* of the genesis */
	uint64_t tag;
	struct story_sum *sum;
};

void story_log(void *ctx, enum lm_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	fprintf(stderr, "log: %s\n", line);
}

static uint64_t below(struct teller *t, uint64_t n)
{
	return sim_random_below(&t->random, n);
}

static unsigned any_node(struct teller *t)
{
	return (unsigned)below(t, t->w->n);
}

static bool is_up(const struct teller *t, unsigned node)
{
	return t->w->node[node].chain != NULL;
}

/* ---- things that happen ---- */

static void next_manifest(struct teller *t)
{
	struct world *w = t->w;
	uint16_t all = (uint16_t)((1u << w->n) - 1), authorised = all;

	/* Of seven authorised, one now and then is not. */
	for (unsigned i = 0; i < w->n; i++)
		if (!w->node[i].liar && below(t, 6) == 0)
			authorised &= (uint16_t)~(1u << i);
	world_manifest(w, authorised);
	for (unsigned i = 0; i < w->n; i++)
		if (below(t, 2))
			world_tell(w, i, w->serial);
}

static struct lm_chain_command any_command(struct teller *t, unsigned node)
{
	static const enum lm_chain_kind kinds[] = {LM_CHAIN_ADD, LM_CHAIN_ADD, LM_CHAIN_REMOVE,
	    LM_CHAIN_ASSIGN, LM_CHAIN_ASSIGN, LM_CHAIN_ASSIGN, LM_CHAIN_RELEASE, LM_CHAIN_FREE,
	    LM_CHAIN_MOVE, LM_CHAIN_MOVE, LM_CHAIN_SERIAL, LM_CHAIN_FORGET};
	struct world *w = t->w;
	enum lm_chain_kind kind = kinds[below(t, sizeof(kinds) / sizeof(kinds[0]))];
	struct lm_chain_command c = world_command(w, kind, any_node(t));

	if (kind == LM_CHAIN_MOVE || kind == LM_CHAIN_FORGET)
		c = world_command(w, kind, (unsigned)below(t, WORLD_KEYS));
	if (kind == LM_CHAIN_RELEASE || kind == LM_CHAIN_FREE)
		c = world_command(w, kind, (unsigned)below(t, WORLD_BLOCKS / 3));
	if (kind == LM_CHAIN_MOVE) {
		c.gateway = w->node[node].id.pub;
		c.generation = 1 + w->generation[c.key[3] - '0'] + below(t, 2);
	}
	return c;
}

static void propose_any(struct teller *t, unsigned node)
{
	for (uint64_t n = below(t, 8) ? 1 : 1 + below(t, 20); n && is_up(t, node); n--)
		world_propose(t->w, node, any_command(t, node), ++t->tag);
}

/* Parts the gateways in two, or only one way, or some pairs. */
static void part(struct teller *t)
{
	struct world *w = t->w;
	uint64_t sides = sim_random_next(&t->random), kind = below(t, 3);

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

static void crash(struct teller *t, unsigned node)
{
	struct node *n = &t->w->node[node];

	if (!n->chain)
		return;
	t->sum->crashes++;
	/* At once, or in the middle of one of the next writes. */
	if (below(t, 2))
		world_crash(t->w, node);
	else
		n->dies_after = 1 + (unsigned)below(t, 6);
}

static void something(struct teller *t)
{
	struct world *w = t->w;
	unsigned node = any_node(t);

	switch (below(t, 24)) {
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
	case 5:
		world_heal(w);
		break;
	case 6:
		crash(t, node);
		break;
	case 7:
	case 8:
	case 9:
		world_start(w, node);
		break;
	case 10:
		w->loss = (unsigned)below(t, 400);
		w->twice = (unsigned)below(t, 200);
		break;
	case 11:
		w->loss = w->twice = 0;
		break;
	case 12:
		w->delay = below(t, 60 * MS);
		w->jitter = below(t, 2) ? below(t, 500 * MS) : 0;
		break;
	case 13:
		w->node[node].bad_disk = below(t, 2) ? (unsigned)below(t, 500) : 0;
		break;
	case 14:
		world_run(w, below(t, 20) * SECOND);
		break;
	default:
		if (is_up(t, node))
			propose_any(t, node);
	}
}

/* What the ledger does in a real network: whoever only reads hears in the end that there is more.
 */
static void ledger(struct teller *t)
{
	struct world *w = t->w;

	for (unsigned i = 0; i < w->n; i++) {
		struct node *n = &w->node[i];
		if (!n->chain || world_net(w, i)->self >= 0)
			continue;
		struct lm_now now = world_now(n);
		lm_chain_greet(n->chain, &now, &w->net, &w->node[any_node(t)].id.pub);
	}
}

static void anything(struct teller *t)
{
	for (unsigned n = 20 + (unsigned)below(t, 120); n && !t->w->broken; n--) {
		something(t);
		if (n % 16 == 0)
			ledger(t);
		if (below(t, 3))
			world_run(t->w, below(t, 2) ? below(t, 20 * MS) : below(t, 10) * STEP);
	}
}

/* ---- a majority can talk ---- */

/* Somebody among them must have the highest block: a majority that has not heard of it is none. */
static bool gather_newest(struct world *w, bool in[WORLD_NODES])
{
	unsigned newest = w->n;

	for (unsigned i = 0; i < w->n; i++) {
		if (w->node[i].height != w->height || w->node[i].liar)
			continue;
		if (in[i])
			return false;
		newest = i;
	}
	if (newest == w->n)
		return false;
	in[newest] = true;
	return true;
}

/*
 * Adds members of the highest block, honest ones first, until they are a majority; true: there were
 * too few.
 */
static bool gather(struct teller *t, bool in[WORLD_NODES])
{
	struct world *w = t->w;
	const struct members *m = &w->truth[w->height].members;
	unsigned n = 0, shift = (unsigned)below(t, m->n);
	bool added = false;

	for (unsigned k = 0; k < m->n; k++)
		n += in[world_index(w, &m->key[k])];
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned k = 0; k < m->n && n < majority(m); k++) {
			int i = world_index(w, &m->key[(k + shift) % m->n]);
			if (in[i] || w->node[i].liar != (pass == 1))
				continue;
			in[i] = added = true;
			n++;
		}
	return gather_newest(w, in) || added;
}

/* Agreement bears one liar among three or more. */
static bool is_bearable(const struct world *w)
{
	const struct members *m = &w->truth[w->height].members;

	for (unsigned i = 0; i < m->n; i++)
		if (w->node[world_index(w, &m->key[i])].liar)
			return m->n >= 3;
	return true;
}

static void calm(struct teller *t, const bool in[WORLD_NODES])
{
	struct world *w = t->w;

	w->loss = 50;
	w->twice = 0;
	w->delay = 10 * MS;
	w->jitter = 50 * MS;
	for (unsigned i = 0; i < w->n; i++) {
		w->node[i].bad_disk = 0;
		w->node[i].dies_after = 0;
		world_tell(w, i, w->serial);
		for (unsigned k = 0; k < w->n; k++)
			world_cut(w, i, k, !in[i] || !in[k]);
	}
	for (unsigned i = 0; i < w->n; i++)
		if (in[i]) {
			world_start(w, i);
			world_greet_all(w, i);
		}
}

static unsigned one_of(struct teller *t, const bool in[WORLD_NODES])
{
	unsigned node;

	do
		node = any_node(t);
	while (!in[node]);
	return node;
}

/* One of those, or one beside them that only reads. */
static unsigned choose_author(struct teller *t, bool in[WORLD_NODES])
{
	unsigned other = any_node(t);

	if (below(t, 3) || t->w->node[other].liar)
		return one_of(t, in);
	in[other] = true;
	return other;
}

/* Until the command has ended. While it does, blocks may change who is a majority. */
static void wait_for(struct teller *t, unsigned author, uint64_t tag, bool in[WORLD_NODES])
{
	struct world *w = t->w;
	uint64_t start = w->now;

	while (w->now < start + BOUND && !world_told(w, author, tag)->ended && !w->broken) {
		world_run(w, 50 * MS);
		if ((w->now - start) % (5 * SECOND) == 0)
			ledger(t);
		if (!is_bearable(w))
			return;
		if (gather(t, in)) {
			calm(t, in);
			start = w->now;
		}
	}
	t->sum->slowest = lm_max_u64(t->sum->slowest, w->now - start);
}

/* A command that nothing speaks against. */
static void must_decide(struct teller *t)
{
	struct world *w = t->w;
	bool in[WORLD_NODES] = {false};

	gather(t, in);
	if (!is_bearable(w))
		return;
	unsigned author = choose_author(t, in);
	world_say(w, "---- a majority can talk, %u has a wish", author);
	/* A manifest that the chain does not know yet, and which says what all agree on. */
	world_manifest(w, (uint16_t)((1u << w->n) - 1));
	calm(t, in);
	uint64_t tag = ++t->tag;
	if (world_propose(w, author, world_command(w, LM_CHAIN_SERIAL, 0), tag) < 0)
		return; /* it has too many wishes already */
	wait_for(t, author, tag, in);
	const struct told *told = world_told(w, author, tag);
	if (!told->ended && is_bearable(w))
		world_broken(w, &w->node[author], "no decision though a majority can talk");
	/* Another one's command of this serial may have come first; and a liar is not pitied. */
	else if (told->ended && told->verdict != LM_CV_APPLIED && told->verdict != LM_CV_STALE &&
		 !w->node[author].liar)
		world_broken(
		    w, &w->node[author], "refused: %s", lm_chain_verdict_names[told->verdict]);
}

/* ---- all is well ---- */

static void check_alike(struct teller *t)
{
	struct world *w = t->w;

	for (unsigned i = 0; i < w->n; i++) {
		const struct network *net = world_net(w, i);
		if (net->height != w->height ||
		    memcmp(net->hash, w->truth[w->height].hash, HASH_LEN) != 0)
			world_broken(w, &w->node[i], "height %llu in the end, not %llu",
			    (unsigned long long)net->height, (unsigned long long)w->height);
	}
}

static void must_become_silent(struct teller *t)
{
	struct world *w = t->w;
	bool all[WORLD_NODES];

	world_say(w, "---- all is well");
	memset(all, true, sizeof(all));
	w->tamper = NULL;
	calm(t, all);
	w->loss = 0;
	for (unsigned i = 0; i < w->n; i++)
		world_start(w, i);
	bool silent = world_settle(w, 600 * SECOND);
	/* Whoever only reads is told by the ledger, which is not here, of what was decided last. */
	for (unsigned i = 0; i < w->n; i++)
		world_greet_all(w, i);
	if (!silent || !world_settle(w, 60 * SECOND))
		world_broken(w, NULL, "not silent though nothing is to be done");
	check_alike(t);
	check_told(w);
}

/* ---- the whole ---- */

static void add_up(struct teller *t)
{
	struct world *w = t->w;

	t->sum->blocks += w->height;
	t->sum->commands += w->n_applied;
	for (uint64_t h = 1; h <= w->height; h++)
		t->sum->member_changes += memcmp(&w->truth[h].members, &w->truth[h - 1].members,
					      sizeof(w->truth[h].members)) != 0;
	for (unsigned i = 0; i < w->n; i++) {
		const struct lm_chain_stats *s =
		    w->node[i].chain ? lm_chain_stats(w->node[i].chain) : NULL;
		t->sum->fast += s ? s->fast : 0;
		t->sum->preempted += s ? s->preempted : 0;
	}
}

bool story(uint64_t seed, FILE *trace, struct story_sum *sum, char *why, size_t size)
{
	struct teller t = {.members = 3 + 2 * (unsigned)(seed % 3), .sum = sum};

	sim_random_seed(&t.random, seed, 3);
	t.w = world_new(seed, t.members, 1 + (unsigned)below(&t, 4));
	t.w->trace = trace;
	for (unsigned i = 0; i < t.w->n; i++)
		t.w->node[i].clock =
		    (int64_t)below(&t, 2 * SKEW * SECOND) - (int64_t)(SKEW * SECOND);
	if (below(&t, 2))
		liar_begin(t.w, (unsigned)below(&t, t.w->n), &t.random);
	for (unsigned round = 0; round < 2 && !t.w->broken; round++) {
		anything(&t);
		if (!t.w->broken)
			must_decide(&t);
	}
	if (!t.w->broken)
		must_become_silent(&t);
	add_up(&t);
	bool good = t.w->broken == 0;
	snprintf(why, size, "%s", t.w->first_broken);
	world_free(t.w);
	return good;
}
