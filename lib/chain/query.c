/* SPDX-License-Identifier: Apache-2.0 */
/* Questions of the caller; blobs for the others. */
#include "chain/internal.h"

int lm_chain_info(const struct lm_chain *c, const struct lm_net_id *id, struct lm_chain_info *out)
{
	const struct network *net = lm_chain_net(c, id);

	if (!net)
		return -ENOENT;
	const struct state *s = &net->state;
	*out = (struct lm_chain_info){.era = net->where.era,
	    .height = net->height,
	    .serial = s->serial,
	    .n_members = s->members.n,
	    .n_gateways = s->n_gateways,
	    .n_endpoints = s->n_endpoints,
	    .members = s->members.key,
	    .member = net->self >= 0,
	    .votes = net->self >= 0 && net->votes,
	    .mute = !net->votes,
	    .behind = lm_chain_is_behind(net),
	    .undecided = net->vote.accepted != 0,
	    .current = lm_chain_current(net),
	    .n_blocks = s->n_blocks,
	    .block_size = s->block_size};
	memcpy(out->hash, net->hash, HASH_LEN);
	memcpy(out->state, net->state_hash, HASH_LEN);
	for (unsigned i = 0; i < s->n_slots; i++) {
		out->n_owned += s->slots[i].owner != NOBODY;
		out->n_quarantined += s->slots[i].until != 0;
	}
	return 0;
}

static const struct lm_public_key *gateway_key(const struct state *s, unsigned i)
{
	return i == NOBODY ? NULL : &s->gateways[i].key;
}

int lm_chain_block(const struct lm_chain *c, const struct lm_net_id *id, uint32_t block,
    struct lm_chain_block *out)
{
	const struct network *net = lm_chain_net(c, id);

	if (!net || block >= net->state.n_blocks)
		return -ENOENT;
	*out = (struct lm_chain_block){0};
	if (block < net->state.n_slots) {
		const struct slot *slot = &net->state.slots[block];
		out->owner = gateway_key(&net->state, slot->owner);
		out->until = slot->until;
	}
	return 0;
}

int lm_chain_each_block(const struct lm_chain *c, const struct lm_net_id *id,
    int (*each)(void *ctx, uint32_t block, const struct lm_chain_block *b), void *ctx)
{
	const struct network *net = lm_chain_net(c, id);
	int result = 0;

	for (uint32_t i = 0; net && i < net->state.n_slots && result == 0; i++) {
		const struct slot *slot = &net->state.slots[i];
		struct lm_chain_block b = {
		    .owner = gateway_key(&net->state, slot->owner), .until = slot->until};
		if (b.owner || b.until)
			result = each(ctx, i, &b);
	}
	return result;
}

unsigned lm_chain_owned(
    const struct lm_chain *c, const struct lm_net_id *id, const struct lm_public_key *gateway)
{
	const struct network *net = lm_chain_net(c, id);
	int known = net ? lm_chain_known(&net->state, gateway) : -1;
	unsigned n = 0;

	for (uint32_t i = 0; known >= 0 && i < net->state.n_slots; i++)
		n += net->state.slots[i].owner == known;
	return n;
}

static struct lm_chain_endpoint view(const struct state *s, const struct endpoint *e)
{
	return (struct lm_chain_endpoint){.gateway = gateway_key(s, e->gateway),
	    .address = e->address,
	    .generation = e->generation,
	    .key = e->key,
	    .key_len = e->key_len};
}

int lm_chain_endpoint(const struct lm_chain *c, const struct lm_net_id *id, const void *key,
    size_t key_len, struct lm_chain_endpoint *out)
{
	const struct network *net = lm_chain_net(c, id);
	bool found = false;

	if (!net)
		return -ENOENT;
	unsigned at = lm_chain_endpoint_at(&net->state, key, key_len, &found);
	if (!found)
		return -ENOENT;
	*out = view(&net->state, &net->state.endpoints[at]);
	return 0;
}

int lm_chain_each_endpoint(const struct lm_chain *c, const struct lm_net_id *id,
    int (*each)(void *ctx, const struct lm_chain_endpoint *endpoint), void *ctx)
{
	const struct network *net = lm_chain_net(c, id);
	int result = 0;

	for (unsigned i = 0; net && i < net->state.n_endpoints && result == 0; i++) {
		struct lm_chain_endpoint e = view(&net->state, &net->state.endpoints[i]);
		result = each(ctx, &e);
	}
	return result;
}

/* For whoever pulls it. NULL: no memory. */
static const uint8_t *state_bytes(struct network *net)
{
	if (net->state_bytes)
		return net->state_bytes;
	net->state_len = lm_chain_state_len(&net->state);
	net->state_bytes = malloc(net->state_len);
	if (!net->state_bytes)
		return NULL;
	struct lm_writer w = lm_writer(net->state_bytes, net->state_len);
	lm_chain_state_write(&w, &net->state);
	return net->state_bytes;
}

const uint8_t *lm_chain_blob(
    struct lm_chain *c, const struct lm_net_id *id, const uint8_t hash[HASH_LEN], size_t *len)
{
	struct network *net = lm_chain_net(c, id);

	if (!net)
		return NULL;
	if (memcmp(net->state_hash, hash, HASH_LEN) == 0) {
		const uint8_t *bytes = state_bytes(net);
		*len = net->state_len;
		return bytes;
	}
	uint32_t body_len = 0;
	const uint8_t *body = lm_chain_body(net, hash, &body_len);
	*len = body_len;
	return body;
}

const struct lm_chain_guilt *lm_chain_guilts(
    const struct lm_chain *c, const struct lm_net_id *id, unsigned *n)
{
	const struct network *net = lm_chain_net(c, id);

	*n = net ? net->n_guilt : 0;
	return net ? net->guilt : NULL;
}

const uint64_t *lm_chain_drops(const struct lm_chain *c)
{
	return c->drops;
}

const struct lm_chain_stats *lm_chain_stats(const struct lm_chain *c)
{
	return &c->stats;
}
