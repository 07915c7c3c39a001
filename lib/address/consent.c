/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To what we consent as a member. A majority of members, each by its manifest, its clock and what
 * the holder of an endpoint tells it, keeps whoever asks from taking what is not its own.
 */
#include "address/internal.h"

static bool is_near(const struct network *net, uint64_t until)
{
	uint64_t right = now_utc(net) + LM_ADDRESS_QUARANTINE;

	return until >= right - LM_ADDRESS_CLOCKS && until <= right + LM_ADDRESS_CLOCKS;
}

static bool is_owner(const struct network *net, uint32_t index, const struct lm_public_key *gateway)
{
	const struct lm_public_key *owner = lm_address_owner(net, index);

	return owner && memcmp(owner->b, gateway->b, sizeof(gateway->b)) == 0;
}

/* More than this nobody needs: a network has no more endpoints. */
static bool may_assign(const struct network *net, const struct lm_chain_command *c)
{
	uint64_t owned = lm_chain_owned(net->address->chain, &net->id, &c->author);

	return owned * net->info.block_size < LM_ENDPOINTS_MAX;
}

static bool may_release(const struct network *net, const struct lm_chain_command *c)
{
	return c->block < net->info.n_blocks &&
	       is_owner(net, c->block * net->info.block_size, &c->author) && is_near(net, c->until);
}

static bool may_free(const struct network *net, const struct lm_chain_command *c)
{
	struct lm_chain_block b;

	return lm_chain_block(net->address->chain, &net->id, c->block, &b) == 0 && b.until &&
	       b.until <= now_utc(net);
}

static bool may_be_at(const struct network *net, unsigned endpoint, unsigned provider)
{
	unsigned placed = net->man->endpoints[endpoint].provider;

	return placed == LM_ANY_PROVIDER || placed == provider;
}

/* The gateway notes what it has given out itself. */
static bool may_note(const struct network *net, const struct lm_chain_command *c, unsigned endpoint)
{
	return c->generation == 1 && is_owner(net, c->address, &c->gateway) &&
	       (!lm_endpoint_given(&net->man->endpoints[endpoint]) ||
		   lm_address_usable(net, c->address));
}

/* Who has it serves it no more, or may not any more. */
static bool is_let_go(const struct network *net, const struct lm_chain_endpoint *known,
    unsigned endpoint, const struct lm_public_key *author)
{
	const struct lm_address *a = net->address;
	uint16_t holder = lm_address_provider(net, known->gateway);

	if (holder == NOBODY || !may_be_at(net, endpoint, holder))
		return true;
	if (holder == net->self)
		return !net->spots[endpoint].place.serve;
	return a->ops.holder(a->ctx, &net->id, known->gateway, endpoint, author) == LM_HOLDER_IDLE;
}

static bool may_move(const struct network *net, const struct lm_chain_command *c, uint16_t author)
{
	const struct spot *spot = lm_address_spot(net, c->key, c->key_len);
	struct lm_chain_endpoint known;

	if (!spot || memcmp(c->gateway.b, c->author.b, sizeof(c->author.b)) != 0)
		return false;
	unsigned endpoint = (unsigned)(spot - net->spots);
	if (!may_be_at(net, endpoint, author))
		return false;
	if (lm_chain_endpoint(net->address->chain, &net->id, c->key, c->key_len, &known) < 0)
		return may_note(net, c, endpoint);
	return c->generation == known.generation + 1 && c->address == known.address &&
	       lm_address_provider(net, known.gateway) != author &&
	       is_let_go(net, &known, endpoint, &c->author);
}

/*
 * Whoever has it gives it up; if that is no provider any more, any member does. And somebody must
 * have the address block, who lets the address rest.
 */
static bool may_forget(const struct network *net, const struct lm_chain_command *c, uint16_t author)
{
	struct lm_chain_endpoint known;

	if (lm_address_spot(net, c->key, c->key_len) ||
	    lm_chain_endpoint(net->address->chain, &net->id, c->key, c->key_len, &known) < 0 ||
	    !lm_address_owner(net, known.address))
		return false;
	uint16_t holder = lm_address_provider(net, known.gateway);
	return holder == NOBODY || holder == author;
}

bool lm_address_consent(const struct lm_address *a, const struct lm_now *now,
    const struct lm_net_id *id, const struct lm_chain_command *c)
{
	struct network *net = lm_address_net(a, id);

	if (!net || c->serial != net->man->serial)
		return false;
	net->address->now = *now;
	uint16_t author = lm_address_provider(net, &c->author);
	if (author == NOBODY)
		return false;
	switch (c->kind) {
	case LM_CHAIN_ASSIGN:
		return may_assign(net, c);
	case LM_CHAIN_RELEASE:
		return may_release(net, c);
	case LM_CHAIN_FREE:
		return may_free(net, c);
	case LM_CHAIN_MOVE:
		return may_move(net, c, author);
	case LM_CHAIN_FORGET:
		return may_forget(net, c, author);
	default:
		return false;
	}
}
