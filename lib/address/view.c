/* SPDX-License-Identifier: Apache-2.0 */
/* What the chain and the others' claims say of each endpoint, and what follows from that. */
#include "address/internal.h"

/* ---- the chain ---- */

const struct lm_public_key *lm_address_owner(const struct network *net, uint32_t index)
{
	struct lm_chain_block b;

	return lm_chain_block(net->address->chain, &net->id, index / net->info.block_size, &b) == 0
		   ? b.owner
		   : NULL;
}

struct reading {
	struct network *net;
	unsigned at; /* in order: both are sorted alike */
	const struct lm_public_key *gateway; /* of the last endpoint, which many share */
	uint16_t provider;
	bool orphans; /* leftovers whose gateway is no provider */
};

uint16_t lm_address_provider(const struct network *net, const struct lm_public_key *key)
{
	struct provider *p = NULL;

	if (key)
		HASH_FIND(hh, net->providers, key, sizeof(*key), p);
	return p ? p->index : NOBODY;
}

static void note_place(struct spot *spot, const struct lm_chain_endpoint *e, uint16_t provider)
{
	if (spot->generation != e->generation) {
		spot->tries = 0;
		spot->retry = 0;
	}
	spot->known = true;
	spot->provider = provider;
	spot->index = e->address;
	spot->generation = e->generation;
}

/*
 * Whoever has it by the chain gives it up; if that is nobody, members do. Not while nobody has the
 * address block: then nobody would let the address rest.
 */
static void note_leftover(struct reading *r, const struct lm_chain_endpoint *e)
{
	struct network *net = r->net;
	bool orphan = r->provider == NOBODY;

	if (net->n_leftovers == FORGETS_AT_ONCE || !(orphan || r->provider == net->self) ||
	    !lm_address_owner(net, e->address))
		return;
	r->orphans = r->orphans || orphan;
	struct leftover *l = &net->leftovers[net->n_leftovers++];
	*l = (struct leftover){.key_len = e->key_len,
	    .orphan = orphan,
	    .index = e->address,
	    .generation = e->generation};
	memcpy(l->key, e->key, e->key_len);
}

static int read_endpoint(void *ctx, const struct lm_chain_endpoint *e)
{
	struct reading *r = ctx;
	struct network *net = r->net;
	int order = 1;

	if (r->gateway != e->gateway || !e->gateway)
		r->provider = lm_address_provider(net, e->gateway);
	r->gateway = e->gateway;
	for (; r->at < net->n_order; r->at++) {
		order = lm_address_key_compare(net->man, net->order[r->at], e->key, e->key_len);
		if (order >= 0)
			break;
	}
	if (r->at < net->n_order && order == 0)
		note_place(&net->spots[net->order[r->at]], e, r->provider);
	else
		note_leftover(r, e);
	const struct block *b = lm_address_block(net, e->address / net->info.block_size);
	if (b && b->ours)
		lm_address_record_seen(net, e);
	if (net->n_taken < net->room_taken)
		net->taken[net->n_taken++] = e->address;
	return 0;
}

static void read_endpoints(struct network *net)
{
	struct reading r = {.net = net, .provider = NOBODY};

	for (unsigned i = 0; i < net->n_order; i++) {
		struct spot *spot = &net->spots[net->order[i]];
		spot->known = false;
		spot->record = NULL;
	}
	net->mark++;
	net->n_leftovers = net->n_taken = 0;
	lm_chain_each_endpoint(net->address->chain, &net->id, read_endpoint, &r);
	for (unsigned i = 0; i < net->n_order; i++) {
		struct spot *spot = &net->spots[net->order[i]];
		if (!spot->known)
			spot->generation = 0;
	}
	if (!r.orphans)
		net->orphans_since = 0;
	else if (net->orphans_since == 0)
		net->orphans_since = now_mono(net);
}

/* ---- claims ---- */

static int compare_indices(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Room for what the claims are compared with; without claims it is not needed. */
static void make_room(struct network *net)
{
	unsigned n = net->n_claims ? net->info.n_endpoints : 0;

	if (n > net->room_taken) {
		uint32_t *more = realloc(net->taken, n * sizeof(*more));
		net->taken = more ? more : net->taken;
		net->room_taken = more ? n : net->room_taken;
	}
}

static bool is_taken(const struct network *net, uint32_t index)
{
	/* Without memory to know better, all are. */
	return net->n_taken < net->info.n_endpoints ||
	       (net->n_taken &&
		   bsearch(&index, net->taken, net->n_taken, sizeof(index), compare_indices));
}

/* Of an endpoint that the chain does not know: the address must be the author's to give. */
static bool is_believable(const struct network *net, const struct lm_address_claim *c)
{
	unsigned placed = net->man->endpoints[c->endpoint].provider;
	const struct lm_public_key *author = &net->man->providers[c->provider].key;
	const struct lm_public_key *owner = lm_address_owner(net, c->index);

	return c->generation == 0 && c->provider != net->self &&
	       (placed == LM_ANY_PROVIDER || placed == c->provider) && owner &&
	       memcmp(owner->b, author->b, sizeof(author->b)) == 0 && !is_taken(net, c->index);
}

static bool is_lower(const struct network *net, unsigned a, unsigned b)
{
	return b == NOBODY || memcmp(net->man->providers[a].key.b, net->man->providers[b].key.b,
				  LM_PUBLIC_KEY_LEN) < 0;
}

static void read_claims(struct network *net)
{
	if (net->n_taken)
		qsort(net->taken, net->n_taken, sizeof(*net->taken), compare_indices);
	for (unsigned i = 0; i < net->n_order; i++) {
		struct spot *spot = &net->spots[net->order[i]];
		spot->claimer = NOBODY;
		spot->held = spot->holder_claims;
		spot->holder_claims = false;
	}
	for (unsigned i = 0; i < net->n_claims; i++) {
		const struct lm_address_claim *c = &net->claims[i];
		struct spot *spot = &net->spots[c->endpoint];
		if (!spot->decided)
			continue;
		if (spot->known)
			spot->holder_claims |=
			    c->provider == spot->provider && c->generation == spot->generation;
		else if (is_believable(net, c) && is_lower(net, c->provider, spot->claimer)) {
			spot->claimer = (uint16_t)c->provider;
			spot->claimed = c->index;
		}
	}
}

/* It is left to another one that claims it for a while, or for as long as that one is believed. */
static void note_claims(struct network *net)
{
	for (unsigned i = 0; i < net->n_order; i++) {
		struct spot *spot = &net->spots[net->order[i]];
		if (spot->held && !spot->holder_claims)
			lm_address_move_again(net, spot);
		if (spot->claimer == NOBODY || !spot->attached || spot->record)
			spot->defer = 0;
		else if (spot->defer == 0)
			spot->defer = now_mono(net) + LM_ADDRESS_DEFER * SECOND;
	}
}

void lm_address_view(struct network *net)
{
	net->dirty_view = false;
	make_room(net);
	lm_address_blocks_read(net);
	read_endpoints(net);
	lm_address_records_settle(net);
	read_claims(net);
	note_claims(net);
}

/* ---- what follows ---- */

/* Of one that is attached here. */
static enum lm_address_wait wait_of(const struct network *net, const struct spot *spot)
{
	unsigned endpoint = (unsigned)(spot - net->spots);

	if (spot->known && spot->provider != net->self)
		return spot->holder_claims ? LM_AW_ELSEWHERE : LM_AW_MOVING;
	if (!lm_address_ready(net) || (net->fenced && !net->contacted))
		return LM_AW_CHAIN;
	if (net->fenced)
		return LM_AW_FENCED;
	if (spot->known)
		return lm_endpoint_given(&net->man->endpoints[endpoint]) &&
			       !lm_address_usable(net, spot->index)
			   ? LM_AW_RANGE
			   : LM_AW_NOT;
	if (spot->record)
		return lm_endpoint_given(&net->man->endpoints[endpoint]) &&
			       !lm_address_usable(net, spot->record->index)
			   ? LM_AW_RANGE
			   : LM_AW_NOT;
	if (now_mono(net) < spot->defer)
		return LM_AW_ELSEWHERE;
	if (spot->unstored)
		return LM_AW_STORE;
	return net->no_block ? LM_AW_POOL : LM_AW_BLOCK;
}

static struct lm_address_place place_of(const struct network *net, unsigned endpoint)
{
	const struct spot *spot = &net->spots[endpoint];
	struct lm_address_place p = {.index = LM_ADDRESS_NONE,
	    .provider = net->man->endpoints[endpoint].provider,
	    .serve = spot->attached};

	if (!spot->decided)
		return p;
	if (spot->known) {
		p.index = spot->index;
		p.generation = spot->generation;
		p.provider = spot->provider;
	} else if (spot->record && (spot->attached || spot->claimer == NOBODY)) {
		p.index = spot->record->index;
		p.provider = net->self;
	} else if (spot->claimer != NOBODY) {
		p.index = spot->claimed;
		p.provider = spot->claimer;
	}
	if (spot->attached)
		p.wait = wait_of(net, spot);
	p.serve = spot->attached && p.wait == LM_AW_NOT;
	return p;
}

void lm_address_resolve(struct network *net, unsigned endpoint)
{
	struct lm_address_place *old = &net->spots[endpoint].place;
	struct lm_address_place p = place_of(net, endpoint);

	if (p.index == old->index && p.generation == old->generation &&
	    p.provider == old->provider && p.serve == old->serve && p.wait == old->wait)
		return;
	*old = p;
	net->told = true;
}

void lm_address_resolve_all(struct network *net)
{
	for (unsigned i = 0; i < net->man->n_endpoints; i++)
		lm_address_resolve(net, i);
}
