/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of hard facts: who the members of a network are, who owns which address block, and
 * where an endpoint lives. Each network has a short chain. Block h + 1 is one single-decree Paxos
 * decision (Lamport, "Paxos Made Simple", 2001) among the members that block h names, and bears
 * the signatures of the majority that accepted it, so anybody can check any block, whoever sent
 * it. docs/architecture.md says how it works, docs/protocol.md what is on the wire.
 *
 * One object holds the chains of all networks of a gateway. A network in which nothing is being
 * decided has no timer and sends nothing.
 *
 * Deterministic: time is an argument, effects are the caller's callbacks. Control thread only.
 * Callbacks take notes; they may ask (lm_chain_info and the like), but must call nothing that
 * changes the chain. Call lm_chain_tick after each other call.
 *
 * What it needs: a promise that persist returned 0 for is there after a crash. A gateway that has
 * lost its store must not vote on (lm_chain_add, votes).
 * What it bears: up to a minority of members that are down, and any lie of one member but voting
 * twice; whoever signs two values in one ballot is proven guilty.
 */
#ifndef LM_CHAIN_CHAIN_H
#define LM_CHAIN_CHAIN_H

#include "crypto/identity.h"
#include "session/session.h"

#define LM_CHAIN_HASH_LEN 32 /* BLAKE2b-256 */
#define LM_CHAIN_MEMBERS_MAX 7 /* who vote */
#define LM_CHAIN_GATEWAYS_MAX 1024 /* who ever had a command applied, or are named by one */
#define LM_CHAIN_ENDPOINTS_MAX 16384
#define LM_CHAIN_COMMANDS_MAX 16 /* of one block */
#define LM_CHAIN_BODY_MAX 8192 /* bytes of a block's commands */
#define LM_CHAIN_OWN_MAX 32 /* commands of ours in one network at once */
#define LM_CHAIN_QUEUE_MAX 64 /* commands that wait to be proposed, others' as well */
/* Address blocks that a member gets without consent, but no more than an eighth of all. */
#define LM_CHAIN_BLOCKS_ALONE 16
#define LM_CHAIN_KEY_MAX 72 /* of an endpoint, as in the ledger */
#define LM_CHAIN_SOME_BLOCK UINT32_MAX
#define LM_CHAIN_RECOVERY_MAX 400 /* bytes of a recovery statement */

/* Messages (inside a session; docs/protocol.md). */
enum {
	LM_MSG_CHAIN_PREPARE = LM_MSG_CHAIN,
	LM_MSG_CHAIN_PROMISE,
	LM_MSG_CHAIN_ACCEPT, /* please accept this value */
	LM_MSG_CHAIN_ACCEPTED,
	LM_MSG_CHAIN_PREEMPTED, /* I have promised a higher ballot */
	LM_MSG_CHAIN_BLOCK, /* a decided block */
	LM_MSG_CHAIN_TIP, /* how long my chain is */
	LM_MSG_CHAIN_GET, /* blocks above this height, please */
	LM_MSG_CHAIN_START, /* the owner's recovery statement */
	LM_MSG_CHAIN_ASK, /* do you consent to this command? */
	LM_MSG_CHAIN_CONSENT,
	LM_MSG_CHAIN_REQUEST, /* propose this for me */
	LM_MSG_CHAIN_END,
};

struct lm_chain;

/* ---- commands ---- */

enum lm_chain_kind {
	LM_CHAIN_ADD = 1, /* gateway becomes a member */
	/* gateway is a member no more, its address blocks are quarantined until `until` */
	LM_CHAIN_REMOVE,
	LM_CHAIN_ASSIGN, /* the author gets the lowest free address block */
	LM_CHAIN_RELEASE, /* the author gives `block` back, quarantined until `until` */
	LM_CHAIN_FREE, /* `block`'s quarantine is over */
	LM_CHAIN_MOVE, /* endpoint `key` lives at gateway, with this address and generation */
	LM_CHAIN_FORGET, /* endpoint `key` is gone */
	LM_CHAIN_SERIAL, /* nothing but that this serial is in force */
};

/*
 * Fields that a kind does not name above are zero. The chain fills in author and number.
 *
 * Every command but a member's first ASSIGNs, by a serial that the chain knows, needs the consent
 * of a majority of the members first: there each of them judges, by its manifest and its clock,
 * what the chain cannot know. Whether a consented command applies is the same question, with the
 * same answer, everywhere.
 */
struct lm_chain_command {
	uint8_t kind;
	struct lm_public_key author;
	uint64_t number; /* with the author it is the command's id; none is applied twice */
	uint64_t
	    serial; /* of the manifest by which it was judged; void once the chain knows a higher */
	struct lm_public_key gateway;
	uint64_t until; /* UTC seconds; who consents to FREE compares it with its own clock */
	uint32_t block; /* address block: index in the network's pool */
	uint32_t address; /* index in the network's pool */
	uint64_t generation; /* of an endpoint's place, only goes up */
	uint8_t key_len; /* 1 .. LM_CHAIN_KEY_MAX */
	uint8_t key[LM_CHAIN_KEY_MAX];
};

/* What became of a command: X(identifier, text). Only the first changes anything. */
#define LM_CHAIN_VERDICTS(X) \
	X(APPLIED, "applied") \
	X(DUPLICATE, "applied already, or far older than another of its author that is") \
	X(STALE, "a newer manifest is in force") \
	X(CONSENT, "no majority of the members consents") \
	X(SIGNATURE, "not signed by its author") \
	X(FORM, "malformed") \
	X(MEMBER, "is a member already") \
	X(NO_MEMBER, "is nothing here") \
	X(LAST_MEMBER, "the last member stays") \
	X(FULL, "no room") \
	X(NO_BLOCK, "no address block is free") \
	X(NOT_OWNER, "another gateway's address block, or nobody's") \
	X(NOT_QUARANTINED, "the address block is not in quarantine") \
	X(GENERATION, "the endpoint's place is known with this generation or a higher one") \
	X(ADDRESS, "another endpoint has this address, or there is no such address") \
	X(UNKNOWN_ENDPOINT, "unknown endpoint") \
	X(MEMORY, "no memory")

enum lm_chain_verdict {
#define X(id, text) LM_CV_##id,
	LM_CHAIN_VERDICTS(X)
#undef X
	    LM_CV_MAX
};
extern const char *const lm_chain_verdict_names[LM_CV_MAX];

/* ---- effects ---- */

/* Records of a network in the store. A VOTE replaces the one before, so does a TIP. */
enum lm_chain_record { LM_CHAIN_TIP = 1, LM_CHAIN_VOTE = 2, LM_CHAIN_HEADER = 3 };

/* One member, two values in one ballot: both statements and signatures, for anybody to check. */
struct lm_chain_guilt {
	struct lm_public_key member;
	uint32_t era;
	uint64_t height, ballot;
	uint8_t hash[2][LM_CHAIN_HASH_LEN];
	struct lm_signature signature[2];
};

struct lm_chain_ops {
	/* To a gateway of the network, if its session is up. May be lost. */
	void (*send)(
	    void *ctx, const struct lm_public_key *to, uint8_t type, const void *body, size_t len);
	void (*random)(void *ctx, void *buf, size_t len);
	/*
	 * Durable before it returns 0: the record (what, height) of the network; height is 0 but
	 * for headers. Anything else: nothing is sent that depends on it.
	 */
	int (*persist)(void *ctx, const struct lm_net_id *net, enum lm_chain_record what,
	    uint64_t height, const void *bytes, size_t len);
	/*
	 * Both or none: of several records at once. Between the two what persist was given may wait
	 * for commit; durable before that returns 0, else none of it is there.
	 */
	void (*begin)(void *ctx);
	int (*commit)(void *ctx);
	/* Headers above this height, from before a recovery, are void. May be lost. */
	void (*truncate)(void *ctx, const struct lm_net_id *net, uint64_t height);
	/* May this be done, by the manifest in force here and by our clock? */
	bool (*consent)(
	    void *ctx, const struct lm_net_id *net, const struct lm_chain_command *command);
	/*
	 * Pull the blob with this BLAKE2b-256 hash from a gateway and hand it to lm_chain_pulled
	 * later. May fail: it is asked for again.
	 */
	void (*pull)(void *ctx, const struct lm_net_id *net, const struct lm_public_key *from,
	    const uint8_t hash[LM_CHAIN_HASH_LEN], size_t size);
	/*
	 * A command of ours has come to its end. block: that which ASSIGN got, else 0; or
	 * LM_CHAIN_SOME_BLOCK if only the outcome of a catch-up is known, see lm_chain_block.
	 */
	void (*done)(void *ctx, const struct lm_net_id *net, uint64_t tag,
	    enum lm_chain_verdict verdict, uint32_t block);
	/*
	 * The chain has grown (several heights at once after a catch-up) or was restarted by the
	 * owner. Whoever only reads it should be greeted now if ours, so that the news spread once.
	 */
	void (*grown)(void *ctx, const struct lm_net_id *net, uint64_t height, bool ours);
	/* Once a member and network; logged already, and kept until the process ends. */
	void (*guilty)(void *ctx, const struct lm_net_id *net, const struct lm_chain_guilt *guilt);
};

/* self must outlive the chains. */
int lm_chain_create(struct lm_chain **out, const struct lm_identity *self, unsigned max_networks,
    const struct lm_chain_ops *ops, void *ctx);
void lm_chain_free(struct lm_chain *c);

/* ---- networks ---- */

/* What all gateways of a network know alike, from the tenant's first manifest. */
struct lm_chain_genesis {
	struct lm_public_key owner;
	struct lm_public_key members[LM_CHAIN_MEMBERS_MAX]; /* any order, each once */
	unsigned n_members; /* 1 .. LM_CHAIN_MEMBERS_MAX */
	uint32_t n_blocks; /* address blocks of the prefix, 1 .. 65,536 */
	uint32_t block_size; /* addresses of one, a power of two up to 65,536 */
};

/*
 * votes: whether we vote while we are a member. False if our store was lost: we must not, as we
 * cannot know what we promised. It is kept (in TIP): such a gateway votes again with a new key.
 * -EEXIST, -EINVAL, -ENOSPC, -ENOMEM.
 */
int lm_chain_add(struct lm_chain *c, const struct lm_net_id *net,
    const struct lm_chain_genesis *genesis, bool votes);
void lm_chain_remove(struct lm_chain *c, const struct lm_net_id *net);
/*
 * What persist was given, after lm_chain_add and before anything else: TIP and VOTE, if there are
 * such, then all headers by height. -EBADMSG: damaged; then do not take part, least of all vote.
 */
int lm_chain_restore(struct lm_chain *c, const struct lm_net_id *net, enum lm_chain_record what,
    uint64_t height, const void *bytes, size_t len);

/* ---- events ---- */

/*
 * Decide this. done(tag) is called later, unless the process ends before. Commands may overtake
 * each other. -ENOENT, -ENOSPC: too many of ours.
 */
int lm_chain_propose(struct lm_chain *c, const struct lm_now *now, const struct lm_net_id *net,
    const struct lm_chain_command *command, uint64_t tag);
/* Tell this gateway of the network how long our chain is, and ask for its: its session came up. */
void lm_chain_greet(struct lm_chain *c, const struct lm_now *now, const struct lm_net_id *net,
    const struct lm_public_key *to);
/*
 * One authentic message, of a type LM_MSG_CHAIN .. LM_MSG_CHAIN_END - 1, from a gateway that the
 * manifest in force authorises in the network (lm_chain_message_net).
 */
void lm_chain_input(struct lm_chain *c, const struct lm_now *now, const struct lm_public_key *from,
    uint8_t type, const void *body, size_t len);
/* The network that a message is about: -EINVAL if it is too short. */
int lm_chain_message_net(struct lm_net_id *out, const void *body, size_t len);
/* What pull asked for; the hash is checked. */
void lm_chain_pulled(struct lm_chain *c, const struct lm_now *now, const struct lm_net_id *net,
    const uint8_t hash[LM_CHAIN_HASH_LEN], const void *bytes, size_t len);
/* A blob of this network that others may pull: valid until the next call that changes it. */
const uint8_t *lm_chain_blob(struct lm_chain *c, const struct lm_net_id *net,
    const uint8_t hash[LM_CHAIN_HASH_LEN], size_t *len);
/* Runs what is due; returns the monotonic time of the next, or UINT64_MAX. */
uint64_t lm_chain_tick(struct lm_chain *c, const struct lm_now *now);

/* ---- recovery ---- */

/* The owner names a new start, when a majority of the members is lost for good. */
struct lm_chain_recovery {
	struct lm_net_id net;
	uint32_t era; /* only goes up; the genesis is era 0 */
	uint64_t height; /* of the start; above that of the state it goes on from */
	uint8_t state[LM_CHAIN_HASH_LEN]; /* hash of the state with the new members */
	struct lm_public_key members[LM_CHAIN_MEMBERS_MAX]; /* sorted as bytes */
	unsigned n_members;
};

/* The start that goes on from the state we have, with these members. -ENOENT, -EINVAL. */
int lm_chain_recovery_from(const struct lm_chain *c, const struct lm_net_id *net,
    const struct lm_public_key *members, unsigned n, struct lm_chain_recovery *out);
/* All of it but the signature: what the owner is to sign. The length; -EBADMSG. */
size_t lm_chain_recovery_write(
    const struct lm_chain_recovery *r, uint8_t out[LM_CHAIN_RECOVERY_MAX]);
int lm_chain_recovery_read(struct lm_chain_recovery *out, const void *bytes, size_t len);
/* Signs it; the length, or a negative errno. */
int lm_chain_recovery_sign(const struct lm_chain_recovery *r, const struct lm_identity *owner,
    uint8_t out[LM_CHAIN_RECOVERY_MAX]);
/*
 * Goes on from there. All later blocks of lower eras are void. If the state is not the one we
 * have, it is pulled from the members named. -EBADMSG, -ESTALE (an era that we know), -ENOENT,
 * -EIO.
 */
int lm_chain_recover(struct lm_chain *c, const struct lm_now *now, const struct lm_net_id *net,
    const void *bytes, size_t len);

/* ---- questions ---- */

struct lm_chain_info {
	uint32_t era;
	uint64_t height, serial;
	uint8_t hash[LM_CHAIN_HASH_LEN], state[LM_CHAIN_HASH_LEN];
	unsigned n_members, n_gateways, n_endpoints, n_owned, n_quarantined;
	const struct lm_public_key *members; /* sorted as bytes; until the chain grows */
	bool member, votes; /* we */
	bool mute; /* we never vote here: our store was lost (lm_chain_add) */
	bool behind; /* we know of blocks that we do not have */
	bool undecided; /* we have accepted a value for the next block; it may be decided */
	uint32_t n_blocks, block_size; /* of the genesis */
	/*
	 * Monotonic ns, 0: never. Nothing is unknown here that had been decided by then, or by as
	 * long before as messages take: a majority of the members has said so, since lm_chain_add.
	 * Greet them to hear it again.
	 */
	uint64_t current;
};
int lm_chain_info(
    const struct lm_chain *c, const struct lm_net_id *net, struct lm_chain_info *out); /* -ENOENT */

struct lm_chain_block {
	const struct lm_public_key *owner; /* NULL: free or in quarantine */
	uint64_t until; /* UTC seconds; 0: not in quarantine */
};
/* -ENOENT: no such network or address block. */
int lm_chain_block(const struct lm_chain *c, const struct lm_net_id *net, uint32_t block,
    struct lm_chain_block *out);

/* Those that are not free, by index, until each returns not 0, which is returned. */
int lm_chain_each_block(const struct lm_chain *c, const struct lm_net_id *net,
    int (*each)(void *ctx, uint32_t block, const struct lm_chain_block *b), void *ctx);
/* How many are this gateway's. */
unsigned lm_chain_owned(
    const struct lm_chain *c, const struct lm_net_id *net, const struct lm_public_key *gateway);

struct lm_chain_endpoint {
	const struct lm_public_key *gateway; /* NULL: the gateway was removed */
	uint32_t address;
	uint64_t generation;
	const uint8_t *key;
	uint8_t key_len;
};
/* Where a moved endpoint lives; -ENOENT: it has never moved. */
int lm_chain_endpoint(const struct lm_chain *c, const struct lm_net_id *net, const void *key,
    size_t key_len, struct lm_chain_endpoint *out);
/* In order of key, until each returns not 0, which is returned. */
int lm_chain_each_endpoint(const struct lm_chain *c, const struct lm_net_id *net,
    int (*each)(void *ctx, const struct lm_chain_endpoint *endpoint), void *ctx);

/* Proofs against members of this network; at most LM_CHAIN_MEMBERS_MAX, later ones are counted. */
const struct lm_chain_guilt *lm_chain_guilts(
    const struct lm_chain *c, const struct lm_net_id *net, unsigned *n);

/* Counted reasons for what was not followed: X(identifier, name in telemetry). */
#define LM_CHAIN_DROPS(X) \
	X(MALFORMED, "malformed") /* a message that does not hold together */ \
	X(UNKNOWN_NET, "unknown_network") \
	X(NO_MEMBER, "no_member") /* a vote of somebody who has none, or for us, who have none */ \
	X(OLD, "old") /* of a height, an era or a ballot that is over */ \
	X(AHEAD, "ahead") /* of a height that we have not reached */ \
	X(BALLOT, "ballot") /* another's ballot, or one too far ahead */ \
	X(FORKED, "forked") /* another chain than ours */ \
	X(SIGNATURE, "signature") \
	X(UNJUSTIFIED, "unjustified") /* a value that the promises do not allow */ \
	X(INVALID, "invalid") /* a block that does not follow from the state */ \
	X(NO_BODY, "no_body") /* a block whose commands we do not have yet */ \
	X(REFUSED, "refused") /* a command that does not apply, or to which we do not consent */ \
	X(UNASKED, "unasked") /* an answer to no question */ \
	X(LIMIT, "limit") /* over a bound or a rate */ \
	X(MEMORY, "memory") \
	X(STORE, "store") /* could not be persisted, so was not done */

enum lm_chain_drop {
#define X(id, name) LM_CD_##id,
	LM_CHAIN_DROPS(X)
#undef X
	    LM_CD_MAX
};
extern const char *const lm_chain_drop_names[LM_CD_MAX];
const uint64_t *lm_chain_drops(const struct lm_chain *c);

struct lm_chain_stats {
	uint64_t decided; /* blocks that we proposed and saw accepted */
	uint64_t learned; /* blocks from others */
	uint64_t fast; /* of those decided: without a prepare round */
	uint64_t preempted; /* attempts that another ballot overtook */
	uint64_t guilty; /* members that were proven guilty */
	uint64_t forks; /* certified blocks beside ours: Paxos was broken by a liar */
};
const struct lm_chain_stats *lm_chain_stats(const struct lm_chain *c);

#endif
