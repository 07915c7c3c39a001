/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other gateways: the union of the providers of all manifests in force. A
 * remote is there as long as it has a pair; one session carries all its networks.
 */
#include "membership/facts.h"
#include "membership/internal.h"
#include "membership/places.h"

#include <errno.h>
#include "base/log.h"

#define LM_LOG_MODULE "membership"

/* ---- pairs ---- */

static void pair_fire(struct lm_membership *m, struct timer *t)
{
	struct pair *p = (struct pair *)((char *)t - offsetof(struct pair, timer));

	if (p->have_at <= m->now.mono)
		lm_gossip_due(m, p);
	if (p->away_at <= m->now.mono)
		lm_away_due(m, p);
	if (p->greet_at <= m->now.mono)
		lm_facts_greet_due(m, p);
	lm_lanes_due(m, p);
	lm_pair_arm(m, p);
}

void lm_pair_arm(struct lm_membership *m, struct pair *p)
{
	lm_timers_set(&m->timers, &p->timer.at,
	    lm_min_u64(lm_min_u64(lm_min_u64(p->have_at, p->lanes_at), p->greet_at),
		lm_min_u64(p->away_at, lm_lanes_next_drop(p))));
}

struct pair *lm_pair_find(const struct lm_membership *m, struct network *net, struct remote *r)
{
	struct pair_key key = {.net = net, .peer = r};
	struct pair *p;

	HASH_FIND(hh, m->pairs, &key, sizeof(key), p);
	return p;
}

struct pair *lm_pair_new(struct lm_membership *m, struct network *net, struct remote *r)
{
	struct pair *p = calloc(1, sizeof(*p));
	if (!p || lm_timers_reserve(&m->timers) < 0) {
		free(p);
		return NULL;
	}
	p->out = lm_lanes_out_get(m, net, r);
	if (!p->out) {
		lm_timers_release(&m->timers, &p->timer.at);
		free(p);
		return NULL;
	}
	p->key = (struct pair_key){.net = net, .peer = r};
	p->place = lm_watch_place(&net->pub.id, &r->key);
	p->timer.fire = pair_fire;
	p->have_at = p->lanes_at = p->away_at = p->greet_at = LM_NEVER;
	return p;
}

void lm_pair_link(struct lm_membership *m, struct pair *p)
{
	HASH_ADD(hh, m->pairs, key, sizeof(p->key), p);
	LIST_INSERT_HEAD(&p->key.peer->pairs, p, link);
	lm_remote_revisit(m, p->key.peer);
}

void lm_pair_unlink(struct lm_membership *m, struct pair *p)
{
	lm_watch_end(m, p);
	HASH_DELETE(hh, m->pairs, p);
	LIST_REMOVE(p, link);
	lm_remote_revisit(m, p->key.peer);
}

void lm_pair_free(struct lm_membership *m, struct pair *p)
{
	lm_timers_release(&m->timers, &p->timer.at);
	lm_lanes_out_retire(m, p->key.net, p->key.peer, p->out);
	free(p);
}

struct pair *lm_pair_authorised(
    struct lm_membership *m, struct party *from, const struct lm_net_id *id)
{
	struct network *net = lm_network_find(m, id);
	struct pair *p = NULL;

	if (net && from->slot != UINT32_MAX)
		p = lm_pair_find(m, net, (struct remote *)from);
	if (!p)
		m->drops[LM_MD_UNAUTHORISED]++;
	return p;
}

/* ---- remotes ---- */

static uint32_t free_slot(const struct lm_membership *m)
{
	uint32_t slot = 0;

	while (slot < m->remotes_end && m->remotes[slot])
		slot++;
	return slot;
}

/* A key that called us before we knew it has a guest's session, which is a peer's from here on. */
static void adopt(struct lm_membership *m, struct remote *r, struct lm_peer *session)
{
	struct party *before = lm_peer_user(session);

	if (before && before != &r->party)
		lm_guest_free(m, (struct guest *)before);
	r->party.session = session;
	lm_peer_set_user(session, &r->party);
}

static void add_addrs(struct remote *r, const struct lm_provider *provider)
{
	const unsigned max = sizeof(r->addrs) / sizeof(r->addrs[0]);

	for (unsigned i = 0; i < provider->n_addrs; i++) {
		unsigned at = 0;
		while (at < r->n_addrs && !lm_udp_addr_equal(&r->addrs[at], &provider->addrs[i]))
			at++;
		if (at == r->n_addrs && r->n_addrs < max)
			r->addrs[r->n_addrs++] = provider->addrs[i];
	}
}

int lm_remote_get(struct lm_membership *m, const struct lm_provider *provider, struct remote **out)
{
	struct remote *r;

	HASH_FIND(hh, m->by_key, &provider->key, sizeof(provider->key), r);
	if (r) {
		*out = r;
		return 0;
	}
	uint32_t slot = free_slot(m);
	if (slot >= m->config.max_peers)
		return -ENOSPC;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->party.slot = slot;
	lm_bucket_fill(&r->party.records, m->now.mono, RECORDS_BURST);
	r->key = provider->key;
	TAILQ_INIT(&r->wants);
	add_addrs(r, provider);

	struct lm_peer *session;
	int err = lm_peer_add(m->sessions, &m->now, &r->key, r->addrs, r->n_addrs, &session);
	if (err) {
		free(r);
		return err;
	}
	m->remotes[slot] = r;
	if (slot == m->remotes_end)
		m->remotes_end++;
	HASH_ADD(hh, m->by_key, key, sizeof(r->key), r);
	lm_remote_revisit(m, r);
	adopt(m, r, session);
	lm_peer_watch(session, &m->now, false); /* until it takes part */
	r->missing_at = m->now.mono + MISSING_AFTER;
	m->ops.peer_added(m->ctx, slot, session);
	if (lm_peer_state(session) == LM_PEER_UP)
		lm_remote_up(m, r, lm_peer_epoch(session));
	*out = r;
	return 0;
}

static void remote_end(struct lm_membership *m, struct remote *r)
{
	uint32_t slot = r->party.slot;

	lm_blobs_peer_down(m->blobs, r->party.session);
	lm_peer_remove(m->sessions, &m->now, r->party.session);
	lm_remote_down(m, r, "removed");
	m->ops.peer_gone(m->ctx, slot);
	m->remotes[slot] = NULL;
	while (m->remotes_end && !m->remotes[m->remotes_end - 1])
		m->remotes_end--;
	HASH_DELETE(hh, m->by_key, r);
	lm_lanes_out_free(r);
	free(r);
}

void lm_remote_revisit(struct lm_membership *m, struct remote *r)
{
	if (!r->revisit)
		TAILQ_INSERT_TAIL(&m->visits, r, visit);
	r->revisit = true;
}

/* The candidates are the union over the manifests in force, the last changed one's first. */
static void readdress(struct lm_membership *m, struct remote *r)
{
	struct lm_udp_addr before[sizeof(r->addrs) / sizeof(r->addrs[0])];
	unsigned n_before = r->n_addrs;
	struct pair *p;

	memcpy(before, r->addrs, sizeof(before));
	memset(r->addrs, 0, sizeof(r->addrs));
	r->n_addrs = 0;
	LIST_FOREACH(p, &r->pairs, link)
	add_addrs(r, &p->key.net->pub.manifest->providers[p->provider]);
	if (r->n_addrs == n_before && memcmp(before, r->addrs, sizeof(before)) == 0)
		return;
	struct lm_peer *same;
	lm_peer_add(m->sessions, &m->now, &r->key, r->addrs, r->n_addrs, &same);
}

void lm_remotes_visit(struct lm_membership *m)
{
	struct remote *r;

	while ((r = TAILQ_FIRST(&m->visits))) {
		TAILQ_REMOVE(&m->visits, r, visit);
		r->revisit = false;
		if (LIST_EMPTY(&r->pairs))
			remote_end(m, r);
		else
			readdress(m, r);
	}
}

/* ---- the session's events ---- */

static void say_up(struct remote *r)
{
	char id[LM_KEY_ID_TEXT];

	lm_hex(id, lm_peer_id(r->party.session)->b, LM_KEY_ID_LEN);
	lm_log_write_limited(
	    &r->said, LM_INFO, LM_LOG_MODULE, "peer %u (%s) is up", r->party.slot, id);
}

/* It was not there, or remembers nothing: it is told everything. */
static void greet(struct lm_membership *m, struct remote *r, bool was_up)
{
	struct pair *p;

	LIST_FOREACH(p, &r->pairs, link)
	{
		lm_gossip_start(m, p);
		lm_away_up(m, p);
		lm_facts_up(m, p);
		if (!p->on)
			continue;
		lm_lanes_up(m, p);
		if (!was_up)
			lm_part_news(m, p->key.net);
	}
}

static void rekeyed(struct lm_membership *m, struct remote *r)
{
	struct pair *p;

	LIST_FOREACH(p, &r->pairs, link)
	{
		lm_away_up(m, p);
		if (p->on)
			lm_lanes_rekeyed(m, p);
	}
}

void lm_remote_up(struct lm_membership *m, struct remote *r, uint32_t epoch)
{
	uint32_t incarnation = lm_peer_incarnation(r->party.session);
	bool was_up = r->up, same = incarnation && incarnation == r->incarnation;

	if (was_up && r->n_epochs && r->epochs[0] == epoch)
		return;
	r->incarnation = incarnation;
	r->epochs[1] = r->epochs[0];
	r->epochs[0] = epoch;
	r->n_epochs++;
	r->up = true;
	m->ops.peer_path(m->ctx, r->party.slot, lm_peer_addr(r->party.session));
	if (lm_ledger_up(m->ledger, &m->now, &r->key, r->party.session) != 0)
		lm_error("out of memory: peer %u's records are not heard", r->party.slot);
	lm_holder_up(m, r);
	if (was_up && same)
		rekeyed(m, r);
	else
		greet(m, r, was_up);
	if (!was_up)
		say_up(r);
}

void lm_remote_down(struct lm_membership *m, struct remote *r, const char *reason)
{
	struct pair *p;

	lm_wants_clear(m, r);
	lm_outbox_forget(m, r->party.session);
	for (struct pulled *doc = TAILQ_FIRST(&m->pulled); doc; doc = TAILQ_NEXT(doc, link))
		if (doc->from == &r->party)
			doc->from = NULL;
	if (!r->up)
		return;
	r->up = false;
	r->missing_at = m->now.mono;
	lm_ledger_down(m->ledger, &m->now, &r->key);
	LIST_FOREACH(p, &r->pairs, link)
	{
		lm_gossip_stop(p);
		p->away_at = p->greet_at = LM_NEVER;
		lm_lanes_down(m, p);
		if (p->on)
			lm_part_news(m, p->key.net);
	}
	m->ops.peer_path(m->ctx, r->party.slot, NULL);
	lm_log_write_limited(
	    &r->said, LM_INFO, LM_LOG_MODULE, "peer %u is down: %s", r->party.slot, reason);
}

void lm_remote_moved(struct lm_membership *m, struct remote *r, const struct lm_udp_addr *to)
{
	if (r->up)
		m->ops.peer_path(m->ctx, r->party.slot, to);
}

void lm_remotes_free(struct lm_membership *m)
{
	for (uint32_t i = 0; i < m->remotes_end; i++) {
		struct remote *r = m->remotes[i];
		if (!r)
			continue;
		lm_wants_clear(m, r);
		lm_lanes_out_free(r);
		HASH_DELETE(hh, m->by_key, r);
		free(r);
	}
	free(m->remotes);
}

uint32_t lm_peer_slot(const struct lm_peer *peer)
{
	const struct party *party = lm_peer_user(peer);

	return party ? party->slot : UINT32_MAX;
}

struct lm_peer *lm_membership_peer(const struct lm_membership *m, uint32_t slot)
{
	return slot < m->remotes_end && m->remotes[slot] ? m->remotes[slot]->party.session : NULL;
}

uint32_t lm_membership_peers_end(const struct lm_membership *m)
{
	return m->remotes_end;
}
