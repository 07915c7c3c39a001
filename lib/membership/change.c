/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest takes its predecessor's place. Everything that can fail is prepared
 * aside, the manifest is persisted, and only then does anything change.
 */
#include "membership/facts.h"
#include "membership/internal.h"
#include "membership/places.h"

#include <errno.h>
#include <inttypes.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

/* What is prepared aside until the manifest has been persisted. */
struct change {
	struct network *net;
	bool first; /* the network is new here */
	struct lm_signed_manifest *sm;
	struct lm_secret secret;
	int self;
	unsigned n;
	struct pair **pairs; /* new ones are not linked yet */
	bool *is_new;
	struct lm_peer **peers;
	bool *there;
	struct places *places;
};

static void change_undo(struct lm_membership *m, struct change *c)
{
	for (unsigned i = 0; c->pairs && c->is_new && i < c->n; i++)
		if (c->is_new[i])
			lm_pair_free(m, c->pairs[i]);
	free(c->pairs);
	free(c->peers);
	free(c->there);
	lm_places_drop(c->places);
	if (c->first && c->net) {
		lm_timers_release(&m->timers, &c->net->expiry.at);
		lm_part_free(m, c->net);
		free(c->net);
	}
}

static int change_pairs(struct lm_membership *m, struct change *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct remote *r;
		if ((int)i == c->self)
			continue;
		int err = lm_remote_get(m, &c->sm->manifest->providers[i], &r);
		if (err)
			return err;
		c->pairs[i] = c->first ? NULL : lm_pair_find(m, c->net, r);
		if (!c->pairs[i]) {
			c->pairs[i] = lm_pair_new(m, c->net, r);
			if (!c->pairs[i])
				return -ENOMEM;
			c->is_new[i] = true;
		}
		c->peers[i] = r->party.session;
	}
	return 0;
}

static int change_prepare(struct lm_membership *m, struct change *c, struct lm_why *why)
{
	c->n = c->sm->manifest->n_providers;
	c->net = lm_network_find(m, &c->sm->net_id);
	c->first = !c->net;
	if (c->first)
		c->net = lm_network_new(m, &c->sm->net_id);
	c->pairs = calloc(c->n, sizeof(c->pairs[0]));
	c->peers = calloc(c->n, sizeof(c->peers[0]));
	c->is_new = calloc(c->n, sizeof(c->is_new[0]));
	c->there = calloc(c->sm->manifest->n_endpoints + 1, sizeof(c->there[0]));
	int err = -ENOMEM;
	if (c->net && c->pairs && c->peers && c->is_new && c->there)
		err = lm_places_make(&c->places, c->sm->manifest);
	if (!err)
		err = change_pairs(m, c);
	if (err == -ENOSPC)
		lm_why(why, ENOSPC, "this gateway has no room for more than %u peers",
		    m->config.max_peers);
	else if (err)
		lm_why(why, -err, "this gateway cannot take the manifest: %s", strerror(-err));
	return err;
}

/* The peers that a newer manifest leaves out have no say from this moment. */
static void cut_dropped(struct lm_membership *m, struct pair **old, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!old[i] || old[i]->mark == m->mark)
			continue;
		lm_lanes_cut(m, old[i]);
		/* What else is in there is told again by whoever has a say in it. */
		lm_peer_unsay(pair_session(old[i]));
		lm_pair_unlink(m, old[i]);
		lm_pair_free(m, old[i]);
	}
}

static void change_commit(struct lm_membership *m, struct change *c)
{
	struct network *net = c->net;
	struct lm_signed_manifest *old_sm = net->sm;
	struct pair **old_pairs = net->pairs;
	struct lm_peer **old_peers = net->pub.peers;
	unsigned n_old = old_sm ? old_sm->manifest->n_providers : 0;
	bool rekey = !lm_equal_secret(&net->secret, &c->secret, sizeof(c->secret));

	if (c->first) {
		m->networks[net->pub.index] = net;
		if (net->pub.index >= m->networks_end)
			m->networks_end = net->pub.index + 1;
		HASH_ADD(by_id, m->by_id, pub.id, sizeof(net->pub.id), net);
	} else {
		HASH_DELETE(by_hash, m->by_hash, net);
	}
	lm_proof_drop(m, net);
	net->sm = c->sm;
	net->secret = c->secret;
	net->pairs = c->pairs;
	net->pub.sm = c->sm;
	net->pub.manifest = c->sm->manifest;
	net->pub.self = c->self;
	net->pub.peers = c->peers;
	HASH_ADD_KEYPTR(by_hash, m->by_hash, net->sm->hash, 32, net);

	m->mark++;
	for (unsigned i = 0; i < c->n; i++) {
		if (!c->pairs[i])
			continue;
		c->pairs[i]->mark = m->mark;
		c->pairs[i]->provider = i;
		if (c->is_new[i])
			lm_pair_link(m, c->pairs[i]);
		lm_remote_revisit(m, c->pairs[i]->key.peer);
	}
	cut_dropped(m, old_pairs, n_old);
	lm_places_put(net, c->places);
	lm_facts_set(m, net);
	lm_places_set(m, net);
	lm_part_changed(m, net, c->there);
	m->ops.network_changed(m->ctx, &net->pub);
	for (unsigned i = 0; i < c->n; i++) {
		if (!c->pairs[i])
			continue;
		lm_gossip_start(m, c->pairs[i]);
		if (rekey)
			lm_lanes_renew(m, c->pairs[i]);
	}
	lm_signed_manifest_free(old_sm);
	free(old_pairs);
	free(old_peers);
	lm_network_watch_expiry(m, net);
}

int lm_network_persist(
    struct lm_membership *m, const struct lm_signed_manifest *sm, struct lm_why *why)
{
	int err = lm_genesis_keep(m, sm);

	if (!err)
		err = m->ops.persist(m->ctx, &sm->net_id, sm->bytes, sm->len);
	if (!err)
		return 0;
	return lm_why(why, EIO, "this gateway could not store the manifest: %s", strerror(-err));
}

int lm_network_put_in_force(struct lm_membership *m, struct lm_signed_manifest *sm, int self,
    bool stored, struct lm_why *why)
{
	struct change c = {.sm = sm, .self = self};
	int err = lm_manifest_secret(&c.secret, sm, m->self);

	if (err)
		return lm_why(
		    why, EBADMSG, "the network secret is not sealed to this gateway's key");
	err = change_prepare(m, &c, why);
	if (!err && !stored)
		err = lm_network_persist(m, sm, why);
	if (err) {
		change_undo(m, &c);
	} else {
		struct tombstone *t = lm_tombstone_find(m, &sm->net_id);
		if (t)
			lm_tombstone_drop(m, t);
		if (!stored) /* of those at start, the owner of the store says how many */
			lm_info_limited("network %s: serial %" PRIu64 " is in force",
			    sm->manifest->network, sm->manifest->serial);
		change_commit(m, &c);
		lm_seats_warn(m, c.net, why);
	}
	free(c.is_new);
	lm_wipe(&c.secret, sizeof(c.secret));
	return err;
}
