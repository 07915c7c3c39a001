/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security associations. Inbound: SPI -> lane, by direct index. Outbound: a
 * tunnel is a (network, peer) pair, and its lanes are replaced as a whole.
 *
 * Tables and keys are made and freed by the control lcore. Inside a lane,
 * sequence numbers, window and counters belong to the worker that owns the lane;
 * others read the counters only, for display.
 */
#ifndef LM_DATAPLANE_SA_H
#define LM_DATAPLANE_SA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>
#include "crypto/gcm.h"
#include "dataplane/dataplane.h"
#include "dataplane/window.h"

#define LM_CACHE_ALIGNED __attribute__((aligned(64)))

struct lm_sa_in {
	uint32_t spi, net, peer;
	uint32_t salt; /* bytes as in the key material */
	struct lm_gcm_key *key;
	uint8_t lane, worker;
	bool loops; /* benchmarks replay one capture for ever: dataplane/bench.h */
	uint64_t packets, bytes;
	struct lm_window window; /* its top is in the first line */
	uint64_t replays, auth_failures;
} LM_CACHE_ALIGNED;
_Static_assert(
    offsetof(struct lm_sa_in, window) + sizeof(uint64_t) <= 64, "one line, if all is well");

struct lm_lane_out {
	uint64_t next; /* sequence number of the next packet; 0: used up */
	uint64_t packets, bytes;
	struct lm_gcm_key *key;
	uint32_t spi_be, salt, peer;
	uint16_t src_port; /* host byte order */
	uint8_t lane, worker;
} LM_CACHE_ALIGNED;

struct lm_sa_out {
	uint32_t n_lanes; /* a power of two */
	struct lm_lane_out lanes[];
};

/*
 * What workers know of a tunnel: its lanes, and the binary logarithm of their number in the bits
 * that the alignment leaves. 0: no keys. All tunnels' words are together, many in a cache line.
 */
typedef uint64_t lm_lanes_word;

/* All is the control lcore's. */
struct lm_tunnel {
	lm_lanes_word *lanes; /* published: *lanes */
	struct lm_sa_out *out; /* the same; NULL: no keys */
	uint32_t net, peer;
	uint64_t id; /* of the hash table */
	unsigned holders; /* endpoints of networks that are not freed yet, and out */
	struct lm_tunnels *registry;
	UT_hash_handle hh;
};

#define LM_LANES_WORDS 512 /* that are made at once */
struct lm_lanes_words {
	lm_lanes_word words[LM_LANES_WORDS];
	struct lm_lanes_words *next;
} LM_CACHE_ALIGNED;

struct lm_tunnels {
	struct lm_tunnel *by_id;
	struct lm_lanes_words *words; /* never moved */
	lm_lanes_word *unused; /* each points to the next */
};

struct lm_sa_table {
	struct lm_sa_in **slots; /* published */
	uint32_t mask;
	uint8_t bits;
	/* Below: the control lcore's. */
	uint32_t *versions; /* upper bits of each slot's last SPI */
	uint32_t next, used, limit;
};

/* SPIs up to here are reserved (RFC 4303, 2.1). */
#define LM_SPI_RESERVED 255

/* NULL: not ours, or not any more. */
static inline struct lm_sa_in *lm_sa_find(const struct lm_sa_table *t, uint32_t spi)
{
	struct lm_sa_in *sa = __atomic_load_n(&t->slots[spi & t->mask], __ATOMIC_ACQUIRE);

	return sa && sa->spi == spi ? sa : NULL;
}

int lm_sa_table_init(struct lm_sa_table *t, uint32_t limit);
void lm_sa_table_free(struct lm_sa_table *t);

/* The lane of a flow. NULL: no keys. Any thread. */
static inline struct lm_lane_out *lm_lane_of(const lm_lanes_word *lanes, uint64_t hash)
{
	const lm_lanes_word word = __atomic_load_n(lanes, __ATOMIC_ACQUIRE);
	struct lm_sa_out *out = (struct lm_sa_out *)(uintptr_t)(word & ~UINT64_C(63));

	return word ? &out->lanes[hash & ((UINT64_C(1) << (word & 63)) - 1)] : NULL;
}

/* Publishes, and returns what was. */
struct lm_sa_out *lm_tunnel_set(struct lm_tunnel *t, struct lm_sa_out *out);
/* Frees what tunnels left behind. None is there any more. */
void lm_tunnels_free(struct lm_tunnels *tunnels);
/* A tunnel with one more holder, made if need be. NULL: no memory. */
struct lm_tunnel *lm_tunnel_hold(struct lm_tunnels *tunnels, uint32_t net, uint32_t peer);
/* Frees it with the last holder. NULL is allowed. */
void lm_tunnel_release(struct lm_tunnel *t);

void lm_sa_in_free(void *sa);
void lm_sa_out_free(void *out);

#endif
