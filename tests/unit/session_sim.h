/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for sessions: nodes with addresses, a network that delays,
 * loses, doubles and reorders, and virtual time. All from one seed.
 */
#ifndef LM_TESTS_UNIT_SESSION_SIM_H
#define LM_TESTS_UNIT_SESSION_SIM_H

#include "suite.h"
#include "session/session.h"
#include "session/state.h"

#define SIM_NODES 4
#define SIM_PACKETS 8192 /* in flight at most */
#define SIM_SEQ_MAX 65536

#define SEC NS_PER_S
#define MSEC NS_PER_MS
#define MSG_SEQ 0x20 /* body: a number of 8 bytes, as sim_send writes it */

struct sim;

struct sim_packet {
	TAILQ_ENTRY(sim_packet) link;
	uint64_t at;
	struct lm_udp_addr from, to;
	size_t len;
	uint8_t data[LM_DATAGRAM_MAX];
};

struct sim_node {
	struct sim *sim;
	unsigned n;
	struct lm_identity id;
	struct lm_sessions *s; /* NULL: switched off */
	struct lm_udp_addr addr;
	int64_t clock_offset; /* of its wall clock */
	struct lm_peer *peers[SIM_NODES]; /* by node, as lm_peer_add gave them */
	struct lm_peer *guest; /* the last peer that came up and is no peer of ours */

	/* what its callbacks saw */
	unsigned ups, downs, moves, messages, guest_downs;
	uint32_t epoch; /* of the last up */
	char reason[64]; /* of the last down */
	uint64_t last_up, last_down; /* when */
	uint8_t seen[SIM_SEQ_MAX / 8];
	unsigned doubled, bytes_sent, bytes_got, sent;
	/* called for each message, if set */
	void (*on_message)(
	    struct sim_node *n, struct lm_peer *p, uint8_t type, const uint8_t *body, size_t len);
	void (*on_up)(struct sim_node *n, struct lm_peer *p);
};

struct sim {
	uint64_t now, rng;
	struct sim_node nodes[SIM_NODES];
	TAILQ_HEAD(, sim_packet) flying;
	unsigned n_flying;
	uint64_t delay_min, delay_max; /* ns, one way */
	unsigned loss, dup; /* per cent */
	/* Sees each datagram when it is sent; false: it is lost. */
	bool (*tap)(struct sim *sim, struct sim_packet *p);
	void *tap_ctx;
	uint64_t next_seq;
};

/* A tap that loses the first transport datagram; tap_ctx is an unsigned, 0 at first. */
bool sim_lose_first_transport(struct sim *sim, struct sim_packet *p);
uint64_t sim_random(struct sim *sim);
void sim_init(struct sim *sim, uint64_t seed);
void sim_free(struct sim *sim);
/* Switches a node on, with fresh state but its old key. */
void sim_start(struct sim *sim, unsigned n);
void sim_start_with(struct sim *sim, unsigned n, const struct lm_session_config *config);
/* Nodes 0 and 1, switched on; with _up: 0 has called 1 and both are up. */
void sim_two(struct sim *sim, uint64_t seed);
void sim_two_up(struct sim *sim, uint64_t seed);
/* They learn of each other, 0 calls 1, and this time passes. */
void sim_meet(struct sim *sim, uint64_t time);
void sim_stop(struct sim *sim, unsigned n); /* without a word */
struct lm_now sim_now(const struct sim *sim, const struct sim_node *node);
/* Tell a node of another; with_addr: where it is as well. */
struct lm_peer *sim_know(struct sim *sim, unsigned n, unsigned other, bool with_addr);
/* Runs for so long. */
void sim_run(struct sim *sim, uint64_t ns);
/* A datagram out of nothing, delivered at once. */
void sim_inject(
    struct sim *sim, unsigned to, const struct lm_udp_addr *from, const uint8_t *data, size_t len);
/*
 * An authentic initiation to a node, now, with this index: of id, or, if NULL, of a key that nobody
 * knows and that depends on the index. cookie may be NULL.
 */
void sim_initiation(struct sim *sim, unsigned to, const struct lm_identity *id, uint32_t index,
    const uint8_t *cookie, uint8_t out[LM_INIT_LEN]);
/* Sends a new number; returns it, or -ENOTCONN. */
int64_t sim_send(struct sim *sim, unsigned n, struct lm_peer *p);
bool sim_seen(const struct sim_node *node, uint64_t seq);
uint64_t sim_drops(const struct sim_node *node, enum lm_session_drop reason);
/* Both are up, with the same epoch. */
bool sim_agree(const struct sim *sim, unsigned a, unsigned b);

#endif
