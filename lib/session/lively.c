/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sessions are kept alive, and which are left alone until somebody needs
 * them: a gateway has a session with every other one, and with most of them it
 * has nothing to do most of the time.
 */
#include "base/number.h"
#include "session/state.h"

bool lm_peer_unconfirmed(const struct lm_peer *p)
{
	return p->up && p->current && p->current->initiator && !p->current->heard;
}

static bool always_lively(const struct lm_peer *p)
{
	/* A NAT forgets who is silent, and then only that one can call. */
	return p->guest || p->watched || p->strayed || lm_peer_unconfirmed(p);
}

bool lm_peer_lively(const struct lm_peer *p, uint64_t now)
{
	return always_lively(p) || now < p->lively_until;
}

uint64_t lm_peer_while_lively(const struct lm_peer *p, uint64_t at)
{
	return always_lively(p) || at < p->lively_until ? at : LM_NEVER;
}

void lm_peer_use(struct lm_peer *p, const struct lm_now *now)
{
	if (!lm_peer_lively(p, now->mono))
		p->lively_since = now->mono;
	p->lively_until = now->mono + LM_IN_USE * NS_PER_S;
	lm_timer_touch(p);
}

/*
 * Down, but there is news of it: from here on it is called as if it had just gone. Whose turn it is
 * of its addresses stays, or who brings news all the time would keep us from the others.
 */
static void call(struct lm_peer *p, uint64_t now)
{
	unsigned n = lm_peer_addrs(p);

	p->attempts = n ? p->attempts % n : 0;
	if (!p->hs.active || now - p->hs.sent >= LM_HANDSHAKE_RETRY * NS_PER_S)
		p->hs_at = lm_min_u64(p->hs_at, now);
	lm_timer_touch(p);
}

void lm_peer_wake(struct lm_peer *peer, const struct lm_now *now)
{
	if (peer->gone)
		return;
	if (peer->up)
		lm_peer_use(peer, now);
	else
		call(peer, now->mono);
}

void lm_peer_watch(struct lm_peer *peer, const struct lm_now *now, bool watched)
{
	if (peer->gone || peer->watched == watched)
		return;
	if (watched && !lm_peer_lively(peer, now->mono))
		peer->lively_since = now->mono;
	peer->watched = watched;
	if (watched && !peer->up)
		call(peer, now->mono);
	lm_timer_touch(peer);
}

void lm_peer_heard(struct lm_peer *peer, const struct lm_now *now)
{
	if (!peer->up || peer->gone)
		return;
	peer->last_heard = peer->esp_at = now->mono;
	lm_peer_use(peer, now);
}

void lm_peer_sent(struct lm_peer *peer, const struct lm_now *now)
{
	if (!peer->up || peer->gone)
		return;
	peer->esp_at = now->mono;
	lm_peer_use(peer, now);
}
