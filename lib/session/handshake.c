/* SPDX-License-Identifier: Apache-2.0 */
/* Initiation, response, cookie reply: from a datagram to a pair of keys, or to a counted reason. */
#include "base/number.h"
#include "session/state.h"

#include <errno.h>
#include <string.h>

/* ---- as the initiator ---- */

void lm_handshake_cancel(struct lm_peer *p)
{
	lm_index_remove(&p->s->indices, &p->hs.index);
	lm_wipe(&p->hs, sizeof(p->hs));
}

/* Strictly increasing even if the wall clock is set back, or two fall into one tick of it. */
static uint64_t next_timestamp(struct lm_peer *p, const struct lm_now *now)
{
	p->tx_timestamp = now->wall > p->tx_timestamp ? now->wall : p->tx_timestamp + 1;
	return p->tx_timestamp;
}

static int write_initiation(struct lm_peer *p, const struct lm_now *now, uint8_t out[LM_INIT_LEN])
{
	struct lm_sessions *s = p->s;
	struct lm_handshake *hs = &p->hs;
	struct lm_hello hello = {LM_WIRE_VERSION, s->config.lanes, s->name[LM_WIRE_NAME - 1],
	    s->incarnation, next_timestamp(p, now)};
	struct lm_mac_keys macs;
	uint8_t payload[LM_HELLO1_LEN], e[32];

	lm_hello1_write(payload, &hello);
	lm_noise_init(&hs->noise, LM_NOISE_INITIATOR, LM_NOISE_PROLOGUE,
	    sizeof(LM_NOISE_PROLOGUE) - 1, s->self->x_secret, s->self->x_public, p->name);
	s->ops.random(s->ctx, e, sizeof(e));
	int err = lm_noise_write(
	    &hs->noise, e, payload, sizeof(payload), out + LM_INIT_NOISE, LM_INIT_NOISE_LEN);
	lm_wipe(e, sizeof(e));
	if (err < 0)
		return err;

	lm_wire_header(out, LM_WIRE_INITIATION);
	lm_wire_put_index(out + LM_INIT_SENDER, hs->index.value);
	lm_mac_keys(&macs, p->name);
	lm_wire_mac(out + LM_INIT_MAC1, macs.mac1, sizeof(macs.mac1), out, LM_INIT_MAC1);
	memcpy(hs->mac1, out + LM_INIT_MAC1, LM_WIRE_MAC);
	memset(out + LM_INIT_MAC2, 0, LM_WIRE_MAC);
	if (p->has_cookie && now->mono - p->cookie_got < LM_COOKIE_LIFE_S * NS_PER_S)
		lm_wire_mac(out + LM_INIT_MAC2, p->cookie, LM_COOKIE_LEN, out, LM_INIT_MAC2);
	return 0;
}

/*
 * How long we wait for an answer. Who has not answered for long and is watched by others is called
 * ever less: it calls us when it is back.
 */
static uint64_t patience(struct lm_peer *p)
{
	const uint64_t wait = LM_HANDSHAKE_RETRY * NS_PER_S, most = LM_CALL_EVERY_MAX * NS_PER_S;
	unsigned doubled =
	    p->up || p->watched || p->attempts < EAGER_CALLS ? 0 : p->attempts - EAGER_CALLS + 1;

	if (doubled == 0)
		return wait + lm_session_jitter(p->s, RETRY_JITTER_NS);
	uint64_t longer = doubled < 8 ? lm_min_u64(wait << doubled, most) : most;
	return longer - lm_session_jitter(p->s, longer / 4);
}

void lm_handshake_start(struct lm_peer *p, const struct lm_now *now)
{
	struct lm_sessions *s = p->s;
	uint8_t out[LM_INIT_LEN];
	const struct lm_udp_addr *to = lm_peer_try_addr(p);
	if (!to || s->closing)
		return;
	lm_handshake_cancel(p);
	p->hs_at = now->mono + patience(p);
	lm_index_add(&s->indices, &p->hs.index, p, NULL);
	if (write_initiation(p, now, out) != 0) {
		lm_handshake_cancel(p);
		return;
	}
	p->hs.active = true;
	p->hs.sent = now->mono;
	s->ops.send(s->ctx, to, out, sizeof(out));
}

static struct lm_peer *waiting_for(struct lm_sessions *s, const uint8_t *index)
{
	struct lm_index *ix = lm_index_find(&s->indices, lm_wire_index(index));
	return ix && !ix->keypair ? ix->peer : NULL;
}

static struct lm_keypair *make_keys(struct lm_peer *p, const struct lm_noise *n,
    const struct lm_hello *theirs, uint32_t remote_index, uint64_t now)
{
	struct lm_sessions *s = p->s;
	struct lm_keypair *kp = lm_keypair_create(n, now);
	if (!kp)
		return NULL;
	kp->lanes = theirs->lanes > s->config.lanes ? theirs->lanes : s->config.lanes;
	kp->incarnation = theirs->incarnation;
	kp->remote_index = remote_index;
	kp->rekey_jitter = lm_session_jitter(s, REKEY_JITTER_NS);
	return kp;
}

/*
 * Keys that we made as responder and that were never confirmed are stale by now (we called because
 * nothing came of them); what is under way to us uses the current ones.
 */
static void use_as_initiator(struct lm_peer *p, struct lm_keypair *kp)
{
	lm_keypair_free(&p->s->indices, p->next);
	p->next = NULL;
	lm_keypair_free(&p->s->indices, p->previous);
	p->previous = p->current;
	p->current = kp;
}

void lm_handshake_response(struct lm_sessions *s, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	uint8_t payload[LM_HELLO2_LEN];
	struct lm_hello hello;

	if (len != LM_RESP_LEN)
		return lm_session_drop(s, LM_SD_SHORT);
	if (!lm_wire_mac_ok(
		data + LM_RESP_MAC1, s->macs.mac1, sizeof(s->macs.mac1), data, LM_RESP_MAC1))
		return lm_session_drop(s, LM_SD_MAC1);
	struct lm_peer *p = waiting_for(s, data + LM_RESP_RECEIVER);
	if (!p)
		return lm_session_drop(s, LM_SD_NO_SESSION);
	/* Who sees the index can forge responses that cost us two DH operations each. */
	if (p->hs.bad_responses >= RESPONSE_TRIES)
		return lm_session_drop(s, LM_SD_RATE);
	if (lm_noise_read(&p->hs.noise, data + LM_RESP_NOISE, LM_RESP_NOISE_LEN, payload,
		sizeof(payload)) < 0 ||
	    lm_hello2_read(&hello, payload) != 0) {
		p->hs.bad_responses++;
		return lm_session_drop(s, LM_SD_HANDSHAKE);
	}
	struct lm_keypair *kp =
	    make_keys(p, &p->hs.noise, &hello, lm_wire_index(data + LM_RESP_SENDER), now->mono);
	if (kp)
		lm_index_hand_over(&s->indices, &p->hs.index, &kp->index, kp);
	lm_handshake_cancel(p);
	if (!kp)
		return lm_session_drop(s, LM_SD_TABLE_FULL);
	use_as_initiator(p, kp);
	p->hs_at = 0;
	p->last_heard = now->mono;
	lm_peer_move(p, from);
	/* The responder waits for this proof that we have the keys. */
	if (!p->gone)
		lm_transport_send(p, now, LM_MSG_KEEPALIVE, NULL, 0);
	if (!p->gone)
		lm_peer_up(p, now);
	if (!p->gone)
		lm_timer_touch(p);
}

void lm_handshake_cookie(
    struct lm_sessions *s, const struct lm_now *now, const uint8_t *data, size_t len)
{
	struct lm_mac_keys macs;
	if (len != LM_COOKIE_MSG_LEN)
		return lm_session_drop(s, LM_SD_SHORT);
	struct lm_peer *p = waiting_for(s, data + LM_COOKIE_RECEIVER);
	if (!p)
		return lm_session_drop(s, LM_SD_NO_SESSION);
	lm_mac_keys(&macs, p->name);
	if (lm_cookie_open(p->cookie, data, &macs, p->hs.mac1) != 0)
		return lm_session_drop(s, LM_SD_AUTH);
	p->has_cookie = true;
	p->cookie_got = now->mono;
	/* Once an attempt, or whoever forges cookies could make us send as fast as he likes. */
	if (p->hs.again)
		return;
	lm_handshake_start(p, now);
	p->hs.again = true;
	lm_timer_touch(p);
}

/* ---- as the responder ---- */

/* What may be worked on now; everything else is counted, and maybe answered with a cookie. */
static bool admit(struct lm_sessions *s, const struct lm_now *now, const struct lm_udp_addr *from,
    const uint8_t *data)
{
	uint8_t cookie[LM_COOKIE_LEN], nonce[LM_COOKIE_NONCE_LEN], out[LM_COOKIE_MSG_LEN];

	if (lm_gate_open(&s->gate, now->mono))
		return true;
	lm_cookie_jar_turn(&s->jar, now->mono, s->ops.random, s->ctx);
	if (lm_cookie_proven(&s->jar, from, data)) {
		if (lm_gate_proven(&s->gate, now->mono, from, lm_places_has(&s->places, &from->ip)))
			return true;
		lm_session_drop(s, LM_SD_RATE);
		return false;
	}
	lm_cookie_bake(cookie, &s->jar, from);
	s->ops.random(s->ctx, nonce, sizeof(nonce));
	lm_cookie_reply(out, &s->macs, lm_wire_index(data + LM_INIT_SENDER), nonce, cookie,
	    data + LM_INIT_MAC1);
	lm_session_drop(s, LM_SD_COOKIE_SENT);
	s->ops.send(s->ctx, from, out, sizeof(out));
	return false;
}

/*
 * Both called at the same time. The one with the larger name goes on calling, the other answers, so
 * that one session results and not two. It holds only for initiations that can have crossed: else a
 * peer whose calls do not get through would also never be reached.
 */
static bool crossed(const struct lm_peer *p, uint64_t now)
{
	return p->hs.active && now - p->hs.sent < CROSSING_NS &&
	       memcmp(p->s->name, p->name, LM_WIRE_NAME) > 0;
}

static int respond(struct lm_peer *p, const struct lm_now *now, const struct lm_udp_addr *from,
    struct lm_noise *noise, const struct lm_hello *theirs, uint32_t remote_index)
{
	struct lm_sessions *s = p->s;
	struct lm_hello hello = {
	    .version = LM_WIRE_VERSION, .lanes = s->config.lanes, .incarnation = s->incarnation};
	struct lm_mac_keys macs;
	uint8_t out[LM_RESP_LEN], payload[LM_HELLO2_LEN], e[32];

	lm_hello2_write(payload, &hello);
	s->ops.random(s->ctx, e, sizeof(e));
	int err = lm_noise_write(
	    noise, e, payload, sizeof(payload), out + LM_RESP_NOISE, LM_RESP_NOISE_LEN);
	lm_wipe(e, sizeof(e));
	if (err < 0)
		return err;
	struct lm_keypair *kp = make_keys(p, noise, theirs, remote_index, now->mono);
	if (!kp)
		return -ENOMEM;
	lm_index_add(&s->indices, &kp->index, p, kp);
	lm_keypair_free(&s->indices, p->next);
	p->next = kp;

	lm_wire_header(out, LM_WIRE_RESPONSE);
	lm_wire_put_index(out + LM_RESP_SENDER, kp->index.value);
	lm_wire_put_index(out + LM_RESP_RECEIVER, remote_index);
	lm_mac_keys(&macs, p->name);
	lm_wire_mac(out + LM_RESP_MAC1, macs.mac1, sizeof(macs.mac1), out, LM_RESP_MAC1);
	s->ops.send(s->ctx, from, out, sizeof(out));
	return 0;
}

/*
 * An initiation of the past is a replay, or of a peer that has started again and whose clock has
 * gone back. That one cannot call, and we may take a sleeping session with it for a good one: so we
 * call. A replay makes us do no more than watching the peer would.
 */
static void doubt(struct lm_peer *p, const struct lm_now *now)
{
	if (!p->guest && !lm_peer_lively(p, now->mono))
		lm_peer_wake(p, now);
}

/* The initiation is authentic: whose is it, is it new, and do we answer? */
static void answer(struct lm_sessions *s, const struct lm_now *now, const struct lm_udp_addr *from,
    struct lm_noise *noise, const struct lm_hello *hello, uint32_t remote_index)
{
	uint8_t name[LM_WIRE_NAME];
	memcpy(name, noise->rs, 32);
	name[LM_WIRE_NAME - 1] = hello->sign;
	/* Our own key: a reflection, or a second gateway that was given our identity. */
	if (memcmp(name, s->name, 32) == 0)
		return lm_session_drop(s, LM_SD_HANDSHAKE);
	struct lm_peer *p = lm_peer_find(s, name);
	if (!p)
		p = lm_guest_create(s, now, name);
	if (!p)
		return; /* counted */
	if (hello->timestamp <= p->rx_timestamp) {
		doubt(p, now);
		return lm_session_drop(s, LM_SD_STALE_TIMESTAMP);
	}
	p->rx_timestamp = hello->timestamp;
	if (crossed(p, now->mono)) {
		/* It is there now, but perhaps it was not when ours was sent. */
		if (p->hs_at > now->mono + CROSSED_RETRY_NS) {
			p->hs_at = now->mono + CROSSED_RETRY_NS;
			lm_timer_touch(p);
		}
		return lm_session_drop(s, LM_SD_CROSSED);
	}
	if (respond(p, now, from, noise, hello, remote_index) != 0) {
		lm_session_drop(s, LM_SD_TABLE_FULL);
		if (p->guest && !p->up && !p->next)
			lm_peer_drop(p, "no memory");
		return;
	}
	/* Do not call while the other side's call is being answered. */
	lm_handshake_cancel(p);
	p->attempts = 0;
	p->hs_at =
	    now->mono + (LM_HANDSHAKE_RETRY + 1) * NS_PER_S + lm_session_jitter(s, RETRY_JITTER_NS);
	lm_timer_touch(p);
}

void lm_handshake_initiation(struct lm_sessions *s, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	uint8_t payload[LM_HELLO1_LEN];
	struct lm_hello hello;
	struct lm_noise noise;

	if (len != LM_INIT_LEN)
		return lm_session_drop(s, LM_SD_SHORT);
	if (!lm_wire_mac_ok(
		data + LM_INIT_MAC1, s->macs.mac1, sizeof(s->macs.mac1), data, LM_INIT_MAC1))
		return lm_session_drop(s, LM_SD_MAC1);
	if (!admit(s, now, from, data))
		return;
	lm_noise_init(&noise, LM_NOISE_RESPONDER, LM_NOISE_PROLOGUE, sizeof(LM_NOISE_PROLOGUE) - 1,
	    s->self->x_secret, s->self->x_public, NULL);
	if (lm_noise_read(
		&noise, data + LM_INIT_NOISE, LM_INIT_NOISE_LEN, payload, sizeof(payload)) < 0 ||
	    lm_hello1_read(&hello, payload) != 0)
		lm_session_drop(s, LM_SD_HANDSHAKE);
	else
		answer(s, now, from, &noise, &hello, lm_wire_index(data + LM_INIT_SENDER));
	lm_wipe(&noise, sizeof(noise));
}
