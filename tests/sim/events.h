/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is going to happen, in order of time; what is to happen at one instant happens in the order
 * in which it was set. A binary heap that points to its events, which are embedded in what they
 * are about: setting and taking out cost O(log n).
 */
#ifndef LM_TESTS_SIM_EVENTS_H
#define LM_TESTS_SIM_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX

struct sim;

struct sim_event {
	uint64_t at, order; /* virtual ns */
	size_t pos; /* in the heap, from 1; 0: not set */
	void (*fire)(struct sim *s, struct sim_event *e); /* no longer set when it is called */
};

struct sim_events {
	struct sim_event **heap; /* from 1 */
	size_t n, room;
	uint64_t order;
};

/* at SIM_NEVER: takes it out. */
void sim_event_set(struct sim_events *es, struct sim_event *e, uint64_t at);
struct sim_event *sim_event_first(const struct sim_events *es);
void sim_events_free(struct sim_events *es);

#endif
