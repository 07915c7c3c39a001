/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network of gateways that run the real lib/chain, in one process and virtual time, from a seed:
 * a network that loses, doubles, delays, reorders and parts (one way, too); disks that keep what
 * persist returned 0 for and nothing else; crashes at any moment, also between a write and the
 * message that depends on it; clocks that differ; manifests that reach gateways at different times.
 *
 * Whenever a chain grows it is checked against what was decided before (check.c): one block a
 * height, proven by the members that the block before names, following from it by a second,
 * simple-minded reckoning of who owns what; and nothing that was acknowledged is ever gone.
 */
#ifndef LM_TESTS_CHAIN_WORLD_H
#define LM_TESTS_CHAIN_WORLD_H

#include <stdio.h>
#include "chain/internal.h"
#include "../sim/events.h"
#include "../sim/random.h"

#define WORLD_NODES 12
#define WORLD_BLOCKS 24 /* address blocks of the prefix */
#define WORLD_BLOCK_SIZE 64
#define WORLD_HEIGHTS 1024
#define WORLD_KEYS 6 /* endpoints */
#define QUARANTINE 40 /* s */
#define WALL0 (1800000000ull * SECOND) /* 2027-01-15 */
#define SKEW 2 /* s, of clocks either way */

struct world;

struct file {
	enum lm_chain_record what;
	uint64_t height;
	size_t len;
	uint8_t *bytes;
};

struct node {
	struct world *world;
	unsigned index;
	struct lm_identity id;
	struct lm_chain *chain; /* NULL: it is down */
	bool liar;
	int64_t clock; /* ns, of its wall clock */
	uint64_t serial; /* of the manifest that it enforces */
	struct sim_event tick;
	struct file *files;
	unsigned n_files, room;
	bool mute; /* it is started as one that lost its store */
	/* its disk refuses so many writes of a thousand; of the refused, half are there all the
	 * same */
	unsigned bad_disk;
	bool dying; /* it crashes in the call that it is in: nothing leaves it any more */
	unsigned dies_after; /* so many further writes; 0: it does not */
	uint64_t height; /* that it has acknowledged, in this era */
	uint32_t era;
	uint64_t sent; /* messages */
	struct told *told; /* by order of proposing */
	unsigned n_told;
	unsigned guilty; /* proofs that it holds */
	struct lm_chain_guilt guilt; /* the latest */
};

/* What the manifest of a serial says. */
struct manifest {
	uint16_t authorised; /* bit i: node i */
	uint8_t place[WORLD_KEYS]; /* who may have the endpoint */
};

struct seen { /* commands that somebody has voted for */
	uint8_t hash[HASH_LEN];
	uint32_t len;
	uint8_t *bytes;
};

struct told { /* a command, and what its author was told of it */
	uint64_t tag, number;
	bool ended;
	enum lm_chain_verdict verdict;
	uint32_t block;
};

struct truth { /* what was decided at a height */
	bool known;
	uint64_t at; /* when somebody first knew */
	uint8_t hash[HASH_LEN], state[HASH_LEN];
	struct members members;
};

struct world {
	uint64_t seed, now, events_done;
	struct sim_events events;
	struct sim_random random, keys;
	struct lm_net_id net;
	struct lm_identity owner;
	struct lm_chain_genesis genesis;
	unsigned n; /* nodes; the first genesis.n_members are members at first */
	struct node node[WORLD_NODES];
	uint64_t delay, jitter; /* ns */
	uint64_t slowest; /* ns; no message has been on its way for longer */
	unsigned loss, twice; /* of a thousand */
	bool cut[WORLD_NODES][WORLD_NODES]; /* from, to */
	uint64_t cut_since[WORLD_NODES][WORLD_NODES];
	unsigned under_way; /* messages */
	struct manifest *manifests; /* by serial - 1 */
	uint64_t serial; /* the highest */
	/* check.c */
	uint32_t era;
	uint64_t start; /* height of this era's start */
	uint64_t height; /* the highest that was decided */
	struct truth truth[WORLD_HEIGHTS];
	int owner_of[WORLD_BLOCKS]; /* node; -1 free, -2 in quarantine */
	uint64_t until[WORLD_BLOCKS];
	uint64_t generation[WORLD_KEYS];
	int place[WORLD_KEYS];
	struct seen *seen;
	unsigned n_seen;
	uint64_t *applied; /* author << 48 ^ number, of all commands */
	unsigned n_applied;
	bool forks_allowed; /* a liar votes twice */
	/* a hook for lies: true: this message is not sent as it is */
	bool (*tamper)(struct world *w, unsigned from, unsigned to, uint8_t type,
	    const uint8_t *body, size_t len);
	FILE *trace;
	unsigned broken;
	char first_broken[256];
};

/* Members of the genesis, and others that are authorised. All are started. */
struct world *world_new(uint64_t seed, unsigned members, unsigned others);
void world_free(struct world *w);
void world_say(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_broken(struct world *w, const struct node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void world_run(struct world *w, uint64_t ns);
/* Until no message is under way and nobody has a timer; false: not within ns. */
bool world_settle(struct world *w, uint64_t ns);
struct lm_now world_now(const struct node *n);

void world_start(struct world *w, unsigned node);
void world_crash(struct world *w, unsigned node);
/* Of a gateway that is down: all that it knew. */
void world_lose_disk(struct world *w, unsigned node);
void world_cut(struct world *w, unsigned from, unsigned to, bool cut);
void world_heal(struct world *w);
void world_greet_all(struct world *w, unsigned node);
/* The next manifest: known to nobody yet. */
uint64_t world_manifest(struct world *w, uint16_t authorised);
void world_tell(struct world *w, unsigned node, uint64_t serial);

/* Author and number are the chain's; serial 0: that of the node's manifest. */
int world_propose(struct world *w, unsigned node, struct lm_chain_command c, uint64_t tag);
struct lm_chain_command world_command(struct world *w, enum lm_chain_kind kind, unsigned about);
/* NULL: it was not proposed. */
const struct told *world_told(const struct world *w, unsigned node, uint64_t tag);
/* It has ended, and so. */
bool world_verdict(
    const struct world *w, unsigned node, uint64_t tag, enum lm_chain_verdict verdict);
/* As if from a node; arrives at once. */
void world_deliver(
    struct world *w, unsigned from, unsigned to, uint8_t type, const void *body, size_t len);
void world_send(
    struct world *w, unsigned from, unsigned to, uint8_t type, const void *body, size_t len);
struct network *world_net(struct world *w, unsigned node);
int world_index(const struct world *w, const struct lm_public_key *key); /* or -1 */
uint64_t world_height(struct world *w, unsigned node);
uint64_t world_drops(struct world *w, unsigned node, enum lm_chain_drop reason);
size_t world_key(unsigned key, uint8_t out[LM_CHAIN_KEY_MAX]);

/* ---- between the files of the world ---- */
static inline void *must(void *p)
{
	if (!p)
		abort();
	return p;
}
bool world_chance(struct world *w, unsigned thousandths);
/* After each call into a chain: its timer, and whether it has lived through it. */
void world_after(struct node *n);
/* Everything that is under way, and all other events. */
void wire_drop(struct world *w);
/* As in struct lm_chain_ops. */
void wire_send(
    void *ctx, const struct lm_public_key *to, uint8_t type, const void *body, size_t len);
void wire_pull(void *ctx, const struct lm_net_id *net, const struct lm_public_key *from,
    const uint8_t hash[HASH_LEN], size_t size);
int disk_persist(void *ctx, const struct lm_net_id *net, enum lm_chain_record what, uint64_t height,
    const void *bytes, size_t len);
void disk_truncate(void *ctx, const struct lm_net_id *net, uint64_t height);
bool mind_consent(void *ctx, const struct lm_net_id *net, const struct lm_chain_command *c);

/* ---- check.c ---- */
void check_begin(struct world *w);
void check_grown(struct node *n);
/* Who calls itself current is. */
void check_current(struct node *n);
/* A VOTE record. */
void check_vote(struct world *w, const uint8_t *bytes, size_t len);
/* Whatever was acknowledged has happened. */
void check_told(struct world *w);
void check_free(struct world *w);

#endif
