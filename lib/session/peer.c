/* SPDX-License-Identifier: Apache-2.0 */
/* Who there is: peers by key, guests, their addresses, up and down. */
#include "session/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lm_peer *lm_peer_find(struct lm_sessions *s, const uint8_t name[LM_WIRE_NAME])
{
	struct lm_peer *p;
	HASH_FIND(hh, s->by_name, name, LM_WIRE_NAME, p);
	return p;
}

static struct lm_peer *peer_create(struct lm_sessions *s, const uint8_t name[LM_WIRE_NAME])
{
	struct lm_peer *p = calloc(1, sizeof(*p));
	if (!p || lm_timers_reserve(&s->timers) < 0) {
		free(p);
		return NULL;
	}
	p->s = s;
	memcpy(p->name, name, LM_WIRE_NAME);
	HASH_ADD(hh, s->by_name, name, LM_WIRE_NAME, p);
	TAILQ_INSERT_TAIL(&s->peers, p, link);
	return p;
}

/* ---- addresses ---- */

static bool is_known(const struct lm_peer *p)
{
	return p->addr.ip.family != 0;
}

static void find_strayed(struct lm_peer *p)
{
	p->strayed = is_known(p);
	for (unsigned i = 0; i < p->n_candidates && p->strayed; i++)
		p->strayed = !lm_udp_addr_equal(&p->addr, &p->candidates[i]);
}

static bool set_candidates(struct lm_peer *p, const struct lm_udp_addr *addrs, unsigned n)
{
	if (n > LM_PEER_ADDRS_MAX)
		n = LM_PEER_ADDRS_MAX;
	bool same = n == p->n_candidates;
	for (unsigned i = 0; same && i < n; i++)
		same = lm_udp_addr_equal(&addrs[i], &p->candidates[i]);
	if (same)
		return false;
	for (unsigned i = 0; i < p->n_candidates; i++)
		lm_places_remove(&p->s->places, &p->candidates[i].ip);
	for (unsigned i = 0; i < n; i++) {
		p->candidates[i] = addrs[i];
		lm_places_add(&p->s->places, &addrs[i].ip);
	}
	p->n_candidates = n;
	p->attempts = 0;
	find_strayed(p);
	return true;
}

unsigned lm_peer_addrs(const struct lm_peer *p)
{
	return is_known(p) + p->n_candidates;
}

/* Where it was last, then where it is said to be. */
const struct lm_udp_addr *lm_peer_try_addr(const struct lm_peer *p)
{
	unsigned known = is_known(p), n = lm_peer_addrs(p);
	if (n == 0)
		return NULL;
	unsigned turn = p->attempts % n;
	return turn < known ? &p->addr : &p->candidates[turn - known];
}

void lm_peer_move(struct lm_peer *p, const struct lm_udp_addr *to)
{
	if (lm_udp_addr_equal(&p->addr, to))
		return;
	if (!p->guest) {
		lm_places_remove(&p->s->places, &p->addr.ip);
		lm_places_add(&p->s->places, &to->ip);
	}
	p->addr = *to;
	find_strayed(p);
	p->s->ops.moved(p->s->ctx, p, to);
}

static void leave_places(struct lm_peer *p)
{
	lm_places_remove(&p->s->places, &p->addr.ip);
	for (unsigned i = 0; i < p->n_candidates; i++)
		lm_places_remove(&p->s->places, &p->candidates[i].ip);
}

/* ---- up and down ---- */

static void forget(struct lm_peer *p, struct lm_keypair **kp)
{
	lm_keypair_free(&p->s->indices, *kp);
	*kp = NULL;
}

void lm_peer_sleep(struct lm_peer *p)
{
	forget(p, &p->current);
	forget(p, &p->previous);
}

void lm_peer_up(struct lm_peer *p, const struct lm_now *now)
{
	p->up = true;
	p->lanes = p->current->lanes;
	p->promoted = false;
	p->attempts = 0;
	p->info.handshakes++;
	lm_transport_flush(p, now);
	p->s->ops.up(p->s->ctx, p, p->current->epoch);
}

void lm_peer_down(struct lm_peer *p, const char *reason)
{
	lm_peer_sleep(p);
	forget(p, &p->next);
	lm_waiting_clear(&p->waiting);
	if (!p->up)
		return;
	p->up = false;
	p->s->ops.down(p->s->ctx, p, reason);
}

void lm_peer_drop(struct lm_peer *p, const char *reason)
{
	struct lm_sessions *s = p->s;
	if (p->gone)
		return;
	p->gone = true;
	s->n_gone++;
	if (p->guest) {
		s->n_guests--;
	} else {
		s->n_peers--;
		leave_places(p);
	}
	lm_timers_set(&s->timers, &p->timer, LM_NEVER);
	HASH_DELETE(hh, s->by_name, p);
	lm_handshake_cancel(p);
	lm_peer_down(p, reason);
}

/* ---- guests ---- */

/*
 * Who gives way to a new guest: first those that never showed they have the keys (a flood of
 * initiations makes only such), the oldest of them; then the longest idle. A guest at work stays.
 */
static struct lm_peer *victim(struct lm_sessions *s, uint64_t now)
{
	struct lm_peer *p, *idle = NULL;
	TAILQ_FOREACH(p, &s->peers, link)
	{
		if (p->gone || !p->guest)
			continue;
		if (!p->up)
			return p;
		if (now - p->last_work >= GUEST_BUSY_NS &&
		    (!idle || p->last_work < idle->last_work))
			idle = p;
	}
	return idle;
}

struct lm_peer *lm_guest_create(
    struct lm_sessions *s, const struct lm_now *now, const uint8_t name[LM_WIRE_NAME])
{
	if (s->config.max_guests == 0) {
		lm_session_drop(s, LM_SD_UNKNOWN_PEER);
		return NULL;
	}
	if (s->n_guests >= s->config.max_guests) {
		struct lm_peer *old = victim(s, now->mono);
		if (!old) {
			lm_session_drop(s, LM_SD_TABLE_FULL);
			return NULL;
		}
		lm_peer_drop(old, "evicted for another guest");
	}
	struct lm_peer *p = peer_create(s, name);
	if (!p) {
		lm_session_drop(s, LM_SD_TABLE_FULL);
		return NULL;
	}
	p->guest = true;
	memcpy(p->key.b, name, sizeof(p->key.b));
	p->last_work = now->mono;
	s->n_guests++;
	return p;
}

/* ---- the interface ---- */

static int name_of(uint8_t name[LM_WIRE_NAME], const struct lm_public_key *key)
{
	int err = lm_public_x25519(name, key);
	name[LM_WIRE_NAME - 1] = key->b[LM_PUBLIC_KEY_LEN - 1] >> 7;
	return err;
}

static int find_or_create(
    struct lm_sessions *s, const struct lm_public_key *key, struct lm_peer **out)
{
	uint8_t name[LM_WIRE_NAME];
	if (name_of(name, key) != 0 || memcmp(name, s->name, 32) == 0)
		return -EINVAL;
	struct lm_peer *p = lm_peer_find(s, name);
	if (p && !p->guest) {
		*out = p;
		return 0;
	}
	if (s->n_peers >= s->config.max_peers)
		return -ENOSPC;
	if (p) {
		p->guest = false;
		p->promoted = p->up;
		s->n_guests--;
		lm_places_add(&s->places, &p->addr.ip);
	} else {
		p = peer_create(s, name);
		if (!p)
			return -ENOMEM;
	}
	s->n_peers++;
	p->key = *key;
	p->id = lm_key_id(key);
	p->watched = true;
	*out = p;
	return 1;
}

int lm_peer_add(struct lm_sessions *s, const struct lm_now *now, const struct lm_public_key *key,
    const struct lm_udp_addr *addrs, unsigned n_addrs, struct lm_peer **out)
{
	struct lm_peer *p;
	int fresh = find_or_create(s, key, &p);
	if (fresh < 0)
		return fresh;
	/* hs_at of one that has just called us lies ahead: let that handshake finish first. */
	if (!lm_peer_lively(p, now->mono))
		p->lively_since = now->mono; /* in case it becomes so */
	bool changed = set_candidates(p, addrs, n_addrs);
	if (!p->up && (p->hs.active ? changed : now->mono >= p->hs_at))
		lm_handshake_start(p, now);
	lm_timer_touch(p);
	if (out)
		*out = p;
	return 0;
}

void lm_peer_remove(struct lm_sessions *s, const struct lm_now *now, struct lm_peer *peer)
{
	lm_session_enter(s);
	if (!peer->gone)
		lm_transport_send(peer, now, LM_MSG_GOODBYE, NULL, 0);
	lm_peer_drop(peer, "removed");
	lm_session_leave(s);
}

void lm_peer_set_user(struct lm_peer *peer, void *user)
{
	peer->user = user;
}

void *lm_peer_user(const struct lm_peer *peer)
{
	return peer->user;
}

bool lm_peer_is_guest(const struct lm_peer *peer)
{
	return peer->guest;
}

enum lm_peer_state lm_peer_state(const struct lm_peer *peer)
{
	if (peer->up)
		return LM_PEER_UP;
	return peer->hs.active || peer->next ? LM_PEER_HANDSHAKE : LM_PEER_DOWN;
}

const struct lm_public_key *lm_peer_key(const struct lm_peer *peer)
{
	return &peer->key;
}

bool lm_peer_proves(const struct lm_peer *peer, const struct lm_public_key *key)
{
	uint8_t name[LM_WIRE_NAME];

	return name_of(name, key) == 0 && memcmp(name, peer->name, sizeof(name)) == 0;
}

const struct lm_key_id *lm_peer_id(const struct lm_peer *peer)
{
	return &peer->id;
}

const struct lm_udp_addr *lm_peer_addr(const struct lm_peer *peer)
{
	return &peer->addr;
}

uint8_t lm_peer_lanes(const struct lm_peer *peer)
{
	return peer->lanes;
}

uint32_t lm_peer_epoch(const struct lm_peer *peer)
{
	return peer->current ? peer->current->epoch : 0;
}

uint32_t lm_peer_incarnation(const struct lm_peer *peer)
{
	return peer->current ? peer->current->incarnation : 0;
}

void lm_peer_info(const struct lm_peer *peer, struct lm_peer_info *out)
{
	*out = peer->info;
	out->last_heard_mono = peer->last_heard;
	out->asleep = peer->up && !peer->current;
}

int lm_peer_lane_key(const struct lm_peer *peer, uint32_t epoch, const struct lm_net_id *net,
    const struct lm_secret *net_secret, const struct lm_lane_set *set, bool inbound, uint8_t lane,
    uint8_t out[36])
{
	const struct lm_keypair *kp = peer->current;
	if (!kp || kp->epoch != epoch)
		kp = peer->previous;
	if (!kp || kp->epoch != epoch)
		return -ENOENT;
	lm_keypair_lane_key(kp, net, net_secret, set, inbound, lane, out);
	return 0;
}
