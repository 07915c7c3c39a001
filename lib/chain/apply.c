/* SPDX-License-Identifier: Apache-2.0 */
/* What commands do to the state. Nothing but state and command decides it. */
#include "chain/state.h"

#include <stdlib.h>

/* The array, one longer; NULL: no memory, and it is as it was. */
static void *longer(void *array, unsigned n, size_t size)
{
	return realloc(n ? array : NULL, (n + 1) * size);
}

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
 * A place for one more. When all are taken, that of the first gateway that holds nothing and whose
 * commands are all void by their serial, so that forgetting their numbers revives none.
 */
static int place_for(struct state *s)
{
	if (s->n_gateways < LM_CHAIN_GATEWAYS_MAX) {
		struct known *more = longer(s->gateways, s->n_gateways, sizeof(*more));
		if (!more)
			return -LM_CV_MEMORY;
		s->gateways = more;
		return (int)s->n_gateways++;
	}
	for (unsigned i = 0; i < s->n_gateways; i++)
		if (s->gateways[i].serial < s->serial && !holds_anything(s, i))
			return (int)i;
	return -LM_CV_FULL;
}

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

static void note_applied(struct known *g, uint64_t number)
{
	if (number < g->number) {
		g->window |= 1ull << (g->number - number - 1);
		return;
	}
	uint64_t up = number - g->number;
	g->window = up < 64 ? g->window << up : 0;
	if (up <= 64)
		g->window |= 1ull << (up - 1);
	g->number = number;
}

/* Index of the gateway, made known if need be; or minus the verdict. */
static int know(struct state *s, const struct lm_public_key *key)
{
	int i = lm_chain_known(s, key);

	if (i >= 0)
		return i;
	i = place_for(s);
	if (i >= 0)
		s->gateways[i] = (struct known){.key = *key, .serial = s->serial};
	return i;
}

static enum lm_chain_verdict add_member(struct state *s, const struct lm_chain_command *c)
{
	struct members *m = &s->members;

	if (lm_chain_member(m, &c->gateway) >= 0)
		return LM_CV_MEMBER;
	if (m->n == LM_CHAIN_MEMBERS_MAX)
		return LM_CV_FULL;
	struct lm_public_key keys[LM_CHAIN_MEMBERS_MAX];
	memcpy(keys, m->key, m->n * sizeof(keys[0]));
	keys[m->n] = c->gateway;
	lm_chain_members_make(m, keys, m->n + 1);
	return LM_CV_APPLIED;
}

static enum lm_chain_verdict remove_gateway(struct state *s, const struct lm_chain_command *c)
{
	int member = lm_chain_member(&s->members, &c->gateway);
	int known = lm_chain_known(s, &c->gateway);

	if (member < 0 && (known < 0 || !holds_anything(s, (unsigned)known)))
		return LM_CV_NO_MEMBER;
	if (member >= 0 && s->members.n == 1)
		return LM_CV_LAST_MEMBER;
	if (c->until == 0)
		return LM_CV_FORM;
	if (member >= 0) {
		unsigned last = --s->members.n;
		memmove(&s->members.key[member], &s->members.key[member + 1],
		    (last - (unsigned)member) * sizeof(s->members.key[0]));
	}
	for (unsigned i = 0; known >= 0 && i < s->n_slots; i++)
		if (s->slots[i].owner == known)
			s->slots[i] = (struct slot){.owner = NOBODY, .until = c->until};
	for (unsigned i = 0; known >= 0 && i < s->n_endpoints; i++)
		if (s->endpoints[i].gateway == known)
			s->endpoints[i].gateway = NOBODY;
	return LM_CV_APPLIED;
}

static bool is_free(const struct slot *slot)
{
	return slot->owner == NOBODY && slot->until == 0;
}

static enum lm_chain_verdict assign(struct state *s, unsigned author, uint32_t *block)
{
	unsigned i = 0;

	while (i < s->n_slots && !is_free(&s->slots[i]))
		i++;
	if (i == s->n_blocks)
		return LM_CV_NO_BLOCK;
	if (i == s->n_slots) {
		struct slot *more = longer(s->slots, s->n_slots, sizeof(*more));
		if (!more)
			return LM_CV_MEMORY;
		s->slots = more;
		s->n_slots++;
	}
	s->slots[i] = (struct slot){.owner = (uint16_t)author};
	*block = i;
	return LM_CV_APPLIED;
}

static enum lm_chain_verdict release(
    struct state *s, const struct lm_chain_command *c, unsigned author)
{
	if (c->block >= s->n_slots || s->slots[c->block].owner != author)
		return LM_CV_NOT_OWNER;
	if (c->until == 0)
		return LM_CV_FORM;
	s->slots[c->block] = (struct slot){.owner = NOBODY, .until = c->until};
	return LM_CV_APPLIED;
}

static enum lm_chain_verdict free_block(struct state *s, const struct lm_chain_command *c)
{
	if (c->block >= s->n_slots || s->slots[c->block].until == 0)
		return LM_CV_NOT_QUARANTINED;
	s->slots[c->block].until = 0;
	/* One state has one encoding: nothing free at the end. */
	while (s->n_slots && is_free(&s->slots[s->n_slots - 1]))
		if (--s->n_slots == 0)
			free(s->slots);
	return LM_CV_APPLIED;
}

static bool address_taken(const struct state *s, uint32_t address, unsigned except)
{
	for (unsigned i = 0; i < s->n_endpoints; i++)
		if (i != except && s->endpoints[i].address == address)
			return true;
	return false;
}

/* A hole in the endpoints, in order of key. */
static enum lm_chain_verdict make_room(struct state *s, unsigned at)
{
	if (s->n_endpoints == LM_CHAIN_ENDPOINTS_MAX)
		return LM_CV_FULL;
	struct endpoint *more = longer(s->endpoints, s->n_endpoints, sizeof(*more));
	if (!more)
		return LM_CV_MEMORY;
	s->endpoints = more;
	memmove(&more[at + 1], &more[at], (s->n_endpoints - at) * sizeof(*more));
	s->n_endpoints++;
	return LM_CV_APPLIED;
}

static enum lm_chain_verdict move(struct state *s, const struct lm_chain_command *c)
{
	bool found;
	unsigned at = lm_chain_endpoint_at(s, c->key, c->key_len, &found);

	if (found && c->generation <= s->endpoints[at].generation)
		return LM_CV_GENERATION;
	if (c->address >= (uint64_t)s->n_blocks * s->block_size ||
	    address_taken(s, c->address, found ? at : UINT32_MAX))
		return LM_CV_ADDRESS;
	if (!found && s->n_endpoints == LM_CHAIN_ENDPOINTS_MAX)
		return LM_CV_FULL;
	int gateway = know(s, &c->gateway);
	if (gateway < 0)
		return (enum lm_chain_verdict) - gateway;
	enum lm_chain_verdict verdict = found ? LM_CV_APPLIED : make_room(s, at);
	if (verdict != LM_CV_APPLIED)
		return verdict;
	struct endpoint *e = &s->endpoints[at];
	*e = (struct endpoint){.key_len = c->key_len,
	    .gateway = (uint16_t)gateway,
	    .address = c->address,
	    .generation = c->generation};
	memcpy(e->key, c->key, c->key_len);
	return LM_CV_APPLIED;
}

static enum lm_chain_verdict forget(struct state *s, const struct lm_chain_command *c)
{
	bool found;
	unsigned at = lm_chain_endpoint_at(s, c->key, c->key_len, &found);

	if (!found)
		return LM_CV_UNKNOWN_ENDPOINT;
	s->n_endpoints--;
	memmove(&s->endpoints[at], &s->endpoints[at + 1],
	    (s->n_endpoints - at) * sizeof(s->endpoints[0]));
	if (s->n_endpoints == 0)
		free(s->endpoints);
	return LM_CV_APPLIED;
}

static enum lm_chain_verdict apply_kind(
    struct state *s, const struct lm_chain_command *c, unsigned author, uint32_t *block)
{
	switch (c->kind) {
	case LM_CHAIN_ADD:
		return add_member(s, c);
	case LM_CHAIN_REMOVE:
		return remove_gateway(s, c);
	case LM_CHAIN_ASSIGN:
		return assign(s, author, block);
	case LM_CHAIN_RELEASE:
		return release(s, c, author);
	case LM_CHAIN_FREE:
		return free_block(s, c);
	case LM_CHAIN_MOVE:
		return move(s, c);
	case LM_CHAIN_FORGET:
		return forget(s, c);
	case LM_CHAIN_SERIAL:
		return c->serial > s->serial ? LM_CV_APPLIED : LM_CV_STALE;
	default:
		return LM_CV_FORM;
	}
}

/* The author's place may be made for a command that is refused; the caller works on a copy. */
static enum lm_chain_verdict apply_as_author(
    struct state *s, const struct lm_chain_command *c, uint32_t *block)
{
	int author = lm_chain_known(s, &c->author);

	if (c->number == 0)
		return LM_CV_FORM;
	if (author >= 0 && (is_applied(&s->gateways[author], c->number) ||
			       is_too_old(&s->gateways[author], c->number)))
		return LM_CV_DUPLICATE;
	if (c->serial < s->serial)
		return LM_CV_STALE;
	author = know(s, &c->author);
	if (author < 0)
		return (enum lm_chain_verdict) - author;
	enum lm_chain_verdict verdict = apply_kind(s, c, (unsigned)author, block);
	if (verdict != LM_CV_APPLIED)
		return verdict;
	note_applied(&s->gateways[author], c->number);
	s->gateways[author].serial = c->serial;
	s->serial = c->serial;
	return LM_CV_APPLIED;
}

enum lm_chain_verdict lm_chain_apply(
    struct state *s, const struct lm_chain_command *c, uint32_t *block)
{
	struct state next;
	uint32_t got = 0;

	if (lm_chain_state_copy(&next, s) < 0)
		return LM_CV_MEMORY;
	enum lm_chain_verdict verdict = apply_as_author(&next, c, &got);
	if (verdict != LM_CV_APPLIED) {
		lm_chain_state_free(&next);
		return verdict;
	}
	lm_chain_state_free(s);
	*s = next;
	if (block)
		*block = got;
	return verdict;
}

enum lm_chain_verdict lm_chain_apply_proven(struct state *s, const struct command *c,
    const struct members *before, const struct where *where, uint32_t *block)
{
	if (!lm_chain_command_verify(c, where))
		return LM_CV_SIGNATURE;
	if (!lm_chain_consented(c, before, s, where))
		return LM_CV_CONSENT;
	return lm_chain_apply(s, &c->c, block);
}
