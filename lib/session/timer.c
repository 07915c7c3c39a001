/* SPDX-License-Identifier: Apache-2.0 */
/* What happens by the passing of time alone. */
#include "base/number.h"
#include "session/state.h"

/* Of the current keys: when we want others. */
static uint64_t rekey_due(const struct lm_peer *p)
{
	const struct lm_keypair *kp = p->current;
	uint64_t after = kp->initiator ? LM_REKEY_AFTER * NS_PER_S : REKEY_RESPONDER_NS;
	uint64_t at = kp->born + after + kp->rekey_jitter;

	/* Lanes that carried something are renewed, even if nothing more will come by them. */
	return p->esp_at > kp->born ? at : lm_peer_while_lively(p, at);
}

/* Since when we may expect to hear something. */
static uint64_t listening_since(const struct lm_peer *p)
{
	/* ESP under old keys does not make up for a handshake that is not answered. */
	return p->current ? lm_max_u64(p->last_heard, p->lively_since) : p->lively_since;
}

/* When we want new keys, or a session at all; hs_at may put it off. */
static uint64_t handshake_due(const struct lm_peer *p)
{
	if (p->guest || p->s->closing || !lm_peer_try_addr(p))
		return LM_NEVER;
	if (!p->up)
		return p->hs_at;
	if (!p->current)
		return lm_peer_while_lively(p, lm_max_u64(p->lively_since, p->hs_at));
	uint64_t silent = lm_peer_while_lively(p, listening_since(p) + SILENCE_NS);
	return lm_max_u64(lm_min_u64(rekey_due(p), silent), p->hs_at);
}

static uint64_t keepalive_due(const struct lm_peer *p)
{
	if (!p->current)
		return LM_NEVER;
	if (lm_peer_unconfirmed(p))
		return p->last_sent + CONFIRM_NS;
	return lm_peer_while_lively(p, p->last_sent + LM_KEEPALIVE * NS_PER_S);
}

static uint64_t expiry(const struct lm_keypair *kp)
{
	return kp ? kp->born + LM_REJECT_AFTER * NS_PER_S : LM_NEVER;
}

static uint64_t dead_at(const struct lm_peer *p)
{
	return lm_peer_while_lively(p, listening_since(p) + LM_DEAD_AFTER * NS_PER_S);
}

static uint64_t idle_at(const struct lm_peer *p)
{
	return p->guest ? p->last_work + GUEST_IDLE_NS : LM_NEVER;
}

/* Were these keys, which are at their end, to be renewed? Else the session falls asleep. */
static bool missed(const struct lm_peer *p, uint64_t now)
{
	if (lm_peer_lively(p, now))
		return now >= p->lively_since + LM_DEAD_AFTER * NS_PER_S;
	return p->esp_at > p->current->born;
}

/* Why the session ends now, or NULL. */
static const char *end_of_session(const struct lm_peer *p, uint64_t now)
{
	if (now >= dead_at(p))
		return "nothing heard";
	if (now >= expiry(p->current) && missed(p, now))
		return "keys expired";
	return now >= idle_at(p) ? "idle" : NULL;
}

/* A guest that does not show that it has the keys. */
static uint64_t unconfirmed_end(const struct lm_peer *p)
{
	return p->next ? p->next->born + GUEST_UNCONFIRMED_NS : 0;
}

static uint64_t due(const struct lm_peer *p)
{
	uint64_t at = handshake_due(p);
	if (!p->up)
		return p->guest ? unconfirmed_end(p) : lm_min_u64(at, expiry(p->next));
	if (p->promoted)
		return 0;
	at = lm_min_u64(lm_min_u64(at, keepalive_due(p)), lm_min_u64(dead_at(p), idle_at(p)));
	at = lm_min_u64(at, expiry(p->current));
	return lm_min_u64(at, lm_min_u64(expiry(p->previous), expiry(p->next)));
}

void lm_timer_touch(struct lm_peer *p)
{
	uint64_t at = due(p);

	/* What is heard and sent mostly puts deadlines off, which is found out when they come. */
	if (!p->gone && (!p->timer.pos || at < p->timer.due))
		lm_timers_set(&p->s->timers, &p->timer, at);
}

static void forget_if_expired(struct lm_peer *p, struct lm_keypair **kp, uint64_t now)
{
	if (now < expiry(*kp))
		return;
	lm_keypair_free(&p->s->indices, *kp);
	*kp = NULL;
}

static void run_up(struct lm_peer *p, const struct lm_now *now)
{
	static const uint8_t ask = KEEPALIVE_ASK;
	if (!lm_peer_lively(p, now->mono))
		p->lively_until = 0; /* what was not done by then is not made up for */
	const char *why = end_of_session(p, now->mono);
	if (why && p->guest) {
		lm_transport_send(p, now, LM_MSG_GOODBYE, NULL, 0);
		lm_peer_drop(p, why);
		return;
	}
	if (why) {
		/* An initiation that the silence has caused is under way: its timer goes on. */
		if (!p->hs.active)
			p->hs_at = now->mono;
		lm_peer_down(p, why);
		return;
	}
	if (p->promoted) {
		p->promoted = false;
		p->s->ops.up(p->s->ctx, p, p->current->epoch);
		if (p->gone || !p->up)
			return;
	}
	if (now->mono >= expiry(p->current))
		lm_peer_sleep(p);
	if (now->mono >= keepalive_due(p))
		lm_transport_send(p, now, LM_MSG_KEEPALIVE, &ask, lm_peer_unconfirmed(p) ? 0 : 1);
}

static void run(struct lm_peer *p, const struct lm_now *now)
{
	if (p->up)
		run_up(p, now);
	if (p->gone)
		return;
	if (p->guest && !p->up && now->mono >= unconfirmed_end(p))
		return lm_peer_drop(p, "not confirmed");
	forget_if_expired(p, &p->previous, now->mono);
	forget_if_expired(p, &p->next, now->mono);
	if (now->mono >= handshake_due(p)) {
		/* The last try was not answered: maybe another address is. */
		if (p->hs.active)
			p->attempts++;
		lm_handshake_start(p, now);
	}
}

uint64_t lm_sessions_tick(struct lm_sessions *s, const struct lm_now *now)
{
	struct lm_timer *first;

	lm_session_enter(s);
	/* Callbacks may make others due that had their turn: those wait for the next tick. */
	for (size_t left = s->timers.n; left > 0; left--) {
		first = lm_timers_first(&s->timers);
		if (!first || first->due > now->mono)
			break;
		struct lm_peer *p =
		    (struct lm_peer *)((char *)first - offsetof(struct lm_peer, timer));
		lm_timers_set(&s->timers, first, LM_NEVER);
		run(p, now);
		if (!p->gone)
			lm_timers_set(
			    &s->timers, first, lm_max_u64(due(p), now->mono + TICK_MIN_NS));
	}
	lm_session_leave(s);
	return lm_max_u64(lm_sessions_next(s), now->mono + NS_PER_MS);
}

uint64_t lm_sessions_next(const struct lm_sessions *s)
{
	return lm_timers_next(&s->timers);
}
