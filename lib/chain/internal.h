/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of lib/chain share. Nothing here is seen from outside.
 *
 *   state.c    the state, its bytes and hash
 *   command.c  commands: bytes, signatures, consents
 *   check.c    whether a command applies
 *   apply.c    what it does to the state then
 *   block.c    blocks, certificates, and what members sign
 *   chain.c    networks; messages and time to those below
 *   message.c  what messages have in common; values in them, bodies that are not
 *   outcome.c  what the next block leads to
 *   vote.c     the acceptor: promises and accepts, durable before they are sent
 *   propose.c  the proposer: ballots, majorities, duels
 *   own.c      our commands: consents, then into the queue or to a member
 *   learn.c    decided blocks: checked, applied, kept, told
 *   catchup.c  being behind: headers, and their commands
 *   current.c  what members say that they know
 *   snapshot.c or the state after the last of them
 *   guilt.c    proofs that somebody lied
 *   recover.c  a new start by the owner's key
 *   query.c    questions of the caller
 */
#ifndef LM_CHAIN_INTERNAL_H
#define LM_CHAIN_INTERNAL_H

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>
#include "base/number.h"
#include "base/timers.h"
#include "chain/block.h"

#define MS 1000000ull /* ns */
#define SECOND 1000000000ull

/* Bodies that were pulled, or are wanted: one of each member, so that none takes another's place.
 */
#define BODIES (LM_CHAIN_MEMBERS_MAX + 1)
#define BODIES_KEPT 16 /* of the latest blocks; older ones are headers only */
#define BLOCKS_AT_ONCE 8 /* answers to one GET */
#define QUEUE_PER_AUTHOR 16
#define RATE 2048 /* messages a second from one member, and from all others together */
#define INVALID_COST 64 /* of those: a block that does not follow from the state costs so much */

struct network;

/* Where a chain begins: the genesis, or what the owner has signed. */
struct start {
	uint32_t era;
	uint64_t height;
	uint8_t hash[HASH_LEN], state[HASH_LEN];
	struct members members;
	uint8_t statement[LM_CHAIN_RECOVERY_MAX];
	size_t statement_len; /* 0: genesis */
};

/* A decided block of the past. */
struct piece {
	uint8_t *bytes; /* as lm_chain_decided_write does */
	uint32_t len;
	uint8_t *body; /* NULL: not here */
	uint32_t body_len; /* 0: nowhere any more */
};

/* What we have voted at the height after the tip. Durable before anybody hears of it. */
struct vote {
	uint64_t promised, accepted; /* ballots; 0: none */
	struct value value; /* if accepted */
	struct lm_signature proposer; /* of who proposed it */
	struct grant { /* what each member has had of us at this height; not kept */
		uint64_t next; /* monotonic ns: no other promise before */
		unsigned n;
	} grants[LM_CHAIN_MEMBERS_MAX];
};

/* What the tip becomes by the value of this hash; known: there is such a value. */
struct outcome {
	bool known;
	uint8_t hash[HASH_LEN];
	struct state state;
	uint32_t blocks[LM_CHAIN_COMMANDS_MAX]; /* what each ASSIGN got */
};

enum phase { IDLE, PREPARING, ACCEPTING };

/* One attempt to decide. */
struct proposal {
	enum phase phase;
	uint64_t ballot;
	struct promise promise[LM_CHAIN_MEMBERS_MAX];
	uint8_t promised, accepted, preempted; /* by these members: bits */
	struct value highest; /* of the promises' accepted values, with its body */
	uint64_t highest_ballot;
	struct value value; /* in phase ACCEPTING */
	struct lm_signature signature[LM_CHAIN_MEMBERS_MAX];
	unsigned tries; /* messages were repeated so often */
};

struct wish { /* a command that can be proposed */
	struct command command;
	TAILQ_ENTRY(wish) entry;
};
TAILQ_HEAD(wishes, wish);

struct own { /* a command of ours, until it has come to its end */
	struct command command;
	uint64_t tag;
	uint32_t era; /* in which it is signed */
	uint8_t members[HASH_LEN]; /* whose consents it has */
	unsigned asked; /* for consents, in all */
	unsigned tries; /* since the chain has last grown */
	uint64_t at; /* monotonic ns: before that nobody is asked to consent or to propose it */
	TAILQ_ENTRY(own) entry;
};
TAILQ_HEAD(owns, own);

/* Who has yet to hear of the block that we decided. */
struct tell {
	struct lm_public_key to[2 * LM_CHAIN_MEMBERS_MAX]; /* members before and after it */
	unsigned n, tries;
};

struct body {
	uint8_t hash[HASH_LEN];
	uint32_t len;
	uint8_t *bytes; /* NULL: wanted */
	struct parked *parked; /* what cannot be followed without it; NULL: nothing */
};

struct parked { /* a message that waits for a body */
	struct lm_public_key from;
	uint8_t type;
	size_t len;
	uint8_t bytes[];
};

/* What is proven to be decided beyond our tip, but not applied yet. */
struct ahead {
	bool restarted; /* the owner has named this start; our chain is void */
	struct start start;
	struct piece *pieces;
	unsigned n, room;
	struct header last; /* of them, if n */
	struct members members; /* who vote on the next */
};

struct fetch { /* from whom we ask for what we miss */
	bool on;
	struct lm_public_key from;
	unsigned tries;
	uint64_t until; /* the height up to which we have asked */
	uint64_t tip; /* how far it was when it last said so */
	uint32_t state_len; /* of its state then */
};

/* What a member last said: how long its chain is, and that it has accepted nothing beyond. */
struct contact {
	struct lm_public_key who;
	uint64_t at, height; /* monotonic ns */
};

struct rate {
	uint64_t since; /* monotonic ns */
	unsigned n;
};

struct network {
	struct lm_chain *chain;
	struct where where;
	struct lm_public_key owner;
	struct start start;
	/* the tip */
	uint64_t height;
	uint8_t hash[HASH_LEN], state_hash[HASH_LEN];
	struct lm_public_key maker; /* zero: nobody's */
	struct state state;
	uint8_t members_hash[HASH_LEN]; /* of state.members; a question a command needs it */
	uint8_t *state_bytes; /* for whoever pulls it; NULL: not asked for yet */
	size_t state_len;
	struct piece *pieces; /* from start.height + 1 to height */
	unsigned n_pieces, room;
	int self; /* index in state.members, or -1 */
	bool votes;
	struct vote vote;
	struct outcome outcome;
	struct proposal proposal;
	struct wishes queue;
	unsigned n_queue, n_own;
	struct owns own;
	uint64_t last_number;
	struct tell tell;
	struct ahead ahead;
	struct fetch fetch;
	struct contact contacts[LM_CHAIN_MEMBERS_MAX];
	struct body bodies[BODIES];
	struct lm_chain_guilt *guilt; /* the first LM_CHAIN_MEMBERS_MAX proofs; NULL: none */
	unsigned n_guilt;
	struct rate rates[LM_CHAIN_MEMBERS_MAX + 1];
	uint64_t overtaken; /* highest ballot by which ours were preempted */
	unsigned duels, unresolved; /* how often in a row, for back-off */
	/* monotonic ns, or LM_NEVER */
	uint64_t propose_at; /* start an attempt */
	uint64_t repeat_at; /* of the attempt */
	uint64_t resolve_at; /* finish what we accepted and did not see decided */
	uint64_t own_at, tell_at, fetch_at;
	struct lm_timer timer; /* the earliest of them */
	UT_hash_handle hh;
};

struct lm_chain {
	const struct lm_identity *self;
	struct lm_chain_ops ops;
	void *ctx;
	struct lm_now now; /* of the call that we are in */
	struct network *networks;
	unsigned max_networks;
	struct lm_timers timers;
	struct lm_chain_stats stats;
	uint64_t drops[LM_CD_MAX];
};

/* A message, as its handler sees it. */
struct message {
	struct network *net;
	const struct lm_public_key *from;
	uint8_t type;
	const uint8_t *bytes; /* all of it */
	size_t len;
	int member; /* its index in our state's members, or -1 */
	uint32_t era;
	uint64_t height;
	struct lm_reader r;
};

/* ---- chain.c ---- */
struct network *lm_chain_net(const struct lm_chain *c, const struct lm_net_id *id);
/* Counts a message that is not followed, and is what its handler returns. */
void lm_chain_drop(struct network *net, enum lm_chain_drop reason);
/* A block of theirs is invalid, which it took us long to see. */
void lm_chain_invalid(struct message *m);
uint64_t lm_chain_random(struct network *net, uint64_t below);
/* base doubled tries times, at most max; from half to one and a half of that. ns. */
uint64_t lm_chain_backoff(struct network *net, uint64_t base, unsigned tries, uint64_t max);
uint64_t lm_chain_now(const struct network *net);

/* ---- message.c ---- */
#define PREFIX_LEN (LM_NET_ID_LEN + 4 + 8)
/* Network, era, and a height: what all messages begin with. */
struct lm_writer lm_chain_begin(
    const struct network *net, uint64_t height, uint8_t bytes[LM_MESSAGE_MAX]);
void lm_chain_send(
    struct network *net, const struct lm_public_key *to, uint8_t type, const struct lm_writer *w);
/* To these members but ourselves. */
void lm_chain_send_members(
    struct network *net, uint8_t except, uint8_t type, const struct lm_writer *w);
/* A value, with its body if there is room. */
void lm_chain_value_write(struct lm_writer *w, const struct value *v);
/*
 * *body is inside the message, or one that we have, or NULL: then it is pulled from the sender, and
 * when it comes the message is handled again.
 */
bool lm_chain_value_read(struct message *m, struct value *v);
const uint8_t *lm_chain_body(
    const struct network *net, const uint8_t hash[HASH_LEN], uint32_t *len);
void lm_chain_body_want(struct network *net, const struct lm_public_key *from,
    const uint8_t hash[HASH_LEN], uint32_t len);
/* The place of one that we want, which it takes; NULL: we do not. */
struct body *lm_chain_body_take(
    struct network *net, const uint8_t hash[HASH_LEN], const uint8_t *bytes, size_t len);
void lm_chain_bodies_free(struct network *net);

/* ---- outcome.c ---- */
/*
 * Makes net->outcome that of the value, whose body is here. -EINVAL: it does not follow from the
 * tip; -ENOMEM.
 */
int lm_chain_outcome(struct network *net, const struct value *v);
/* It has been reckoned; takes the state over. */
void lm_chain_outcome_keep(struct network *net, const uint8_t hash[HASH_LEN], struct state *state,
    const uint32_t blocks[LM_CHAIN_COMMANDS_MAX]);
void lm_chain_outcome_drop(struct network *net);

/* ---- vote.c ---- */
/* Is this about the height after our tip, from a member, and do we vote there? Helps if not. */
bool lm_chain_turn(const struct message *m);
/* Durably: false, and nothing has changed, if it is not so. */
bool lm_chain_vote_promise(struct network *net, uint64_t ballot);
bool lm_chain_vote_accept(struct network *net, uint64_t ballot, const struct value *v,
    const struct lm_signature *proposer);
/* Our promise of vote.promised. */
int lm_chain_vote_statement(const struct network *net, struct promise *out);
void lm_chain_vote_reset(struct network *net); /* in memory: a new height */
int lm_chain_vote_restore(struct network *net, const void *bytes, size_t len);
/* The value that promises of a majority allow: its hash, or NULL: any. -1: no such majority. */
int lm_chain_justified(const struct promise promise[LM_CHAIN_MEMBERS_MAX], uint8_t members,
    const struct members *who, const uint8_t **hash);
/* Does the block follow from our tip? Its body is here. */
bool lm_chain_value_valid(struct network *net, const struct value *v);
void lm_chain_on_prepare(struct message *m);
void lm_chain_on_accept(struct message *m);

/* ---- propose.c ---- */
/* Something waits to be decided. */
void lm_chain_propose_soon(struct network *net, uint64_t delay);
void lm_chain_propose_due(struct network *net);
void lm_chain_repeat_due(struct network *net);
void lm_chain_proposal_reset(struct network *net);
void lm_chain_on_promise(struct message *m);
void lm_chain_on_accepted(struct message *m);
void lm_chain_on_preempted(struct message *m);

/* ---- own.c ---- */
void lm_chain_own_due(struct network *net);
void lm_chain_own_end(
    struct network *net, struct own *own, enum lm_chain_verdict verdict, uint32_t block);
struct own *lm_chain_own_find(struct network *net, const struct lm_chain_command *c);
/* The chain has grown: look at all of ours again. */
void lm_chain_own_again(struct network *net);
/* Of a block that was decided. */
void lm_chain_queue_drop(struct network *net, const struct lm_chain_command *c);
void lm_chain_wishes_free(struct network *net);
void lm_chain_on_ask(struct message *m);
void lm_chain_on_consent(struct message *m);
void lm_chain_on_request(struct message *m);

/* ---- learn.c ---- */
/*
 * The block after the tip, proven and with its body: applied, kept, and all that follows. ours: we
 * tell the others. 0, or a negative errno: nothing has changed.
 */
int lm_chain_learn(
    struct network *net, const struct value *v, const struct certificate *cert, bool ours);
/* The piece at a height that we have; NULL: none. */
const struct piece *lm_chain_piece(const struct network *net, uint64_t height);
/* Who voted on the block of this height. */
struct members lm_chain_voters(const struct network *net, uint64_t height);
int lm_chain_piece_add(struct piece **pieces, unsigned *n, unsigned *room, struct piece piece);
void lm_chain_pieces_free(struct piece **pieces, unsigned *n, unsigned *room);
/* Around several records; the commit counts what could not be stored, unless err says so. */
void lm_chain_store_begin(struct network *net);
int lm_chain_store_commit(struct network *net, int err);
int lm_chain_tip_persist(struct network *net, const struct start *start, uint64_t height,
    const uint8_t hash[HASH_LEN], const struct lm_public_key *maker, const struct state *state);
int lm_chain_tip_restore(struct network *net, const void *bytes, size_t len);
int lm_chain_header_restore(struct network *net, uint64_t height, const void *bytes, size_t len);
/* Everything that hangs on the tip begins anew. */
void lm_chain_tip_moved(struct network *net);
void lm_chain_tell_due(struct network *net);
void lm_chain_told(struct network *net, const struct lm_public_key *who, uint64_t height);

/* ---- catchup.c ---- */
void lm_chain_send_tip(struct network *net, const struct lm_public_key *to, bool ask);
void lm_chain_send_block(struct network *net, const struct lm_public_key *to, uint64_t height);
/* This gateway knows more than we do. */
void lm_chain_fetch(struct network *net, const struct lm_public_key *from);
void lm_chain_fetch_due(struct network *net);
void lm_chain_fetch_end(struct network *net);
/* The last block that is proven to be decided, applied or not, and who votes on the next. */
struct verified {
	uint32_t era;
	uint64_t height;
	uint8_t hash[HASH_LEN];
	const struct members *members;
};

struct verified lm_chain_verified(const struct network *net);
bool lm_chain_is_behind(const struct network *net);
void lm_chain_ahead_free(struct network *net);
void lm_chain_on_block(struct message *m);
void lm_chain_on_tip(struct message *m);
void lm_chain_on_get(struct message *m);
bool lm_chain_piece_read(const struct piece *p, const struct network *net, struct decided *d);
/* The body of the next block, or the state after the last one, may have come. */
void lm_chain_ahead_apply(struct network *net);

/* ---- current.c ---- */
/* Do we know that we have accepted nothing beyond our tip? */
bool lm_chain_sure(const struct network *net);
/* A member says the same of itself. */
void lm_chain_contact(struct network *net, const struct lm_public_key *member, uint64_t height);
void lm_chain_contacts_reset(struct network *net);
/* As of when nothing decided is unknown to us; monotonic ns, 0: we cannot tell. */
uint64_t lm_chain_current(const struct network *net);

/* ---- snapshot.c ---- */
/* Is it the state that we wait for? Then it is ours. */
bool lm_chain_ahead_state(
    struct network *net, const uint8_t hash[HASH_LEN], const uint8_t *bytes, size_t len);

/* ---- guilt.c ---- */
struct accepted { /* somebody's signature under a value in a ballot */
	const uint8_t *hash;
	const struct lm_signature *signature;
};
/* Both signatures are verified already. */
void lm_chain_guilty(struct network *net, const struct lm_public_key *member, uint64_t height,
    uint64_t ballot, struct accepted a, struct accepted b);
/* A block beside that which we have at its height. */
void lm_chain_fork(struct network *net, const struct decided *other);

/* ---- recover.c ---- */
int lm_chain_start_genesis(struct start *out, const struct where *where, const struct state *s);
int lm_chain_start_read(
    struct start *out, const struct network *net, const void *bytes, size_t len);
/* Our chain is void from here. */
int lm_chain_restart(struct network *net, const struct start *start);
void lm_chain_send_start(struct network *net, const struct lm_public_key *to);
void lm_chain_on_start(struct message *m);

#endif
