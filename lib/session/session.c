/* SPDX-License-Identifier: Apache-2.0 */
/* The set of sessions: creation, the way in for datagrams, counters. */
#include "session/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const lm_session_drop_names[LM_SD_MAX] = {
    [LM_SD_SHORT] = "length",
    [LM_SD_TYPE] = "type",
    [LM_SD_MAC1] = "first_mac",
    [LM_SD_COOKIE_SENT] = "cookie_sent",
    [LM_SD_HANDSHAKE] = "handshake",
    [LM_SD_UNKNOWN_PEER] = "unknown_peer",
    [LM_SD_STALE_TIMESTAMP] = "stale_timestamp",
    [LM_SD_RATE] = "rate",
    [LM_SD_NO_SESSION] = "no_session",
    [LM_SD_AUTH] = "authentication",
    [LM_SD_REPLAY] = "replay",
    [LM_SD_TABLE_FULL] = "table_full",
    [LM_SD_CROSSED] = "crossed",
};

void lm_session_drop(struct lm_sessions *s, enum lm_session_drop reason)
{
	s->drops[reason]++;
}

const uint64_t *lm_sessions_drops(const struct lm_sessions *s)
{
	return s->drops;
}

uint64_t lm_session_jitter(struct lm_sessions *s, uint64_t below)
{
	uint64_t r;
	s->ops.random(s->ctx, &r, sizeof(r));
	return r % below;
}

int lm_sessions_create(struct lm_sessions **out, const struct lm_identity *identity,
    const struct lm_session_config *config, const struct lm_session_ops *ops, void *ctx)
{
	uint8_t hash_key[16];
	bool power_of_two = config->lanes && !(config->lanes & (config->lanes - 1));
	if (!power_of_two || config->max_handshakes_per_s == 0)
		return -EINVAL;
	struct lm_sessions *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->self = identity;
	s->config = *config;
	s->ops = *ops;
	s->ctx = ctx;
	memcpy(s->name, identity->x_public, 32);
	s->name[LM_WIRE_NAME - 1] = identity->pub.b[LM_PUBLIC_KEY_LEN - 1] >> 7;
	lm_mac_keys(&s->macs, s->name);
	ops->random(ctx, hash_key, sizeof(hash_key));
	ops->random(ctx, &s->incarnation, sizeof(s->incarnation));
	if (s->incarnation == 0)
		s->incarnation = 1;
	lm_gate_init(&s->gate, config->max_handshakes_per_s, hash_key);
	s->indices = (struct lm_indices){.random = ops->random, .ctx = ctx};
	TAILQ_INIT(&s->peers);
	*out = s;
	return 0;
}

void lm_session_enter(struct lm_sessions *s)
{
	s->depth++;
}

void lm_session_leave(struct lm_sessions *s)
{
	struct lm_peer *p, *after;
	if (--s->depth > 0 || s->n_gone == 0)
		return;
	for (p = TAILQ_FIRST(&s->peers); p; p = after) {
		after = TAILQ_NEXT(p, link);
		if (!p->gone)
			continue;
		TAILQ_REMOVE(&s->peers, p, link);
		lm_timers_release(&s->timers, &p->timer);
		lm_wipe(p, sizeof(*p));
		free(p);
	}
	s->n_gone = 0;
}

static void nobody_listens(void *ctx, struct lm_peer *peer, const char *reason)
{
	(void)ctx;
	(void)peer;
	(void)reason;
}

void lm_sessions_free(struct lm_sessions *s)
{
	struct lm_peer *p;
	if (!s)
		return;
	s->ops.down = nobody_listens;
	lm_session_enter(s);
	TAILQ_FOREACH(p, &s->peers, link)
	lm_peer_drop(p, "closed");
	lm_session_leave(s);
	lm_timers_free(&s->timers);
	lm_places_free(&s->places);
	lm_wipe(s, sizeof(*s));
	free(s);
}

void lm_sessions_goodbye(struct lm_sessions *s, const struct lm_now *now)
{
	struct lm_peer *p;
	s->closing = true;
	lm_session_enter(s);
	TAILQ_FOREACH(p, &s->peers, link)
	{
		if (p->gone)
			continue;
		lm_transport_send(p, now, LM_MSG_GOODBYE, NULL, 0);
		lm_handshake_cancel(p);
		lm_peer_down(p, "closing");
		if (p->guest)
			lm_peer_drop(p, "closing");
	}
	lm_session_leave(s);
}

static void dispatch(struct lm_sessions *s, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	if (len < LM_WIRE_HEADER)
		return lm_session_drop(s, LM_SD_SHORT);
	if (s->closing)
		return lm_session_drop(s, LM_SD_NO_SESSION);
	switch (lm_wire_type(data)) {
	case LM_WIRE_INITIATION:
		return lm_handshake_initiation(s, now, from, data, len);
	case LM_WIRE_RESPONSE:
		return lm_handshake_response(s, now, from, data, len);
	case LM_WIRE_COOKIE:
		return lm_handshake_cookie(s, now, data, len);
	case LM_WIRE_TRANSPORT:
		return lm_transport_input(s, now, from, data, len);
	default:
		return lm_session_drop(s, LM_SD_TYPE);
	}
}

void lm_sessions_input(struct lm_sessions *s, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	lm_session_enter(s);
	dispatch(s, now, from, data, len);
	lm_session_leave(s);
}
