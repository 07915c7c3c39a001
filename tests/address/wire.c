/* SPDX-License-Identifier: Apache-2.0 */
/* What is between the gateways of a world: messages, blobs that are pulled, and the ledger. */
#include "world.h"

enum { A_MESSAGE, A_PULL, A_BLOB, A_CLAIM };

struct parcel {
	struct sim_event event;
	struct world *world;
	unsigned from, to;
	uint8_t what, type;
	uint8_t hash[LM_CHAIN_HASH_LEN];
	size_t len;
	uint8_t bytes[];
};

static void arrive(struct sim *s, struct sim_event *e);

bool world_linked(const struct world *w, unsigned a, unsigned b)
{
	return !w->cut[a][b] && !w->cut[b][a];
}

static void post(struct world *w, unsigned from, unsigned to, uint8_t what, uint8_t type,
    const uint8_t *hash, const void *bytes, size_t len)
{
	if (w->cut[from][to] || from == to || world_chance(w, w->loss))
		return;
	struct parcel *p = must(malloc(sizeof(*p) + len));
	*p = (struct parcel){
	    .world = w, .from = from, .to = to, .what = what, .type = type, .len = len};
	if (hash)
		memcpy(p->hash, hash, sizeof(p->hash));
	if (len)
		memcpy(p->bytes, bytes, len);
	p->event.fire = arrive;
	sim_event_set(&w->events, &p->event,
	    w->now + w->delay + (w->jitter ? sim_random_below(&w->random, w->jitter) : 0));
}

static void take_claims(struct node *n, const struct parcel *p)
{
	memcpy(n->claims[p->from], p->bytes, sizeof(n->claims[p->from]));
	n->heard = true;
}

static void take_pull(struct node *n, const struct parcel *p)
{
	size_t len;
	const uint8_t *bytes = lm_chain_blob(n->chain, &n->world->net, p->hash, &len);

	if (bytes)
		post(n->world, p->to, p->from, A_BLOB, 0, p->hash, bytes, len);
}

static void arrive(struct sim *s, struct sim_event *e)
{
	struct parcel *p = (struct parcel *)e;
	struct world *w = p->world;
	struct node *n = &w->node[p->to];
	struct lm_now now = world_now(n);

	(void)s;
	/* From somebody that its manifest authorises. */
	if (n->chain && version_of(n)->providers >> p->from & 1) {
		if (p->what == A_MESSAGE)
			lm_chain_input(
			    n->chain, &now, &w->node[p->from].id.pub, p->type, p->bytes, p->len);
		else if (p->what == A_PULL)
			take_pull(n, p);
		else if (p->what == A_BLOB)
			lm_chain_pulled(n->chain, &now, &w->net, p->hash, p->bytes, p->len);
		else
			take_claims(n, p);
		world_after(n);
	}
	free(p);
}

void wire_send(
    void *ctx, const struct lm_public_key *to, uint8_t type, const void *body, size_t len)
{
	struct node *n = ctx;
	int at = world_index(n->world, to);

	if (!n->dying && at >= 0)
		post(n->world, n->index, (unsigned)at, A_MESSAGE, type, NULL, body, len);
}

void wire_pull(void *ctx, const struct lm_net_id *net, const struct lm_public_key *from,
    const uint8_t hash[LM_CHAIN_HASH_LEN], size_t size)
{
	struct node *n = ctx;
	int at = world_index(n->world, from);

	(void)net;
	(void)size;
	if (!n->dying && at >= 0)
		post(n->world, n->index, (unsigned)at, A_PULL, 0, hash, NULL, 0);
}

void wire_greet(struct node *n, unsigned to)
{
	struct lm_now now = world_now(n);

	if (n->chain && !n->dying && to != n->index && version_of(n)->providers >> to & 1)
		lm_chain_greet(n->chain, &now, &n->world->net, &n->world->node[to].id.pub);
}

void wire_tell(struct node *n, unsigned to)
{
	if (n->chain && !n->dying)
		post(n->world, n->index, to, A_CLAIM, 0, NULL, n->serving, sizeof(n->serving));
}

void wire_drop(struct world *w)
{
	struct sim_event *e;

	while ((e = sim_event_first(&w->events))) {
		sim_event_set(&w->events, e, SIM_NEVER);
		if (e->fire == arrive)
			free(e);
	}
}
