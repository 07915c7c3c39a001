/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world of ledgers in one process: gateways with clocks of their own and disks, sessions that
 * come up and end as links do, a network that loses, doubles, delays and parts, members that lie.
 * Everything follows from one seed.
 *
 * After each event the gateway that it happened to is checked: only authorised authors' records,
 * only what these really published, versions that never fall, bounds kept, and what it told its
 * caller is what it has.
 */
#ifndef LM_TESTS_LEDGER_SIM_H
#define LM_TESTS_LEDGER_SIM_H

#include "ledger/internal.h"

#define SIM_NODES 512
#define SIM_BUCKETS 4096
#define SIM_NETS 8
#define SIM_KEYS 6 /* key 0 is the gateway itself, the others are endpoints */
#define SIM_LIFETIME LM_LEDGER_LIFETIME_MIN

struct sim;

struct sim_seen { /* what a node's ledger told it of (net, author, key) */
	uint32_t serial; /* 0: nothing */
	uint64_t version; /* highest that it ever had in this life */
};

struct sim_file {
	unsigned net;
	uint8_t id[LM_LEDGER_ID_LEN];
	size_t len;
	uint8_t bytes[1024];
};

struct sim_handle { /* what the ledger takes for a session */
	struct sim_node *of;
	unsigned to;
};

struct sim_node {
	struct sim *sim;
	unsigned index;
	struct lm_identity id;
	int64_t clock; /* of its wall clock, ns */
	struct lm_ledger *l; /* NULL: does not run, or lies */
	bool liar;
	uint64_t tick_at;
	struct sim_handle *handles;
	bool *up; /* it believes that its session with that node is up */
	uint64_t *lost_at; /* since when that link is dead */
	/* what its operator wants */
	bool knows[SIM_NETS], joined[SIM_NETS];
	bool authors[SIM_NETS][SIM_NODES]; /* as of the manifest that it has */
	uint32_t stands[SIM_NETS][SIM_KEYS]; /* serial of what it publishes; 0: nothing */
	struct sim_seen (*seen)[SIM_NODES][SIM_KEYS]; /* by net; NULL: not checked */
	bool keeps; /* has a disk */
	struct sim_file *files;
	unsigned n_files, cap_files;
	uint64_t sent_bytes, sent_messages, changed, gone;
};

struct sim_event {
	uint64_t at, order;
	unsigned node, from; /* node: whom it happens to */
	uint8_t type;
	size_t len;
	uint8_t *body; /* NULL: its tick */
};

struct sim_net {
	struct lm_net_id id;
	struct lm_secret secret;
	bool authors[SIM_NODES];
	unsigned generation;
};

struct sim {
	uint64_t seed, random, mono;
	unsigned n;
	struct sim_node *node; /* of n */
	struct sim_net net[SIM_NETS];
	struct sim_event *heap; /* [1 .. n_heap] */
	size_t n_heap, cap_heap;
	uint64_t order;
	bool skewed; /* clocks differ: expiry is not the same instant for all */
	unsigned loss, dup; /* percent */
	uint64_t delay, jitter;
	bool *cut; /* [from * n + to] */
	bool unsettled; /* sessions have to be looked at */
	uint64_t sessions_at;
	unsigned check_every; /* so many events; 0: never */
	uint64_t events;
	uint16_t by_key[SIM_BUCKETS]; /* node + 1 */
	uint32_t serial;
	struct lm_ledger_config config;
	unsigned broken;
	char first_broken[256];
};

struct sim *sim_new(uint64_t seed, unsigned n);
void sim_free(struct sim *s);
uint64_t sim_random(struct sim *s, uint64_t below);
void sim_run(struct sim *s, uint64_t ns);
void sim_broken(struct sim *s, const struct sim_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
struct lm_now sim_now(const struct sim_node *n);

/* Who is authorised from now on; whoever leaves makes a new secret. Nodes learn it by sim_tell. */
void sim_authorise(struct sim *s, unsigned net, unsigned node, bool yes);
void sim_tell(struct sim *s, unsigned net, unsigned node);
void sim_join(struct sim *s, unsigned net, unsigned node, bool yes);
/* All n nodes are authorised, told and joined. */
void sim_all(struct sim *s, unsigned net);
int sim_publish(struct sim *s, unsigned node, unsigned net, unsigned key);
void sim_withdraw(struct sim *s, unsigned node, unsigned net, unsigned key);
void sim_start(struct sim *s, unsigned node);
void sim_crash(struct sim *s, unsigned node);
void sim_cut(struct sim *s, unsigned from, unsigned to, bool cut);
/* The serial that node has of (net, author, key); 0: none. Asks its ledger. */
uint32_t sim_has(struct sim *s, unsigned node, unsigned net, unsigned author, unsigned key);
/* All nodes that take part have the same, and of each other what stands. First fault to where. */
bool sim_converged(struct sim *s, char *where, size_t size);
uint64_t sim_drops(const struct sim *s, unsigned node, enum lm_ledger_drop reason);

/* A message out of nothing, as if from a node; arrives at once. */
void sim_say(struct sim *s, unsigned from, unsigned to, uint8_t type, const void *body, size_t len);
/* A record that a member made by hand; signed by author if it is somebody. */
struct sim_forged {
	unsigned net, author, key;
	bool badly_signed;
	uint8_t flags;
	uint64_t version, expiry;
	uint32_t serial;
	int64_t window; /* off by */
};
size_t sim_forge(struct sim *s, const struct sim_forged *f, uint8_t out[LM_MESSAGE_MAX]);
size_t sim_key(unsigned key, uint8_t out[8]);

/* Between the files of the simulator. */
void sim_add_event(struct sim *s, struct sim_event e);
void sim_tick(struct sim_node *n);
unsigned sim_bucket(const struct lm_public_key *key);

#endif
