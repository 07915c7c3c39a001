/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway of a world does when something has happened to it. */
#include "world.h"

#define LEDGER (200 * MS) /* until the others are told what changed */
#define ROUNDS 64 /* of a gateway's turn; then it has no end */

/* ---- effects ---- */

static void on_random(void *ctx, void *buf, size_t len)
{
	sim_random_bytes(&((struct node *)ctx)->world->random, buf, len);
}

static void take_note(struct node *n, struct note note)
{
	if (n->n_notes == sizeof(n->notes) / sizeof(n->notes[0]))
		abort();
	n->notes[n->n_notes++] = note;
}

static void on_done(void *ctx, const struct lm_net_id *net, uint64_t tag,
    enum lm_chain_verdict verdict, uint32_t block)
{
	(void)net;
	take_note(ctx, (struct note){.tag = tag, .verdict = verdict, .block = block});
}

static void on_grown(void *ctx, const struct lm_net_id *net, uint64_t height, bool ours)
{
	struct node *n = ctx;

	(void)net;
	(void)height;
	n->greet = n->greet || ours;
	n->grew = true;
	take_note(n, (struct note){.grown = true});
	if (!n->dying)
		check_grown(n);
}

static void on_guilty(void *ctx, const struct lm_net_id *net, const struct lm_chain_guilt *g)
{
	struct node *n = ctx;

	(void)net;
	(void)g;
	world_broken(n->world, n, "a proof against an honest member");
}

const struct lm_chain_ops world_chain_ops = {.send = wire_send,
    .random = on_random,
    .persist = disk_chain,
    .truncate = disk_truncate,
    .consent = mind_consent,
    .pull = wire_pull,
    .done = on_done,
    .grown = on_grown,
    .guilty = on_guilty};

static const char *const kinds[] = {
    "?", "ADD", "REMOVE", "ASSIGN", "RELEASE", "FREE", "MOVE", "FORGET", "SERIAL"};

static int on_propose(
    void *ctx, const struct lm_net_id *net, const struct lm_chain_command *c, uint64_t tag)
{
	struct node *n = ctx;
	struct lm_now now = world_now(n);

	world_say(n->world, "    %u proposes %s %.*s block %u address %u generation %llu", n->index,
	    kinds[c->kind], c->key_len > 2 ? c->key_len - 2 : 0, (const char *)c->key + 2, c->block,
	    c->address, (unsigned long long)c->generation);
	n->proposed = true;
	return lm_chain_propose(n->chain, &now, net, c, tag);
}

static void on_changed(void *ctx, const struct lm_net_id *net)
{
	(void)net;
	((struct node *)ctx)->changed = true;
}

static void on_ask(void *ctx, const struct lm_net_id *net)
{
	(void)net;
	((struct node *)ctx)->greet = true;
}

const struct lm_address_ops world_address_ops = {.propose = on_propose,
    .persist = disk_address,
    .begin = disk_begin,
    .commit = disk_commit,
    .holder = mind_holder,
    .changed = on_changed,
    .ask = on_ask};

/* ---- a gateway's turn ---- */

/* What it serves now; true: something else. */
static bool note_served(struct node *n)
{
	const struct version *v = version_of(n);
	bool other = false;

	for (unsigned i = 0; i < THINGS; i++) {
		struct serving s = {0};
		struct lm_address_place p;
		if (v->endpoint[i] != NO_THING && n->world->kind[i] != STATIC && n->address &&
		    lm_address_get(n->address, &n->world->net, v->endpoint[i], &p) == 0 && p.serve)
			s = (struct serving){true, p.index, p.generation};
		if (s.serve != n->serving[i].serve || s.index != n->serving[i].index)
			world_say(n->world, "  %u %s m%u, index %u", n->index,
			    s.serve ? "serves" : "serves no more", i,
			    s.serve ? s.index : n->serving[i].index);
		if (n->serving[i].serve && (!s.serve || s.index != n->serving[i].index))
			n->world->past[n->serving[i].index] = (struct past){i, n->world->now};
		n->world->served += s.serve && !n->serving[i].serve;
		other |= memcmp(&s, &n->serving[i], sizeof(s)) != 0;
		n->serving[i] = s;
	}
	return other;
}

static void hear(struct node *n, const struct lm_now *now)
{
	struct world *w = n->world;
	struct lm_address_claim claims[NODES * THINGS];
	const struct version *v = version_of(n);
	const struct lm_manifest *man = v->man;
	struct lm_address_place place;
	unsigned count = 0;

	n->heard = false;
	for (unsigned i = 0; i < w->n; i++) {
		int provider = world_provider(man, &w->node[i].id.pub);
		if (!w->node[i].chain || !world_linked(w, n->index, i))
			continue; /* its session is down */
		for (unsigned t = 0; t < THINGS && provider >= 0; t++) {
			const struct serving *s = &n->claims[i][t];
			if (!s->serve || v->endpoint[t] == NO_THING)
				continue;
			claims[count++] = (struct lm_address_claim){
			    v->endpoint[t], (unsigned)provider, s->index, s->generation};
			if (lm_address_get(n->address, &w->net, v->endpoint[t], &place) == 0 &&
			    s->generation > place.generation)
				wire_greet(n, i);
		}
	}
	lm_address_heard(n->address, now, &w->net, claims, count);
}

static bool flush(struct node *n, const struct lm_now *now)
{
	struct world *w = n->world;
	struct lm_chain_info info;
	bool any = n->n_notes || n->heard || n->proposed;

	n->proposed = false;
	for (unsigned i = 0; i < n->n_notes; i++) {
		const struct note *note = &n->notes[i];
		if (note->grown) {
			lm_address_grown(n->address, now, &w->net);
			n->mind_tries = 0;
			sim_event_set(&w->events, &n->mind, w->now);
			continue;
		}
		world_say(w, "    %u is told: %s", n->index, lm_chain_verdict_names[note->verdict]);
		mind_ended(n, note->tag);
		lm_address_done(n->address, now, &w->net, note->tag, note->verdict, note->block);
		if (n->mind_at != UINT64_MAX)
			sim_event_set(&w->events, &n->mind, lm_max_u64(n->mind_at, w->now));
	}
	n->n_notes = 0;
	if (n->heard)
		hear(n, now);
	lm_chain_info(n->chain, &w->net, &info);
	if (info.current != n->current) {
		n->current = info.current;
		lm_address_current(n->address, now, &w->net);
	}
	return any;
}

void world_fire_tell(struct sim *s, struct sim_event *e)
{
	struct node *n = (struct node *)((char *)e - offsetof(struct node, tell));

	(void)s;
	for (unsigned i = 0; i < n->world->n; i++)
		wire_tell(n, i);
}

void world_after(struct node *n)
{
	struct world *w = n->world;
	struct lm_now now = world_now(n);
	uint64_t next = 0;

	for (unsigned round = 0; n->chain && !n->dying; round++) {
		uint64_t chain = lm_chain_tick(n->chain, &now);
		bool more = flush(n, &now);
		uint64_t address = n->dying ? 0 : lm_address_tick(n->address, &now);
		next = lm_min_u64(chain, address);
		if (!more && !n->n_notes && !n->proposed)
			break;
		if (round == ROUNDS) {
			world_broken(w, n, "a turn without end");
			break;
		}
	}
	if (n->dying) {
		world_crash(w, n->index);
		return;
	}
	if (!n->chain)
		return;
	sim_event_set(&w->events, &n->tick, next);
	if (n->changed && note_served(n))
		sim_event_set(&w->events, &n->tell, w->now + LEDGER);
	if (n->changed || n->grew)
		check_served(w);
	const struct network *net = world_net(n);
	w->fenced += net->fenced && net->contacted && !n->was_fenced;
	n->was_fenced = net->fenced;
	n->changed = n->grew = false;
	for (unsigned i = 0; n->greet && i < w->n; i++)
		wire_greet(n, i);
	n->greet = false;
}

void world_fire_tick(struct sim *s, struct sim_event *e)
{
	(void)s;
	world_after((struct node *)((char *)e - offsetof(struct node, tick)));
}

void world_fire_mind(struct sim *s, struct sim_event *e)
{
	struct node *n = (struct node *)((char *)e - offsetof(struct node, mind));

	(void)s;
	mind_seats(n);
	if (n->chain)
		world_after(n);
}

/* Whoever has heard of no majority for a day asks. */
void world_fire_day(struct sim *s, struct sim_event *e)
{
	struct node *n = (struct node *)((char *)e - offsetof(struct node, day));

	(void)s;
	n->greet = true;
	sim_event_set(&n->world->events, &n->day, n->world->now + 86400 * SECOND);
	world_after(n);
}
