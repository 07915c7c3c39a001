/* SPDX-License-Identifier: Apache-2.0 */
/* What is between the gateways of a world: messages, and blobs that are pulled. */
#include "world.h"

enum { A_MESSAGE, A_PULL, A_BLOB };

struct parcel {
	struct sim_event event;
	struct world *world;
	unsigned from, to;
	uint8_t what, type;
	uint8_t hash[HASH_LEN];
	size_t len;
	uint8_t bytes[];
};

static void post(struct world *w, unsigned from, unsigned to, uint8_t what, uint8_t type,
    const uint8_t *hash, const void *bytes, size_t len);

void world_deliver(
    struct world *w, unsigned from, unsigned to, uint8_t type, const void *body, size_t len)
{
	struct node *n = &w->node[to];
	struct lm_now now = world_now(n);

	if (!n->chain)
		return;
	lm_chain_input(n->chain, &now, &w->node[from].id.pub, type, body, len);
	world_after(n);
}

static void deliver_pull(struct world *w, const struct parcel *p)
{
	struct node *n = &w->node[p->to];
	size_t len;
	const uint8_t *bytes = n->chain ? lm_chain_blob(n->chain, &w->net, p->hash, &len) : NULL;

	if (bytes)
		post(w, p->to, p->from, A_BLOB, 0, p->hash, bytes, len);
}

static void deliver_blob(struct world *w, const struct parcel *p)
{
	struct node *n = &w->node[p->to];
	struct lm_now now = world_now(n);

	if (!n->chain)
		return;
	lm_chain_pulled(n->chain, &now, &w->net, p->hash, p->bytes, p->len);
	world_after(n);
}

static void arrive(struct sim *s, struct sim_event *e)
{
	struct parcel *p = (struct parcel *)e;
	struct world *w = p->world;

	(void)s;
	w->under_way--;
	if (p->what == A_MESSAGE)
		world_deliver(w, p->from, p->to, p->type, p->bytes, p->len);
	else if (p->what == A_PULL)
		deliver_pull(w, p);
	else
		deliver_blob(w, p);
	free(p);
}

static void post(struct world *w, unsigned from, unsigned to, uint8_t what, uint8_t type,
    const uint8_t *hash, const void *bytes, size_t len)
{
	unsigned copies = world_chance(w, w->twice) ? 2 : 1;

	if (w->cut[from][to] || from == to)
		return;
	for (; copies; copies--) {
		if (world_chance(w, w->loss))
			continue;
		struct parcel *p = must(malloc(sizeof(*p) + len));
		*p = (struct parcel){.event.fire = arrive,
		    .world = w,
		    .from = from,
		    .to = to,
		    .what = what,
		    .type = type,
		    .len = len};
		if (hash)
			memcpy(p->hash, hash, HASH_LEN);
		if (len)
			memcpy(p->bytes, bytes, len);
		w->under_way++;
		w->slowest = lm_max_u64(w->slowest, w->delay + w->jitter);
		sim_event_set(&w->events, &p->event,
		    w->now + w->delay + (w->jitter ? sim_random_below(&w->random, w->jitter) : 0));
	}
}

void world_send(
    struct world *w, unsigned from, unsigned to, uint8_t type, const void *body, size_t len)
{
	post(w, from, to, A_MESSAGE, type, NULL, body, len);
}

static const char *const type_names[] = {"prepare", "promise", "accept", "accepted", "preempted",
    "block", "tip", "get", "start", "ask", "consent", "request"};

void wire_send(
    void *ctx, const struct lm_public_key *to, uint8_t type, const void *body, size_t len)
{
	struct node *n = ctx;
	struct world *w = n->world;
	int at = world_index(w, to);

	if (n->dying || at < 0)
		return;
	n->sent++;
	world_say(w, "        %u to %d: %s", n->index, at, type_names[type - LM_MSG_CHAIN]);
	if (len > LM_MESSAGE_MAX)
		world_broken(w, n, "a message of %zu bytes", len);
	if (w->tamper && w->tamper(w, n->index, (unsigned)at, type, body, len))
		return;
	world_send(w, n->index, (unsigned)at, type, body, len);
}

void wire_pull(void *ctx, const struct lm_net_id *net, const struct lm_public_key *from,
    const uint8_t hash[HASH_LEN], size_t size)
{
	struct node *n = ctx;
	int at = world_index(n->world, from);

	(void)net;
	(void)size;
	world_say(n->world, "        %u pulls from %d", n->index, at);
	if (!n->dying && at >= 0)
		post(n->world, n->index, (unsigned)at, A_PULL, 0, hash, NULL, 0);
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
