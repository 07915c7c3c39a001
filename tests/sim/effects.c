/* SPDX-License-Identifier: Apache-2.0 */
/* What lm_membership asks of its surroundings: the only file that knows its callbacks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sim.h"

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
	if (g->sim->hooks.stored)
		g->sim->hooks.stored(g->sim->hooks_ctx, g, net, bytes, len);
	if (g->death == SIM_DIES_AFTER_WRITE)
		g->death = SIM_DYING;
	return 0;
}

static int on_read_aside(void *ctx, uint64_t number, const uint8_t *bytes, size_t len)
{
	struct sim_gateway *g = ctx;

	if (!g->reads_aside || sim_random_one_in(&g->reader, 2))
		return -EAGAIN;
	return sim_read_aside(g, number, bytes, len);
}

/* ---- the chains on disk ---- */

static int on_fact_put(void *ctx, const struct lm_net_id *net, const void *key, size_t key_len,
    const void *value, size_t len)
{
	struct sim_gateway *g = ctx;

	if (g->death == SIM_DIES_BEFORE_WRITE)
		g->death = SIM_DYING;
	if (g->death == SIM_DYING || g->disk_full)
		return -EIO;
	sim_disk_put_fact(&g->disk, net, key, key_len, value, len);
	if (g->death == SIM_DIES_AFTER_WRITE)
		g->death = SIM_DYING;
	return 0;
}

static int on_facts_each(
    void *ctx, const struct lm_net_id *net, lm_fact_each_fn *each, void *each_ctx)
{
	struct sim_gateway *g = ctx;

	return sim_disk_each_fact(&g->disk, net, each, each_ctx);
}

/* ---- the ledger on disk ---- */

static void on_record_put(void *ctx, const struct lm_net_id *net,
    const uint8_t id[LM_LEDGER_ID_LEN], const uint8_t *bytes, size_t len)
{
	struct sim_gateway *g = ctx;

	if (g->death != SIM_DYING && !g->disk_full)
		sim_disk_put_record(&g->disk, net, id, bytes, len);
}

static void on_record_drop(
    void *ctx, const struct lm_net_id *net, const uint8_t id[LM_LEDGER_ID_LEN])
{
	struct sim_gateway *g = ctx;

	if (g->death != SIM_DYING)
		sim_disk_drop_record(&g->disk, net, id);
}

static void on_records_each(
    void *ctx, const struct lm_net_id *net, lm_record_each_fn *each, void *each_ctx)
{
	struct sim_gateway *g = ctx;

	sim_disk_each_record(&g->disk, net, each, each_ctx);
}

/* ---- networks and peers ---- */

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

	g->n_stirs++;
	sim_lanes_cut(&g->lanes, net->index);
}

static bool keep_none(void *ctx, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	return false;
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
	if (g->keeps_ledger)
		sim_disk_each_record(&g->disk, &net->id, keep_none, NULL);
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
	g->n_stirs++;
}

/* ---- lanes ---- */

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
	if (n_lanes && g->sim->hooks.keyed)
		g->sim->hooks.keyed(g->sim->hooks_ctx, g, net, n_lanes, keymat);
	sim_lanes_switch(&g->lanes, (struct sim_out_key){net, slot}, n_lanes, spis, keymat);
	return 0;
}

static bool carries(const struct sim_gateway *g, unsigned peer)
{
	return g->talks || g->sim->gateways[peer]->talks;
}

static bool on_sa_in_used(void *ctx, uint32_t spi)
{
	const struct sim_gateway *g = ctx;

	return carries(g, sim_lanes_in(&g->lanes, spi)->peer);
}

static bool on_sa_out_used(void *ctx, uint32_t net, uint32_t slot)
{
	const struct sim_gateway *g = ctx;

	(void)net;
	return g->slots[slot].gateway && carries(g, g->slots[slot].gateway->index);
}

struct lm_membership_ops sim_effects(const struct sim_gateway *g)
{
	struct lm_membership_ops ops = {
	    .send = on_send,
	    .random = on_random,
	    .persist = on_persist,
	    .read_aside = on_read_aside,
	    .fact_put = on_fact_put,
	    .facts_each = on_facts_each,
	    .network_changed = on_network_changed,
	    .network_gone = on_network_gone,
	    .routes_changed = on_routes_changed,
	    .peer_added = on_peer_added,
	    .peer_gone = on_peer_gone,
	    .peer_path = on_peer_path,
	    .sa_in_add = on_sa_in_add,
	    .sa_in_del = on_sa_in_del,
	    .sa_out_set = on_sa_out_set,
	    .sa_in_used = on_sa_in_used,
	    .sa_out_used = on_sa_out_used,
	};

	if (g->keeps_ledger) {
		ops.record_put = on_record_put;
		ops.record_drop = on_record_drop;
		ops.records_each = on_records_each;
	}
	return ops;
}
