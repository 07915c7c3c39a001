/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to gateways of a world: they start, crash, learn of manifests, are cut off. */
#include "world.h"

/* The manifest in force came to be, or is a newer one. */
static void set_manifest(struct node *n)
{
	const struct lm_manifest *man = version_of(n)->man;
	struct lm_now now = world_now(n);

	if (lm_address_set(n->address, &now, &n->world->net, man,
		(unsigned)world_provider(man, &n->id.pub)) < 0)
		abort();
	n->changed = true;
}

static void say_attached(struct node *n)
{
	const struct version *v = version_of(n);
	uint32_t endpoints[THINGS];
	struct lm_now now = world_now(n);
	unsigned count = 0;

	for (unsigned i = 0; i < THINGS; i++) {
		bool here =
		    v->endpoint[i] != NO_THING && (v->place[i] < 0 || v->place[i] == (int)n->index);
		if (here && n->attached[i])
			endpoints[count++] = v->endpoint[i];
	}
	if (lm_address_attached(n->address, &now, &n->world->net, endpoints, count) < 0)
		abort();
	n->heard = true; /* to be said again as well */
}

static void stop(struct node *n)
{
	lm_address_free(n->address);
	lm_chain_free(n->chain);
	n->address = NULL;
	n->chain = NULL;
	n->n_notes = 0;
	n->current = 0;
	n->dying = n->heard = n->greet = n->proposed = false;
	n->dies_after = 0;
	memset(n->asking, 0, sizeof(n->asking));
	memset(n->claims, 0, sizeof(n->claims));
	for (unsigned i = 0; i < THINGS; i++)
		if (n->serving[i].serve)
			n->world->past[n->serving[i].index] = (struct past){i, n->world->now};
	memset(n->serving, 0, sizeof(n->serving));
	sim_event_set(&n->world->events, &n->day, SIM_NEVER);
	sim_event_set(&n->world->events, &n->tick, SIM_NEVER);
	sim_event_set(&n->world->events, &n->tell, SIM_NEVER);
	sim_event_set(&n->world->events, &n->mind, SIM_NEVER);
}

/* Runs its chain, if it is up and its manifest names it. */
static void begin(struct node *n)
{
	struct world *w = n->world;

	if (n->chain || !n->up || !is_provider(n))
		return;
	if (lm_chain_create(&n->chain, &n->id, 4, &world_chain_ops, n) < 0 ||
	    lm_chain_add(n->chain, &w->net, &w->genesis, true) < 0)
		abort();
	disk_restore_chain(n);
	check_grown(n);
	if (lm_address_create(&n->address, &n->id.pub, 4, n->chain, &world_address_ops, n) < 0)
		abort();
	set_manifest(n);
	disk_restore_address(n);
	say_attached(n);
	n->mind_at = n->mind_tries = 0;
	sim_event_set(&w->events, &n->mind, w->now + SECOND);
	sim_event_set(&w->events, &n->day, w->now + 86400 * SECOND);
	for (unsigned i = 0; i < w->n; i++) {
		wire_greet(n, i);
		wire_greet(&w->node[i], n->index);
		wire_tell(&w->node[i], n->index);
	}
	world_after(n);
}

void world_start(struct world *w, unsigned node)
{
	struct node *n = &w->node[node];

	if (n->up)
		return;
	world_say(w, "gateway %u starts", node);
	n->up = true;
	begin(n);
}

void world_crash(struct world *w, unsigned node)
{
	struct node *n = &w->node[node];

	if (!n->up)
		return;
	world_say(w, "gateway %u crashes", node);
	stop(n);
	for (unsigned i = 0; i < w->n; i++)
		w->node[i].heard = true;
	n->up = false;
}

void world_tell(struct world *w, unsigned node, unsigned serial)
{
	struct node *n = &w->node[node];

	if (n->serial >= serial || !n->up)
		return;
	world_say(w, "gateway %u: manifest %u", node, serial);
	n->serial = serial;
	for (unsigned i = 0; i < THINGS; i++)
		if (version_of(n)->endpoint[i] == NO_THING ||
		    (version_of(n)->place[i] >= 0 && version_of(n)->place[i] != (int)node))
			w->unnoted[node][i].serve = false;
	if (!is_provider(n)) {
		stop(n);
	} else if (n->chain) {
		set_manifest(n);
		say_attached(n);
		n->mind_at = n->mind_tries = 0;
		sim_event_set(&w->events, &n->mind, w->now + SECOND);
		world_after(n);
	} else {
		begin(n);
	}
}

void world_manifest(struct world *w, uint16_t providers, uint32_t things)
{
	document_make(w, ++w->serial, providers, things);
	/* Whoever loses its address blocks loses what it gave out of them. */
	for (unsigned i = 0; i < w->n; i++)
		for (unsigned k = 0; k < THINGS && !(providers >> i & 1); k++)
			w->unnoted[i][k].serve = false;
	world_say(w, "manifest %u: providers %x, endpoints %x", w->serial, providers, things);
}

void world_attach(struct world *w, unsigned node, unsigned thing, bool attached)
{
	struct node *n = &w->node[node];

	if (n->attached[thing] == attached)
		return;
	world_say(w, "m%u is %s at %u", thing, attached ? "attached" : "detached", node);
	n->attached[thing] = attached;
	if (!n->chain)
		return;
	say_attached(n);
	world_after(n);
}

void world_cut(struct world *w, unsigned from, unsigned to, bool cut)
{
	if (w->cut[from][to] == cut)
		return;
	w->cut[from][to] = cut;
	w->node[from].heard = w->node[to].heard = true;
	if (!world_linked(w, from, to))
		return;
	wire_greet(&w->node[from], to);
	wire_greet(&w->node[to], from);
	wire_tell(&w->node[from], to);
	wire_tell(&w->node[to], from);
}

void world_heal(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++)
		for (unsigned k = 0; k < w->n; k++)
			world_cut(w, i, k, false);
}
