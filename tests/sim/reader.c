/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that a gateway reads aside: as on another thread, it takes as long as it takes. */
#include <stdlib.h>
#include <string.h>
#include "sim.h"

#define SLOWEST (2 * SIM_SECOND) /* many times as long as any document takes */

struct sim_reading {
	struct sim_event done;
	struct sim_gateway *gateway;
	struct sim_reading *next;
	uint64_t number;
	size_t len;
	uint8_t bytes[];
};

static void take_out(struct sim_reading *r)
{
	struct sim_reading **at = &r->gateway->readings;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
}

static void done_fire(struct sim *s, struct sim_event *e)
{
	struct sim_reading *r =
	    (struct sim_reading *)((char *)e - offsetof(struct sim_reading, done));
	struct sim_gateway *g = r->gateway;
	struct lm_now now = sim_now(g);
	struct lm_document d;

	sim_note(s, r->number);
	s->current = g;
	take_out(r);
	lm_document_read(&d, r->bytes, r->len);
	lm_membership_read(g->m, &now, r->number, &d);
	lm_document_free(&d);
	free(r);
	sim_touch(g);
}

int sim_read_aside(struct sim_gateway *g, uint64_t number, const uint8_t *bytes, size_t len)
{
	struct sim_reading *r = calloc(1, sizeof(*r) + len);

	if (!r)
		abort();
	r->done.fire = done_fire;
	r->gateway = g;
	r->next = g->readings;
	r->number = number;
	r->len = len;
	memcpy(r->bytes, bytes, len);
	g->readings = r;
	sim_event_set(
	    &g->sim->events, &r->done, g->sim->now + 1 + sim_random_below(&g->reader, SLOWEST));
	return 0;
}

void sim_readings_end(struct sim_gateway *g)
{
	for (struct sim_reading *r; (r = g->readings);) {
		sim_event_set(&g->sim->events, &r->done, SIM_NEVER);
		g->readings = r->next;
		free(r);
	}
}
