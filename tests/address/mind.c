/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lib/membership does for the two in a real gateway, as simple as can be: members come and go
 * as the manifest says, and holders are asked what they serve.
 */
#include "world.h"

#define SEATS_TAG (1ull << 63)
#define RETRY (5 * SECOND) /* doubled with each time in a row */
#define APART (20 * SECOND)
#define DEAD (10 * SECOND) /* silent for so long, a holder serves nothing */
#define CACHED (3 * SECOND)

/* ---- members ---- */

bool mind_consent(void *ctx, const struct lm_net_id *net, const struct lm_chain_command *c)
{
	struct node *n = ctx;
	struct lm_now now = world_now(n);
	const struct version *v = version_of(n);
	int gateway = world_index(n->world, &c->gateway),
	    author = world_index(n->world, &c->author);
	uint64_t until = now.wall / SECOND + LM_ADDRESS_QUARANTINE;

	if (c->kind != LM_CHAIN_ADD && c->kind != LM_CHAIN_REMOVE && c->kind != LM_CHAIN_SERIAL) {
		bool yes = lm_address_consent(n->address, &now, net, c);
		world_say(n->world, "        %u %s to %d's command of kind %u", n->index,
		    yes ? "consents" : "does not consent", author, c->kind);
		return yes;
	}
	if (c->serial != n->serial || author < 0 || !(v->providers >> author & 1))
		return false;
	if (c->kind == LM_CHAIN_ADD)
		return gateway >= 0 && v->providers >> gateway & 1;
	return c->kind == LM_CHAIN_SERIAL ||
	       (gateway >= 0 && !(v->providers >> gateway & 1) &&
		   c->until + LM_ADDRESS_CLOCKS >= until && c->until <= until + LM_ADDRESS_CLOCKS);
}

struct search {
	const struct node *n;
	int gone; /* a gateway that is no provider and has something */
};

static void look_at(struct search *s, const struct lm_public_key *key)
{
	int at = key ? world_index(s->n->world, key) : -1;

	if (at >= 0 && !(version_of(s->n)->providers >> at & 1))
		s->gone = at;
}

static int look_at_block(void *ctx, uint32_t block, const struct lm_chain_block *b)
{
	(void)block;
	look_at(ctx, b->owner);
	return 0;
}

static int look_at_endpoint(void *ctx, const struct lm_chain_endpoint *e)
{
	look_at(ctx, e->gateway);
	return 0;
}

/* Its place among the members that are providers, or -1. */
static int rank_of(const struct node *n, const struct lm_chain_info *info)
{
	int rank = 0;

	for (unsigned i = 0; i < info->n_members; i++) {
		int at = world_index(n->world, &info->members[i]);
		if (at == (int)n->index)
			return rank;
		rank += version_of(n)->providers >> at & 1;
	}
	return -1;
}

static void propose(struct node *n, enum lm_chain_kind kind, unsigned gateway)
{
	struct world *w = n->world;
	struct lm_now now = world_now(n);
	struct lm_chain_command c = {
	    .kind = (uint8_t)kind, .serial = n->serial, .gateway = w->node[gateway].id.pub};

	if (kind == LM_CHAIN_REMOVE)
		c.until = now.wall / SECOND + LM_ADDRESS_QUARANTINE;
	world_say(w, "    %u proposes to %s %u", n->index, kind == LM_CHAIN_ADD ? "add" : "remove",
	    gateway);
	lm_chain_propose(n->chain, &now, &w->net, &c, SEATS_TAG | w->now);
	n->mind_at = UINT64_MAX; /* until it has ended */
}

void mind_ended(struct node *n, uint64_t tag)
{
	if (tag & SEATS_TAG)
		n->mind_at = n->world->now + (RETRY << lm_min_u64(n->mind_tries++, 10));
}

static bool has_attached(const struct node *n)
{
	for (unsigned i = 0; i < THINGS; i++)
		if (n->attached[i])
			return true;
	return false;
}

void mind_seats(struct node *n)
{
	struct world *w = n->world;
	struct search s = {.n = n, .gone = -1};
	struct lm_chain_info info;

	if (!n->chain || lm_chain_info(n->chain, &w->net, &info) < 0 || n->mind_at == UINT64_MAX ||
	    info.serial > n->serial)
		return;
	lm_chain_each_block(n->chain, &w->net, look_at_block, &s);
	lm_chain_each_endpoint(n->chain, &w->net, look_at_endpoint, &s);
	for (unsigned i = 0; i < info.n_members; i++)
		look_at(&s, &info.members[i]);
	int rank = rank_of(n, &info);
	bool remove = s.gone >= 0 && rank >= 0 && info.n_members > 1;
	bool add = !info.member && info.n_members < LM_CHAIN_MEMBERS_MAX && has_attached(n);
	if (!remove && !add)
		return;
	uint64_t at = n->mind_at + (remove ? (uint64_t)rank * APART : 0);
	if (w->now < at)
		sim_event_set(&w->events, &n->mind, at);
	else
		propose(n, remove ? LM_CHAIN_REMOVE : LM_CHAIN_ADD,
		    remove ? (unsigned)s.gone : n->index);
}

/* ---- holders ---- */

enum lm_holder mind_holder(void *ctx, const struct lm_net_id *net,
    const struct lm_public_key *gateway, unsigned endpoint, const struct lm_public_key *author)
{
	struct node *n = ctx;
	struct world *w = n->world;
	int at = world_index(w, gateway);
	unsigned thing = version_of(n)->thing[endpoint];

	(void)net;
	(void)author;
	if (at < 0 || at == (int)n->index) {
		world_broken(w, n, "it asks %d what it serves", at);
		return LM_HOLDER_UNKNOWN;
	}
	struct asking *a = &n->asking[at][thing];
	if (a->answered && w->now - a->answered < CACHED)
		return a->serves ? LM_HOLDER_SERVES : LM_HOLDER_IDLE;
	if (a->answered || a->since == 0 || w->now - a->since > 60 * SECOND)
		*a = (struct asking){.since = w->now};
	const struct node *holder = &w->node[at];
	if (holder->chain && world_linked(w, n->index, (unsigned)at) && !world_chance(w, w->loss) &&
	    version_of(holder)->providers >> n->index & 1) {
		a->answered = w->now;
		a->serves = holder->serving[thing].serve;
	}
	return w->now - a->since >= DEAD ? LM_HOLDER_IDLE : LM_HOLDER_UNKNOWN;
}
