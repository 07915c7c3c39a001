/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/internal.h"

#include <stddef.h>

#define X(id, text) [LM_CV_##id] = text,
const char *const lm_chain_verdict_names[LM_CV_MAX] = {LM_CHAIN_VERDICTS(X)};
#undef X
#define X(id, name) [LM_CD_##id] = name,
const char *const lm_chain_drop_names[LM_CD_MAX] = {LM_CHAIN_DROPS(X)};
#undef X

int lm_chain_create(struct lm_chain **out, const struct lm_identity *self, unsigned max_networks,
    const struct lm_chain_ops *ops, void *ctx)
{
	struct lm_chain *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->self = self;
	c->max_networks = max_networks;
	c->ops = *ops;
	c->ctx = ctx;
	*out = c;
	return 0;
}

/* ---- networks ---- */

struct network *lm_chain_net(const struct lm_chain *c, const struct lm_net_id *id)
{
	struct network *net;

	HASH_FIND(hh, c->networks, id, sizeof(*id), net);
	return net;
}

static void network_free(struct network *net)
{
	lm_chain_wishes_free(net);
	lm_chain_proposal_reset(net);
	lm_chain_value_free(&net->vote.value);
	lm_chain_pieces_free(&net->pieces, &net->n_pieces, &net->room);
	lm_chain_ahead_free(net);
	lm_chain_bodies_free(net);
	lm_chain_state_free(&net->state);
	lm_chain_outcome_drop(net);
	free(net->state_bytes);
	free(net->guilt);
	free(net);
}

static int network_begin(struct network *net, const struct lm_chain_genesis *genesis)
{
	int err = lm_chain_genesis_state(&net->state, genesis);

	if (err == 0)
		err = lm_chain_start_genesis(&net->start, &net->where, &net->state);
	if (err < 0)
		return err;
	memcpy(net->hash, net->start.hash, HASH_LEN);
	memcpy(net->state_hash, net->start.state, HASH_LEN);
	return 0;
}

int lm_chain_add(struct lm_chain *c, const struct lm_net_id *id,
    const struct lm_chain_genesis *genesis, bool votes)
{
	if (lm_chain_net(c, id))
		return -EEXIST;
	if (HASH_COUNT(c->networks) >= c->max_networks)
		return -ENOSPC;
	struct network *net = calloc(1, sizeof(*net));
	if (!net)
		return -ENOMEM;
	*net =
	    (struct network){.chain = c, .where.net = *id, .owner = genesis->owner, .votes = votes};
	TAILQ_INIT(&net->queue);
	TAILQ_INIT(&net->own);
	int err = network_begin(net, genesis);
	if (err == 0)
		err = lm_timers_reserve(&c->timers);
	if (err < 0) {
		network_free(net);
		return err;
	}
	net->tell_at = net->own_at = net->fetch_at = LM_NEVER;
	lm_chain_tip_moved(net);
	HASH_ADD(hh, c->networks, where.net, sizeof(net->where.net), net);
	return 0;
}

static void remove_network(struct network *net)
{
	struct lm_chain *c = net->chain;

	HASH_DEL(c->networks, net);
	lm_timers_release(&c->timers, &net->timer);
	network_free(net);
}

void lm_chain_remove(struct lm_chain *c, const struct lm_net_id *id)
{
	struct network *net = lm_chain_net(c, id);

	if (net)
		remove_network(net);
}

void lm_chain_free(struct lm_chain *c)
{
	struct network *net, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->networks, net, next)
	remove_network(net);
	lm_timers_free(&c->timers);
	free(c);
}

/* ---- what the other files use ---- */

void lm_chain_drop(struct network *net, enum lm_chain_drop reason)
{
	net->chain->drops[reason]++;
}

uint64_t lm_chain_random(struct network *net, uint64_t below)
{
	uint64_t r;

	net->chain->ops.random(net->chain->ctx, &r, sizeof(r));
	return below ? r % below : 0;
}

uint64_t lm_chain_backoff(struct network *net, uint64_t base, unsigned tries, uint64_t max)
{
	uint64_t wait = lm_min_u64(base << lm_min_u64(tries, 20), max);

	return wait / 2 + lm_chain_random(net, wait);
}

uint64_t lm_chain_now(const struct network *net)
{
	return net->chain->now.mono;
}

/* ---- time ---- */

static uint64_t *const *deadlines(struct network *net, uint64_t *list[6])
{
	list[0] = &net->propose_at;
	list[1] = &net->repeat_at;
	list[2] = &net->resolve_at;
	list[3] = &net->own_at;
	list[4] = &net->tell_at;
	list[5] = &net->fetch_at;
	return list;
}

static void schedule(struct network *net)
{
	uint64_t *list[6], next = LM_NEVER;

	deadlines(net, list);
	for (unsigned i = 0; i < 6; i++)
		next = lm_min_u64(next, *list[i]);
	lm_timers_set(&net->chain->timers, &net->timer, next);
}

/* Takes a deadline that has come; what follows may set it again. */
static bool due(struct network *net, uint64_t *at)
{
	if (*at > lm_chain_now(net))
		return false;
	*at = LM_NEVER;
	return true;
}

static void network_due(struct network *net)
{
	if (due(net, &net->own_at))
		lm_chain_own_due(net);
	if (due(net, &net->fetch_at))
		lm_chain_fetch_due(net);
	if (due(net, &net->repeat_at))
		lm_chain_repeat_due(net);
	if (due(net, &net->resolve_at))
		lm_chain_propose_soon(net, 0);
	if (due(net, &net->propose_at))
		lm_chain_propose_due(net);
	if (due(net, &net->tell_at))
		lm_chain_tell_due(net);
	schedule(net);
}

uint64_t lm_chain_tick(struct lm_chain *c, const struct lm_now *now)
{
	struct lm_timer *t;

	c->now = *now;
	while ((t = lm_timers_first(&c->timers)) && t->due <= now->mono)
		network_due((struct network *)((char *)t - offsetof(struct network, timer)));
	return lm_timers_next(&c->timers);
}

static int restore(
    struct network *net, enum lm_chain_record what, uint64_t height, const void *bytes, size_t len)
{
	switch (what) {
	case LM_CHAIN_TIP:
		return lm_chain_tip_restore(net, bytes, len);
	case LM_CHAIN_VOTE:
		return lm_chain_vote_restore(net, bytes, len);
	case LM_CHAIN_HEADER:
		return lm_chain_header_restore(net, height, bytes, len);
	}
	return -EINVAL;
}

int lm_chain_restore(struct lm_chain *c, const struct lm_net_id *id, enum lm_chain_record what,
    uint64_t height, const void *bytes, size_t len)
{
	struct network *net = lm_chain_net(c, id);

	if (!net)
		return -ENOENT;
	int err = restore(net, what, height, bytes, len);
	schedule(net); /* what we accepted has yet to be decided */
	return err;
}

/* ---- messages ---- */

typedef void handler(struct message *m);

static handler *const handlers[LM_MSG_CHAIN_END - LM_MSG_CHAIN] = {
    [LM_MSG_CHAIN_PREPARE - LM_MSG_CHAIN] = lm_chain_on_prepare,
    [LM_MSG_CHAIN_PROMISE - LM_MSG_CHAIN] = lm_chain_on_promise,
    [LM_MSG_CHAIN_ACCEPT - LM_MSG_CHAIN] = lm_chain_on_accept,
    [LM_MSG_CHAIN_ACCEPTED - LM_MSG_CHAIN] = lm_chain_on_accepted,
    [LM_MSG_CHAIN_PREEMPTED - LM_MSG_CHAIN] = lm_chain_on_preempted,
    [LM_MSG_CHAIN_BLOCK - LM_MSG_CHAIN] = lm_chain_on_block,
    [LM_MSG_CHAIN_TIP - LM_MSG_CHAIN] = lm_chain_on_tip,
    [LM_MSG_CHAIN_GET - LM_MSG_CHAIN] = lm_chain_on_get,
    [LM_MSG_CHAIN_START - LM_MSG_CHAIN] = lm_chain_on_start,
    [LM_MSG_CHAIN_ASK - LM_MSG_CHAIN] = lm_chain_on_ask,
    [LM_MSG_CHAIN_CONSENT - LM_MSG_CHAIN] = lm_chain_on_consent,
    [LM_MSG_CHAIN_REQUEST - LM_MSG_CHAIN] = lm_chain_on_request,
};

static struct rate *rate_of(struct network *net, int member)
{
	return &net->rates[member < 0 ? LM_CHAIN_MEMBERS_MAX : member];
}

/* One member's messages do not use up another's share. */
static bool within_rate(struct network *net, int member)
{
	struct rate *rate = rate_of(net, member);

	if (lm_chain_now(net) - rate->since >= SECOND)
		*rate = (struct rate){.since = lm_chain_now(net)};
	return rate->n++ < RATE;
}

void lm_chain_invalid(struct message *m)
{
	lm_chain_drop(m->net, LM_CD_INVALID);
	rate_of(m->net, m->member)->n += INVALID_COST;
}

static void handle(struct network *net, const struct lm_public_key *from, uint8_t type,
    const void *bytes, size_t len)
{
	struct message m = {.net = net,
	    .from = from,
	    .type = type,
	    .bytes = bytes,
	    .len = len,
	    .r = lm_reader(bytes, len)};

	lm_read_ref(&m.r, sizeof(net->where.net));
	m.era = lm_read_u32(&m.r);
	m.height = lm_read_u64(&m.r);
	m.member = lm_chain_member(&net->state.members, from);
	handlers[type - LM_MSG_CHAIN](&m);
}

int lm_chain_message_net(struct lm_net_id *out, const void *body, size_t len)
{
	if (len < PREFIX_LEN)
		return -EINVAL;
	memcpy(out->b, body, sizeof(out->b));
	return 0;
}

void lm_chain_input(struct lm_chain *c, const struct lm_now *now, const struct lm_public_key *from,
    uint8_t type, const void *body, size_t len)
{
	struct lm_net_id id;

	c->now = *now;
	if (type < LM_MSG_CHAIN || type >= LM_MSG_CHAIN_END ||
	    lm_chain_message_net(&id, body, len) < 0) {
		c->drops[LM_CD_MALFORMED]++;
		return;
	}
	struct network *net = lm_chain_net(c, &id);
	if (!net) {
		c->drops[LM_CD_UNKNOWN_NET]++;
		return;
	}
	if (!within_rate(net, lm_chain_member(&net->state.members, from))) {
		lm_chain_drop(net, LM_CD_LIMIT);
		return;
	}
	handle(net, from, type, body, len);
	schedule(net);
}

/* What waited for it is handled as if it had only come now. */
static void unpark(struct network *net, struct body *b)
{
	struct parked *p = b->parked;

	b->parked = NULL;
	if (p)
		handle(net, &p->from, p->type, p->bytes, p->len);
	free(p);
}

void lm_chain_pulled(struct lm_chain *c, const struct lm_now *now, const struct lm_net_id *id,
    const uint8_t hash[HASH_LEN], const void *bytes, size_t len)
{
	struct network *net = lm_chain_net(c, id);

	c->now = *now;
	if (!net)
		return;
	struct body *body = NULL;
	if (lm_chain_ahead_state(net, hash, bytes, len) ||
	    (body = lm_chain_body_take(net, hash, bytes, len)))
		lm_chain_ahead_apply(net);
	else
		lm_chain_drop(net, LM_CD_UNASKED);
	if (body)
		unpark(net, body);
	schedule(net);
}

void lm_chain_greet(struct lm_chain *c, const struct lm_now *now, const struct lm_net_id *id,
    const struct lm_public_key *to)
{
	struct network *net = lm_chain_net(c, id);

	c->now = *now;
	if (net)
		lm_chain_send_tip(net, to, true);
}

int lm_chain_propose(struct lm_chain *c, const struct lm_now *now, const struct lm_net_id *id,
    const struct lm_chain_command *command, uint64_t tag)
{
	struct network *net = lm_chain_net(c, id);

	c->now = *now;
	if (!net)
		return -ENOENT;
	if (net->n_own == LM_CHAIN_OWN_MAX)
		return -ENOSPC;
	struct own *own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	*own = (struct own){.command.c = *command, .tag = tag, .era = net->where.era};
	int known = lm_chain_known(&net->state, &c->self->pub);
	uint64_t last = known < 0 ? 0 : net->state.gateways[known].number;
	/* Those of a former life were lower, if the clock has not gone back; else they are known.
	 */
	if (net->last_number == 0)
		net->last_number = now->wall / MS;
	net->last_number = lm_max_u64(net->last_number, last) + 1;
	own->command.c.author = c->self->pub;
	own->command.c.number = net->last_number;
	int err = lm_chain_command_sign(&own->command, c->self, &net->where);
	if (err < 0) {
		free(own);
		return err;
	}
	TAILQ_INSERT_TAIL(&net->own, own, entry);
	net->n_own++;
	net->own_at = now->mono;
	schedule(net);
	return 0;
}
