/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What perf/control measures in a simulated world: virtual time is the world's, CPU time and
 * memory are this process's. Each case prints one JSON object.
 */
#ifndef LM_PERF_CONTROL_H
#define LM_PERF_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "percentile.h"
#include "sim.h"

struct control_options {
	unsigned gateways;
	unsigned leases; /* one network: endpoints, over all gateways */
	unsigned networks, members; /* many networks: how many, and gateways of each */
	unsigned idle_minutes;
	uint64_t seed;
};

int control_one_network(const struct control_options *options);
int control_many_networks(const struct control_options *options);

/* ---- a world on links of 50 ms ---- */

#define CONTROL_DELAY (50 * SIM_MS)

struct sim *control_world(const struct control_options *options, unsigned owners,
    const struct sim_hooks *hooks, void *hooks_ctx);
/* Ends the world; bytes of the heap that a gateway's control state took, on average. */
size_t control_end(struct sim *s);

/* ---- figures (measure.c) ---- */

double cpu_seconds(void);
double virtual_seconds(uint64_t ns);

/* What each gateway sent since it was noted. */
struct sent {
	const struct sim *s;
	uint64_t *bytes, *datagrams; /* of each gateway, at the beginning */
	uint64_t since;
};
void sent_begin(struct sent *t, const struct sim *s);
/* The median gateway and the busiest one, bytes; a minute: over what has passed since. */
struct sent_figures {
	double median, most, datagrams; /* datagrams: of the median gateway */
};
struct sent_figures sent_end(struct sent *t, bool per_minute);
void print_sent(const char *name, struct sent_figures f);

#endif
