/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of soft facts: small records that gateways of a network write about themselves and
 * what they serve, signed by their author, sealed with a key of the network, versioned, expiring.
 * Changes are pushed by their author; what was missed is found by comparing digests with one
 * random peer at a time and pulled. docs/protocol.md has the wire format.
 *
 * One ledger holds all networks of a gateway. Deterministic: time is an argument, effects are the
 * caller's callbacks. Control thread only. Callbacks take notes; they may ask (lm_ledger_find and
 * the like), but must call nothing that changes the ledger.
 *
 * It needs a tick after each other call: what is to be sent is sent there, many records a datagram.
 */
#ifndef LM_LEDGER_LEDGER_H
#define LM_LEDGER_LEDGER_H

#include "crypto/identity.h"
#include "session/session.h"

#define LM_LEDGER_WINDOW 3600 /* s; sealing keys change so often, clocks may differ by as much */
#define LM_LEDGER_LIFETIME (6 * 3600) /* s; what authors ask for unless they know better */
/* Renewed at two thirds, a record must outlive the difference of clocks. */
#define LM_LEDGER_LIFETIME_MIN (4 * LM_LEDGER_WINDOW)
#define LM_LEDGER_LIFETIME_MAX (24 * 3600)
#define LM_LEDGER_KEY_MAX 72
#define LM_LEDGER_VALUE_MAX 256
#define LM_LEDGER_ID_LEN 16
/* Between comparisons with a random peer, s: after a change, and doubled up to this in quiet. */
#define LM_LEDGER_COMPARE_MIN 1
#define LM_LEDGER_COMPARE_MAX 30
/* A record of ours that we see and have not published again so long after joining is withdrawn. */
#define LM_LEDGER_RECLAIM 30

/* Messages (inside a session; docs/protocol.md). */
enum {
	LM_MSG_LEDGER_ROOT = LM_MSG_LEDGER, /* digest of all that we share */
	LM_MSG_LEDGER_ASK, /* what is below these nodes of a tree? */
	LM_MSG_LEDGER_NODES, /* digests of their children, or their leaves */
	LM_MSG_LEDGER_WANT, /* send me these records */
	LM_MSG_LEDGER_RECORDS,
	LM_MSG_LEDGER_ABSENT, /* I do not take part in these networks */
	LM_MSG_LEDGER_END,
};

/* Others, 1 .. 255, are kept and passed on as well. */
enum { LM_LEDGER_GATEWAY = 1, LM_LEDGER_ENDPOINT = 2, LM_LEDGER_MISSING = 3 };

struct lm_ledger;

/* A record as callers see it, valid during the call. */
struct lm_ledger_record {
	const struct lm_public_key *author;
	bool own; /* we are the author */
	uint8_t kind, key_len;
	uint16_t value_len;
	const uint8_t *key, *value;
	uint64_t version;
	uint64_t expiry; /* UTC seconds */
};

struct lm_ledger_ops {
	/* To a peer that is up: one message of this type. May be lost. */
	void (*send)(
	    void *ctx, struct lm_peer *peer, uint8_t type, const uint8_t *body, size_t len);
	void (*random)(void *ctx, void *buf, size_t len);
	/*
	 * Of other authors: a record is there that was not, or its value is another (a renewal is
	 * no change). gone: withdrawn, expired, or its author is no longer authorised; reason is a
	 * constant string. Neither is called for a network that is parted from or removed.
	 */
	void (*changed)(
	    void *ctx, const struct lm_net_id *net, const struct lm_ledger_record *record);
	void (*gone)(void *ctx, const struct lm_net_id *net, const struct lm_ledger_record *record,
	    const char *reason);
	/*
	 * Both or none: keep these bytes (sealed) under (network, id) for lm_ledger_restore, and
	 * drop them. Losing them costs refilling from peers, so they need not be synced. Called for
	 * all records of a network as well when it is parted from or removed; not by
	 * lm_ledger_free, and neither of them by lm_ledger_restore.
	 */
	void (*persist)(void *ctx, const struct lm_net_id *net, const uint8_t id[LM_LEDGER_ID_LEN],
	    const uint8_t *bytes, size_t len);
	void (*forget)(void *ctx, const struct lm_net_id *net, const uint8_t id[LM_LEDGER_ID_LEN]);
};

/* Bounds; 0 stands for the default. All gateways of a network should have the same for authors. */
struct lm_ledger_config {
	unsigned max_networks; /* 16,384 */
	unsigned max_author_records; /* of one author in one network: 4,096 */
	size_t max_author_bytes; /* the same, of keys and values: 512 KiB */
	unsigned max_network_records; /* 32,768 */
	unsigned max_records; /* in all: 1,048,576 */
};

/* self must outlive the ledger. */
int lm_ledger_create(struct lm_ledger **out, const struct lm_identity *self,
    const struct lm_ledger_config *config, const struct lm_ledger_ops *ops, void *ctx);
void lm_ledger_free(struct lm_ledger *l); /* wipes secrets; calls nobody back */

/* ---- networks ---- */

/*
 * Adds a network, or tells of a new secret or new authors: records of authors that are no longer
 * there go at once. authors: all that the manifest authorises, ourselves as well. A new network is
 * not joined: it neither sends nor accepts. -ENOSPC, -ENOMEM: nothing has changed.
 */
int lm_ledger_set(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *net,
    const struct lm_secret *secret, const struct lm_public_key *authors, unsigned n);
int lm_ledger_join(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *net);
/*
 * Silent at once, and drops the network's records. To leave politely: lm_ledger_withdraw_all, go
 * on ticking for a few seconds so that the tombstones are heard, then part.
 */
void lm_ledger_part(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *net);
/* Parts, forgets the network and wipes its secret. */
void lm_ledger_remove(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *net);

/* ---- our own records ---- */

/*
 * Publish or change: (kind, key) is value from now on. It is renewed by itself until it is
 * withdrawn. The same value again costs nothing. lifetime in s. -ENOENT: not joined, -EACCES: we
 * are no author, -EINVAL, -ENOSPC: over a bound, -ENOMEM.
 */
int lm_ledger_publish(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *net,
    uint8_t kind, const void *key, size_t key_len, const void *value, size_t value_len,
    unsigned lifetime);
int lm_ledger_withdraw(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *net,
    uint8_t kind, const void *key, size_t key_len); /* -ENOENT, -ENOMEM */
int lm_ledger_withdraw_all(
    struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *net);
/*
 * What persist was given, after set and join, before anything is published. Errors are counted as
 * for a message; the caller may drop what is refused (not 0).
 */
int lm_ledger_restore(struct lm_ledger *l, const struct lm_now *now, const struct lm_net_id *net,
    const uint8_t *bytes, size_t len);

/* ---- peers ---- */

/* The session with this gateway is up (also: again). peer is what send and input are given. */
int lm_ledger_up(struct lm_ledger *l, const struct lm_now *now, const struct lm_public_key *key,
    struct lm_peer *peer);
void lm_ledger_down(struct lm_ledger *l, const struct lm_now *now, const struct lm_public_key *key);
/* One authentic message of a type LM_MSG_LEDGER .. LM_MSG_LEDGER_END - 1; not of guests. */
void lm_ledger_input(struct lm_ledger *l, const struct lm_now *now,
    const struct lm_public_key *from, uint8_t type, const uint8_t *body, size_t len);
/* Runs what is due; returns the monotonic time of the next, or UINT64_MAX. */
uint64_t lm_ledger_tick(struct lm_ledger *l, const struct lm_now *now);

/* ---- questions ---- */

/* Current records, ours as well, until each returns not 0, which is returned. kind 0: all. */
typedef int lm_ledger_each_fn(void *ctx, const struct lm_ledger_record *record);
int lm_ledger_each(const struct lm_ledger *l, const struct lm_net_id *net, uint8_t kind,
    lm_ledger_each_fn *each, void *ctx);
/* All authors' records of (kind, key): which of them counts is the caller's matter. */
int lm_ledger_find(const struct lm_ledger *l, const struct lm_net_id *net, uint8_t kind,
    const void *key, size_t key_len, lm_ledger_each_fn *each, void *ctx);

struct lm_ledger_info {
	unsigned networks, joined, peers;
	unsigned records, tombstones; /* in all networks */
	uint64_t pulls; /* that were begun */
	uint64_t accepted; /* records of others */
	uint64_t written; /* records of ours, renewals as well */
	uint64_t last_version; /* the highest of these */
	uint64_t restored; /* records that lm_ledger_restore took */
};
void lm_ledger_info(const struct lm_ledger *l, struct lm_ledger_info *out);

/* Counted reasons for what was not followed: X(identifier, name in telemetry). */
#define LM_LEDGER_DROPS(X) \
	X(MALFORMED, "malformed") /* a message that does not hold together */ \
	X(UNKNOWN_PEER, "unknown_peer") /* the caller never said that it is up */ \
	X(UNKNOWN_NET, "unknown_network") /* not joined here, or the sender is no author there */ \
	X(WINDOW, "window") /* sealed for a time that is too far from ours */ \
	X(SEAL, "seal") /* does not open */ \
	X(AUTHOR, "author") /* an author that is not authorised */ \
	X(SIGNATURE, "signature") \
	X(OLD, "old") /* we know a newer version */ \
	X(DUPLICATE, "duplicate") /* we have exactly this */ \
	X(EXPIRED, "expired") \
	X(TOO_LONG, "too_long") /* would live longer than any record may */ \
	X(LIMIT, "limit") /* over a bound of its author or network */ \
	X(RATE, "rate") /* this peer says or asks too much */ \
	X(UNASKED, "unasked") /* an answer to no question */ \
	X(MEMORY, "memory")

enum lm_ledger_drop {
#define X(id, name) LM_LD_##id,
	LM_LEDGER_DROPS(X)
#undef X
	    LM_LD_MAX
};
extern const char *const lm_ledger_drop_names[LM_LD_MAX];
const uint64_t *lm_ledger_drops(const struct lm_ledger *l);

#endif
