/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data plane of a simulated gateway, as far as keys go: inbound associations by SPI, and by
 * which ones it sends to whom. An SPI is never given out twice, so that a late one is known for
 * what it is.
 */
#ifndef LM_TESTS_SIM_LANES_H
#define LM_TESTS_SIM_LANES_H

#include <stdbool.h>
#include <uthash.h>

#define SIM_FIRST_SPI 256
#define SIM_LANE_KEY 36

struct sim_sa_in { /* its index is its SPI - SIM_FIRST_SPI */
	bool there;
	bool cut; /* it ended with its pair or the process, not because it was replaced */
	uint8_t lane, n_lanes;
	uint32_t net, slot;
	unsigned peer; /* the gateway in that slot then */
	uint8_t key[SIM_LANE_KEY];
};

struct sim_lane_out {
	uint32_t spi;
	uint8_t key[SIM_LANE_KEY];
};

struct sim_out_key {
	uint32_t net, slot;
};

struct sim_out {
	struct sim_out_key key;
	uint8_t n;
	struct sim_lane_out *lanes;
	UT_hash_handle hh;
};

struct sim_lanes {
	struct sim_sa_in *in;
	uint32_t n_in, room, live;
	struct sim_out *out;
	/* Of the present event: deleted inbound ones, and pairs whose outbound ones changed. */
	uint32_t *deleted;
	struct sim_out_key *switched;
	uint32_t n_deleted, n_switched, room_deleted, room_switched;
};

/* Returns the SPI. */
uint32_t sim_lanes_add(struct sim_lanes *l, const struct sim_sa_in *sa);
/* False: there is no such. */
bool sim_lanes_delete(struct sim_lanes *l, uint32_t spi);
struct sim_sa_in *sim_lanes_in(const struct sim_lanes *l, uint32_t spi); /* NULL: never was */
void sim_lanes_switch(struct sim_lanes *l, struct sim_out_key key, uint8_t n, const uint32_t *spis,
    const uint8_t (*keys)[SIM_LANE_KEY]);
/* NULL: nothing is sent. */
const struct sim_out *sim_lanes_out(const struct sim_lanes *l, struct sim_out_key key);
/* What was deleted in this event in this network ended with its pairs. */
void sim_lanes_cut(struct sim_lanes *l, uint32_t net);
/* The process has ended: all are cut, none are out. */
void sim_lanes_crash(struct sim_lanes *l);
void sim_lanes_event_over(struct sim_lanes *l);
void sim_lanes_free(struct sim_lanes *l);

#endif
