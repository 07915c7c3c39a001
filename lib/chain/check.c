/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a command applies, and then to what. Nothing but state and command decides it. */
#include "chain/state.h"

#include <limits.h>

/* ---- places ---- */

static bool holds_anything(const struct state *s, unsigned gateway)
{
	for (unsigned i = 0; i < s->n_slots; i++)
		if (s->slots[i].owner == gateway)
			return true;
	for (unsigned i = 0; i < s->n_endpoints; i++)
		if (s->endpoints[i].gateway == gateway)
			return true;
	return lm_chain_member(&s->members, &s->gateways[gateway].key) >= 0;
}

/*
 * A place for one more, beside that which is taken by another. When all are taken, that of the
 * first gateway that holds nothing and whose commands are all void by their serial, so that
 * forgetting their numbers revives none.
 */
static int place_for(const struct state *s, unsigned taken)
{
	unsigned end = s->n_gateways + (taken == s->n_gateways);

	if (end < LM_CHAIN_GATEWAYS_MAX)
		return (int)end;
	for (unsigned i = 0; i < s->n_gateways; i++)
		if (i != taken && s->gateways[i].serial < s->serial && !holds_anything(s, i))
			return (int)i;
	return -LM_CV_FULL;
}

/* Where the gateway is known, or will be; or minus the verdict. */
static int place_of(const struct state *s, const struct lm_public_key *key)
{
	int i = lm_chain_known(s, key);

	return i >= 0 ? i : place_for(s, UINT_MAX);
}

/* Likewise, when the author has his place, perhaps for the first time. */
static int place_beside(const struct state *s, const struct lm_chain_command *c, unsigned author)
{
	int i = lm_chain_known(s, &c->gateway);

	if (memcmp(c->gateway.b, c->author.b, sizeof(c->author.b)) == 0)
		return (int)author;
	return i >= 0 && i != (int)author ? i : place_for(s, author);
}

/* ---- numbers ---- */

/* A window as for replayed packets (RFC 6479): commands may overtake each other, none is doubled.
 */
static bool is_applied(const struct known *g, uint64_t number)
{
	if (number > g->number)
		return false;
	uint64_t below = g->number - number;
	return below == 0 || (below <= 64 && g->window >> (below - 1) & 1);
}

static bool is_too_old(const struct known *g, uint64_t number)
{
	return number < g->number && g->number - number > 64;
}

bool lm_chain_applied(const struct state *s, const struct lm_chain_command *c)
{
	int author = lm_chain_known(s, &c->author);

	return author >= 0 && is_applied(&s->gateways[author], c->number);
}

/* ---- may it be done? ---- */

static enum lm_chain_verdict check_add(const struct state *s, const struct lm_chain_command *c)
{
	if (lm_chain_member(&s->members, &c->gateway) >= 0)
		return LM_CV_MEMBER;
	return s->members.n == LM_CHAIN_MEMBERS_MAX ? LM_CV_FULL : LM_CV_APPLIED;
}

static enum lm_chain_verdict check_remove(const struct state *s, const struct lm_chain_command *c)
{
	int member = lm_chain_member(&s->members, &c->gateway);
	int known = lm_chain_known(s, &c->gateway);

	if (member < 0 && (known < 0 || !holds_anything(s, (unsigned)known)))
		return LM_CV_NO_MEMBER;
	if (member >= 0 && s->members.n == 1)
		return LM_CV_LAST_MEMBER;
	return c->until == 0 ? LM_CV_FORM : LM_CV_APPLIED;
}

/* Members consent to no more, but what they have consented to may come late, and all together. */
static bool owns_enough(const struct state *s, unsigned gateway)
{
	uint64_t addresses = 0;

	for (unsigned i = 0; i < s->n_slots; i++)
		addresses += s->slots[i].owner == gateway ? s->block_size : 0;
	return addresses >= LM_CHAIN_ENDPOINTS_MAX;
}

static enum lm_chain_verdict check_assign(const struct state *s, struct plan *p)
{
	unsigned i = 0;

	while (i < s->n_slots && !lm_chain_slot_free(&s->slots[i]))
		i++;
	p->block = i;
	if (i == s->n_blocks)
		return LM_CV_NO_BLOCK;
	return owns_enough(s, p->author) ? LM_CV_FULL : LM_CV_APPLIED;
}

static enum lm_chain_verdict check_release(
    const struct state *s, const struct lm_chain_command *c, unsigned author)
{
	if (c->block >= s->n_slots || s->slots[c->block].owner != author)
		return LM_CV_NOT_OWNER;
	return c->until == 0 ? LM_CV_FORM : LM_CV_APPLIED;
}

static enum lm_chain_verdict check_free(const struct state *s, const struct lm_chain_command *c)
{
	if (c->block >= s->n_slots || s->slots[c->block].until == 0)
		return LM_CV_NOT_QUARANTINED;
	return LM_CV_APPLIED;
}

static enum lm_chain_verdict check_move(
    const struct state *s, const struct lm_chain_command *c, struct plan *p)
{
	p->endpoint = lm_chain_endpoint_at(s, c->key, c->key_len, &p->found);
	const struct endpoint *e = p->found ? &s->endpoints[p->endpoint] : NULL;

	if (e && c->generation <= e->generation)
		return LM_CV_GENERATION;
	if (c->address >= (uint64_t)s->n_blocks * s->block_size ||
	    (!(e && e->address == c->address) && lm_chain_address_taken(s, c->address)))
		return LM_CV_ADDRESS;
	if (!e && s->n_endpoints == LM_CHAIN_ENDPOINTS_MAX)
		return LM_CV_FULL;
	int gateway = place_beside(s, c, p->author);
	if (gateway < 0)
		return (enum lm_chain_verdict) - gateway;
	p->gateway = (unsigned)gateway;
	return LM_CV_APPLIED;
}

static enum lm_chain_verdict check_forget(
    const struct state *s, const struct lm_chain_command *c, struct plan *p)
{
	p->endpoint = lm_chain_endpoint_at(s, c->key, c->key_len, &p->found);
	return p->found ? LM_CV_APPLIED : LM_CV_UNKNOWN_ENDPOINT;
}

static enum lm_chain_verdict check_kind(
    const struct state *s, const struct lm_chain_command *c, struct plan *p)
{
	switch (c->kind) {
	case LM_CHAIN_ADD:
		return check_add(s, c);
	case LM_CHAIN_REMOVE:
		return check_remove(s, c);
	case LM_CHAIN_ASSIGN:
		return check_assign(s, p);
	case LM_CHAIN_RELEASE:
		return check_release(s, c, p->author);
	case LM_CHAIN_FREE:
		return check_free(s, c);
	case LM_CHAIN_MOVE:
		return check_move(s, c, p);
	case LM_CHAIN_FORGET:
		return check_forget(s, c, p);
	case LM_CHAIN_SERIAL:
		return c->serial > s->serial ? LM_CV_APPLIED : LM_CV_STALE;
	default:
		return LM_CV_FORM;
	}
}

enum lm_chain_verdict lm_chain_plan(
    const struct state *s, const struct lm_chain_command *c, struct plan *p)
{
	int author = lm_chain_known(s, &c->author);

	*p = (struct plan){0};
	if (c->number == 0)
		return LM_CV_FORM;
	if (author >= 0 && (is_applied(&s->gateways[author], c->number) ||
			       is_too_old(&s->gateways[author], c->number)))
		return LM_CV_DUPLICATE;
	if (c->serial < s->serial)
		return LM_CV_STALE;
	author = place_of(s, &c->author);
	if (author < 0)
		return (enum lm_chain_verdict) - author;
	p->author = (unsigned)author;
	return check_kind(s, c, p);
}

enum lm_chain_verdict lm_chain_check(const struct state *s, const struct lm_chain_command *c)
{
	struct plan p;

	return lm_chain_plan(s, c, &p);
}

enum lm_chain_verdict lm_chain_proven(const struct state *s, const struct command *c,
    const struct members *before, const struct where *where)
{
	if (!lm_chain_command_verify(c, where))
		return LM_CV_SIGNATURE;
	return lm_chain_consented(c, before, s, where) ? LM_CV_APPLIED : LM_CV_CONSENT;
}

enum lm_chain_verdict lm_chain_check_proven(const struct state *s, const struct command *c,
    const struct members *before, const struct where *where)
{
	enum lm_chain_verdict verdict = lm_chain_proven(s, c, before, where);

	return verdict == LM_CV_APPLIED ? lm_chain_check(s, &c->c) : verdict;
}
