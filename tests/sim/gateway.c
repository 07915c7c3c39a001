/* SPDX-License-Identifier: Apache-2.0 */
/* What lm_membership asks of its surroundings, and what happens to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sim.h"

#define STREAM_GATEWAYS 1000
#define NETWORKS_MAX 4096

/* ---- effects ---- */

static void on_send(void *ctx, const struct lm_udp_addr *to, const uint8_t *data, size_t len)
{
	struct sim_gateway *g = ctx;

	if (g->death != SIM_DYING)
		sim_send(g, to, data, len);
}

static void on_random(void *ctx, void *buf, size_t len)
{
	struct sim_gateway *g = ctx;

	sim_random_bytes(&g->random, buf, len);
}

static int on_persist(void *ctx, const struct lm_net_id *net, const uint8_t *bytes, size_t len)
{
	struct sim_gateway *g = ctx;

	if (g->death == SIM_DIES_BEFORE_WRITE)
		g->death = SIM_DYING;
	if (g->death == SIM_DYING || g->disk_full)
		return -EIO;
	sim_disk_write(&g->disk, net, bytes, len);
	if (g->death == SIM_DIES_AFTER_WRITE)
		g->death = SIM_DYING;
	return 0;
}

static void on_network_changed(void *ctx, const struct lm_network *net)
{
	struct sim_gateway *g = ctx;

	sim_lanes_cut(&g->lanes, net->index);
	sim_say(g->sim, "gw%u: %s serial %llu", g->index, net->manifest->network,
	    (unsigned long long)net->manifest->serial);
	sim_serve(g, net);
	for (unsigned i = 0; i < net->manifest->n_providers; i++) {
		bool self = (int)i == net->self;
		uint32_t slot = net->peers[i] ? lm_peer_slot(net->peers[i]) : UINT32_MAX;
		if (self != !net->peers[i] ||
		    (!self && (slot >= g->n_slots || !g->slots[slot].gateway)))
			sim_broken(g->sim, "gw%u: %s has no peer for a provider", g->index,
			    net->manifest->network);
	}
	if (g->sim->hooks.in_force && g->death != SIM_DYING)
		g->sim->hooks.in_force(g->sim->hooks_ctx, g, net);
}

static void on_routes_changed(void *ctx, const struct lm_network *net)
{
	struct sim_gateway *g = ctx;

	sim_lanes_cut(&g->lanes, net->index);
}

static void on_network_gone(void *ctx, const struct lm_network *net)
{
	struct sim_gateway *g = ctx;

	sim_lanes_cut(&g->lanes, net->index);
	sim_say(g->sim, "gw%u: %s is gone", g->index, net->manifest->network);
	for (uint32_t slot = 0; slot < g->n_slots; slot++)
		if (sim_lanes_out(&g->lanes, (struct sim_out_key){net->index, slot}))
			sim_broken(g->sim, "gw%u: %s went away with lanes out", g->index,
			    net->manifest->network);
	if (g->sim->hooks.gone && g->death != SIM_DYING)
		g->sim->hooks.gone(g->sim->hooks_ctx, g, net);
}

static void on_peer_added(void *ctx, uint32_t slot, struct lm_peer *peer)
{
	struct sim_gateway *g = ctx, *who = sim_by_key(g->sim, lm_peer_key(peer));

	if (slot >= g->n_slots) {
		g->slots = realloc(g->slots, (slot + 1) * sizeof(g->slots[0]));
		if (!g->slots)
			abort();
		memset(&g->slots[g->n_slots], 0, (slot + 1 - g->n_slots) * sizeof(g->slots[0]));
		g->n_slots = slot + 1;
	}
	if (g->slots[slot].gateway || !who)
		sim_broken(g->sim, "gw%u: a peer in slot %u that is %s", g->index, slot,
		    who ? "taken" : "nobody's");
	g->slots[slot] = (struct sim_slot){.gateway = who};
}

static void on_peer_gone(void *ctx, uint32_t slot)
{
	struct sim_gateway *g = ctx;
	const struct sim_out *out, *next;

	if (slot >= g->n_slots || !g->slots[slot].gateway || g->slots[slot].path)
		sim_broken(g->sim, "gw%u: peer %u went away with a path, or was not there",
		    g->index, slot);
	HASH_ITER(hh, g->lanes.out, out, next)
	if (out->key.slot == slot)
		sim_broken(g->sim, "gw%u: peer %u went away with lanes out", g->index, slot);
	if (slot < g->n_slots)
		g->slots[slot] = (struct sim_slot){0};
}

static void on_peer_path(void *ctx, uint32_t slot, const struct lm_udp_addr *to)
{
	struct sim_gateway *g = ctx;

	sim_say(g->sim, "gw%u: gw%u is %s", g->index, g->slots[slot].gateway->index,
	    to ? "up" : "down");
	g->slots[slot].path = to != NULL;
}

static int on_sa_in_add(void *ctx, uint32_t net, uint32_t slot, uint8_t lane, uint8_t n_lanes,
    const uint8_t keymat[36], uint32_t *spi)
{
	struct sim_gateway *g = ctx;
	struct sim_sa_in sa = {.lane = lane, .n_lanes = n_lanes, .net = net, .slot = slot};

	if (g->no_room_for_lanes)
		return -ENOSPC;
	sa.peer = g->slots[slot].gateway->index;
	memcpy(sa.key, keymat, sizeof(sa.key));
	*spi = sim_lanes_add(&g->lanes, &sa);
	return 0;
}

static void on_sa_in_del(void *ctx, uint32_t spi)
{
	struct sim_gateway *g = ctx;

	if (!sim_lanes_delete(&g->lanes, spi))
		sim_broken(g->sim, "gw%u: deletes SPI %u, which is not there", g->index, spi);
}

static int on_sa_out_set(void *ctx, uint32_t net, uint32_t slot, uint8_t n_lanes,
    const uint32_t *spis, const uint8_t (*keymat)[36])
{
	struct sim_gateway *g = ctx;

	if (g->no_room_for_lanes && n_lanes)
		return -ENOSPC;
	sim_lanes_switch(&g->lanes, (struct sim_out_key){net, slot}, n_lanes, spis, keymat);
	return 0;
}

const struct lm_membership_ops sim_gateway_ops = {
    .send = on_send,
    .random = on_random,
    .persist = on_persist,
    .network_changed = on_network_changed,
    .network_gone = on_network_gone,
    .routes_changed = on_routes_changed,
    .peer_added = on_peer_added,
    .peer_gone = on_peer_gone,
    .peer_path = on_peer_path,
    .sa_in_add = on_sa_in_add,
    .sa_in_del = on_sa_in_del,
    .sa_out_set = on_sa_out_set,
};

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
	lm_membership_free(g->m);
	g->m = NULL;
	g->death = SIM_ALIVE;
	sim_event_set(&g->sim->events, &g->tick, SIM_NEVER);
	sim_lanes_crash(&g->lanes);
	memset(g->slots, 0, g->n_slots * sizeof(g->slots[0]));
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

	if (!owners)
		abort();
	for (unsigned i = 0; i < s->n_owners; i++)
		owners[i] = s->owners[i].pub;
	s->current = g;
	sim_say(s, "gw%u: starts", g->index);
	int err = lm_membership_create(&g->m, &g->id, &g->config, &sim_gateway_ops, g);
	if (!err)
		err = lm_membership_set_owners(g->m, owners, s->n_owners);
	if (err)
		abort();
	free(owners);
	restore(g);
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
	sim_random_bytes(&g->random, seed, sizeof(seed));
	lm_identity_from_seed(&g->id, seed);
	g->config.lanes = config->lanes ? config->lanes : 1;
	g->config.max_networks = config->max_networks ? config->max_networks : NETWORKS_MAX;
	g->config.max_peers = config->max_peers ? config->max_peers : config->gateways;
	return g;
}

void sim_gateway_free(struct sim_gateway *g)
{
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
