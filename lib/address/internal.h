/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of lib/address share. Nothing here is seen from outside.
 *
 *   address.c  the object, its networks and events; time to those below
 *   network.c  one network: its endpoints by the manifest, what is done in a turn
 *   key.c      the order of endpoints' keys, and what a key leads to
 *   view.c     what the chain and the others' claims say; what follows for each endpoint
 *   record.c   the addresses of our blocks that are not free: durable
 *   blocks.c   our address blocks: got, given back; quarantines that are over
 *   wish.c     commands that we want decided: which, and when again
 *   fence.c    how long ago a majority was heard
 *   consent.c  to what we consent as a member
 *   query.c    questions of the caller
 *
 * Events only take notes. Then, in a turn (lm_address_tick), the chain is read, it is worked out
 * what follows for each endpoint, and what is to be done is done, a few writes to the store at a
 * time so that others have their turn.
 */
#ifndef LM_ADDRESS_INTERNAL_H
#define LM_ADDRESS_INTERNAL_H

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>
#include "address/address.h"
#include "base/bytes.h"
#include "base/number.h"
#include "base/timers.h"

#define MS 1000000ull /* ns */
#define SECOND 1000000000ull

#define NOBODY LM_ANY_PROVIDER
#define WRITES_AT_ONCE 256 /* to the store, in one turn */
#define RECORDS_MAX (8 * LM_CHAIN_ENDPOINTS_MAX)
#define FORGETS_AT_ONCE 16

struct network;
struct spot;

/* ---- addresses of our blocks ---- */

enum record_state {
	RECORD_GIVEN = 1, /* to the endpoint `key` */
	RECORD_RESTING, /* was given to it */
	RECORD_FREE, /* is not in use, but still in the store */
};

struct record {
	uint32_t index;
	uint8_t state, key_len, key[LM_CHAIN_KEY_MAX];
	/* Of RESTING: it ends then, if the chain knows a higher serial than this by then. */
	uint64_t until; /* monotonic ns */
	uint64_t until_utc; /* s */
	uint64_t serial;
	/* In memory only. */
	bool dirty; /* the store has something else */
	bool fresh; /* given in this life of the process, and the chain has not known it yet */
	bool forgotten; /* by ourselves, who alone have served it */
	uint32_t mark; /* the reading of the chain in which it was last seen */
	TAILQ_ENTRY(record) entry; /* if dirty */
	UT_hash_handle hh; /* by index */
};
TAILQ_HEAD(records, record);

struct block {
	uint32_t index;
	bool ours; /* by the chain */
	bool granted; /* the chain has given it to us in this life, and told us so */
	bool marked; /* in the store */
	bool dirty; /* the store has something else */
	bool releasing; /* we want to give it back; durable before we say so */
	uint64_t until; /* monotonic ns; we do not know what was given out of it before */
	uint64_t until_utc; /* s; 0: we do */
	uint32_t low, high; /* indices that are addresses: low .. high - 1 */
	uint32_t next; /* where to look for a free one */
	unsigned used, busy; /* that are not free; those of them that are addresses */
	bool full; /* no free one was found */
};

/* ---- endpoints ---- */

struct op;

struct spot { /* an endpoint of the manifest */
	bool decided, attached;
	/* the chain */
	bool known;
	uint16_t provider; /* NOBODY: the gateway was removed, or is no provider */
	uint32_t index;
	uint64_t generation;
	/* others */
	uint16_t claimer; /* of the best claim that can be believed; NOBODY: none */
	uint32_t claimed;
	bool holder_claims, held; /* who has it by the chain says that it serves it; said so */
	uint64_t defer; /* monotonic ns, until when it is left to the claimer; 0: it is not */
	/* ours */
	struct record *record; /* GIVEN to it, and the chain does not know it */
	struct op *op; /* a MOVE of it is on its way */
	unsigned tries;
	uint64_t retry; /* monotonic ns; no other MOVE before */
	bool unstored; /* its address could not be stored */
	struct lm_address_place place;
};

struct provider {
	struct lm_public_key key;
	uint16_t index;
	UT_hash_handle hh;
};

struct op { /* a command of ours that has not ended */
	struct lm_chain_command command;
	uint64_t tag;
	bool old; /* of a manifest before; nothing waits for it any more */
	bool first; /* FORGET: of one that only we have ever served */
	uint32_t about; /* FORGET: its address */
	uint64_t since; /* monotonic ns */
	LIST_ENTRY(op) entry;
};
LIST_HEAD(ops, op);

/* When a kind of command is tried again. */
struct pace {
	uint64_t at; /* monotonic ns */
	unsigned tries;
};

/* An endpoint that the chain knows and the manifest does not. */
struct leftover {
	uint8_t key_len, key[LM_CHAIN_KEY_MAX];
	bool orphan; /* its gateway is gone, or is no provider any more */
	uint32_t index;
	uint64_t generation;
};

struct network {
	struct lm_address *address;
	struct lm_net_id id;
	const struct lm_manifest *man;
	uint16_t self; /* index in its providers */
	struct lm_chain_info info; /* as it was read last */
	struct spot *spots; /* by endpoint */
	uint32_t *order; /* endpoints of which we decide something, in order of key */
	unsigned n_order, n_attached; /* of those */
	struct provider *providers;
	struct lm_address_claim *claims;
	unsigned n_claims;
	uint32_t *taken; /* indices that endpoints have by the chain, sorted */
	unsigned n_taken, room_taken;
	struct record *records;
	struct records dirty;
	uint32_t mark;
	struct block *blocks; /* by index; ours, and those that the store has */
	unsigned n_blocks, room_blocks;
	struct ops ops;
	unsigned n_ops, n_moves, n_kind[LM_CHAIN_SERIAL + 1];
	struct pace pace[LM_CHAIN_SERIAL + 1];
	uint64_t full_until; /* the chain takes no more commands of ours */
	unsigned cursor; /* in order: where to go on with wishes */
	struct leftover leftovers[FORGETS_AT_ONCE];
	unsigned n_leftovers;
	uint64_t orphans_since; /* leftovers whose gateway is gone; 0: there are none */
	uint32_t quarantined; /* the address block whose quarantine ends first */
	uint64_t quarantined_until; /* UTC seconds; 0: none */
	bool no_block; /* none is free */
	bool stale; /* the chain's serial keeps an address from being free */
	/* time */
	uint64_t started, idle_since; /* monotonic ns; nothing attached since; 0: something is */
	bool current, contacted, fenced;
	uint64_t contact, contact_wall; /* ns; monotonic, of this life or reckoned back; UTC */
	uint64_t contact_left; /* ns of LM_ADDRESS_FENCE that were left at `contact` */
	uint64_t stored_contact; /* UTC seconds */
	struct pace asked;
	bool hurry; /* heard again after a while: what could not be decided may be now */
	bool dirty_view; /* read the chain again */
	bool told; /* `changed` is to be called */
	uint64_t rest_at, next; /* monotonic ns */
	uint64_t wrote_at; /* monotonic ns; then as much was written as may be in one turn */
	struct lm_timer timer;
	UT_hash_handle hh;
};

struct lm_address {
	const struct lm_public_key *self;
	const struct lm_chain *chain;
	struct lm_address_ops ops;
	void *ctx;
	struct lm_now now; /* of the call that we are in */
	struct network *networks;
	unsigned max_networks;
	uint64_t last_tag;
	struct lm_timers timers;
};

/* ---- address.c ---- */
struct network *lm_address_net(const struct lm_address *a, const struct lm_net_id *id);
static inline uint64_t now_mono(const struct network *net)
{
	return net->address->now.mono;
}
static inline uint64_t now_utc(const struct network *net)
{
	return net->address->now.wall / SECOND;
}
/* Look at the network again then, at the latest. */
static inline void wake_at(struct network *net, uint64_t at)
{
	net->next = lm_min_u64(net->next, at);
}
bool lm_address_is_self(const struct network *net, const struct lm_public_key *key);
/* Durably, value NULL: gone; said once in the log. */
int lm_address_store(
    struct network *net, const void *key, size_t key_len, const void *value, size_t len);
/* What is stored between the two is so when commit returns 0; said in the log if not. */
void lm_address_store_begin(struct network *net);
int lm_address_store_commit(struct network *net);

/* ---- key.c ---- */
/* As memcmp: of a manifest's endpoint with a key. */
int lm_address_key_compare(
    const struct lm_manifest *man, unsigned endpoint, const uint8_t *key, size_t key_len);
/* The endpoints of which gateways decide something, in order of key. */
void lm_address_key_sort(const struct lm_manifest *man, uint32_t *endpoints, unsigned n);
/* The spot of an endpoint of which we decide something; NULL. */
struct spot *lm_address_spot(const struct network *net, const uint8_t *key, size_t key_len);

/* ---- network.c ---- */
int lm_address_network_set(struct network *net, const struct lm_manifest *man, uint16_t self);
void lm_address_network_clear(struct network *net); /* all of it */
void lm_address_turn(struct network *net);
static inline bool may_be_ours(const struct network *net, unsigned endpoint)
{
	unsigned provider = net->man->endpoints[endpoint].provider;
	return provider == LM_ANY_PROVIDER || provider == net->self;
}

/* ---- view.c ---- */
void lm_address_view(struct network *net); /* reads chain and claims anew */
void lm_address_resolve(struct network *net, unsigned endpoint);
void lm_address_resolve_all(struct network *net);
/* Of the address block of an address; NULL: nobody. */
const struct lm_public_key *lm_address_owner(const struct network *net, uint32_t index);
uint16_t lm_address_provider(const struct network *net, const struct lm_public_key *key);

/* ---- record.c ---- */
struct record *lm_address_record(const struct network *net, uint32_t index);
/* The chain has this endpoint at this address of one of our blocks. */
void lm_address_record_seen(struct network *net, const struct lm_chain_endpoint *e);
/* After the chain was read: what of them is still so. */
void lm_address_records_settle(struct network *net);
/* Writes what is dirty; false: not all is written. */
bool lm_address_records_write(struct network *net, unsigned *budget);
/* It is the endpoint's, once it is durable. -ENOSPC: no address is free. */
int lm_address_record_give(struct network *net, unsigned endpoint);
/* It is not durable. */
void lm_address_record_take_back(struct network *net, unsigned endpoint);
int lm_address_record_restore(
    struct network *net, uint32_t index, struct lm_reader *r); /* -EBADMSG, -ENOMEM */
void lm_address_records_free(struct network *net);

/* ---- blocks.c ---- */
struct block *lm_address_block(const struct network *net, uint32_t block);
static inline void lm_address_block_use(struct block *b, uint32_t index)
{
	b->used++;
	b->busy += index >= b->low && index < b->high;
}
static inline void lm_address_block_unuse(struct block *b, uint32_t index)
{
	b->used--;
	b->busy -= index >= b->low && index < b->high;
}
bool lm_address_usable(const struct network *net, uint32_t index); /* is it an address? */
void lm_address_blocks_read(struct network *net);
void lm_address_blocks_range(struct network *net); /* by the manifest */
bool lm_address_blocks_write(struct network *net, unsigned *budget);
int lm_address_block_restore(struct network *net, uint32_t block, struct lm_reader *r);
void lm_address_block_granted(struct network *net, uint32_t block);
/* A free address, of which nobody knows; LM_ADDRESS_NONE. */
uint32_t lm_address_pick(struct network *net);
bool lm_address_none_left(const struct network *net);
void lm_address_blocks_wish(struct network *net);
void lm_address_blocks_free(struct network *net);

/* ---- wish.c ---- */
void lm_address_wishes(struct network *net);
/* Proposes it unless too much is on its way; what is returned is the chain's until it ends. */
struct op *lm_address_propose(struct network *net, const struct lm_chain_command *command);
bool lm_address_op_of(const struct network *net, uint8_t kind, uint32_t block);
/* May a command of this kind be tried now? Else the network is woken then. */
bool lm_address_pace(struct network *net, uint8_t kind);
void lm_address_ended(
    struct network *net, struct op *op, enum lm_chain_verdict verdict, uint32_t block);
/* What stood in the way of this MOVE is gone. Whoever waits long between two tries begins anew. */
void lm_address_move_again(struct network *net, struct spot *spot);
/* Those of an older manifest go on without us. */
void lm_address_ops_abandon(struct network *net);
/* What waits for its next try is tried at once. */
void lm_address_hurry(struct network *net);
/* Our place among the members that are providers, or -1. */
int lm_address_rank(const struct network *net);

/* ---- fence.c ---- */
void lm_address_contact(struct network *net);
int lm_address_contact_restore(struct network *net, struct lm_reader *r);
void lm_address_fence(struct network *net); /* works out `fenced`, and asks if need be */
bool lm_address_ready(const struct network *net);

/* Keys in the store: kind (1), and what it is about. Values begin with a format (1). */
enum { STORE_ADDRESS = 1, STORE_BLOCK = 2, STORE_CONTACT = 3 };
#define STORE_FORMAT 1

#endif
