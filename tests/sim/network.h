/* SPDX-License-Identifier: Apache-2.0 */
/* What is between the gateways: delay, loss, doubles, reordering, cuts. */
#ifndef LM_TESTS_SIM_NETWORK_H
#define LM_TESTS_SIM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "base/addr.h"

#define SIM_HEADERS 28 /* bytes of IPv4 and UDP before a datagram */
#define SIM_PORT 4500

struct sim;
struct sim_gateway;

struct sim_link { /* one way */
	uint64_t delay, jitter; /* ns; jitter is what comes on top, evenly: it reorders */
	unsigned loss, twice; /* of a thousand datagrams */
	uint64_t late; /* ns; the second copy comes up to so much after the delay */
};

struct sim_traffic { /* bytes with headers */
	uint64_t tx_datagrams, tx_bytes, rx_datagrams, rx_bytes;
};

struct sim_datagram;

struct sim_network {
	unsigned n; /* gateways */
	LIST_HEAD(sim_datagrams, sim_datagram) under_way;
	struct sim_link link; /* of all, but those below */
	struct sim_link *links; /* n * n, from and to; NULL: none is different */
	bool *cut; /* n * n */
	uint64_t lost;
};

/* The address of gateway `index`, 10.x.y.z. */
struct lm_udp_addr sim_addr(unsigned index);
void sim_network_open(struct sim_network *net, unsigned n, const struct sim_link *link);
void sim_network_free(struct sim_network *net);
/* All datagrams that are on their way. */
void sim_network_drop(struct sim *s);
void sim_set_link(struct sim *s, unsigned from, unsigned to, const struct sim_link *link);
/* All links, also those that were set one by one. */
void sim_set_links(struct sim *s, const struct sim_link *link);
void sim_cut(struct sim *s, unsigned from, unsigned to, bool cut); /* one way */
void sim_part(struct sim *s, unsigned a, unsigned b, bool cut); /* both ways */
void sim_heal_cuts(struct sim *s);
bool sim_is_cut(const struct sim *s, unsigned from, unsigned to);
/* A gateway sends. */
void sim_send(
    struct sim_gateway *from, const struct lm_udp_addr *to, const uint8_t *data, size_t len);

#endif
