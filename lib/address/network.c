/* SPDX-License-Identifier: Apache-2.0 */
/* One network: its endpoints by the manifest in force, and what is done in a turn. */
#include "address/internal.h"

static void providers_free(struct provider **providers)
{
	struct provider *p, *next;

	HASH_ITER(hh, *providers, p, next)
	{
		HASH_DEL(*providers, p);
		free(p);
	}
}

static int providers_make(struct provider **out, const struct lm_manifest *man)
{
	*out = NULL;
	for (unsigned i = 0; i < man->n_providers; i++) {
		struct provider *p = calloc(1, sizeof(*p));
		if (!p) {
			providers_free(out);
			return -ENOMEM;
		}
		*p = (struct provider){.key = man->providers[i].key, .index = (uint16_t)i};
		HASH_ADD(hh, *out, key, sizeof(p->key), p);
	}
	return 0;
}

static void spots_begin(struct network *net)
{
	net->n_order = 0;
	for (unsigned i = 0; i < net->man->n_endpoints; i++) {
		const struct lm_endpoint *e = &net->man->endpoints[i];
		struct spot *spot = &net->spots[i];
		spot->decided = lm_endpoint_decided(e);
		spot->claimer = NOBODY;
		spot->place =
		    (struct lm_address_place){.index = LM_ADDRESS_NONE, .provider = e->provider};
		if (spot->decided)
			net->order[net->n_order++] = i;
	}
	lm_address_key_sort(net->man, net->order, net->n_order);
}

int lm_address_network_set(struct network *net, const struct lm_manifest *man, uint16_t self)
{
	struct spot *spots = calloc(man->n_endpoints + 1, sizeof(*spots));
	uint32_t *order = calloc(man->n_endpoints + 1, sizeof(*order));
	struct provider *providers = NULL;

	if (!spots || !order || providers_make(&providers, man) < 0) {
		free(spots);
		free(order);
		return -ENOMEM;
	}
	lm_address_ops_abandon(net);
	free(net->spots);
	free(net->order);
	free(net->claims);
	providers_free(&net->providers);
	net->man = man;
	net->self = self;
	net->spots = spots;
	net->order = order;
	net->providers = providers;
	net->claims = NULL;
	net->n_claims = net->n_attached = net->cursor = 0;
	net->no_block = false;
	if (net->idle_since == 0)
		net->idle_since = now_mono(net);
	spots_begin(net);
	lm_address_blocks_range(net);
	return 0;
}

void lm_address_network_clear(struct network *net)
{
	struct op *op;

	while ((op = LIST_FIRST(&net->ops))) {
		LIST_REMOVE(op, entry);
		free(op);
	}
	lm_address_records_free(net);
	lm_address_blocks_free(net);
	providers_free(&net->providers);
	free(net->spots);
	free(net->order);
	free(net->claims);
	free(net->taken);
}

/* ---- a turn ---- */

static bool wants_address(struct network *net, const struct spot *spot)
{
	if (!spot->attached || spot->known || spot->record)
		return false;
	if (now_mono(net) >= spot->defer)
		return true;
	wake_at(net, spot->defer);
	return false;
}

struct given { /* in one transaction */
	unsigned endpoints[WRITES_AT_ONCE], n;
};

/* To those that are attached here and have none, while there are any. */
static int pick(struct network *net, struct given *given, unsigned budget)
{
	for (unsigned i = 0; i < net->n_order; i++) {
		struct spot *spot = &net->spots[net->order[i]];
		if (!wants_address(net, spot))
			continue;
		if (given->n == budget) {
			wake_at(net, now_mono(net));
			return 0;
		}
		int err = lm_address_record_give(net, net->order[i]);
		spot->unstored = err < 0 && err != -ENOSPC;
		if (err < 0) {
			lm_address_resolve(net, net->order[i]);
			return err;
		}
		given->endpoints[given->n++] = net->order[i];
	}
	return 0;
}

static bool anybody_wants(struct network *net)
{
	for (unsigned i = 0; i < net->n_order; i++)
		if (wants_address(net, &net->spots[net->order[i]]))
			return true;
	return false;
}

/* What they got is theirs once it is durable. */
static void give(struct network *net, unsigned *budget)
{
	struct given given;

	if (!anybody_wants(net))
		return;
	given.n = 0;
	lm_address_store_begin(net);
	int err = pick(net, &given, *budget), failed = lm_address_store_commit(net);
	for (unsigned i = 0; i < given.n; i++) {
		unsigned endpoint = given.endpoints[i];
		if (failed < 0)
			lm_address_record_take_back(net, endpoint);
		net->spots[endpoint].unstored = failed < 0;
		lm_address_resolve(net, endpoint);
	}
	if (failed < 0 || (err < 0 && err != -ENOSPC))
		wake_at(net, now_mono(net) + SECOND);
	*budget -= given.n;
}

/*
 * What was written to the store later than it was known comes first: an endpoint never has two
 * addresses there, and a block is used once all that was in use in it is known after a crash, too.
 */
static void write_and_give(struct network *net)
{
	unsigned budget = WRITES_AT_ONCE;

	if (net->wrote_at == now_mono(net)) {
		wake_at(net, now_mono(net));
		return;
	}
	if (lm_address_records_write(net, &budget) && lm_address_blocks_write(net, &budget) &&
	    !net->fenced)
		give(net, &budget);
	if (budget == 0)
		net->wrote_at = now_mono(net);
}

void lm_address_turn(struct network *net)
{
	struct lm_address *a = net->address;

	if (lm_chain_info(a->chain, &net->id, &net->info) < 0)
		return;
	if (net->dirty_view || now_mono(net) >= net->rest_at)
		lm_address_view(net);
	if (net->hurry)
		lm_address_hurry(net);
	net->hurry = false;
	net->no_block = lm_address_none_left(net);
	lm_address_fence(net);
	lm_address_resolve_all(net);
	if (lm_address_ready(net)) {
		write_and_give(net);
		lm_address_wishes(net);
	} else {
		wake_at(net, net->started + LM_ADDRESS_GRACE * SECOND);
	}
	wake_at(net, net->rest_at);
	if (net->told)
		a->ops.changed(a->ctx, &net->id);
	net->told = false;
}
