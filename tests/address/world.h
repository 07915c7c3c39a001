/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network of gateways that run the real lib/chain and the real lib/address, in one process and
 * virtual time, from a seed: messages are lost, delayed and overtake each other, links are cut, one
 * way, too; disks keep what a write returned 0 for, and may die in the middle of one; clocks differ
 * by minutes; manifests reach gateways at different times; days pass.
 *
 * What is around the two in a real gateway is simple here: who serves what is told to the others
 * some time later (the ledger), whom a majority has told of its tip is current, members come and go
 * as the manifest says (mind.c). check.c looks whenever somebody serves something else.
 */
#ifndef LM_TESTS_ADDRESS_WORLD_H
#define LM_TESTS_ADDRESS_WORLD_H

#include <stdio.h>
#include "address/internal.h"
#include "../sim/events.h"
#include "../sim/random.h"

#define NODES 11
#define THINGS 14 /* endpoints, over all manifests */
#define SERIALS 24
#define WALL0 (1800000000ull * SECOND) /* 2027-01-15 */
#define SKEW 300 /* s, of clocks either way */
#define NO_THING UINT32_MAX

struct world;

struct file {
	uint8_t key_len, key[64];
	size_t len;
	uint8_t *bytes;
};

/* What the chain says while it is in a call, and is told to lib/address afterwards. */
struct note {
	bool grown;
	uint64_t tag;
	enum lm_chain_verdict verdict;
	uint32_t block;
};

struct asking { /* a holder, about an endpoint */
	uint64_t since, answered; /* 0: it is not being asked; there is no answer */
	bool serves;
};

struct serving {
	bool serve;
	uint32_t index;
	uint64_t generation;
};

struct node {
	struct world *world;
	unsigned index;
	struct lm_identity id;
	struct lm_chain *chain; /* NULL: it is down, or is no provider by its manifest */
	struct lm_address *address;
	bool up;
	int64_t clock; /* ns, of its wall clock */
	unsigned serial; /* of the manifest that it enforces */
	struct sim_event tick, tell, mind, day;
	struct file *files;
	unsigned n_files, room;
	bool staging; /* writes wait for disk_commit */
	struct file *staged;
	unsigned n_staged, room_staged;
	struct note notes[256];
	unsigned n_notes;
	bool proposed, changed, grew, greet, was_fenced;
	uint64_t current;
	bool attached[THINGS];
	struct serving serving[THINGS]; /* now */
	struct serving claims[NODES][THINGS]; /* what the others have told, from their last time */
	bool heard; /* something new of these */
	struct asking asking[NODES][THINGS];
	unsigned bad_disk; /* refuses so many of a thousand writes */
	unsigned dies_after; /* so many writes; 0: it does not */
	bool dying;
	uint64_t seen; /* height of its chain when check.c last looked */
	uint64_t mind_at;
	unsigned mind_tries;
};

enum kind { GIVEN, GIVEN_PLACED, FIXED_ANY, STATIC };

struct version { /* a manifest */
	struct lm_manifest *man;
	uint16_t providers; /* bit i: node i is one */
	uint32_t endpoint[THINGS]; /* or NO_THING: it is not in it */
	uint32_t thing[THINGS]; /* by endpoint */
	int place[THINGS]; /* the node, or -1 */
};

struct truth { /* an endpoint, by the longest chain that somebody has */
	bool known;
	uint32_t index;
	uint64_t generation;
};

struct past { /* who had an address last */
	unsigned thing;
	uint64_t at; /* ns; 0: nobody */
};

struct world {
	uint64_t seed, now, events_done;
	struct sim_events events;
	struct sim_random random, keys, story;
	struct lm_net_id net;
	struct lm_identity owner;
	struct lm_chain_genesis genesis;
	unsigned n; /* nodes; the first genesis.n_members are members at first */
	struct node node[NODES];
	unsigned n_things;
	enum kind kind[THINGS];
	struct version version[SERIALS + 1]; /* by serial */
	unsigned serial; /* the newest */
	unsigned family, block_bits, pool_bits; /* 4, 6 or 46; powers of two */
	uint64_t delay, jitter; /* ns */
	unsigned loss; /* of a thousand */
	bool cut[NODES][NODES]; /* from, to */
	/* check.c */
	uint64_t height; /* of the longest chain */
	unsigned members[LM_CHAIN_MEMBERS_MAX], n_members; /* by it */
	struct truth truth[THINGS];
	int owner_of[1024]; /* address blocks: node, or -1 */
	struct past *past; /* by index */
	struct serving unnoted[NODES][THINGS]; /* given, before the chain knew it */
	uint64_t served, moved, conflicts, fenced; /* how often, to know what was tested */
	FILE *trace;
	unsigned broken;
	char first_broken[256];
};

struct setup {
	unsigned members, others; /* gateways: members at first, and providers beside them */
	unsigned family, block_bits, pool_bits; /* as in struct world */
	uint32_t things; /* of the first manifest: bits */
	enum kind kind[THINGS];
};

struct setup world_setup(uint64_t seed);
struct world *world_new(uint64_t seed, const struct setup *setup, FILE *trace);
void world_free(struct world *w);
void world_say(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_broken(struct world *w, const struct node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void world_run(struct world *w, uint64_t ns);
struct lm_now world_now(const struct node *n);
bool world_chance(struct world *w, unsigned thousandths);

void world_start(struct world *w, unsigned node);
void world_crash(struct world *w, unsigned node);
void world_cut(struct world *w, unsigned from, unsigned to, bool cut);
void world_heal(struct world *w);
void world_attach(struct world *w, unsigned node, unsigned thing, bool attached);
/* The node learns of this manifest, if it is newer than its own. */
void world_tell(struct world *w, unsigned node, unsigned serial);
/* The next manifest, known to nobody yet. */
void world_manifest(struct world *w, uint16_t providers, uint32_t things);
int world_index(const struct world *w, const struct lm_public_key *key); /* or -1 */
bool world_linked(const struct world *w, unsigned a, unsigned b); /* both ways */
static inline const struct version *version_of(const struct node *n)
{
	return &n->world->version[n->serial];
}
static inline bool is_provider(const struct node *n)
{
	return version_of(n)->providers >> n->index & 1;
}
struct network *world_net(const struct node *n);

/* ---- between the files of the world ---- */
static inline void *must(void *p)
{
	if (!p)
		abort();
	return p;
}
/* Index of a node in a manifest's providers, or -1. */
int world_provider(const struct lm_manifest *man, const struct lm_public_key *key);

/* ---- turn.c ---- */
extern const struct lm_chain_ops world_chain_ops;
extern const struct lm_address_ops world_address_ops;
void world_fire_tick(struct sim *s, struct sim_event *e);
void world_fire_tell(struct sim *s, struct sim_event *e);
void world_fire_mind(struct sim *s, struct sim_event *e);
void world_fire_day(struct sim *s, struct sim_event *e);
/* After each call into a gateway: what follows inside it, and whether it has lived through it. */
void world_after(struct node *n);

/* ---- document.c ---- */
/* Which nodes are providers, which things are there (bits), and where those with a place live. */
void document_make(struct world *w, unsigned serial, uint16_t providers, uint32_t things);

/* ---- disk.c ---- */
int disk_write(struct node *n, const void *key, size_t key_len, const void *value, size_t len);
void disk_restore_chain(struct node *n);
void disk_restore_address(struct node *n);
int disk_chain(void *ctx, const struct lm_net_id *net, enum lm_chain_record what, uint64_t height,
    const void *bytes, size_t len);
void disk_truncate(void *ctx, const struct lm_net_id *net, uint64_t height);
int disk_address(void *ctx, const struct lm_net_id *net, const void *key, size_t key_len,
    const void *value, size_t len);
void disk_begin(void *ctx);
int disk_commit(void *ctx);

/* ---- wire.c ---- */
void wire_send(
    void *ctx, const struct lm_public_key *to, uint8_t type, const void *body, size_t len);
void wire_pull(void *ctx, const struct lm_net_id *net, const struct lm_public_key *from,
    const uint8_t hash[LM_CHAIN_HASH_LEN], size_t size);
void wire_greet(struct node *from, unsigned to);
void wire_tell(struct node *n, unsigned to); /* what it serves */
void wire_drop(struct world *w);

/* ---- mind.c ---- */
bool mind_consent(void *ctx, const struct lm_net_id *net, const struct lm_chain_command *c);
enum lm_holder mind_holder(void *ctx, const struct lm_net_id *net,
    const struct lm_public_key *gateway, unsigned endpoint, const struct lm_public_key *author);
void mind_seats(struct node *n); /* members come and go */
void mind_ended(struct node *n, uint64_t tag);

/* ---- check.c ---- */
void check_grown(struct node *n);
void check_served(struct world *w);

#endif
