/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold at every moment, whatever has happened. */
#include "world.h"

/* ---- the chain ---- */

static int thing_of(const struct lm_chain_endpoint *e)
{
	char name[LM_CHAIN_KEY_MAX + 1] = {0};

	memcpy(name, e->key, e->key_len);
	return atoi(name + 3); /* replica (2), "m7" */
}

struct reading {
	struct node *n;
	struct truth now[THINGS];
};

static int read_endpoint(void *ctx, const struct lm_chain_endpoint *e)
{
	struct reading *r = ctx;

	r->now[thing_of(e)] = (struct truth){true, e->address, e->generation};
	return 0;
}

/* Whoever loses an address block loses what it gave out of it, and may not know yet. */
static void read_owners(struct world *w, const struct node *n)
{
	struct lm_chain_block b;

	for (uint32_t i = 0; i < w->genesis.n_blocks; i++)
		w->owner_of[i] = lm_chain_block(n->chain, &w->net, i, &b) == 0 && b.owner
				     ? world_index(w, b.owner)
				     : -1;
}

static bool is_lost(const struct world *w, const struct node *n, const struct serving *s)
{
	return w->owner_of[s->index / w->genesis.block_size] != (int)n->index;
}

/* What is decided, as whoever is the first to have a chain so long tells us. */
static void read_truth(struct world *w, const struct node *n, const struct reading *r)
{
	for (unsigned i = 0; i < THINGS; i++) {
		struct truth *old = &w->truth[i];
		const struct truth *new = &r->now[i];
		if (old->known &&
		    new->known &&new->generation > old->generation &&new->index != old->index)
			world_broken(w, n, "m%u had index %u, and has %u after it moved", i,
			    old->index, new->index);
		w->moved += new->known &&new->generation > lm_max_u64(old->generation, 1);
		*old = *new;
	}
	read_owners(w, n);
}

void check_grown(struct node *n)
{
	struct world *w = n->world;
	struct reading r = {.n = n};
	struct lm_chain_info info;

	if (lm_chain_info(n->chain, &w->net, &info) < 0)
		return;
	if (info.height < n->seen)
		world_broken(w, n, "its chain is shorter than it was");
	n->seen = info.height;
	lm_chain_each_endpoint(n->chain, &w->net, read_endpoint, &r);
	/* It knows better than what it has given out itself. */
	for (unsigned i = 0; i < THINGS; i++)
		if (r.now[i].known)
			w->unnoted[n->index][i].serve = false;
	if (info.height <= w->height && w->n_members)
		return;
	w->height = info.height;
	w->n_members = info.n_members;
	for (unsigned i = 0; i < info.n_members; i++)
		w->members[i] = (unsigned)world_index(w, &info.members[i]);
	world_say(w, "height %llu, first at %u; %u members", (unsigned long long)w->height,
	    n->index, w->n_members);
	read_truth(w, n, &r);
}

/* ---- who serves what ---- */

static void check_index(struct world *w, const struct node *n, unsigned thing, const int *other)
{
	const struct serving *s = &n->serving[thing];
	struct past *past = &w->past[s->index];

	if (other[s->index] >= 0 && other[s->index] != (int)thing)
		world_broken(
		    w, n, "index %u is m%u's and m%d's at once", s->index, thing, other[s->index]);
	if (past->at && past->thing != thing && w->now - past->at < (LM_ADDRESS_REST - 2) * SECOND)
		world_broken(w, n, "m%u has index %u, which m%u had %llu s ago", thing, s->index,
		    past->thing, (unsigned long long)((w->now - past->at) / SECOND));
	*past = (struct past){thing, w->now};
}

static uint64_t height_of(const struct node *n)
{
	struct lm_chain_info info;

	return lm_chain_info(n->chain, &n->world->net, &info) == 0 ? info.height : 0;
}

/* Both have read the same chain: then one of them serves it, but if the chain does not know it. */
static void check_once(struct world *w, const struct node *a, const struct node *b, unsigned thing)
{
	const struct serving *x = &a->serving[thing], *y = &b->serving[thing];

	if (!x->serve || !y->serve)
		return;
	if (x->generation == 0 && y->generation == 0) {
		w->conflicts++;
		if (x->index == y->index)
			world_broken(w, a, "m%u was given index %u twice", thing, x->index);
		return;
	}
	if (height_of(a) == height_of(b))
		world_broken(
		    w, a, "m%u is served here and at %u, by the same chain", thing, b->index);
}

/* What the chain does not know yet stays as it is, too. */
static void check_unnoted(struct world *w, const struct node *n, unsigned thing)
{
	const struct serving *s = &n->serving[thing];
	struct serving *before = &w->unnoted[n->index][thing];

	if (is_lost(w, n, s))
		before->serve = false;
	if (s->generation || is_lost(w, n, s))
		return;
	if (before->serve && !is_lost(w, n, before) && before->index != s->index)
		world_broken(
		    w, n, "m%u has index %u now, and had %u", thing, s->index, before->index);
	*before = *s;
}

/* Address blocks out of which somebody gives addresses now. */
static void check_blocks(struct world *w)
{
	int owner[1024];

	memset(owner, -1, sizeof(owner));
	for (unsigned i = 0; i < w->n; i++) {
		const struct network *net = world_net(&w->node[i]);
		if (!net || net->fenced || !net->n_attached)
			continue;
		for (unsigned k = 0; k < net->n_blocks; k++) {
			const struct block *b = &net->blocks[k];
			if (!b->ours || !b->marked || b->dirty || b->releasing || w->now < b->until)
				continue;
			if (owner[b->index] >= 0)
				world_broken(w, &w->node[i], "address block %u is %d's as well",
				    b->index, owner[b->index]);
			owner[b->index] = (int)i;
		}
	}
}

void check_served(struct world *w)
{
	int thing_at[1024];

	memset(thing_at, -1, sizeof(thing_at));
	for (unsigned i = 0; i < w->n; i++) {
		const struct node *n = &w->node[i];
		for (unsigned t = 0; t < THINGS && n->chain; t++) {
			if (!n->serving[t].serve)
				continue;
			check_index(w, n, t, thing_at);
			thing_at[n->serving[t].index] = (int)t;
			check_unnoted(w, n, t);
			for (unsigned k = 0; k < i; k++)
				if (w->node[k].chain)
					check_once(w, n, &w->node[k], t);
		}
	}
	check_blocks(w);
}
