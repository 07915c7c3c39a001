/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands do to the state. What may refuse one comes first (check.c), then the memory that it
 * takes, then what cannot fail: so it needs no copy of the state to go back to.
 */
#include "chain/state.h"

#include <stdlib.h>

static void take_place(struct state *s, unsigned i, const struct lm_public_key *key)
{
	if (i < s->n_gateways && memcmp(s->gateways[i].key.b, key->b, sizeof(key->b)) == 0)
		return;
	s->gateways[i] = (struct known){.key = *key, .serial = s->serial};
	if (i == s->n_gateways)
		s->n_gateways++;
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

/* array: the address of a pointer, of whatever type. */
static bool grow(void *array, unsigned n, size_t size)
{
	void *old, *longer;

	memcpy(&old, array, sizeof(old));
	longer = realloc(old, n * size);
	if (longer)
		memcpy(array, &longer, sizeof(longer));
	return longer != NULL;
}

/* Memory for whatever the command adds. */
static bool reserve(struct state *s, const struct lm_chain_command *c, const struct plan *p)
{
	if (!grow(&s->gateways, s->n_gateways + 2, sizeof(*s->gateways)))
		return false;
	if (c->kind == LM_CHAIN_ASSIGN && p->block == s->n_slots)
		return grow(&s->slots, s->n_slots + 1, sizeof(*s->slots));
	if (c->kind != LM_CHAIN_MOVE || p->found)
		return true;
	return grow(&s->endpoints, s->n_endpoints + 1, sizeof(*s->endpoints)) &&
	       grow(&s->addresses, s->n_endpoints + 1, sizeof(*s->addresses));
}

static void add_member(struct state *s, const struct lm_chain_command *c)
{
	struct lm_public_key keys[LM_CHAIN_MEMBERS_MAX];
	struct members *m = &s->members;

	memcpy(keys, m->key, m->n * sizeof(keys[0]));
	keys[m->n] = c->gateway;
	lm_chain_members_make(m, keys, m->n + 1);
}

static void remove_gateway(struct state *s, const struct lm_chain_command *c)
{
	int member = lm_chain_member(&s->members, &c->gateway);
	int known = lm_chain_known(s, &c->gateway);

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
}

static void assign(struct state *s, const struct plan *p)
{
	if (p->block == s->n_slots)
		s->n_slots++;
	s->slots[p->block] = (struct slot){.owner = (uint16_t)p->author};
}

static void release(struct state *s, const struct lm_chain_command *c)
{
	s->slots[c->block] = (struct slot){.owner = NOBODY, .until = c->until};
}

static void free_block(struct state *s, const struct lm_chain_command *c)
{
	s->slots[c->block].until = 0;
	/* One state has one encoding: nothing free at the end. */
	while (s->n_slots && lm_chain_slot_free(&s->slots[s->n_slots - 1]))
		s->n_slots--;
}

static void move(struct state *s, const struct lm_chain_command *c, const struct plan *p)
{
	struct endpoint *e = &s->endpoints[p->endpoint];

	take_place(s, p->gateway, &c->gateway);
	if (p->found) {
		lm_chain_address_drop(s, e->address, s->n_endpoints);
	} else {
		memmove(e + 1, e, (s->n_endpoints - p->endpoint) * sizeof(*e));
		s->n_endpoints++;
	}
	lm_chain_address_put(s, c->address, s->n_endpoints - 1);
	*e = (struct endpoint){.key_len = c->key_len,
	    .gateway = (uint16_t)p->gateway,
	    .address = c->address,
	    .generation = c->generation};
	memcpy(e->key, c->key, c->key_len);
}

static void forget(struct state *s, const struct plan *p)
{
	struct endpoint *e = &s->endpoints[p->endpoint];

	lm_chain_address_drop(s, e->address, s->n_endpoints);
	s->n_endpoints--;
	memmove(e, e + 1, (s->n_endpoints - p->endpoint) * sizeof(*e));
}

static void do_kind(struct state *s, const struct lm_chain_command *c, const struct plan *p)
{
	switch (c->kind) {
	case LM_CHAIN_ADD:
		add_member(s, c);
		break;
	case LM_CHAIN_REMOVE:
		remove_gateway(s, c);
		break;
	case LM_CHAIN_ASSIGN:
		assign(s, p);
		break;
	case LM_CHAIN_RELEASE:
		release(s, c);
		break;
	case LM_CHAIN_FREE:
		free_block(s, c);
		break;
	case LM_CHAIN_MOVE:
		move(s, c, p);
		break;
	case LM_CHAIN_FORGET:
		forget(s, p);
		break;
	}
}

enum lm_chain_verdict lm_chain_apply(
    struct state *s, const struct lm_chain_command *c, uint32_t *block)
{
	struct plan p;
	enum lm_chain_verdict verdict = lm_chain_plan(s, c, &p);

	if (verdict != LM_CV_APPLIED)
		return verdict;
	if (!reserve(s, c, &p))
		return LM_CV_MEMORY;
	take_place(s, p.author, &c->author);
	do_kind(s, c, &p);
	note_applied(&s->gateways[p.author], c->number);
	s->gateways[p.author].serial = c->serial;
	s->serial = c->serial;
	if (block)
		*block = p.block;
	return verdict;
}

enum lm_chain_verdict lm_chain_apply_proven(struct state *s, const struct command *c,
    const struct members *before, const struct where *where, uint32_t *block)
{
	enum lm_chain_verdict verdict = lm_chain_proven(s, c, before, where);

	return verdict == LM_CV_APPLIED ? lm_chain_apply(s, &c->c, block) : verdict;
}
