/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticated datagrams under the keys of a finished handshake. */
#include "session/state.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

int lm_transport_send(
    struct lm_peer *p, const struct lm_now *now, uint8_t type, const void *body, size_t len)
{
	struct lm_keypair *kp = p->current;
	uint8_t plain[1 + LM_MESSAGE_MAX], out[LM_DATAGRAM_MAX];

	_Static_assert(LM_DATA_OVERHEAD + 1 + LM_MESSAGE_MAX <= LM_DATAGRAM_MAX, "too long");
	if (len > LM_MESSAGE_MAX)
		return -EMSGSIZE;
	if (!kp || lm_keypair_expired(kp, now->mono) || kp->sent >= COUNTER_MAX)
		return -ENOTCONN;
	struct lm_writer w = lm_writer(out, sizeof(out));
	lm_wire_header(lm_write_ref(&w, LM_WIRE_HEADER), LM_WIRE_TRANSPORT);
	lm_write_u32(&w, kp->remote_index);
	lm_write_u64(&w, kp->sent);
	plain[0] = type;
	if (len)
		memcpy(plain + 1, body, len);
	lm_noise_seal(
	    out + LM_DATA_SEALED, kp->send_key, kp->sent, out, LM_DATA_SEALED, plain, 1 + len);
	kp->sent++;
	p->last_sent = now->mono;
	p->s->ops.send(p->s->ctx, &p->addr, out, LM_DATA_OVERHEAD + 1 + len);
	return 0;
}

void lm_transport_flush(struct lm_peer *p, const struct lm_now *now)
{
	for (unsigned i = 0; i < p->waiting.n; i++) {
		const struct lm_waiting_message *m = &p->waiting.at[i];
		lm_transport_send(p, now, m->type, m->body, m->len);
	}
	lm_waiting_clear(&p->waiting);
}

int lm_peer_send(
    struct lm_peer *peer, const struct lm_now *now, uint8_t type, const void *body, size_t len)
{
	if (type < LM_MSG_BLOB)
		return -EINVAL;
	if (!peer->up || peer->gone)
		return -ENOTCONN;
	if (len > LM_MESSAGE_MAX)
		return -EMSGSIZE;
	lm_peer_use(peer, now);
	int err = peer->current && !lm_keypair_expired(peer->current, now->mono)
		      ? lm_transport_send(peer, now, type, body, len)
		      : lm_waiting_put(&peer->waiting, type, body, len);
	if (!err)
		peer->info.tx_messages++;
	return err;
}

void lm_peer_unsay(struct lm_peer *peer)
{
	lm_waiting_clear(&peer->waiting);
}

/* The first authentic message under keys that we made as responder: now both ends have them. */
static void confirm(struct lm_peer *p)
{
	lm_keypair_free(&p->s->indices, p->previous);
	p->previous = p->current;
	p->current = p->next;
	p->next = NULL;
	lm_handshake_cancel(p);
	p->hs_at = 0;
}

static void goodbye(struct lm_peer *p, const struct lm_now *now)
{
	if (p->guest)
		return lm_peer_drop(p, "said goodbye");
	/* It goes away on purpose; calling it at once would only meet its closing door. */
	lm_handshake_cancel(p);
	p->hs_at =
	    now->mono + LM_HANDSHAKE_RETRY * NS_PER_S + lm_session_jitter(p->s, RETRY_JITTER_NS);
	lm_peer_down(p, "said goodbye");
}

static void deliver(
    struct lm_peer *p, const struct lm_now *now, bool current, const uint8_t *plain, size_t len)
{
	uint8_t type = plain[0];
	if (type >= LM_MSG_BLOB) {
		p->info.rx_messages++;
		p->last_work = now->mono;
		lm_peer_use(p, now);
		p->s->ops.message(p->s->ctx, p, type, plain + 1, len - 1);
	} else if (type == LM_MSG_GOODBYE && current) {
		goodbye(p, now);
	} else if (type == LM_MSG_KEEPALIVE && len > 1 && (plain[1] & KEEPALIVE_ASK) &&
		   !lm_peer_lively(p, now->mono)) {
		/* It watches us, though we do not watch it. */
		lm_transport_send(p, now, LM_MSG_KEEPALIVE, NULL, 0);
	}
}

static void accept_message(struct lm_peer *p, struct lm_keypair *kp, const struct lm_now *now,
    const struct lm_udp_addr *from, bool newest, const uint8_t *plain, size_t len)
{
	bool confirmed = kp == p->next;
	if (confirmed)
		confirm(p);
	bool current = kp == p->current;
	kp->heard = true;
	p->last_heard = now->mono;
	/* Only the newest message says where the peer is: an older one may have been held back. */
	if (current && newest)
		lm_peer_move(p, from);
	if (confirmed && !p->gone) {
		/* Tells the initiator that it need not repeat its proof. */
		lm_transport_send(p, now, LM_MSG_KEEPALIVE, NULL, 0);
		lm_peer_up(p, now);
	}
	if (!p->gone && p->up)
		deliver(p, now, current, plain, len);
	if (!p->gone)
		lm_timer_touch(p);
}

void lm_transport_input(struct lm_sessions *s, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	uint8_t plain[LM_DATAGRAM_MAX];

	if (len < LM_DATA_OVERHEAD + 1 || len > LM_DATAGRAM_MAX)
		return lm_session_drop(s, LM_SD_SHORT);
	struct lm_reader r = lm_reader(data + LM_DATA_RECEIVER, len - LM_DATA_RECEIVER);
	struct lm_index *ix = lm_index_find(&s->indices, lm_read_u32(&r));
	struct lm_keypair *kp = ix ? ix->keypair : NULL;
	if (!kp || lm_keypair_expired(kp, now->mono))
		return lm_session_drop(s, LM_SD_NO_SESSION);
	struct lm_peer *p = ix->peer;
	uint64_t counter = lm_read_u64(&r);
	if (!lm_replay_fresh(&kp->replay, counter)) {
		p->info.rx_rejected++;
		return lm_session_drop(s, LM_SD_REPLAY);
	}
	if (lm_noise_open(plain, kp->recv_key, counter, data, LM_DATA_SEALED, data + LM_DATA_SEALED,
		len - LM_DATA_SEALED) != 0) {
		p->info.rx_rejected++;
		return lm_session_drop(s, LM_SD_AUTH);
	}
	bool newest = counter >= kp->replay.next;
	lm_replay_commit(&kp->replay, counter);
	accept_message(p, kp, now, from, newest, plain, len - LM_DATA_OVERHEAD);
}
