/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peer sessions: one a pair of gateways, whatever number of networks they share.
 * Handshake Noise_IK_25519_ChaChaPoly_BLAKE2b with WireGuard's protections
 * (first MAC, cookie under load, timestamp against replay, identity hidden,
 * rekey before age, roaming), then authenticated datagrams with a counter and a
 * replay window (RFC 6479). docs/protocol.md has the wire format.
 *
 * Deterministic: time comes in as an argument, randomness and sending are the
 * caller's (struct lm_session_ops). Control thread only. All tables are bounded.
 *
 * Time is in nanoseconds of one monotonic clock. The wall clock (UTC ns) is
 * passed in as well for the handshake's timestamp.
 */
#ifndef LM_SESSION_SESSION_H
#define LM_SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "crypto/identity.h"

#define LM_DATAGRAM_MAX 1232 /* UDP payload that passes any IPv6 link: 1280 - 40 - 8 */
#define LM_MESSAGE_MAX 1184 /* body of one message; the rest is header, tag and reserve */

/* Ages, after WireGuard (section 6.1 of its paper). Seconds. */
#define LM_REKEY_AFTER 120
#define LM_REJECT_AFTER 180
#define LM_HANDSHAKE_RETRY 5
#define LM_KEEPALIVE 10 /* a session that carries nothing says so */
#define LM_DEAD_AFTER 30 /* nothing authentic heard: the peer is down */
/*
 * A session is *lively* while the peer is watched, for LM_IN_USE after it was used, before it is
 * up, and while the peer is elsewhere than its addresses say (a NAT between would forget it). Then
 * it is as above. Otherwise it is *quiet*: nothing is sent, and silence means nothing. The keys of
 * a quiet session are renewed only if ESP was sent or heard since they were made; at their end they
 * are wiped, and the session is asleep. It is up all the same: whatever uses it starts a handshake,
 * and if that is not answered within LM_DEAD_AFTER, the peer is down.
 */
#define LM_IN_USE 40
#define LM_CALL_EVERY_MAX 120 /* a peer that is down and not watched is called less and less */

struct lm_sessions;
struct lm_peer;

struct lm_now {
	uint64_t mono; /* ns */
	uint64_t wall; /* ns since 1970, UTC */
};

enum lm_peer_state {
	LM_PEER_DOWN,
	LM_PEER_HANDSHAKE,
	LM_PEER_UP, /* also while the session is asleep: what is sent to it wakes it */
};

/* Callbacks may call anything below except lm_sessions_free, for any peer. */
struct lm_session_ops {
	/* Send one UDP payload. data is the callee's only during the call. */
	void (*send)(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len);
	void (*random)(void *ctx, void *buf, size_t len);
	/*
	 * A handshake completed: a new epoch with a new secret, its first or a rekey. Called on
	 * both sides; on the responder only once the initiator has proven that it has the keys. The
	 * epoch's number is the same at both ends; it is a name, not a count: the next may be
	 * smaller. Where lm_peer_incarnation is another than at the last `up`, or 0, the peer has
	 * restarted and remembers nothing: tell it everything again.
	 */
	void (*up)(void *ctx, struct lm_peer *peer, uint32_t epoch);
	/*
	 * Dead, said goodbye, or removed. reason is a constant string. Called only for a peer that
	 * was up; a guest is gone when this returns.
	 */
	void (*down)(void *ctx, struct lm_peer *peer, const char *reason);
	/* The peer's current address changed (roaming, or its first; then before `up`). */
	void (*moved)(void *ctx, struct lm_peer *peer, const struct lm_udp_addr *to);
	/* One authentic message: type byte and body. Guests as well (lm_peer_is_guest). */
	void (*message)(
	    void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len);
};

struct lm_session_config {
	uint8_t lanes; /* what we offer: our worker count rounded up to a power of two */
	unsigned max_peers; /* beyond: -ENOSPC */
	unsigned max_guests; /* sessions of keys that are no peer (tenants who submit) */
	unsigned max_handshakes_per_s; /* beyond, initiations are answered with cookies; not 0 */
};

#define LM_PEER_ADDRS_MAX 8 /* candidates that are tried; further ones are not */

/* identity must outlive the sessions. -EINVAL: lanes is no power of two, or the rate is 0. */
int lm_sessions_create(struct lm_sessions **out, const struct lm_identity *identity,
    const struct lm_session_config *config, const struct lm_session_ops *ops, void *ctx);
void lm_sessions_free(struct lm_sessions *s); /* silent; say goodbye first */

/*
 * Peers are named by public key; adding one that is there updates its addresses. The session is
 * opened at once. addrs: candidates, tried in turn; may be empty (waits to be
 * called). A guest with this key becomes the peer in place: *out is the guest, its session goes on,
 * and if it is up, `up` is called again from the next tick. -EINVAL: our own key or no valid one,
 * -ENOSPC.
 */
int lm_peer_add(struct lm_sessions *s, const struct lm_now *now, const struct lm_public_key *key,
    const struct lm_udp_addr *addrs, unsigned n_addrs, struct lm_peer **out);
/* Says goodbye, calls down, frees. */
void lm_peer_remove(struct lm_sessions *s, const struct lm_now *now, struct lm_peer *peer);
/* Goodbye to all (on SIGTERM): all go down, and nothing is sent or accepted from then on. */
void lm_sessions_goodbye(struct lm_sessions *s, const struct lm_now *now);

/* One received UDP payload that starts with four zero bytes. Anything may be in it. */
void lm_sessions_input(struct lm_sessions *s, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len);
/*
 * Evidence from the data plane: authentic ESP arrived from the peer, which counts as hearing it, or
 * ESP was sent to it. Both are use of the session.
 */
void lm_peer_heard(struct lm_peer *peer, const struct lm_now *now);
void lm_peer_sent(struct lm_peer *peer, const struct lm_now *now);
/* Is it to be noticed within LM_DEAD_AFTER if the peer dies? Peers are watched unless told not to.
 */
void lm_peer_watch(struct lm_peer *peer, const struct lm_now *now, bool watched);
/*
 * The caller needs the peer, or doubts that it lives: the session is used now, so that it is either
 * heard of or down within LM_DEAD_AFTER. A peer that is down is called at once.
 */
void lm_peer_wake(struct lm_peer *peer, const struct lm_now *now);
/* Runs timers that are due; returns the monotonic time of the next, or UINT64_MAX. */
uint64_t lm_sessions_tick(struct lm_sessions *s, const struct lm_now *now);
/* That time, again: calls since the tick may have brought it forward. */
uint64_t lm_sessions_next(const struct lm_sessions *s);

/*
 * Datagram semantics: may be lost. While the session is asleep, the first few messages wait for it
 * to wake. -ENOTCONN without a session, -ENOBUFS: too many wait, -EMSGSIZE, -EINVAL: our type.
 */
int lm_peer_send(
    struct lm_peer *peer, const struct lm_now *now, uint8_t type, const void *body, size_t len);
/* What waits like that is not sent any more. */
void lm_peer_unsay(struct lm_peer *peer);

void lm_peer_set_user(struct lm_peer *peer, void *user);
void *lm_peer_user(const struct lm_peer *peer);
bool lm_peer_is_guest(const struct lm_peer *peer);
enum lm_peer_state lm_peer_state(const struct lm_peer *peer);
/* A guest's key is its X25519 key in the same struct: guests need no Ed25519 identity. */
const struct lm_public_key *lm_peer_key(const struct lm_peer *peer);
const struct lm_key_id *lm_peer_id(const struct lm_peer *peer); /* zero for a guest */
/* Does the peer, or the guest, have this Ed25519 key? Costs a conversion of the key. */
bool lm_peer_proves(const struct lm_peer *peer, const struct lm_public_key *key);
/* Current; family 0: none yet. */
const struct lm_udp_addr *lm_peer_addr(const struct lm_peer *peer);
/* The larger of both sides' offers; 1 .. 128. Valid while up. */
uint8_t lm_peer_lanes(const struct lm_peer *peer);
uint32_t lm_peer_epoch(const struct lm_peer *peer); /* 0: no keys; not up, or asleep */
/*
 * Random number of the peer's process, as it said in the handshake that made the current keys:
 * another one after a restart. 0: it did not say, or there are no keys.
 */
uint32_t lm_peer_incarnation(const struct lm_peer *peer);
struct lm_peer_info {
	uint64_t handshakes, last_heard_mono, rx_messages, tx_messages, rx_rejected;
	bool asleep; /* up, but it has no keys at present */
};
void lm_peer_info(const struct lm_peer *peer, struct lm_peer_info *out);

/*
 * A set of inbound lanes as its receiver names it: never twice the same. It is part of the keys,
 * since whoever sends by a new set counts its packets from 1 again, and AES-GCM must not see a
 * number twice under one key (RFC 4106 section 2).
 */
struct lm_lane_set {
	uint64_t incarnation; /* random, of the receiver's process */
	uint32_t generation; /* counts up in it */
};

/*
 * Key material (key || salt, RFC 4106) of one lane of a network:
 * HKDF(epoch's handshake secret, network secret, direction, net id, set, lane). inbound: for
 * packets that we receive; the peer's outbound of the same lane is the same. -ENOENT if the epoch
 * is gone: the current and the previous are kept, each no longer than LM_REJECT_AFTER (forward
 * secrecy).
 */
int lm_peer_lane_key(const struct lm_peer *peer, uint32_t epoch, const struct lm_net_id *net,
    const struct lm_secret *net_secret, const struct lm_lane_set *set, bool inbound, uint8_t lane,
    uint8_t out[36]);

/* Counted reasons for datagrams that were not accepted; names for telemetry. */
enum lm_session_drop {
	LM_SD_SHORT,
	LM_SD_TYPE,
	LM_SD_MAC1,
	LM_SD_COOKIE_SENT,
	LM_SD_HANDSHAKE,
	LM_SD_UNKNOWN_PEER,
	LM_SD_STALE_TIMESTAMP,
	LM_SD_RATE,
	LM_SD_NO_SESSION,
	LM_SD_AUTH,
	LM_SD_REPLAY,
	LM_SD_TABLE_FULL,
	LM_SD_CROSSED, /* both sides called at once; ours goes on */
	LM_SD_MAX
};
extern const char *const lm_session_drop_names[LM_SD_MAX];
const uint64_t *lm_sessions_drops(const struct lm_sessions *s);

/* First message of each range; the types themselves belong to whoever speaks them. */
#define LM_MSG_SESSION 0x00 /* 0x00..0x0f: keep-alive, goodbye; inside lib/session */
#define LM_MSG_BLOB 0x10 /* 0x10..0x1f: session/blob.h */
#define LM_MSG_MEMBERSHIP 0x20 /* 0x20..0x2f: membership/membership.h */
#define LM_MSG_LEDGER 0x30 /* 0x30..0x3f: ledger/ledger.h */
#define LM_MSG_CHAIN 0x40 /* 0x40..0x4f: chain/chain.h */

#endif
