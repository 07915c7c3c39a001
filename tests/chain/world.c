/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdarg.h>
#include "signatures.h"

#define SESSION_DEAD (LM_DEAD_AFTER * SECOND)

__attribute__((constructor)) static void before_main(void)
{
	if (lm_crypto_init() < 0)
		abort();
}

void world_say(struct world *w, const char *fmt, ...)
{
	va_list args;

	if (!w->trace)
		return;
	fprintf(w->trace, "%10.3f  ", (double)w->now / (double)SECOND);
	va_start(args, fmt);
	vfprintf(w->trace, fmt, args);
	va_end(args);
	fputc('\n', w->trace);
}

void world_broken(struct world *w, const struct node *n, const char *fmt, ...)
{
	char text[sizeof(w->first_broken) - 64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	world_say(w, "BROKEN: gateway %d: %s", n ? (int)n->index : -1, text);
	if (w->broken++ == 0)
		snprintf(w->first_broken, sizeof(w->first_broken), "at %.3f s, gateway %d: %s",
		    (double)w->now / (double)SECOND, n ? (int)n->index : -1, text);
}

struct lm_now world_now(const struct node *n)
{
	return (struct lm_now){
	    .mono = n->world->now, .wall = WALL0 + n->world->now + (uint64_t)n->clock};
}

int world_index(const struct world *w, const struct lm_public_key *key)
{
	for (unsigned i = 0; i < w->n; i++)
		if (memcmp(w->node[i].id.pub.b, key->b, sizeof(key->b)) == 0)
			return (int)i;
	return -1;
}

struct network *world_net(struct world *w, unsigned node)
{
	return lm_chain_net(w->node[node].chain, &w->net);
}

uint64_t world_height(struct world *w, unsigned node)
{
	return world_net(w, node)->height;
}

uint64_t world_drops(struct world *w, unsigned node, enum lm_chain_drop reason)
{
	return lm_chain_drops(w->node[node].chain)[reason];
}

size_t world_key(unsigned key, uint8_t out[LM_CHAIN_KEY_MAX])
{
	return (size_t)snprintf((char *)out, LM_CHAIN_KEY_MAX, "db/%u", key);
}

bool world_chance(struct world *w, unsigned thousandths)
{
	return thousandths && sim_random_below(&w->random, 1000) < thousandths;
}

/* ---- a gateway's turn ---- */

static void fire_tick(struct sim *s, struct sim_event *e);

void world_after(struct node *n)
{
	struct world *w = n->world;

	if (!n->dying) {
		struct lm_now now = world_now(n);
		sim_event_set(&w->events, &n->tick, lm_chain_tick(n->chain, &now));
		check_current(n);
	}
	if (n->dying)
		world_crash(w, n->index);
}

static void fire_tick(struct sim *s, struct sim_event *e)
{
	(void)s;
	world_after((struct node *)((char *)e - offsetof(struct node, tick)));
}

/* ---- effects ---- */

static void on_random(void *ctx, void *buf, size_t len)
{
	sim_random_bytes(&((struct node *)ctx)->world->random, buf, len);
}

static void on_done(void *ctx, const struct lm_net_id *net, uint64_t tag,
    enum lm_chain_verdict verdict, uint32_t block)
{
	struct node *n = ctx;

	(void)net;
	if (n->dying)
		return;
	for (unsigned i = 0; i < n->n_told; i++)
		if (n->told[i].tag == tag)
			n->told[i] = (struct told){tag, n->told[i].number, true, verdict, block};
	world_say(n->world, "gateway %u: command %llu: %s", n->index, (unsigned long long)tag,
	    lm_chain_verdict_names[verdict]);
}

static void on_grown(void *ctx, const struct lm_net_id *net, uint64_t height, bool ours)
{
	struct node *n = ctx;

	(void)net;
	if (n->dying)
		return;
	world_say(n->world, "gateway %u: height %llu%s", n->index, (unsigned long long)height,
	    ours ? ", its own" : "");
	check_grown(n);
}

static void on_guilty(void *ctx, const struct lm_net_id *net, const struct lm_chain_guilt *g)
{
	struct node *n = ctx;
	struct world *w = n->world;
	struct where where = {.net = *net, .era = g->era};
	bool proven = memcmp(g->hash[0], g->hash[1], HASH_LEN) != 0;

	n->guilty++;
	n->guilt = *g;
	for (unsigned i = 0; i < 2; i++)
		proven = proven && lm_chain_accept_verify(&g->signature[i], &g->member, &where,
				       g->height, g->ballot, g->hash[i]);
	if (!proven)
		world_broken(w, n, "a proof of guilt that proves nothing");
}

static const struct lm_chain_ops ops = {.send = wire_send,
    .random = on_random,
    .persist = disk_persist,
    .truncate = disk_truncate,
    .consent = mind_consent,
    .pull = wire_pull,
    .done = on_done,
    .grown = on_grown,
    .guilty = on_guilty};

/* ---- lives ---- */

static int compare_files(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->what != y->what)
		return x->what < y->what ? -1 : 1;
	return x->height < y->height ? -1 : x->height > y->height;
}

void world_start(struct world *w, unsigned node)
{
	struct node *n = &w->node[node];

	if (n->chain)
		return;
	if (lm_chain_create(&n->chain, &n->id, 4, &ops, n) < 0 ||
	    lm_chain_add(n->chain, &w->net, &w->genesis, !n->mute) < 0)
		abort();
	if (n->n_files)
		qsort(n->files, n->n_files, sizeof(*n->files), compare_files);
	for (unsigned i = 0; i < n->n_files; i++) {
		const struct file *f = &n->files[i];
		if (lm_chain_restore(n->chain, &w->net, f->what, f->height, f->bytes, f->len) < 0)
			world_broken(w, n, "its record %u, %llu is not restored", f->what,
			    (unsigned long long)f->height);
	}
	world_say(
	    w, "gateway %u starts at height %llu", node, (unsigned long long)world_height(w, node));
	check_grown(n);
	world_greet_all(w, node);
}

void world_crash(struct world *w, unsigned node)
{
	struct node *n = &w->node[node];

	if (!n->chain)
		return;
	world_say(w, "gateway %u crashes", node);
	lm_chain_free(n->chain);
	n->chain = NULL;
	n->dying = false;
	n->dies_after = 0;
	sim_event_set(&w->events, &n->tick, SIM_NEVER);
}

void world_lose_disk(struct world *w, unsigned node)
{
	struct node *n = &w->node[node];

	while (n->n_files)
		free(n->files[--n->n_files].bytes);
	n->height = 0;
}

static void greet(struct world *w, unsigned from, unsigned to)
{
	struct node *n = &w->node[from];
	struct lm_now now = world_now(n);

	if (!n->chain || from == to)
		return;
	lm_chain_greet(n->chain, &now, &w->net, &w->node[to].id.pub);
	world_after(n);
}

void world_greet_all(struct world *w, unsigned node)
{
	for (unsigned i = 0; i < w->n; i++) {
		greet(w, node, i);
		greet(w, i, node);
	}
}

void world_cut(struct world *w, unsigned from, unsigned to, bool cut)
{
	if (w->cut[from][to] == cut)
		return;
	w->cut[from][to] = cut;
	if (cut) {
		w->cut_since[from][to] = w->now;
		return;
	}
	/* The session went down meanwhile, and comes up. */
	if (w->now - w->cut_since[from][to] >= SESSION_DEAD && !w->cut[to][from]) {
		greet(w, from, to);
		greet(w, to, from);
	}
}

void world_heal(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++)
		for (unsigned k = 0; k < w->n; k++)
			world_cut(w, i, k, false);
}

/* ---- commands ---- */

const struct told *world_told(const struct world *w, unsigned node, uint64_t tag)
{
	for (unsigned i = 0; i < w->node[node].n_told; i++)
		if (w->node[node].told[i].tag == tag)
			return &w->node[node].told[i];
	return NULL;
}

bool world_verdict(
    const struct world *w, unsigned node, uint64_t tag, enum lm_chain_verdict verdict)
{
	const struct told *t = world_told(w, node, tag);

	return t && t->ended && t->verdict == verdict;
}

int world_propose(struct world *w, unsigned node, struct lm_chain_command c, uint64_t tag)
{
	struct node *n = &w->node[node];
	struct lm_now now = world_now(n);

	if (!n->chain)
		return -ENOENT;
	if (c.serial == 0)
		c.serial = n->serial;
	world_say(w, "gateway %u: command %llu, kind %u, serial %llu", node,
	    (unsigned long long)tag, c.kind, (unsigned long long)c.serial);
	int err = lm_chain_propose(n->chain, &now, &w->net, &c, tag);
	if (err == 0) {
		n->told = must(realloc(n->told, (n->n_told + 1) * sizeof(*n->told)));
		n->told[n->n_told++] =
		    (struct told){.tag = tag, .number = world_net(w, node)->last_number};
	}
	world_after(n);
	return err;
}

/* ---- the world ---- */

static void make_identity(struct world *w, struct lm_identity *id)
{
	uint8_t seed[32];

	sim_random_bytes(&w->keys, seed, sizeof(seed));
	signatures_identity(id, seed);
}

struct world *world_new(uint64_t seed, unsigned members, unsigned others)
{
	struct world *w = must(calloc(1, sizeof(*w)));

	*w = (struct world){.seed = seed,
	    .now = SECOND,
	    .n = members + others,
	    .delay = 5 * MS,
	    .genesis = {
		.n_members = members, .n_blocks = WORLD_BLOCKS, .block_size = WORLD_BLOCK_SIZE}};
	signatures_forget();
	sim_random_seed(&w->random, seed, 1);
	sim_random_seed(&w->keys, seed, 2);
	make_identity(w, &w->owner);
	w->genesis.owner = w->owner.pub;
	w->net = lm_net_id(&w->owner.pub, "world");
	for (unsigned i = 0; i < w->n; i++) {
		struct node *n = &w->node[i];
		*n = (struct node){.world = w, .index = i, .tick.fire = fire_tick};
		make_identity(w, &n->id);
		if (i < members)
			w->genesis.members[i] = n->id.pub;
	}
	world_manifest(w, (uint16_t)((1u << w->n) - 1));
	for (unsigned i = 0; i < w->n; i++)
		w->node[i].serial = 1;
	check_begin(w);
	for (unsigned i = 0; i < w->n; i++)
		world_start(w, i);
	return w;
}

void world_free(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		struct node *n = &w->node[i];
		world_crash(w, i);
		world_lose_disk(w, i);
		free(n->files);
		free(n->told);
	}
	wire_drop(w);
	sim_events_free(&w->events);
	check_free(w);
	free(w->manifests);
	free(w);
}

static bool step(struct world *w, uint64_t until)
{
	struct sim_event *e = sim_event_first(&w->events);

	if (!e || e->at > until)
		return false;
	if (e->at > w->now)
		w->now = e->at;
	sim_event_set(&w->events, e, SIM_NEVER);
	w->events_done++;
	e->fire(NULL, e);
	return true;
}

void world_run(struct world *w, uint64_t ns)
{
	uint64_t until = w->now + ns;

	while (step(w, until))
		;
	w->now = until;
}

bool world_settle(struct world *w, uint64_t ns)
{
	uint64_t until = w->now + ns;

	while (sim_event_first(&w->events))
		if (!step(w, until))
			return false;
	return true;
}
