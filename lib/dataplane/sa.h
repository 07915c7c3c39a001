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
	uint64_t packets, bytes, replays, auth_failures;
	struct lm_window window;
} LM_CACHE_ALIGNED;

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

struct lm_tunnel {
	struct lm_sa_out *out; /* published; NULL: no keys */
	uint32_t net, peer;
	/* Below: the control lcore's. */
	uint64_t id; /* of the hash table */
	unsigned holders; /* endpoints of networks that are not freed yet, and out */
	struct lm_tunnels *registry;
	UT_hash_handle hh;
};

struct lm_tunnels {
	struct lm_tunnel *by_id;
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

/* A tunnel with one more holder, made if need be. NULL: no memory. */
struct lm_tunnel *lm_tunnel_hold(struct lm_tunnels *tunnels, uint32_t net, uint32_t peer);
/* Frees it with the last holder. NULL is allowed. */
void lm_tunnel_release(struct lm_tunnel *t);

void lm_sa_in_free(void *sa);
void lm_sa_out_free(void *out);

#endif
