/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who votes in a network's chain. A gateway that takes part and has no seat asks for one, as long
 * as there are any. Whoever the manifest leaves out is removed by the members, with all that it
 * held. And the chain learns of each new serial, from which on commands that were judged by an
 * older manifest are void.
 *
 * Every member knows what is to be done and only one need do it: the first, in the order of their
 * keys, at once, each other one a few seconds later if it is still to be done.
 */
#include "membership/facts.h"

#include <inttypes.h>
#include "address/address.h"
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define REMOVE_STEP (3 * SECOND) /* from member to member */
#define SERIAL_FIRST (10 * SECOND) /* commands of other kinds bring the serial along */
#define SERIAL_STEP (5 * SECOND)
#define ADD_STEP (100 * MS) /* so many gateways that join at once do not ask at once */
#define ADD_STEPS_MAX 100
#define AGAIN (10 * SECOND) /* doubled */
#define AGAIN_MAX (600 * SECOND)
#define UNTIL_OFF 3600 /* s; so much may our clocks differ */

/* What is to be done. */
struct duty {
	uint8_t kind; /* 0: nothing */
	struct lm_public_key gateway;
	uint64_t delay;
};

static bool same_key(const struct lm_public_key *a, const struct lm_public_key *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static bool is_provider(
    const struct lm_membership *m, struct network *net, const struct lm_public_key *key)
{
	struct remote *r;

	if (same_key(key, &m->self->pub))
		return true;
	HASH_FIND(hh, m->by_key, key, sizeof(*key), r);
	return r && lm_pair_find(m, net, r);
}

static bool is_member(const struct lm_chain_info *info, const struct lm_public_key *key)
{
	for (unsigned i = 0; i < info->n_members; i++)
		if (same_key(&info->members[i], key))
			return true;
	return false;
}

/* Members that the manifest authorises; how many of them stand before us. */
static unsigned present(const struct lm_membership *m, struct network *net,
    const struct lm_chain_info *info, unsigned *rank)
{
	unsigned n = 0;

	for (unsigned i = 0; i < info->n_members; i++) {
		if (same_key(&info->members[i], &m->self->pub))
			*rank = n;
		n += is_provider(m, net, &info->members[i]);
	}
	return n;
}

/* ---- whom the manifest leaves out ---- */

struct search {
	const struct lm_membership *m;
	struct network *net;
	const struct lm_public_key *seen, *found;
};

static int search(struct search *s, const struct lm_public_key *key)
{
	if (!key || key == s->seen)
		return 0;
	s->seen = key; /* the chain has one copy of each */
	if (is_provider(s->m, s->net, key))
		return 0;
	s->found = key;
	return 1;
}

static int search_block(void *ctx, uint32_t index, const struct lm_chain_block *block)
{
	(void)index;
	return search(ctx, block->owner);
}

static int search_endpoint(void *ctx, const struct lm_chain_endpoint *endpoint)
{
	return search(ctx, endpoint->gateway);
}

/* A member, or one that has address blocks or endpoints, which are others' from then on. */
static const struct lm_public_key *find_left_out(
    const struct lm_membership *m, struct facts *f, const struct lm_chain_info *info)
{
	const struct lm_net_id *id = &f->net->pub.id;
	struct search s = {.m = m, .net = f->net};

	for (unsigned i = 0; i < info->n_members && !s.found; i++)
		search(&s, &info->members[i]);
	if (s.found || !f->seats.scan)
		return s.found;
	if (!lm_chain_each_block(m->chain, id, search_block, &s))
		lm_chain_each_endpoint(m->chain, id, search_endpoint, &s);
	/* Nobody comes to hold anything whom the manifest does not name: not again before the next
	 * manifest. */
	f->seats.scan = s.found != NULL;
	return s.found;
}

/* ---- duties ---- */

static struct duty duty_of(
    const struct lm_membership *m, struct facts *f, const struct lm_chain_info *info)
{
	const struct lm_manifest *man = f->net->pub.manifest;
	unsigned rank = 0, steps = man->n_providers;

	if (info->behind)
		return (struct duty){0}; /* when it has grown */
	if (!info->member) {
		if (f->net->part != LM_PART_JOINED || info->mute ||
		    info->n_members >= LM_CHAIN_MEMBERS_MAX)
			return (struct duty){0};
		steps = steps < ADD_STEPS_MAX ? steps : ADD_STEPS_MAX;
		return (struct duty){.kind = LM_CHAIN_ADD,
		    .gateway = m->self->pub,
		    .delay = f->net->place % steps * ADD_STEP};
	}
	present(m, f->net, info, &rank);
	const struct lm_public_key *out = find_left_out(m, f, info);
	if (out)
		return (struct duty){
		    .kind = LM_CHAIN_REMOVE, .gateway = *out, .delay = rank * REMOVE_STEP};
	if (info->serial < man->serial && man->serial > 1)
		return (struct duty){
		    .kind = LM_CHAIN_SERIAL, .delay = SERIAL_FIRST + rank * SERIAL_STEP};
	return (struct duty){0};
}

/* It is known from this moment on that this is to be done, or longer. */
static uint64_t due_at(const struct lm_membership *m, struct facts *f, const struct duty *d)
{
	struct seats *s = &f->seats;
	uint64_t again = AGAIN << lm_min_u64(s->failed, 16);

	if (d->kind != s->kind || !same_key(&d->gateway, &s->gateway)) {
		s->kind = d->kind;
		s->gateway = d->gateway;
		s->since = m->now.mono;
		s->failed = 0;
	}
	return s->since + (s->failed ? lm_min_u64(again, AGAIN_MAX) : 0) + d->delay;
}

static void propose(struct lm_membership *m, struct facts *f, const struct duty *d)
{
	struct seats *s = &f->seats;
	struct lm_chain_command c = {
	    .kind = d->kind, .serial = f->net->pub.manifest->serial, .gateway = d->gateway};

	if (d->kind == LM_CHAIN_REMOVE)
		c.until = m->now.wall / SECOND + LM_ADDRESS_QUARANTINE;
	s->open = lm_facts_propose(m, f->net, &c, TAG_SEATS | ++s->tag) == 0;
	if (s->open)
		return;
	s->failed++;
	s->since = m->now.mono;
	s->at = m->now.mono + AGAIN;
}

void lm_seats_visit(struct lm_membership *m, struct facts *f)
{
	struct seats *s = &f->seats;
	struct lm_chain_info info;

	if (s->open || (!s->look && s->at > m->now.mono))
		return;
	s->look = false;
	s->at = LM_NEVER;
	if (lm_chain_info(m->chain, &f->net->pub.id, &info) != 0)
		return;
	struct duty d = duty_of(m, f, &info);
	uint64_t at = due_at(m, f, &d);
	if (!d.kind)
		return;
	if (at <= m->now.mono)
		propose(m, f, &d);
	else
		s->at = at;
}

static const char *doing(uint8_t kind)
{
	switch (kind) {
	case LM_CHAIN_ADD:
		return "this gateway is a member of its chain";
	case LM_CHAIN_REMOVE:
		return "a gateway that the manifest leaves out is removed from its chain";
	default:
		return "its chain knows the serial in force";
	}
}

void lm_seats_done(
    struct lm_membership *m, struct facts *f, uint64_t tag, enum lm_chain_verdict verdict)
{
	struct seats *s = &f->seats;
	const char *network = f->net->pub.manifest->network;

	if (!s->open || tag != (TAG_SEATS | s->tag))
		return;
	s->open = false;
	s->look = true;
	if (verdict == LM_CV_APPLIED) {
		s->failed = 0;
		lm_info_limited("network %s: %s", network, doing(s->kind));
	} else {
		s->failed++;
		s->since = m->now.mono;
		lm_info_limited("network %s: not yet so: %s: %s", network, doing(s->kind),
		    lm_chain_verdict_names[verdict]);
	}
	lm_facts_look(m, f);
}

/* ---- consent ---- */

bool lm_seats_consent(
    struct lm_membership *m, struct network *net, const struct lm_chain_command *c)
{
	uint64_t until = m->now.wall / SECOND + LM_ADDRESS_QUARANTINE;
	struct lm_chain_info info;

	if (!is_provider(m, net, &c->author) || lm_chain_info(m->chain, &net->pub.id, &info) != 0)
		return false;
	switch (c->kind) {
	case LM_CHAIN_ADD:
		/* Of itself: nobody fills the seats with those who are not there to vote. */
		return same_key(&c->author, &c->gateway) && !is_member(&info, &c->gateway) &&
		       info.n_members < LM_CHAIN_MEMBERS_MAX;
	case LM_CHAIN_REMOVE:
		return !is_provider(m, net, &c->gateway) && c->until >= until - UNTIL_OFF &&
		       c->until <= until + UNTIL_OFF;
	default:
		return c->kind == LM_CHAIN_SERIAL;
	}
}

/* ---- a manifest that goes too far ---- */

void lm_seats_warn(struct lm_membership *m, struct network *net, struct lm_why *why)
{
	struct lm_chain_info info;
	unsigned rank, n;

	if (!lm_facts_has(net) || lm_chain_info(m->chain, &net->pub.id, &info) != 0)
		return;
	n = present(m, net, &info, &rank);
	if (n > info.n_members / 2)
		return;
	lm_error("network %s: of the %u members of its chain serial %" PRIu64
		 " names only %u: no address or provider can be decided any more, unless the "
		 "tenant recovers it",
	    net->pub.manifest->network, info.n_members, net->pub.manifest->serial, n);
	lm_why(why, 0,
	    "it names only %u of the %u gateways that decide on addresses and places, so nothing "
	    "is decided any more: name more of them in the next serial, or recover the network",
	    n, info.n_members);
}
