/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdarg.h>
#include "../chain/signatures.h"

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
	fprintf(w->trace, "%12.3f  ", (double)w->now / (double)SECOND);
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

struct network *world_net(const struct node *n)
{
	return n->address ? lm_address_net(n->address, &n->world->net) : NULL;
}

bool world_chance(struct world *w, unsigned thousandths)
{
	return thousandths && sim_random_below(&w->random, 1000) < thousandths;
}

int world_provider(const struct lm_manifest *man, const struct lm_public_key *key)
{
	for (unsigned i = 0; i < man->n_providers; i++)
		if (memcmp(man->providers[i].key.b, key->b, sizeof(key->b)) == 0)
			return (int)i;
	return -1;
}

/* ---- the world ---- */

static void make_identity(struct world *w, struct lm_identity *id)
{
	uint8_t seed[32];

	sim_random_bytes(&w->keys, seed, sizeof(seed));
	signatures_identity(id, seed);
}

struct setup world_setup(uint64_t seed)
{
	static const unsigned families[] = {4, 6, 46};
	static const unsigned members[] = {3, 5, 7, 3, 5, 3, 1, 2};
	struct setup s = {.members = members[seed % 8], .others = (unsigned)(seed / 8 % 4)};
	struct sim_random random;

	sim_random_seed(&random, seed, 4);
	s.family = families[sim_random_below(&random, 3)];
	s.block_bits = (unsigned)sim_random_below(&random, 4);
	/* Sometimes just enough for all, in a few address blocks. */
	s.pool_bits = sim_random_below(&random, 3) ? s.block_bits + 6 : 4;
	s.things = (uint32_t)sim_random_below(&random, 1u << THINGS);
	for (unsigned i = 0; i < THINGS; i++)
		s.kind[i] = sim_random_below(&random, 2)
				? GIVEN
				: (enum kind)sim_random_below(&random, STATIC + 1);
	return s;
}

static void set_up(struct world *w, const struct setup *s)
{
	w->family = s->family;
	w->block_bits = s->block_bits;
	w->pool_bits = s->pool_bits;
	memcpy(w->kind, s->kind, sizeof(w->kind));
	w->genesis.block_size = 1u << w->block_bits;
	w->genesis.n_blocks = 1u << (w->pool_bits - w->block_bits);
	w->past = must(calloc(1u << w->pool_bits, sizeof(*w->past)));
}

struct world *world_new(uint64_t seed, const struct setup *setup, FILE *trace)
{
	struct world *w = must(calloc(1, sizeof(*w)));

	*w = (struct world){.seed = seed,
	    .now = SECOND,
	    .n = setup->members + setup->others,
	    .delay = 5 * MS,
	    .trace = trace};
	signatures_forget();
	sim_random_seed(&w->random, seed, 1);
	sim_random_seed(&w->keys, seed, 2);
	sim_random_seed(&w->story, seed, 3);
	make_identity(w, &w->owner);
	w->net = lm_net_id(&w->owner.pub, "world");
	w->genesis.owner = w->owner.pub;
	w->genesis.n_members = setup->members;
	set_up(w, setup);
	for (unsigned i = 0; i < w->n; i++) {
		struct node *n = &w->node[i];
		*n = (struct node){.world = w, .index = i, .serial = 1};
		n->tick.fire = world_fire_tick;
		n->tell.fire = world_fire_tell;
		n->mind.fire = world_fire_mind;
		n->day.fire = world_fire_day;
		make_identity(w, &n->id);
		n->clock = (int64_t)sim_random_below(&w->keys, 2 * SKEW * SECOND) -
			   (int64_t)(SKEW * SECOND);
		if (i < setup->members)
			w->genesis.members[i] = n->id.pub;
	}
	w->serial = 1;
	document_make(w, 1, (uint16_t)((1u << w->n) - 1), setup->things);
	for (unsigned i = 0; i < w->n; i++)
		world_start(w, i);
	return w;
}

void world_free(struct world *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		struct node *n = &w->node[i];
		world_crash(w, i);
		while (n->n_files)
			free(n->files[--n->n_files].bytes);
		free(n->files);
		free(n->staged);
	}
	wire_drop(w);
	sim_events_free(&w->events);
	for (unsigned i = 1; i <= w->serial; i++)
		lm_manifest_free(w->version[i].man);
	free(w->past);
	free(w);
}

void world_run(struct world *w, uint64_t ns)
{
	uint64_t until = w->now + ns;
	struct sim_event *e;

	while ((e = sim_event_first(&w->events)) && e->at <= until && !w->broken) {
		if (e->at > w->now)
			w->now = e->at;
		sim_event_set(&w->events, e, SIM_NEVER);
		w->events_done++;
		e->fire(NULL, e);
	}
	w->now = until;
}
