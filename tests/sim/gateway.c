/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway's life: what happens to it, and what one can ask about it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sim.h"

#define STREAM_GATEWAYS 1000
#define STREAM_READERS 2000
#define NETWORKS_MAX 4096

/* ---- events ---- */

struct lm_now sim_now(const struct sim_gateway *g)
{
	uint64_t mono = g->sim->now;
	int64_t drifted = g->clock.drift * (int64_t)(mono / SIM_SECOND);

	/* One second on: 0 is no time. */
	return (struct lm_now){.mono = mono + SIM_SECOND,
	    .wall = SIM_WORLD_BEGINS * SIM_SECOND + mono + (uint64_t)(g->clock.offset + drifted)};
}

static void end_life(struct sim_gateway *g)
{
	sim_readings_end(g);
	lm_membership_free(g->m);
	g->m = NULL;
	g->death = SIM_ALIVE;
	sim_event_set(&g->sim->events, &g->tick, SIM_NEVER);
	sim_lanes_crash(&g->lanes);
	for (uint32_t slot = 0; slot < g->n_slots; slot++)
		g->slots[slot] = (struct sim_slot){0};
}

static void run_tick(struct sim_gateway *g)
{
	struct lm_now now = sim_now(g);
	uint64_t next = lm_membership_tick(g->m, &now);

	if (next <= now.mono)
		sim_broken(g->sim, "gw%u: its next tick is in the past", g->index);
	sim_event_set(
	    &g->sim->events, &g->tick, next == UINT64_MAX ? SIM_NEVER : next - SIM_SECOND);
}

void sim_touch(struct sim_gateway *g)
{
	g->sim->current = g;
	if (g->m)
		run_tick(g);
	if (g->m && g->death == SIM_DYING) {
		sim_say(g->sim, "gw%u: killed while it wrote", g->index);
		sim_crash(g);
		return;
	}
	if (g->sim->hooks.after)
		g->sim->hooks.after(g->sim->hooks_ctx, g);
	sim_lanes_event_over(&g->lanes);
}

static void tick_fire(struct sim *s, struct sim_event *e)
{
	struct sim_gateway *g =
	    (struct sim_gateway *)((char *)e - offsetof(struct sim_gateway, tick));

	sim_note(s, g->index);
	sim_touch(g);
}

void sim_receive(
    struct sim_gateway *g, const struct lm_udp_addr *from, const uint8_t *data, size_t len)
{
	struct lm_now now = sim_now(g);

	if (!g->m)
		return;
	g->sim->current = g;
	g->traffic.rx_datagrams++;
	g->traffic.rx_bytes += len + SIM_HEADERS;
	lm_membership_input(g->m, &now, from, data, len);
	sim_touch(g);
}

int sim_submit(struct sim_gateway *g, const struct sim_document *d, struct lm_why *why)
{
	struct lm_now now = sim_now(g);
	struct lm_why ignored = {""};

	g->sim->current = g;
	int err = lm_membership_submit(g->m, &now, d->bytes, d->len, why ? why : &ignored);
	if (g->death == SIM_DYING)
		err = -ECONNRESET;
	sim_touch(g);
	return err;
}

/* ---- life ---- */

static void restore(struct sim_gateway *g)
{
	struct sim_manifest_file *file, *next;
	struct lm_now now = sim_now(g);

	HASH_ITER(hh, g->disk.manifests, file, next)
	{
		struct lm_why why = {""};
		int err =
		    lm_membership_restore(g->m, &now, file->bytes.data, file->bytes.len, &why);
		if (err)
			sim_broken(g->sim, "gw%u: a stored manifest was not restored: %s", g->index,
			    why.text);
	}
}

void sim_start(struct sim_gateway *g)
{
	struct sim *s = g->sim;
	struct lm_public_key *owners = calloc(s->n_owners, sizeof(*owners));
	struct lm_membership_ops ops = sim_effects(g);

	if (!owners)
		abort();
	for (unsigned i = 0; i < s->n_owners; i++)
		owners[i] = s->owners[i].pub;
	s->current = g;
	sim_say(s, "gw%u: starts", g->index);
	int err = lm_membership_create(&g->m, &g->id, &g->config, &ops, g);
	if (!err)
		err = lm_membership_set_owners(g->m, owners, s->n_owners);
	if (err)
		abort();
	free(owners);
	g->restoring = true;
	restore(g);
	g->restoring = false;
	sim_touch(g);
}

void sim_start_all(struct sim *s)
{
	for (unsigned i = 0; i < s->n_gateways; i++)
		if (!s->gateways[i]->m)
			sim_start(s->gateways[i]);
}

static void stopped(struct sim_gateway *g)
{
	end_life(g);
	sim_touch(g);
}

void sim_crash(struct sim_gateway *g)
{
	sim_say(g->sim, "gw%u: crashes", g->index);
	sim_disk_crash(&g->disk, &g->sim->random);
	stopped(g);
}

void sim_stop(struct sim_gateway *g)
{
	struct lm_now now = sim_now(g);

	sim_say(g->sim, "gw%u: stops", g->index);
	g->sim->current = g;
	lm_membership_goodbye(g->m, &now);
	sim_disk_sync(&g->disk);
	stopped(g);
}

struct sim_gateway *sim_gateway_new(struct sim *s, unsigned index, const struct sim_config *config)
{
	struct sim_gateway *g = calloc(1, sizeof(*g));
	uint8_t seed[32];

	if (!g)
		abort();
	g->sim = s;
	g->index = index;
	g->addr = sim_addr(index);
	g->tick.fire = tick_fire;
	sim_random_seed(&g->random, s->seed, STREAM_GATEWAYS + index);
	sim_random_seed(&g->reader, s->seed, STREAM_READERS + index);
	sim_random_bytes(&g->random, seed, sizeof(seed));
	lm_identity_from_seed(&g->id, seed);
	g->config.lanes = config->lanes ? config->lanes : 1;
	g->config.max_networks = config->max_networks ? config->max_networks : NETWORKS_MAX;
	g->config.max_peers = config->max_peers ? config->max_peers : config->gateways;
	return g;
}

void sim_gateway_free(struct sim_gateway *g)
{
	sim_readings_end(g);
	lm_membership_free(g->m);
	sim_disk_free(&g->disk);
	sim_lanes_free(&g->lanes);
	sim_exceptions_free(g);
	free(g->slots);
	free(g);
}

/* ---- questions ---- */

uint64_t sim_serial(const struct sim_gateway *g, const struct lm_net_id *net)
{
	const struct lm_network *n = g->m ? lm_membership_find(g->m, net) : NULL;

	return n ? n->manifest->serial : 0;
}

uint32_t sim_slot(const struct sim_gateway *a, const struct sim_gateway *b)
{
	for (uint32_t slot = 0; slot < a->n_slots; slot++)
		if (a->slots[slot].gateway == b)
			return slot;
	return UINT32_MAX;
}

bool sim_is_up(const struct sim_gateway *a, const struct sim_gateway *b)
{
	uint32_t slot = sim_slot(a, b);

	return slot != UINT32_MAX && a->slots[slot].path;
}

static bool ready_one_way(
    const struct sim_gateway *a, const struct sim_gateway *b, const struct lm_net_id *id)
{
	const struct lm_network *net = a->m ? lm_membership_find(a->m, id) : NULL;
	uint32_t slot = sim_slot(a, b);
	uint8_t lanes = a->config.lanes > b->config.lanes ? a->config.lanes : b->config.lanes;
	struct lm_lanes_info info;

	if (!net || slot == UINT32_MAX || !a->slots[slot].path)
		return false;
	const struct sim_out *out =
	    sim_lanes_out(&a->lanes, (struct sim_out_key){net->index, slot});
	lm_membership_lanes(a->m, net->index, slot, &info);
	return out && out->n == lanes && info.acked && info.n_in == lanes && info.n_out == lanes;
}

bool sim_lanes_ready(
    const struct sim_gateway *a, const struct sim_gateway *b, const struct lm_net_id *net)
{
	return ready_one_way(a, b, net) && ready_one_way(b, a, net);
}
