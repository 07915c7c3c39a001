/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which networks this gateway takes part in, and with whom: manifests in force,
 * the peers they authorise, passing manifests on, and the keys of every lane.
 *
 * A manifest in force makes a network known here; the gateway takes part in it
 * while one of its endpoints is attached here. It says so in the ledger, learns
 * there who else does, and has lanes with those only.
 *
 * Deterministic: (now, event) in, effects out through struct lm_membership_ops.
 * Control thread only. It owns the sessions and the blobs below it.
 */
#ifndef LM_MEMBERSHIP_MEMBERSHIP_H
#define LM_MEMBERSHIP_MEMBERSHIP_H

#include "address/address.h"
#include "chain/chain.h"
#include "ledger/ledger.h"
#include "manifest/manifest.h"
#include "membership/document.h"
#include "session/session.h"

#define LM_NETWORKS_MAX 16384
#define LM_OWNERS_MAX 16384
#define LM_LANES_MAX 64

/* Messages (inside a session; docs/protocol.md). The first three carry one or more records. */
enum {
	LM_MSG_HAVE = LM_MSG_MEMBERSHIP, /* net id, owner, serial, hash, size: what I enforce */
	LM_MSG_LANES, /* net id, generation, key check, my inbound SPIs */
	LM_MSG_LANES_ACK, /* net id, generation: I send by these now */
	LM_MSG_SUBMIT, /* a guest: hash, owner, size */
	LM_MSG_SUBMIT_RESULT, /* hash, code (0 or errno), serial, text */
	LM_MSG_AWAY, /* net id, flags, time: I do not take part; also many records */
	LM_MSG_HOLDER_ASK, /* net id, endpoint: do you serve it? Likewise */
	LM_MSG_HOLDER, /* net id, yes or no, endpoint. Likewise */
	LM_MSG_GENESIS_ASK, /* net id: which is the document with serial 1? Also many */
	LM_MSG_GENESIS, /* net id, hash, size: this one. Also many */
	LM_MSG_MEMBERSHIP_END,
};

struct lm_membership;

/* A network whose manifest is in force here. Read-only; lives until network_gone returns. */
struct lm_network {
	uint32_t index; /* small, stable while the network is there; the data plane's handle */
	struct lm_net_id id;
	const struct lm_signed_manifest *sm;
	const struct lm_manifest *manifest; /* sm->manifest */
	int self; /* our index in manifest->providers */
	/*
	 * manifest->endpoints with what the gateways have decided: addresses, and who serves it now
	 * or did last; LM_ANY_PROVIDER if nobody has. Changes where network_changed or
	 * routes_changed is called.
	 */
	const struct lm_endpoint *endpoints;
	/* For each provider: the session's peer, NULL for ourselves. */
	struct lm_peer **peers;
};

/* A record of the ledger as record_put was given it. False: it is of no use (any more), drop it. */
typedef bool lm_record_each_fn(void *ctx, const uint8_t *bytes, size_t len);

#define LM_FACT_KEY_MAX 64
/*
 * First byte of the keys of facts that others have signed and that promise nothing in our name:
 * worth keeping even where the rest is an old copy.
 */
#define LM_FACT_GENESIS 0
typedef int lm_fact_each_fn(
    void *ctx, const void *key, size_t key_len, const void *value, size_t len);

struct lm_membership_ops {
	/* as struct lm_session_ops */
	void (*send)(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len);
	void (*random)(void *ctx, void *buf, size_t len);

	/*
	 * Durable before it returns 0: the manifest that replaces whatever is stored for this
	 * network. Also called with a manifest that takes us off the network: restored, it keeps
	 * the network (and older serials) from coming back.
	 */
	int (*persist)(void *ctx, const struct lm_net_id *net, const uint8_t *bytes, size_t len);

	/* Durable before it returns 0, too: nothing is stored for this network. For drop only. */
	int (*erase)(void *ctx, const struct lm_net_id *net);

	/*
	 * All three or none: the ledger on disk. record_put keeps these bytes, which are sealed,
	 * under (net, id) in the place of what was there; record_drop lets go of them. Neither can
	 * fail nor need be synced: whatever a crash brings back or takes away, peers mend it.
	 *
	 * records_each is called when a network is joined, whenever that is: it calls each for
	 * every record that is kept for this network, of this process or an earlier one, and drops
	 * those for which each returns false. No other op is called meanwhile. Of a network that
	 * ends (network_gone) all records have been dropped, unless it was not joined: then what is
	 * left from an earlier process is the caller's to drop.
	 */
	void (*record_put)(void *ctx, const struct lm_net_id *net,
	    const uint8_t id[LM_LEDGER_ID_LEN], const uint8_t *bytes, size_t len);
	void (*record_drop)(
	    void *ctx, const struct lm_net_id *net, const uint8_t id[LM_LEDGER_ID_LEN]);
	void (*records_each)(
	    void *ctx, const struct lm_net_id *net, lm_record_each_fn *each, void *each_ctx);

	/*
	 * Both or none: the chains, and what goes with them. Without them this gateway takes no
	 * part in chains, and serves no endpoint whose address or provider gateways decide.
	 * Durable before it returns 0: value under (net, key), in the place of what was there; len
	 * 0: nothing is there any more. Keys are at most LM_FACT_KEY_MAX bytes.
	 */
	int (*fact_put)(void *ctx, const struct lm_net_id *net, const void *key, size_t key_len,
	    const void *value, size_t len);
	/*
	 * Both or none: of several facts. Between the two what fact_put was given may wait for
	 * commit; durable before that returns 0, else none of it is there.
	 */
	void (*facts_begin)(void *ctx);
	int (*facts_commit)(void *ctx);
	/*
	 * Calls each for all facts of this network in the order of their keys' bytes. No other op
	 * is called meanwhile: the store would refuse.
	 */
	int (*facts_each)(
	    void *ctx, const struct lm_net_id *net, lm_fact_each_fn *each, void *each_ctx);

	/*
	 * May be NULL. 0: these bytes, which were brought by a tenant or another gateway and are
	 * copied, are read on another thread (lm_document_read), which may take long; then
	 * lm_membership_read is called with this number, on the control thread and not from inside
	 * of another call. Until then other documents are judged, also newer ones. -EBUSY: this
	 * one is brought again after that. Anything else: it is read at once, and everybody waits.
	 */
	int (*read_aside)(void *ctx, uint64_t number, const uint8_t *bytes, size_t len);

	/* A manifest came into force (first or newer). Called after it was persisted. */
	void (*network_changed)(void *ctx, const struct lm_network *net);
	/* We are no longer authorised, it has expired, or it was dropped. */
	void (*network_gone)(void *ctx, const struct lm_network *net);

	/*
	 * Who takes part, or lm_membership_route of some endpoints, has changed. Not called where
	 * network_changed is. However many records change, at most ten times a second.
	 */
	void (*routes_changed)(void *ctx, const struct lm_network *net);

	/* A peer is there / is gone. slot is small and stable: the data plane's handle. */
	void (*peer_added)(void *ctx, uint32_t slot, struct lm_peer *peer);
	void (*peer_gone)(void *ctx, uint32_t slot);
	/* Where to send ESP for this peer now; NULL: the session is down. */
	void (*peer_path)(void *ctx, uint32_t slot, const struct lm_udp_addr *to);

	/*
	 * Inbound security associations, one a lane: choose an SPI above 255, ready to receive when
	 * it returns. keymat is key || salt (RFC 4106).
	 */
	int (*sa_in_add)(void *ctx, uint32_t net, uint32_t slot, uint8_t lane, uint8_t n_lanes,
	    const uint8_t keymat[36], uint32_t *spi);
	void (*sa_in_del)(void *ctx, uint32_t spi);
	/*
	 * All outbound lanes of (net, peer) at once; n_lanes 0: none, traffic stops (cannot fail).
	 * Only if it returns 0 is the peer told that we use them; otherwise the old ones stay in
	 * use.
	 */
	int (*sa_out_set)(void *ctx, uint32_t net, uint32_t slot, uint8_t n_lanes,
	    const uint32_t *spis, const uint8_t (*keymat)[36]);
	/*
	 * Both or none: has this association carried a packet, have the outbound lanes since they
	 * were set? Keys that nothing was sent under are kept when the session gets new ones.
	 * Without these calls all lanes are renewed then.
	 */
	bool (*sa_in_used)(void *ctx, uint32_t spi);
	bool (*sa_out_used)(void *ctx, uint32_t net, uint32_t slot);
};

struct lm_membership_config {
	uint8_t lanes; /* ours: worker count rounded up to a power of two */
	unsigned max_networks, max_peers;
	unsigned max_guests; /* sessions of tenants who submit; 0: 64 */
	unsigned max_handshakes_per_s; /* 0: 200 */
	/*
	 * The store was lost: what this gateway promised in chains may have been in it, so it votes
	 * in none that it has not been in since (lm_chain_add).
	 */
	bool lost_store;
};

int lm_membership_create(struct lm_membership **out, const struct lm_identity *self,
    const struct lm_membership_config *config, const struct lm_membership_ops *ops, void *ctx);
void lm_membership_free(struct lm_membership *m);
void lm_membership_goodbye(struct lm_membership *m, const struct lm_now *now);

/* Whose manifests are accepted. Replaces the list. A network in force stays until dropped. */
int lm_membership_set_owners(
    struct lm_membership *m, const struct lm_public_key *owners, unsigned n);
bool lm_membership_accepts(const struct lm_membership *m, const struct lm_public_key *owner);
/*
 * The operator ends a network here whose owner is not accepted any more. Nothing of it is kept, so
 * once the owner is accepted again it may come back, from other gateways as well. -ENOENT: it is
 * not in force, -EBUSY: its owner is accepted, -EIO: it is still stored. Then nothing has changed.
 */
int lm_membership_drop(struct lm_membership *m, const struct lm_now *now,
    const struct lm_net_id *net, struct lm_why *why);

/* From the store at start: like submit, but neither persisted again nor refused for its owner. */
int lm_membership_restore(struct lm_membership *m, const struct lm_now *now, const void *bytes,
    size_t len, struct lm_why *why);
/*
 * 0: in force here, persisted (also if this very manifest already was). -EBADMSG signature,
 * -EACCES unknown owner or we are not an authorised provider, -ESTALE older serial,
 * -EEXIST another document of the same serial is in force and wins (the lower hash does),
 * -EINVAL/-E2BIG malformed, -ETIME expired (also with `on_expiry: keep`, which another gateway may
 * still pass on to us), -ENOSPC bound reached, -EIO not persisted. What was in
 * force stays.
 */
int lm_membership_submit(struct lm_membership *m, const struct lm_now *now, const void *bytes,
    size_t len, struct lm_why *why);

/* What read_aside asked for. Takes from d what it wants to keep. */
void lm_membership_read(
    struct lm_membership *m, const struct lm_now *now, uint64_t number, struct lm_document *d);

void lm_membership_input(struct lm_membership *m, const struct lm_now *now,
    const struct lm_udp_addr *from, const uint8_t *data, size_t len);
/* The data plane has heard authentic ESP from this peer of late, or has sent some to it. */
void lm_membership_heard(struct lm_membership *m, const struct lm_now *now, uint32_t slot);
void lm_membership_sent(struct lm_membership *m, const struct lm_now *now, uint32_t slot);
/* Our own address is another one: all peers hear from us, wherever their sessions sleep. */
void lm_membership_moved(struct lm_membership *m, const struct lm_now *now);
/*
 * Runs what is due; returns the monotonic time of the next, or UINT64_MAX. Every other call may
 * bring that time forward: tick after each, it is cheap when nothing is due.
 */
uint64_t lm_membership_tick(struct lm_membership *m, const struct lm_now *now);

const struct lm_network *lm_membership_network(const struct lm_membership *m, uint32_t index);
const struct lm_network *lm_membership_find(
    const struct lm_membership *m, const struct lm_net_id *id);
/* index from 0: NULL holes are possible; the bounds are max_networks and max_peers. */
uint32_t lm_membership_networks_end(const struct lm_membership *m);
struct lm_peer *lm_membership_peer(const struct lm_membership *m, uint32_t slot);
uint32_t lm_membership_peers_end(const struct lm_membership *m);
/* UINT32_MAX for a guest. The membership owns the session's user pointer. */
uint32_t lm_peer_slot(const struct lm_peer *peer);
struct lm_sessions *lm_membership_sessions(struct lm_membership *m);

/* ---- taking part ---- */

#define LM_LEAVE_TIME 5 /* s in which the others hear that we leave; then keys are wiped */
#define LM_NO_ROUTE UINT32_MAX

enum lm_part { LM_PART_OUT, LM_PART_JOINED, LM_PART_LEAVING };

/*
 * Which endpoints of the network (indices in its manifest) are attached here: we take part while
 * there are any. It only takes a note; the next tick does what follows. Forgotten when a manifest
 * comes into force: say it again in network_changed. -ENOENT, -EINVAL (the manifest places it
 * elsewhere), -ENOMEM.
 */
int lm_membership_set_served(
    struct lm_membership *m, uint32_t net, const uint32_t *endpoints, unsigned n);
/*
 * The slot of the peer that serves this endpoint now: the manifest places it there, the peer says
 * that it serves it, and its session is up. LM_NO_ROUTE: nobody, or we ourselves.
 */
uint32_t lm_membership_route(
    const struct lm_membership *m, const struct lm_network *net, unsigned endpoint);
/*
 * Is this endpoint attached here, as set_served said, and ours to serve? If it is attached and not
 * ours, or not yet, *why (may be NULL) is a constant text that says why not, else NULL.
 */
bool lm_membership_served(const struct lm_membership *m, const struct lm_network *net,
    unsigned endpoint, const char **why);
/* The endpoint that has this address: its index in net->endpoints, or -ENOENT. */
int lm_membership_address(
    const struct lm_membership *m, const struct lm_network *net, const struct lm_ip *ip);
enum lm_part lm_membership_part(const struct lm_membership *m, uint32_t net);

/* What a gateway enforces, as it says in its record. */
struct lm_enforced {
	uint64_t serial;
	uint8_t hash[8]; /* the first bytes of the signed manifest's hash */
	uint8_t lanes;
};
/* Of the manifest's provider; false: it does not take part as far as we know. */
bool lm_membership_enforced(const struct lm_membership *m, const struct lm_network *net,
    unsigned provider, struct lm_enforced *out);

/*
 * For questions; they must not be changed. The chain, and what is made of it: NULL if this gateway
 * can keep no facts.
 */
const struct lm_ledger *lm_membership_ledger(const struct lm_membership *m);
const struct lm_chain *lm_membership_chain(const struct lm_membership *m);
const struct lm_address *lm_membership_places(const struct lm_membership *m);

/* ---- when a majority of a chain's members is lost for good ---- */

#define LM_RECOVERY_TEXT_MAX (64 + 2 * LM_CHAIN_RECOVERY_MAX)
/*
 * What the owner is to sign so that the network's chain goes on from what this gateway knows, with
 * these members: two lines of text. Its length; -ENOENT, -EAGAIN, -EINVAL (also one who is no
 * provider).
 */
int lm_membership_recovery(const struct lm_membership *m, const struct lm_net_id *net,
    const struct lm_public_key *members, unsigned n, char out[LM_RECOVERY_TEXT_MAX],
    struct lm_why *why);
/* The owner reads it, and signs it: that text is for lm_membership_submit. Length or -errno. */
int lm_recovery_read(
    struct lm_chain_recovery *out, const void *text, size_t len, struct lm_why *why);
int lm_recovery_sign(char out[LM_RECOVERY_TEXT_MAX], const struct lm_chain_recovery *r,
    const struct lm_identity *owner);

/* The lanes of (net, peer) for telemetry. */
struct lm_lanes_info {
	uint32_t epoch, generation;
	uint8_t n_in, n_out; /* installed inbound and outbound lanes */
	bool acked; /* the peer has switched to our newest inbound lanes */
};
void lm_membership_lanes(
    const struct lm_membership *m, uint32_t net, uint32_t slot, struct lm_lanes_info *out);

/* Counted reasons for what was not followed: X(identifier, name in telemetry). */
#define LM_MEMBERSHIP_DROPS(X) \
	X(MALFORMED, "malformed") /* a message that does not hold together */ \
	X(UNAUTHORISED, "unauthorised") /* lanes of a network that the peer is no provider of */ \
	X(UNKNOWN_OWNER, "unknown_owner") \
	X(OLD, "old") /* an older serial, or lanes of an older generation */ \
	X(UNASKED, "unasked") /* an answer to no question */ \
	X(ABSENT, "absent") /* lanes of a network in which not both of us take part */ \
	X(NO_KEY, "no_key") /* lanes under keys that we do not have (yet) */ \
	X(LIMIT, "limit") /* over a rate or a bound; the peer asks again */ \
	X(PULL, "pull") /* a manifest that was announced could not be had */ \
	X(REFUSED, "refused") /* a manifest was judged and not accepted */ \
	X(SIGNED_TWICE, \
	    "signed_twice") /* two documents with one serial: serials, each counted once */ \
	X(NO_SA, "no_sa") /* the data plane has no room for lanes */ \
	X(FACTS, "facts") /* what was stored of a chain is damaged */

enum lm_membership_drop {
#define X(id, name) LM_MD_##id,
	LM_MEMBERSHIP_DROPS(X)
#undef X
	    LM_MD_MAX
};
extern const char *const lm_membership_drop_names[LM_MD_MAX];
const uint64_t *lm_membership_drops(const struct lm_membership *m);

#endif
