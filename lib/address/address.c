/* SPDX-License-Identifier: Apache-2.0 */
#include "address/internal.h"

#include <stddef.h>

#define LM_LOG_MODULE "address"
#include "base/log.h"

#define X(id, text) [LM_AW_##id] = text,
const char *const lm_address_wait_names[LM_AW_MAX] = {LM_ADDRESS_WAITS(X)};
#undef X

int lm_address_create(struct lm_address **out, const struct lm_public_key *self,
    unsigned max_networks, const struct lm_chain *chain, const struct lm_address_ops *ops,
    void *ctx)
{
	struct lm_address *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	*a = (struct lm_address){
	    .self = self, .max_networks = max_networks, .chain = chain, .ops = *ops, .ctx = ctx};
	*out = a;
	return 0;
}

static void remove_network(struct network *net)
{
	struct lm_address *a = net->address;

	HASH_DEL(a->networks, net);
	lm_timers_release(&a->timers, &net->timer);
	lm_address_network_clear(net);
	free(net);
}

void lm_address_free(struct lm_address *a)
{
	struct network *net, *next;

	if (!a)
		return;
	HASH_ITER(hh, a->networks, net, next)
	remove_network(net);
	lm_timers_free(&a->timers);
	free(a);
}

/* ---- what the other files use ---- */

struct network *lm_address_net(const struct lm_address *a, const struct lm_net_id *id)
{
	struct network *net;

	HASH_FIND(hh, a->networks, id, sizeof(*id), net);
	return net;
}

bool lm_address_is_self(const struct network *net, const struct lm_public_key *key)
{
	return key && memcmp(key->b, net->address->self->b, sizeof(key->b)) == 0;
}

int lm_address_store(
    struct network *net, const void *key, size_t key_len, const void *value, size_t len)
{
	struct lm_address *a = net->address;
	int err = a->ops.persist(a->ctx, &net->id, key, key_len, value, len);

	if (err < 0)
		lm_error_limited("network %s: an address could not be stored: %s",
		    net->man->network, strerror(-err));
	return err;
}

void lm_address_store_begin(struct network *net)
{
	struct lm_address *a = net->address;

	if (a->ops.begin)
		a->ops.begin(a->ctx);
}

int lm_address_store_commit(struct network *net)
{
	struct lm_address *a = net->address;
	int err = a->ops.commit ? a->ops.commit(a->ctx) : 0;

	if (err < 0)
		lm_error_limited("network %s: addresses could not be stored: %s", net->man->network,
		    strerror(-err));
	return err;
}

/* ---- networks ---- */

/* The timer's time stands for what is due; events bring it to now. */
static void stir(struct network *net)
{
	net->dirty_view = true;
	lm_timers_set(&net->address->timers, &net->timer, 0);
}

static int add_network(
    struct network **out, struct lm_address *a, const struct lm_net_id *id, uint64_t now)
{
	if (HASH_COUNT(a->networks) >= a->max_networks)
		return -ENOSPC;
	struct network *net = calloc(1, sizeof(*net));
	if (!net)
		return -ENOMEM;
	if (lm_timers_reserve(&a->timers) < 0) {
		free(net);
		return -ENOMEM;
	}
	*net = (struct network){.address = a, .id = *id, .started = now, .idle_since = now};
	TAILQ_INIT(&net->dirty);
	LIST_INIT(&net->ops);
	HASH_ADD(hh, a->networks, id, sizeof(net->id), net);
	*out = net;
	return 0;
}

int lm_address_set(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *id,
    const struct lm_manifest *man, unsigned self)
{
	struct network *net = lm_address_net(a, id);
	bool fresh = !net;
	int err = 0;

	a->now = *now;
	if (self >= man->n_providers || man->n_providers > LM_PROVIDERS_MAX)
		return -EINVAL;
	if (fresh)
		err = add_network(&net, a, id, now->mono);
	if (err == 0)
		err = lm_chain_info(a->chain, id, &net->info);
	if (err == 0)
		err = lm_address_network_set(net, man, (uint16_t)self);
	if (err < 0) {
		if (fresh && net)
			remove_network(net);
		return err;
	}
	stir(net);
	return 0;
}

void lm_address_remove(struct lm_address *a, const struct lm_net_id *id)
{
	struct network *net = lm_address_net(a, id);

	if (net)
		remove_network(net);
}

int lm_address_restore(struct lm_address *a, const struct lm_net_id *id, const void *key,
    size_t key_len, const void *value, size_t len)
{
	struct network *net = lm_address_net(a, id);
	struct lm_reader k = lm_reader(key, key_len), v = lm_reader(value, len);
	int err = -EBADMSG;

	if (!net)
		return -ENOENT;
	uint8_t kind = lm_read_u8(&k), format = lm_read_u8(&v);
	uint32_t about = kind == STORE_CONTACT ? 0 : lm_read_u32(&k);
	if (k.failed || lm_reader_left(&k) || v.failed || format != STORE_FORMAT)
		return -EBADMSG;
	if (kind == STORE_ADDRESS)
		err = lm_address_record_restore(net, about, &v);
	else if (kind == STORE_BLOCK)
		err = lm_address_block_restore(net, about, &v);
	else if (kind == STORE_CONTACT)
		err = lm_address_contact_restore(net, &v);
	return err;
}

/* ---- events ---- */

int lm_address_attached(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *id,
    const uint32_t *endpoints, unsigned n)
{
	struct network *net = lm_address_net(a, id);

	a->now = *now;
	if (!net)
		return -ENOENT;
	for (unsigned i = 0; i < n; i++)
		if (endpoints[i] >= net->man->n_endpoints || !may_be_ours(net, endpoints[i]))
			return -EINVAL;
	for (unsigned i = 0; i < net->man->n_endpoints; i++)
		net->spots[i].attached = false;
	net->n_attached = 0;
	for (unsigned i = 0; i < n; i++) {
		struct spot *spot = &net->spots[endpoints[i]];
		net->n_attached += spot->decided && !spot->attached;
		spot->attached = true;
	}
	if (net->n_attached)
		net->idle_since = 0;
	else if (net->idle_since == 0)
		net->idle_since = now->mono;
	stir(net);
	return 0;
}

int lm_address_heard(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *id,
    const struct lm_address_claim *claims, unsigned n)
{
	struct network *net = lm_address_net(a, id);

	a->now = *now;
	if (!net)
		return -ENOENT;
	for (unsigned i = 0; i < n; i++)
		if (claims[i].endpoint >= net->man->n_endpoints ||
		    claims[i].provider >= net->man->n_providers)
			return -EINVAL;
	struct lm_address_claim *copy = n ? malloc(n * sizeof(*copy)) : NULL;
	if (n && !copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, claims, n * sizeof(*copy));
	free(net->claims);
	net->claims = copy;
	net->n_claims = n;
	stir(net);
	return 0;
}

void lm_address_current(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *id)
{
	struct network *net = lm_address_net(a, id);

	a->now = *now;
	if (!net)
		return;
	bool news = !net->current || net->fenced;
	lm_address_contact(net);
	if (news || net->hurry)
		stir(net);
}

void lm_address_grown(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *id)
{
	struct network *net = lm_address_net(a, id);

	a->now = *now;
	if (net)
		stir(net);
}

void lm_address_done(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *id,
    uint64_t tag, enum lm_chain_verdict verdict, uint32_t block)
{
	struct network *net = lm_address_net(a, id);
	struct op *op;

	a->now = *now;
	if (!net)
		return;
	LIST_FOREACH(op, &net->ops, entry)
	{
		if (op->tag != tag)
			continue;
		lm_address_ended(net, op, verdict, block);
		break;
	}
	stir(net);
}

uint64_t lm_address_tick(struct lm_address *a, const struct lm_now *now)
{
	struct lm_timer *t;

	a->now = *now;
	while ((t = lm_timers_first(&a->timers)) && t->due <= now->mono) {
		struct network *net =
		    (struct network *)((char *)t - offsetof(struct network, timer));
		net->next = LM_NEVER;
		lm_address_turn(net);
		/* Even if there is more to write, others have their turn first. */
		lm_timers_set(&a->timers, t, lm_max_u64(net->next, now->mono + 1));
	}
	return lm_timers_next(&a->timers);
}
