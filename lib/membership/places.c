/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoints whose address or provider the gateways decide: lib/address, wired to the chain, to
 * what others say in the ledger, to the facts on disk, and to what is attached here.
 *
 * lm_address has a network while the chain has it. Before that, when the network's genesis is not
 * known yet, such endpoints wait; the others are served as always.
 *
 * A fact of lib/address has the key FACT_PLACES || what lib/address calls it.
 */
#include "membership/facts.h"
#include "membership/places.h"

#include <errno.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define TRY_AGAIN (10 * SECOND)
#define GREET_WAIT (30 * SECOND) /* doubled each time, until it is heard or was said six times */
#define GREET_WAIT_MAX (600 * SECOND)

/* ---- lib/address's callbacks: they only take notes ---- */

static int on_propose(
    void *ctx, const struct lm_net_id *id, const struct lm_chain_command *command, uint64_t tag)
{
	struct network *net = lm_network_find(ctx, id);

	return net ? lm_facts_propose(ctx, net, command, tag) : -ENOENT;
}

static int on_persist(void *ctx, const struct lm_net_id *id, const void *key, size_t key_len,
    const void *value, size_t len)
{
	struct lm_membership *m = ctx;
	uint8_t full[1 + LM_ADDRESS_STORE_KEY_MAX] = {FACT_PLACES};

	if (key_len > LM_ADDRESS_STORE_KEY_MAX)
		return -EINVAL;
	memcpy(full + 1, key, key_len);
	return m->ops.fact_put(m->ctx, id, full, 1 + key_len, value, len);
}

static enum lm_holder on_holder(void *ctx, const struct lm_net_id *id,
    const struct lm_public_key *gateway, unsigned endpoint, const struct lm_public_key *author)
{
	struct network *net = lm_network_find(ctx, id);

	return net ? lm_holder_of(ctx, net, gateway, endpoint, author) : LM_HOLDER_UNKNOWN;
}

static void on_changed(void *ctx, const struct lm_net_id *id)
{
	struct lm_membership *m = ctx;
	struct network *net = lm_network_find(m, id);

	if (net && net != m->quiet)
		lm_part_news(m, net);
}

static void on_ask(void *ctx, const struct lm_net_id *id)
{
	struct network *net = lm_network_find(ctx, id);

	if (net)
		lm_facts_ask(ctx, net);
}

int lm_places_open(struct lm_membership *m)
{
	static const struct lm_address_ops ops = {.propose = on_propose,
	    .persist = on_persist,
	    .begin = lm_facts_on_begin,
	    .commit = lm_facts_on_commit,
	    .holder = on_holder,
	    .changed = on_changed,
	    .ask = on_ask};

	m->address_at = LM_NEVER;
	if (!m->chain)
		return 0;
	return lm_address_create(
	    &m->address, &m->self->pub, m->config.max_networks, m->chain, &ops, m);
}

void lm_places_close(struct lm_membership *m)
{
	lm_holders_free(m);
	if (m->address)
		lm_address_free(m->address);
	m->address = NULL;
}

/* ---- a manifest's endpoints ---- */

int lm_places_make(struct places **out, const struct lm_manifest *man)
{
	unsigned n = man->n_endpoints;

	*out = NULL;
	if (!lm_manifest_decided(man))
		return 0;
	struct places *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->endpoints = calloc(n, sizeof(p->endpoints[0]));
	p->at = calloc(n, sizeof(p->at[0]));
	p->ips = calloc(2 * (size_t)n, sizeof(p->ips[0]));
	if (!p->endpoints || !p->at || !p->ips) {
		lm_places_drop(p);
		return -ENOMEM;
	}
	memcpy(p->endpoints, man->endpoints, n * sizeof(p->endpoints[0]));
	for (unsigned i = 0; i < n; i++)
		p->at[i] = (struct lm_address_place){.index = LM_ADDRESS_NONE,
		    .provider = man->endpoints[i].provider,
		    .wait = LM_AW_CHAIN};
	*out = p;
	return 0;
}

void lm_places_drop(struct places *p)
{
	if (!p)
		return;
	free(p->endpoints);
	free(p->at);
	free(p->ips);
	lm_claims_free(&p->claims);
	free(p);
}

void lm_places_put(struct network *net, struct places *places)
{
	lm_part_forget(net);
	lm_places_drop(net->places);
	net->places = places;
	net->pub.endpoints = places ? places->endpoints : net->pub.manifest->endpoints;
	net->place_at = LM_NEVER;
	net->untold = net->owed = false;
	if (places)
		lm_places_sort(net);
}

/* ---- a network comes and goes ---- */

/* What has been said comes into effect. The caller looks at this network itself. */
static void turn(struct lm_membership *m, const struct network *net)
{
	m->quiet = net;
	m->address_called = false;
	m->address_at = lm_address_tick(m->address, &m->now);
	m->quiet = NULL;
}

struct restore {
	struct lm_membership *m;
	const struct network *net;
};

static int restore_one(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	const struct restore *r = ctx;
	const uint8_t *k = key;

	if (key_len < 1 || k[0] != FACT_PLACES)
		return 0;
	return lm_address_restore(r->m->address, &r->net->pub.id, k + 1, key_len - 1, value, len);
}

static int restore(struct lm_membership *m, struct network *net)
{
	struct restore r = {.m = m, .net = net};
	int err = m->ops.facts_each(m->ctx, &net->pub.id, restore_one, &r);

	if (!err)
		return 0;
	lm_address_remove(m->address, &net->pub.id);
	net->damaged = true;
	lm_error("network %s: what was stored of the addresses given out here cannot be read (%s): "
		 "none of the endpoints that need one is served",
	    net->pub.manifest->network, strerror(-err));
	return err;
}

void lm_places_set(struct lm_membership *m, struct network *net)
{
	if (!m->address || net->damaged)
		return;
	if (!lm_facts_has(net)) {
		lm_places_end(m, net);
		return;
	}
	int err = lm_address_set(
	    m->address, &m->now, &net->pub.id, net->pub.manifest, (unsigned)net->pub.self);
	if (err && net->placed)
		lm_address_remove(m->address, &net->pub.id); /* it has the manifest before */
	if (!err && !net->placed)
		err = restore(m, net);
	turn(m, net);
	net->placed = err == 0;
	if (net->places)
		net->places->unheard = true;
	if (err && !net->damaged) {
		lm_error("network %s: no address can be given out: %s", net->pub.manifest->network,
		    strerror(-err));
		net->place_at = m->now.mono + TRY_AGAIN;
	}
	if (net->attached)
		lm_places_attached(m, net);
	lm_part_news(m, net);
}

void lm_places_end(struct lm_membership *m, struct network *net)
{
	if (net->placed)
		lm_address_remove(m->address, &net->pub.id);
	net->placed = false;
}

/* ---- what the chain says ---- */

void lm_places_grown(struct lm_membership *m, struct network *net)
{
	if (!net->placed)
		return;
	m->address_called = true;
	lm_address_grown(m->address, &m->now, &net->pub.id);
}

void lm_places_done(struct lm_membership *m, struct network *net, uint64_t tag,
    enum lm_chain_verdict verdict, uint32_t block)
{
	if (!net->placed)
		return;
	m->address_called = true;
	lm_address_done(m->address, &m->now, &net->pub.id, tag, verdict, block);
}

void lm_places_current(struct lm_membership *m, struct network *net)
{
	if (!net->placed)
		return;
	m->address_called = true;
	lm_address_current(m->address, &m->now, &net->pub.id);
}

bool lm_places_consent(
    struct lm_membership *m, const struct network *net, const struct lm_chain_command *command)
{
	return net->placed && lm_address_consent(m->address, &m->now, &net->pub.id, command);
}

/* ---- what is attached here, and what others claim ---- */

static int tell_attached(struct lm_membership *m, const struct network *net)
{
	unsigned n_endpoints = net->pub.manifest->n_endpoints, n = 0;
	uint32_t *list = malloc((net->n_attached + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (unsigned i = 0; net->attached && i < n_endpoints; i++)
		if (net->attached[i])
			list[n++] = i;
	int err = lm_address_attached(m->address, &m->now, &net->pub.id, list, n);
	free(list);
	turn(m, net);
	return err;
}

void lm_places_attached(struct lm_membership *m, struct network *net)
{
	if (!net->places)
		return;
	int err = net->placed ? tell_attached(m, net) : 0;

	net->untold = err != 0;
	if (err) {
		lm_error("network %s: no address is given out: %s", net->pub.manifest->network,
		    strerror(-err));
		net->place_at = m->now.mono + TRY_AGAIN;
	}
	if (lm_places_resolve(m, net)) {
		net->owed = true;
		lm_part_news(m, net);
	}
}

/*
 * Who claims more than our chain knows and was asked the longest time ago: whoever lies must not
 * keep us from those who do not.
 */
static struct pair *ahead_of_us(const struct network *net)
{
	const struct places *p = net->places;
	struct pair *first = NULL;

	for (unsigned i = 0; i < p->claims.n; i++) {
		const struct lm_address_claim *c = &p->claims.at[i];
		struct pair *pair = net->pairs[c->provider];
		bool ahead = pair && c->generation > p->at[c->endpoint].generation;
		if (ahead && (!first || pair->greeted < first->greeted))
			first = pair;
	}
	return first;
}

/* Somebody's chain is longer than ours, or he lies: ask him. */
static void greet(struct lm_membership *m, struct network *net)
{
	struct places *p = net->places;
	struct pair *pair = ahead_of_us(net);

	if (!pair) {
		p->greet_wait = 0;
		return;
	}
	/* Only who was asked already is asked less and less often. */
	bool again = pair->greeted && p->greet_wait;
	pair->greeted = m->now.mono;
	if (pair->key.peer->up)
		lm_facts_greet(m, net, pair->key.peer);
	p->greet_wait = again ? lm_min_u64(2 * p->greet_wait, GREET_WAIT_MAX)
			      : lm_max_u64(p->greet_wait, GREET_WAIT);
	net->place_at = lm_min_u64(net->place_at, m->now.mono + p->greet_wait);
}

static bool same_claims(const struct claims *a, const struct claims *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		const struct lm_address_claim *x = &a->at[i], *y = &b->at[i];
		if (x->endpoint != y->endpoint || x->provider != y->provider ||
		    x->index != y->index || x->generation != y->generation)
			return false;
	}
	return true;
}

static void tell_claims(struct lm_membership *m, struct network *net)
{
	struct places *p = net->places;

	int err = lm_address_heard(m->address, &m->now, &net->pub.id, p->claims.at, p->claims.n);
	turn(m, net);
	p->unheard = err || p->claims.failed;
	if (p->unheard)
		net->place_at = m->now.mono + TRY_AGAIN;
}

bool lm_places_heard(struct lm_membership *m, struct network *net, struct claims *claims)
{
	struct places *p = net->places;
	bool same = same_claims(claims, &p->claims);

	lm_claims_free(&p->claims);
	p->claims = *claims;
	p->unheard |= !same;
	if (net->placed && p->unheard)
		tell_claims(m, net);
	bool changed = lm_places_resolve(m, net);
	if (!same)
		p->greet_wait = 0;
	if (net->placed && p->greet_wait == 0)
		greet(m, net);
	return changed;
}

/* ---- time passes ---- */

void lm_places_retry(struct lm_membership *m, struct network *net)
{
	if (net->place_at > m->now.mono)
		return;
	net->place_at = LM_NEVER;
	if (!net->placed)
		lm_places_set(m, net);
	else if (net->untold)
		lm_places_attached(m, net);
	else if (net->places)
		greet(m, net);
	if (!net->placed || (net->places && net->places->unheard))
		lm_part_news(m, net);
}

uint64_t lm_places_next(const struct network *net)
{
	return net->place_at;
}

bool lm_places_visit(struct lm_membership *m)
{
	if (!m->address || (!m->address_called && m->address_at > m->now.mono))
		return false;
	m->address_called = false;
	m->address_at = lm_address_tick(m->address, &m->now);
	return true;
}

const struct lm_address *lm_membership_places(const struct lm_membership *m)
{
	return m->address;
}
