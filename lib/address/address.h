/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which address, and who serves which endpoint: for the endpoints of a network to which the
 * manifest gives no address or no provider.
 *
 * Addresses come from the manifest's pool, as an index in it. The pool is cut into blocks that the
 * chain assigns to gateways. A gateway gives out addresses of its own blocks alone and at once, and
 * has the chain note each afterwards (MOVE with generation 1): from then on endpoint, address and
 * gateway belong together until the chain says otherwise. What an endpoint was given is its own for
 * life: whoever serves it next, after another MOVE, serves it with this address.
 *
 * One object holds all networks of a gateway. Deterministic: time is an argument, effects are the
 * caller's callbacks. Control thread only. Callbacks take notes; they may ask (lm_address_get and
 * the like), but must call nothing that changes what is here. Call lm_address_tick after each other
 * call.
 */
#ifndef LM_ADDRESS_ADDRESS_H
#define LM_ADDRESS_ADDRESS_H

#include "chain/chain.h"
#include "manifest/manifest.h"

#define LM_ADDRESS_NONE UINT32_MAX
/* s; address blocks that were taken from a gateway are nobody's for so long. */
#define LM_ADDRESS_QUARANTINE (7 * 86400)
/*
 * s; a gateway that has heard from no majority of the chain's members for so long serves none of
 * these endpoints any more: it may have been cut off, and its blocks given to others.
 */
#define LM_ADDRESS_FENCE (6 * 86400)
/* s; a gateway that consents to a quarantine may differ by so much about when it ends. */
#define LM_ADDRESS_CLOCKS 3600
/*
 * s; an address that nobody needs any more rests for so long: the longest DHCP lease and more. If
 * other gateways than we may have served it, for LM_ADDRESS_QUARANTINE: one of them may be cut off.
 */
#define LM_ADDRESS_REST (25 * 3600)
/* s; an endpoint that another gateway says to serve, before the chain knows it, is left to it. */
#define LM_ADDRESS_DEFER 20
/* s; after a start an endpoint that the chain gave us waits so long for news of its having moved.
 */
#define LM_ADDRESS_GRACE 5

struct lm_address;

/* Why an endpoint that is attached here is not served: X(identifier, text). */
#define LM_ADDRESS_WAITS(X) \
	X(NOT, "it is served") \
	X(CHAIN, "waits to hear from the other gateways whether it lives elsewhere") \
	X(BLOCK, "waits for an address block") \
	X(POOL, "every address of the network's pool is taken") \
	X(ELSEWHERE, "lives at another gateway that serves it") \
	X(MOVING, "is being moved here, which a majority of the chain's members must agree to") \
	X(RANGE, "its address is not in the network's pool any more") \
	X(STORE, "its address could not be stored") \
	X(FENCED, "this gateway has heard from no majority of the chain's members for too long")

enum lm_address_wait {
#define X(id, text) LM_AW_##id,
	LM_ADDRESS_WAITS(X)
#undef X
	    LM_AW_MAX
};
extern const char *const lm_address_wait_names[LM_AW_MAX];

struct lm_address_place {
	uint32_t index; /* in the manifest's pool, or LM_ADDRESS_NONE: it has no address yet */
	uint64_t generation; /* of the chain's MOVE; 0: the chain does not know it (yet) */
	unsigned provider; /* index in the manifest: where it lives; LM_ANY_PROVIDER: nowhere */
	bool serve; /* we may serve it: it is attached here, is ours and has an address */
	enum lm_address_wait wait; /* attached here and not to be served: why */
};

/* What another gateway says in the ledger: that it serves this endpoint, with this address. */
struct lm_address_claim {
	unsigned endpoint, provider; /* indices in the manifest in force */
	uint32_t index;
	uint64_t generation;
};

enum lm_holder {
	LM_HOLDER_UNKNOWN, /* not yet: it is being asked */
	LM_HOLDER_SERVES,
	LM_HOLDER_IDLE, /* it does not, or has not answered for long enough to be called dead */
};

struct lm_address_ops {
	/* As lm_chain_propose; lm_address_done(tag) comes later, unless the process ends before. */
	int (*propose)(void *ctx, const struct lm_net_id *net,
	    const struct lm_chain_command *command, uint64_t tag);
	/*
	 * Durable before it returns 0: value under (net, key), in the place of what was there; len
	 * 0: nothing is there any more.
	 */
	int (*persist)(void *ctx, const struct lm_net_id *net, const void *key, size_t key_len,
	    const void *value, size_t len);
	/*
	 * Both or none: of several at once. Between the two what persist was given may wait for
	 * commit; durable before that returns 0, else none of it is there.
	 */
	void (*begin)(void *ctx);
	int (*commit)(void *ctx);
	/*
	 * Does this gateway serve the endpoint now? Of ourselves it is never asked. author: who
	 * wants to have it.
	 */
	enum lm_holder (*holder)(void *ctx, const struct lm_net_id *net,
	    const struct lm_public_key *gateway, unsigned endpoint,
	    const struct lm_public_key *author);
	/* lm_address_get gives something else for some endpoints. */
	void (*changed)(void *ctx, const struct lm_net_id *net);
	/*
	 * May be NULL. We need to hear from a majority of the members again (lm_address_current):
	 * all of them should be asked how long their chains are. It is called again and again, ever
	 * less often, as long as that is so.
	 */
	void (*ask)(void *ctx, const struct lm_net_id *net);
};

/* The longest key and value that persist is given. */
#define LM_ADDRESS_STORE_KEY_MAX 32
#define LM_ADDRESS_STORE_VALUE_MAX 160

/* self and chain must outlive it; of the chain only questions are asked. */
int lm_address_create(struct lm_address **out, const struct lm_public_key *self,
    unsigned max_networks, const struct lm_chain *chain, const struct lm_address_ops *ops,
    void *ctx);
void lm_address_free(struct lm_address *a);

/* ---- networks ---- */

/*
 * A manifest came into force, first or newer; it must live until the next one or remove. The chain
 * has the network already. What is attached and claimed is by the manifest's indices: both are
 * forgotten, to be said again. -ENOSPC, -ENOMEM: what was there before stays.
 */
int lm_address_set(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *net,
    const struct lm_manifest *manifest, unsigned self);
/* What persist was given, after the first lm_address_set and before anything else. -EBADMSG. */
int lm_address_restore(struct lm_address *a, const struct lm_net_id *net, const void *key,
    size_t key_len, const void *value, size_t len);
/* What is stored stays so. */
void lm_address_remove(struct lm_address *a, const struct lm_net_id *net);

/* ---- events ---- */

/* All endpoints that are attached here now, and may be by the manifest. */
int lm_address_attached(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *net,
    const uint32_t *endpoints, unsigned n);
/*
 * All that others claim now who can be reached, in any order; what does not fit the chain is not
 * followed.
 */
int lm_address_heard(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *net,
    const struct lm_address_claim *claims, unsigned n);
/*
 * A majority of the chain's members, we among them or not, has told us, since this was last called
 * or asked for, how long the chain is, and ours is as long: nothing that was decided before they
 * were asked is unknown to us. Also if we alone are the majority.
 */
void lm_address_current(
    struct lm_address *a, const struct lm_now *now, const struct lm_net_id *net);
/* The chain's callbacks of these names, once they have returned. */
void lm_address_grown(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *net);
void lm_address_done(struct lm_address *a, const struct lm_now *now, const struct lm_net_id *net,
    uint64_t tag, enum lm_chain_verdict verdict, uint32_t block);
/*
 * May this be done, by the manifest in force here, our clock and what the holder says? Of ASSIGN,
 * RELEASE, FREE, MOVE and FORGET; nothing else is judged here. Changes nothing.
 */
bool lm_address_consent(const struct lm_address *a, const struct lm_now *now,
    const struct lm_net_id *net, const struct lm_chain_command *command);
/* Runs what is due; returns the monotonic time of the next, or UINT64_MAX. */
uint64_t lm_address_tick(struct lm_address *a, const struct lm_now *now);

/* ---- questions ---- */

/*
 * As of the last lm_address_tick. Of an endpoint with an address and a provider in the manifest:
 * index LM_ADDRESS_NONE, that provider, and serve if it is attached here. -ENOENT.
 */
int lm_address_get(const struct lm_address *a, const struct lm_net_id *net, unsigned endpoint,
    struct lm_address_place *out);

struct lm_address_counts {
	unsigned blocks; /* that are ours */
	unsigned addresses; /* in them, but those that can never be given out */
	unsigned given, resting; /* of those: belong to endpoints, rest */
	bool current, fenced;
};
int lm_address_counts(
    const struct lm_address *a, const struct lm_net_id *net, struct lm_address_counts *out);

#endif
