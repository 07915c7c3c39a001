/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The networks whose manifests are in force, and what is remembered of those that
 * have ended here.
 */
#include "membership/facts.h"
#include "membership/internal.h"
#include "membership/places.h"

#include <errno.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

#define EXPIRY_LOOK 3600 /* s; the wall clock may be set meanwhile */

struct network *lm_network_find(const struct lm_membership *m, const struct lm_net_id *id)
{
	struct network *net;

	HASH_FIND(by_id, m->by_id, id, sizeof(*id), net);
	return net;
}

struct tombstone *lm_tombstone_find(const struct lm_membership *m, const struct lm_net_id *id)
{
	struct tombstone *t;

	HASH_FIND(hh, m->tombstones, id, sizeof(*id), t);
	return t;
}

uint64_t lm_network_serial(const struct lm_membership *m, const struct lm_net_id *id)
{
	const struct network *net = lm_network_find(m, id);
	const struct tombstone *t = net ? NULL : lm_tombstone_find(m, id);

	return net ? net->sm->manifest->serial : t ? t->serial : 0;
}

const uint8_t *lm_network_hash(const struct lm_membership *m, const struct lm_net_id *id)
{
	const struct network *net = lm_network_find(m, id);
	const struct tombstone *t = net ? NULL : lm_tombstone_find(m, id);

	return net ? net->sm->hash : t ? t->hash : NULL;
}

static bool is_past(const struct lm_membership *m, int64_t seconds)
{
	return seconds <= (int64_t)(m->now.wall / SECOND);
}

bool lm_network_knows(
    const struct lm_membership *m, const struct lm_net_id *id, const uint8_t hash[32])
{
	const uint8_t *known = lm_network_hash(m, id);

	if (!known || memcmp(known, hash, 32) != 0)
		return false;
	/* It may have been closed by a clock of ours that was ahead. */
	const struct tombstone *t = lm_network_find(m, id) ? NULL : lm_tombstone_find(m, id);
	return !t || is_past(m, t->closes);
}

bool lm_network_expired(const struct lm_membership *m, const struct lm_manifest *man)
{
	return man->expires && is_past(m, man->expires);
}

/* ---- ends ---- */

void lm_tombstone_drop(struct lm_membership *m, struct tombstone *t)
{
	HASH_DEL(m->tombstones, t);
	free(t);
}

void lm_tombstone_put(struct lm_membership *m, const struct lm_signed_manifest *sm)
{
	struct tombstone *t = lm_tombstone_find(m, &sm->net_id);

	if (!t) {
		if (HASH_COUNT(m->tombstones) >= m->config.max_networks)
			lm_tombstone_drop(m, m->tombstones);
		t = calloc(1, sizeof(*t));
		if (!t)
			return;
		t->id = sm->net_id;
		HASH_ADD(hh, m->tombstones, id, sizeof(t->id), t);
	}
	t->serial = sm->manifest->serial;
	memcpy(t->hash, sm->hash, 32);
	t->closes = sm->manifest->on_expiry == LM_EXPIRY_CLOSE ? sm->manifest->expires : 0;
}

static void network_free(struct lm_membership *m, struct network *net)
{
	lm_proof_drop(m, net);
	lm_signed_manifest_free(net->sm);
	lm_timers_release(&m->timers, &net->expiry.at);
	lm_facts_end(m, net);
	lm_part_free(m, net);
	lm_wipe(&net->secret, sizeof(net->secret));
	free(net->pairs);
	free(net->pub.peers);
	free(net);
}

void lm_network_end(struct lm_membership *m, struct network *net, const char *reason)
{
	lm_info("network %s: gone, %s", net->pub.manifest->network, reason);
	for (unsigned i = 0; i < net->pub.manifest->n_providers; i++) {
		struct pair *p = net->pairs[i];
		/* Said once: who misses it hears it when it next tells us lanes. */
		if (p && p->on)
			lm_away_answer(m, &p->key.peer->party, &net->pub.id);
		if (p)
			lm_lanes_cut(m, p);
	}
	lm_part_end(m, net);
	lm_places_end(m, net);
	lm_facts_end(m, net);
	m->ops.network_gone(m->ctx, &net->pub);
	for (unsigned i = 0; i < net->pub.manifest->n_providers; i++) {
		if (net->pairs[i]) {
			lm_pair_unlink(m, net->pairs[i]);
			lm_pair_free(m, net->pairs[i]);
		}
	}
	HASH_DELETE(by_id, m->by_id, net);
	HASH_DELETE(by_hash, m->by_hash, net);
	m->networks[net->pub.index] = NULL;
	while (m->networks_end && !m->networks[m->networks_end - 1])
		m->networks_end--;
	network_free(m, net);
}

int lm_network_drop(struct lm_membership *m, const struct lm_net_id *id, struct lm_why *why)
{
	struct network *net = lm_network_find(m, id);

	if (!net)
		return lm_why(why, ENOENT, "no manifest of this network is in force here");
	const char *name = net->pub.manifest->network;
	if (lm_membership_accepts(m, &net->sm->owner))
		return lm_why(why, EBUSY,
		    "the owner of network %s is accepted here, so other gateways would bring it "
		    "back: take the owner off the list first",
		    name);
	int err = m->ops.erase(m->ctx, id);
	if (err)
		return lm_why(why, EIO, "network %s could not be removed from the store: %s", name,
		    strerror(-err));
	err = lm_facts_erase(m, net);
	if (err)
		lm_error("network %s: not all of its chain could be removed from the store: %s",
		    name, strerror(-err));
	lm_network_end(m, net, "the operator has dropped it");
	return 0;
}

static void expiry_fire(struct lm_membership *m, struct timer *t)
{
	struct network *net = (struct network *)((char *)t - offsetof(struct network, expiry));
	const struct lm_manifest *man = net->sm->manifest;

	if (lm_network_expired(m, man)) {
		lm_tombstone_put(m, net->sm);
		lm_network_end(m, net, "its manifest has expired");
		return;
	}
	uint64_t left = (uint64_t)man->expires - m->now.wall / SECOND;
	lm_timers_set(
	    &m->timers, &net->expiry.at, m->now.mono + lm_min_u64(left, EXPIRY_LOOK) * SECOND);
}

void lm_network_watch_expiry(struct lm_membership *m, struct network *net)
{
	const struct lm_manifest *man = net->sm->manifest;

	lm_timers_set(&m->timers, &net->expiry.at, LM_NEVER);
	if (man->expires && man->on_expiry == LM_EXPIRY_CLOSE)
		expiry_fire(m, &net->expiry);
}

struct network *lm_network_new(struct lm_membership *m, const struct lm_net_id *id)
{
	struct network *net = calloc(1, sizeof(*net));

	if (!net)
		return NULL;
	if (lm_timers_reserve(&m->timers) < 0) {
		free(net);
		return NULL;
	}
	if (lm_part_init(m, net) < 0) {
		lm_timers_release(&m->timers, &net->expiry.at);
		free(net);
		return NULL;
	}
	while (m->networks[net->pub.index])
		net->pub.index++;
	net->pub.id = *id;
	net->place = lm_watch_place(id, &m->self->pub);
	net->expiry.fire = expiry_fire;
	return net;
}

void lm_networks_free(struct lm_membership *m)
{
	struct tombstone *t, *next;

	HASH_CLEAR(by_id, m->by_id);
	HASH_CLEAR(by_hash, m->by_hash);
	for (uint32_t i = 0; i < m->networks_end; i++) {
		struct network *net = m->networks[i];
		if (!net)
			continue;
		for (unsigned k = 0; k < net->sm->manifest->n_providers; k++) {
			struct pair *p = net->pairs[k];
			if (!p)
				continue;
			for (unsigned s = 0; s < p->n_in; s++)
				free(p->in[s]);
			HASH_DELETE(hh, m->pairs, p);
			lm_pair_free(m, p);
		}
		network_free(m, net);
	}
	free(m->networks);
	HASH_ITER(hh, m->tombstones, t, next)
	lm_tombstone_drop(m, t);
}

const struct lm_network *lm_membership_network(const struct lm_membership *m, uint32_t index)
{
	return index < m->networks_end && m->networks[index] ? &m->networks[index]->pub : NULL;
}

const struct lm_network *lm_membership_find(
    const struct lm_membership *m, const struct lm_net_id *id)
{
	const struct network *net = lm_network_find(m, id);

	return net ? &net->pub : NULL;
}

uint32_t lm_membership_networks_end(const struct lm_membership *m)
{
	return m->networks_end;
}
