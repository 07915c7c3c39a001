/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state behind session.h, shared by the files of this folder and nobody
 * else. Everything belongs to the control thread.
 *
 * A callback may do anything to any peer, even remove the one it was called for.
 * So a removed peer is only marked `gone` while a call into the library is under
 * way (`depth`), and freed when that returns; whoever called back looks at `gone`.
 */
#ifndef LM_SESSION_STATE_H
#define LM_SESSION_STATE_H

#include <sys/queue.h>

#include "base/timers.h"
#include "session/cookie.h"
#include "session/gate.h"
#include "session/index.h"
#include "session/keypair.h"
#include "session/places.h"
#include "session/session.h"
#include "session/waiting.h"

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

/* Retries are spread by up to this much, so that gateways that start together drift apart. */
#define RETRY_JITTER_NS NS_PER_S
#define REKEY_JITTER_NS (5 * NS_PER_S)
/* The responder renews the keys only if the initiator has not for so long. */
#define REKEY_RESPONDER_NS ((LM_REKEY_AFTER + 20) * NS_PER_S)
/* So many calls are made at the full rate; then the wait doubles with each. */
#define EAGER_CALLS 12
/* Two initiations closer than this have crossed; the later of them decides nothing. */
#define CROSSING_NS (2 * NS_PER_S)
#define CROSSED_RETRY_NS (500 * NS_PER_MS)
/* The initiator repeats its first message until it is answered: the responder waits for it. */
#define CONFIRM_NS NS_PER_S
/* Missing one keep-alive and a half is suspicious: try a handshake before giving up. */
#define SILENCE_NS (15 * NS_PER_S)
#define GUEST_IDLE_NS (60 * NS_PER_S)
#define GUEST_UNCONFIRMED_NS (10 * NS_PER_S)
/* A guest that said something so recently is at work, and not evicted for a new one. */
#define GUEST_BUSY_NS (5 * NS_PER_S)
/* A peer is looked at no more often than this by the passing of time alone. */
#define TICK_MIN_NS (20 * NS_PER_MS)
/* Forged responses that we work on for one initiation. */
#define RESPONSE_TRIES 8
/* Messages under one key; far below what the cipher allows and never reached. */
#define COUNTER_MAX ((uint64_t)1 << 60)

enum { LM_MSG_KEEPALIVE = LM_MSG_SESSION, LM_MSG_GOODBYE };
/* Body of a keep-alive: answer it, even if nothing keeps you awake. */
#define KEEPALIVE_ASK 0x01

/* An initiation of ours that waits for its response. */
struct lm_handshake {
	bool active;
	bool again; /* a cookie made us send a second one at once */
	uint8_t bad_responses;
	uint64_t sent;
	struct lm_index index;
	struct lm_noise noise;
	uint8_t mac1[LM_WIRE_MAC];
};

struct lm_peer {
	struct lm_sessions *s;
	TAILQ_ENTRY(lm_peer) link;
	UT_hash_handle hh;
	uint8_t name[LM_WIRE_NAME]; /* key of by_name */
	bool guest, gone;
	bool up; /* ops->up was called and ops->down not yet */
	bool promoted; /* was a guest when it became a peer: ops->up is owed */
	bool watched; /* its death is to be noticed */
	bool strayed; /* it is not where it is said to be: perhaps behind a NAT */
	uint64_t lively_since, lively_until; /* mono; the session is used, or was of late */
	uint64_t esp_at; /* mono; ESP was last known to be sent or heard */
	struct lm_waiting waiting; /* for keys */
	uint8_t lanes; /* of the last keys */
	struct lm_timer timer; /* mono: no later than what is due next */
	struct lm_public_key key;
	struct lm_key_id id;
	void *user;

	struct lm_udp_addr addr; /* latest authenticated; family 0: none */
	struct lm_udp_addr candidates[LM_PEER_ADDRS_MAX];
	unsigned n_candidates, attempts;

	struct lm_handshake hs;
	uint64_t hs_at; /* mono: no initiation of ours before this */
	uint64_t tx_timestamp, rx_timestamp; /* the last of each, strictly increasing */
	uint8_t cookie[LM_COOKIE_LEN];
	bool has_cookie;
	uint64_t cookie_got; /* mono */

	/* next: we are the responder and the initiator has not shown that it has the keys. */
	struct lm_keypair *current, *previous, *next;

	uint64_t last_sent, last_heard; /* mono */
	uint64_t last_work; /* guests: the last message that was no keep-alive */
	struct lm_peer_info info;
};

struct lm_sessions {
	const struct lm_identity *self;
	struct lm_session_config config;
	struct lm_session_ops ops;
	void *ctx;
	uint8_t name[LM_WIRE_NAME];
	uint32_t incarnation; /* random, not 0: tells our process from the one before a restart */
	struct lm_mac_keys macs;
	struct lm_cookie_jar jar;
	struct lm_gate gate;
	struct lm_indices indices;
	struct lm_peer *by_name;
	TAILQ_HEAD(, lm_peer) peers;
	unsigned n_peers, n_guests;
	struct lm_places places; /* where peers are: current addresses and candidates */
	struct lm_timers timers;
	unsigned depth, n_gone;
	bool closing;
	uint64_t drops[LM_SD_MAX];
};

/* session.c */
void lm_session_drop(struct lm_sessions *s, enum lm_session_drop reason);
uint64_t lm_session_jitter(struct lm_sessions *s, uint64_t below);
void lm_session_enter(struct lm_sessions *s);
void lm_session_leave(struct lm_sessions *s);

/* peer.c */
struct lm_peer *lm_peer_find(struct lm_sessions *s, const uint8_t name[LM_WIRE_NAME]);
struct lm_peer *lm_guest_create(struct lm_sessions *s, const struct lm_now *now,
    const uint8_t name[LM_WIRE_NAME]); /* NULL: counted */
/* Marks it gone, after ops->down if it was up. */
void lm_peer_drop(struct lm_peer *p, const char *reason);
/* Forgets the keys; calls ops->down if it was up. The caller has set when to try again (hs_at). */
void lm_peer_down(struct lm_peer *p, const char *reason);
/* Forgets the keys that it has used, and is up nevertheless. */
void lm_peer_sleep(struct lm_peer *p);
/* The current keys are new: calls ops->up. */
void lm_peer_up(struct lm_peer *p, const struct lm_now *now);
void lm_peer_move(struct lm_peer *p, const struct lm_udp_addr *to);
/* How many addresses take turns: `attempts` modulo this is whose it is. */
unsigned lm_peer_addrs(const struct lm_peer *p);
/* Where to send the next initiation; NULL: nowhere yet. */
const struct lm_udp_addr *lm_peer_try_addr(const struct lm_peer *p);

/* handshake.c */
void lm_handshake_start(struct lm_peer *p, const struct lm_now *now);
void lm_handshake_cancel(struct lm_peer *p);
void lm_handshake_initiation(struct lm_sessions *s, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len);
void lm_handshake_response(struct lm_sessions *s, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len);
void lm_handshake_cookie(
    struct lm_sessions *s, const struct lm_now *now, const uint8_t *data, size_t len);

/* transport.c */
void lm_transport_input(struct lm_sessions *s, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len);
/* What has waited for keys is sent. */
void lm_transport_flush(struct lm_peer *p, const struct lm_now *now);
int lm_transport_send(
    struct lm_peer *p, const struct lm_now *now, uint8_t type, const void *body, size_t len);

/* lively.c */
/* We are the initiator, and our first message is not answered yet: the responder waits for it. */
bool lm_peer_unconfirmed(const struct lm_peer *p);
bool lm_peer_lively(const struct lm_peer *p, uint64_t now);
/* at, or never if the session will be quiet by then. */
uint64_t lm_peer_while_lively(const struct lm_peer *p, uint64_t at);
/* Somebody needs the session. */
void lm_peer_use(struct lm_peer *p, const struct lm_now *now);

/* timer.c */
/* The peer changed: look at it no later than what is due next. */
void lm_timer_touch(struct lm_peer *p);

#endif
