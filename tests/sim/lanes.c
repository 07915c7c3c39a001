/* SPDX-License-Identifier: Apache-2.0 */
#include "lanes.h"

#include <stdlib.h>
#include <string.h>

static void *room_for(void *at, uint32_t n, uint32_t *room, size_t size)
{
	if (n < *room)
		return at;
	*room = *room ? 2 * *room : 16;
	at = realloc(at, *room * size);
	if (!at)
		abort();
	return at;
}

uint32_t sim_lanes_add(struct sim_lanes *l, const struct sim_sa_in *sa)
{
	l->in = room_for(l->in, l->n_in, &l->room, sizeof(l->in[0]));
	l->in[l->n_in] = *sa;
	l->in[l->n_in].there = true;
	l->live++;
	return SIM_FIRST_SPI + l->n_in++;
}

struct sim_sa_in *sim_lanes_in(const struct sim_lanes *l, uint32_t spi)
{
	return spi >= SIM_FIRST_SPI && spi - SIM_FIRST_SPI < l->n_in ? &l->in[spi - SIM_FIRST_SPI]
								     : NULL;
}

bool sim_lanes_delete(struct sim_lanes *l, uint32_t spi)
{
	struct sim_sa_in *sa = sim_lanes_in(l, spi);

	if (!sa || !sa->there)
		return false;
	sa->there = false;
	l->live--;
	l->deleted = room_for(l->deleted, l->n_deleted, &l->room_deleted, sizeof(l->deleted[0]));
	l->deleted[l->n_deleted++] = spi;
	return true;
}

static struct sim_out *out_of(const struct sim_lanes *l, struct sim_out_key key)
{
	struct sim_out *out;

	HASH_FIND(hh, l->out, &key, sizeof(key), out);
	return out;
}

static void out_free(struct sim_lanes *l, struct sim_out *out)
{
	HASH_DEL(l->out, out);
	free(out->lanes);
	free(out);
}

void sim_lanes_switch(struct sim_lanes *l, struct sim_out_key key, uint8_t n, const uint32_t *spis,
    const uint8_t (*keys)[SIM_LANE_KEY])
{
	struct sim_out *out = out_of(l, key);

	if (!n) {
		if (out)
			out_free(l, out);
		return;
	}
	if (!out) {
		out = calloc(1, sizeof(*out));
		if (!out)
			abort();
		out->key = key;
		HASH_ADD(hh, l->out, key, sizeof(key), out);
	}
	out->lanes = realloc(out->lanes, n * sizeof(out->lanes[0]));
	if (!out->lanes)
		abort();
	out->n = n;
	for (uint8_t i = 0; i < n; i++) {
		out->lanes[i].spi = spis[i];
		memcpy(out->lanes[i].key, keys[i], SIM_LANE_KEY);
	}
	l->switched =
	    room_for(l->switched, l->n_switched, &l->room_switched, sizeof(l->switched[0]));
	l->switched[l->n_switched++] = key;
}

const struct sim_out *sim_lanes_out(const struct sim_lanes *l, struct sim_out_key key)
{
	return out_of(l, key);
}

void sim_lanes_cut(struct sim_lanes *l, uint32_t net)
{
	for (uint32_t i = 0; i < l->n_deleted; i++) {
		struct sim_sa_in *sa = sim_lanes_in(l, l->deleted[i]);
		if (sa->net == net)
			sa->cut = true;
	}
}

void sim_lanes_crash(struct sim_lanes *l)
{
	struct sim_out *out, *next;

	for (uint32_t i = 0; i < l->n_in; i++) {
		l->in[i].there = false;
		l->in[i].cut = true;
	}
	l->live = 0;
	HASH_ITER(hh, l->out, out, next)
	out_free(l, out);
	sim_lanes_event_over(l);
}

void sim_lanes_event_over(struct sim_lanes *l)
{
	l->n_deleted = l->n_switched = 0;
}

void sim_lanes_free(struct sim_lanes *l)
{
	sim_lanes_crash(l);
	free(l->in);
	free(l->deleted);
	free(l->switched);
}
