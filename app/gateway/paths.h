/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where ESP for each peer goes: the session's current address, resolved to a
 * next hop on the underlay, published to the workers.
 */
#ifndef LM_GATEWAY_PATHS_H
#define LM_GATEWAY_PATHS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"

struct gateway;

struct gw_path {
	struct lm_udp_addr to; /* family 0: the peer's session is down */
	uint64_t rx_packets, tx_packets; /* of the data plane, at the last look */
};

struct gw_paths {
	struct gw_path *slots; /* by peer slot */
	uint32_t n_slots;
};

int gw_paths_open(struct gateway *gw);
void gw_paths_close(struct gateway *gw);
/* to NULL: nothing can be sent to this peer now. */
void gw_path_set(struct gateway *gw, uint32_t slot, const struct lm_udp_addr *to);
/* Does it have a next hop that is resolved? */
bool gw_path_ready(const struct gateway *gw, uint32_t slot);
/* A next hop was resolved, moved or lost. */
void gw_path_refresh(struct gateway *gw, const struct lm_udp_addr *to);
/* All of them: our own addresses have changed. */
void gw_paths_refresh(struct gateway *gw);
/* Tell the sessions which peers the data plane has heard of late, and which it has sent to. */
void gw_paths_used(struct gateway *gw);

#endif
