/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking part in a network: while one of its endpoints is attached here. We say
 * so in the ledger (one record for ourselves, one for each endpoint); when the
 * last one goes, we withdraw all of that, give the others a few seconds to hear
 * it, and forget the network's secret, which the manifest keeps sealed.
 *
 * Events only stir a network; it is looked at when the call that we are in ends.
 */
#include "membership/facts.h"
#include "membership/internal.h"
#include "membership/places.h"

#include <errno.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define LOOK_EVERY (100 * MS) /* a burst of records makes one look, and one publication */
#define TELL_AGAIN (10 * SECOND) /* the ledger had no room for us */
#define VISITS_AT_ONCE 8 /* of one call: whoever else waits must not be stalled by many joining */
#define ROUNDS 4 /* the ledger's answers stir as well */
#define STALE_MAX 32

/* ---- callbacks from the ledger: they only take notes ---- */

static void on_send(void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len)
{
	struct lm_membership *m = ctx;

	lm_peer_send(peer, &m->now, type, body, len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct lm_membership *m = ctx;

	m->ops.random(m->ctx, buf, len);
}

static void on_changed(void *ctx, const struct lm_net_id *id, const struct lm_ledger_record *record)
{
	struct network *net = lm_network_find(ctx, id);

	(void)record;
	if (net)
		lm_part_news(ctx, net);
}

static void on_gone(void *ctx, const struct lm_net_id *id, const struct lm_ledger_record *record,
    const char *reason)
{
	(void)reason;
	on_changed(ctx, id, record);
}

int lm_part_open(struct lm_membership *m)
{
	struct lm_ledger_ops ops = {
	    .send = on_send, .random = on_random, .changed = on_changed, .gone = on_gone};
	const struct lm_ledger_config config = {
	    .max_networks = m->config.max_networks,
	    /* One gateway may serve all endpoints of a network, and say it beside itself. */
	    .max_author_records = LM_ENDPOINTS_MAX + 16,
	    .max_author_bytes = (size_t)LM_ENDPOINTS_MAX * (LM_ENDPOINT_KEY_MAX + 1) + 4096,
	};

	lm_records_open(m, &ops);
	m->ledger_at = LM_NEVER;
	return lm_ledger_create(&m->ledger, m->self, &config, &ops, m);
}

/* ---- being stirred ---- */

void lm_part_stir(struct lm_membership *m, struct network *net)
{
	if (!net->stirred)
		TAILQ_INSERT_TAIL(&m->stirred, net, stir);
	net->stirred = true;
}

void lm_part_news(struct lm_membership *m, struct network *net)
{
	net->news = true;
	lm_part_stir(m, net);
}

static void work_fire(struct lm_membership *m, struct timer *t)
{
	lm_part_stir(m, (struct network *)((char *)t - offsetof(struct network, work)));
}

int lm_part_init(struct lm_membership *m, struct network *net)
{
	net->work.fire = work_fire;
	net->watch_at = net->place_at = LM_NEVER;
	return lm_timers_reserve(&m->timers);
}

void lm_part_free(struct lm_membership *m, struct network *net)
{
	if (net->stirred)
		TAILQ_REMOVE(&m->stirred, net, stir);
	lm_timers_release(&m->timers, &net->work.at);
	lm_part_forget(net);
	lm_places_drop(net->places);
}

void lm_part_forget(struct network *net)
{
	if (net->served != net->attached)
		free(net->served);
	free(net->attached);
	net->served = net->attached = NULL;
	net->n_attached = 0;
	free(net->there);
	net->there = NULL;
}

void lm_part_tell(struct lm_membership *m, struct network *net)
{
	net->tell = true;
	net->tell_at = 0;
	lm_part_stir(m, net);
}

static void arm(struct lm_membership *m, struct network *net)
{
	uint64_t at = lm_min_u64(net->watch_at, lm_places_next(net));

	if (net->part == LM_PART_LEAVING)
		at = net->part_at;
	if (net->tell)
		at = lm_min_u64(at, net->tell_at);
	if (net->news)
		at = lm_min_u64(at, net->look_at);
	lm_timers_set(&m->timers, &net->work.at, at);
}

/* ---- joining and leaving ---- */

/* The ledger learns the secret and who may write. */
static int tell_authors(struct lm_membership *m, struct network *net)
{
	const struct lm_manifest *man = net->pub.manifest;
	struct lm_public_key *keys = calloc(man->n_providers, sizeof(*keys));
	int err = -ENOMEM;

	for (unsigned i = 0; keys && i < man->n_providers; i++)
		keys[i] = man->providers[i].key;
	if (keys)
		err = lm_ledger_set(
		    m->ledger, &m->now, &net->pub.id, &net->secret, keys, man->n_providers);
	free(keys);
	net->authors_failed = err != 0;
	if (err) {
		lm_error(
		    "network %s: the ledger does not take it: %s", man->network, strerror(-err));
		net->tell = true;
		net->tell_at = m->now.mono + TELL_AGAIN;
	}
	return err;
}

static void come_back(struct lm_membership *m, struct network *net)
{
	for (unsigned i = 0; i < net->pub.manifest->n_providers; i++)
		if (net->pairs[i])
			lm_away_stop(m, net->pairs[i]);
	net->part = LM_PART_JOINED;
	net->tell = net->news = true;
	net->tell_at = net->look_at = m->now.mono;
	lm_facts_joined(m, net);
}

static int join(struct lm_membership *m, struct network *net)
{
	if (lm_manifest_secret(&net->secret, net->sm, m->self) != 0)
		return -EBADMSG; /* cannot be: it was opened when it came into force */
	int err = tell_authors(m, net);
	if (!err)
		err = lm_ledger_join(m->ledger, &m->now, &net->pub.id);
	if (err) {
		lm_wipe(&net->secret, sizeof(net->secret));
		return err;
	}
	lm_records_restore(m, net);
	come_back(m, net);
	lm_info_limited("network %s: joined", net->pub.manifest->network);
	return 0;
}

static void leave_begin(struct lm_membership *m, struct network *net)
{
	for (unsigned i = 0; i < net->pub.manifest->n_providers; i++)
		if (net->pairs[i] && net->pairs[i]->on)
			lm_away_start(m, net->pairs[i]);
	net->part = LM_PART_LEAVING;
	net->part_at = m->now.mono + LM_LEAVE_TIME * SECOND;
	net->tell = false;
	net->news = true;
	net->look_at = m->now.mono;
	if (lm_ledger_withdraw_all(m->ledger, &m->now, &net->pub.id) != 0)
		lm_warn("network %s: not all that we said could be withdrawn",
		    net->pub.manifest->network);
	lm_info_limited("network %s: leaving, none of its endpoints is attached here any more",
	    net->pub.manifest->network);
}

static void leave_end(struct lm_membership *m, struct network *net)
{
	net->part = LM_PART_OUT;
	net->tell = false;
	lm_ledger_remove(m->ledger, &m->now, &net->pub.id);
	lm_wipe(&net->secret, sizeof(net->secret));
	lm_info_limited("network %s: left", net->pub.manifest->network);
}

void lm_part_end(struct lm_membership *m, struct network *net)
{
	net->part = LM_PART_OUT;
	lm_ledger_remove(m->ledger, &m->now, &net->pub.id);
}

void lm_part_changed(struct lm_membership *m, struct network *net, bool *there)
{
	if (net->part == LM_PART_OUT)
		lm_wipe(&net->secret, sizeof(net->secret));
	else
		tell_authors(m, net);
	lm_routes_look(m, net, there);
	lm_routes_apply(m, net);
	lm_watch_update(m, net);
	net->news = false;
	net->tell = net->tell || net->part == LM_PART_JOINED;
	lm_part_stir(m, net);
}

/* ---- saying what we serve ---- */

static int publish_gateway(struct lm_membership *m, const struct network *net)
{
	uint8_t value[1 + 1 + 8 + 8];
	struct lm_writer w = lm_writer(value, sizeof(value));

	lm_write_u8(&w, 1);
	lm_write_u8(&w, m->config.lanes);
	lm_write_u64(&w, net->sm->manifest->serial);
	lm_write(&w, net->sm->hash, 8);
	return lm_ledger_publish(m->ledger, &m->now, &net->pub.id, LM_LEDGER_GATEWAY, NULL, 0,
	    value, sizeof(value), LM_LEDGER_LIFETIME);
}

struct stale {
	const struct network *net;
	unsigned n;
	struct {
		uint8_t len, key[LM_LEDGER_KEY_MAX];
	} at[STALE_MAX];
};

/* Is this record of ours of no endpoint that is served here? */
static int collect_stale(void *ctx, const struct lm_ledger_record *record)
{
	struct stale *s = ctx;

	if (!record->own)
		return 0;
	int at = lm_endpoint_of(s->net->pub.manifest, record->key, record->key_len);
	if (at >= 0 && s->net->served[at])
		return 0;
	s->at[s->n].len = record->key_len;
	memcpy(s->at[s->n].key, record->key, record->key_len);
	return ++s->n == STALE_MAX;
}

static int withdraw_stale(struct lm_membership *m, struct network *net)
{
	struct stale s;
	int err = 0;

	do {
		s = (struct stale){.net = net};
		lm_ledger_each(m->ledger, &net->pub.id, LM_LEDGER_ENDPOINT, collect_stale, &s);
		for (unsigned i = 0; i < s.n && !err; i++)
			err = lm_ledger_withdraw(m->ledger, &m->now, &net->pub.id,
			    LM_LEDGER_ENDPOINT, s.at[i].key, s.at[i].len);
	} while (s.n == STALE_MAX && !err);
	return err;
}

static void tell(struct lm_membership *m, struct network *net)
{
	const struct lm_manifest *man = net->pub.manifest;

	int err = net->authors_failed ? tell_authors(m, net) : 0;
	if (!err)
		err = publish_gateway(m, net);
	for (unsigned i = 0; i < man->n_endpoints && !err; i++) {
		uint8_t key[LM_ENDPOINT_KEY_MAX], value[LM_ENDPOINT_VALUE_MAX];
		if (net->served[i])
			err = lm_ledger_publish(m->ledger, &m->now, &net->pub.id,
			    LM_LEDGER_ENDPOINT, key, lm_endpoint_key(key, man, i), value,
			    lm_place_write(value, net, i), LM_LEDGER_LIFETIME);
	}
	if (!err)
		err = withdraw_stale(m, net);
	if (err && !net->tell_failed)
		lm_error("network %s: others do not learn all that is served here: %s",
		    man->network, strerror(-err));
	net->tell_failed = net->tell = err != 0;
	net->tell_at = m->now.mono + TELL_AGAIN;
}

/* Takes attached over. What gateways decide of it is served if and when they do. */
static int take_attached(
    struct lm_membership *m, struct network *net, bool *attached, unsigned n_attached)
{
	unsigned n = net->pub.manifest->n_endpoints;
	bool *served = attached;

	if (net->places && attached) {
		served = calloc(n, sizeof(*served));
		if (!served) {
			free(attached);
			return -ENOMEM;
		}
		for (unsigned i = 0; i < n; i++)
			served[i] = attached[i] &&
				    (!lm_place_decided(net, i) || (net->served && net->served[i]));
	}
	if (net->served != net->attached)
		free(net->served);
	free(net->attached);
	net->attached = attached;
	net->n_attached = n_attached;
	net->served = served;
	lm_places_attached(m, net);
	lm_part_tell(m, net);
	return 0;
}

int lm_membership_set_served(
    struct lm_membership *m, uint32_t index, const uint32_t *endpoints, unsigned n)
{
	struct network *net = index < m->networks_end ? m->networks[index] : NULL;
	bool *attached = NULL;
	unsigned n_attached = 0;

	if (!net)
		return -ENOENT;
	const struct lm_manifest *man = net->pub.manifest;
	if (n && !(attached = calloc(man->n_endpoints, sizeof(*attached))))
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		const struct lm_endpoint *e =
		    endpoints[i] < man->n_endpoints ? &man->endpoints[endpoints[i]] : NULL;
		if (!e || (e->provider != net->pub.self && e->provider != LM_ANY_PROVIDER)) {
			free(attached);
			return -EINVAL;
		}
		n_attached += !attached[endpoints[i]];
		attached[endpoints[i]] = true;
	}
	bool same = n_attached == net->n_attached &&
		    (!n_attached || memcmp(attached, net->attached, man->n_endpoints) == 0);
	if (same) {
		free(attached);
		return 0;
	}
	return take_attached(m, net, attached, n_attached);
}

/* ---- what is due ---- */

static void look(struct lm_membership *m, struct network *net)
{
	bool *there = calloc(net->pub.manifest->n_endpoints + 1, sizeof(*there));

	net->look_at = m->now.mono + LOOK_EVERY;
	if (!there)
		return; /* again then */
	net->news = false;
	bool routes = lm_routes_look(m, net, there), lanes = lm_routes_apply(m, net);
	lm_watch_update(m, net);
	if (routes || lanes || net->owed)
		m->ops.routes_changed(m->ctx, &net->pub);
	net->owed = false;
}

static void visit(struct lm_membership *m, struct network *net)
{
	uint64_t now = m->now.mono;

	lm_places_retry(m, net);
	if (net->n_attached && net->part == LM_PART_LEAVING)
		come_back(m, net);
	if (net->n_attached && net->part == LM_PART_OUT && net->tell && net->tell_at <= now &&
	    join(m, net) != 0)
		net->tell_at = now + TELL_AGAIN;
	if (!net->n_attached && net->part == LM_PART_JOINED)
		leave_begin(m, net);
	if (net->part == LM_PART_LEAVING && net->part_at <= now)
		leave_end(m, net);
	net->news |= net->watch_at <= now;
	if (net->news && net->look_at <= now)
		look(m, net);
	/* After it, as it may find that we serve something else. */
	if (net->part == LM_PART_JOINED && net->tell && net->tell_at <= now)
		tell(m, net);
	if (net->part != LM_PART_JOINED && !net->n_attached)
		net->tell = false;
	arm(m, net);
}

void lm_part_visit(struct lm_membership *m)
{
	struct network *net;
	unsigned left = VISITS_AT_ONCE;

	for (unsigned round = 0; round < ROUNDS; round++) {
		while ((net = TAILQ_FIRST(&m->stirred)) && left) {
			left--;
			TAILQ_REMOVE(&m->stirred, net, stir);
			net->stirred = false;
			visit(m, net);
		}
		m->ledger_at = lm_ledger_tick(m->ledger, &m->now);
		if (TAILQ_EMPTY(&m->stirred) || !left)
			break;
	}
}

enum lm_part lm_membership_part(const struct lm_membership *m, uint32_t net)
{
	return net < m->networks_end && m->networks[net] ? m->networks[net]->part : LM_PART_OUT;
}

const struct lm_ledger *lm_membership_ledger(const struct lm_membership *m)
{
	return m->ledger;
}
