/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in and out: control's side of sa.h. Control lcore only. */
#include <errno.h>
#include <stdlib.h>
#include <rte_common.h>
#include <rte_random.h>
#include "dataplane/bench.h"
#include "dataplane/dp.h"
#include "dataplane/lines.h"

/* Lanes beyond the first leave from the dynamic ports (RFC 6335). */
#define LANE_PORTS_FROM 49152
#define LANE_PORTS 16384

static bool lanes_ok(const struct lm_dp *dp, uint32_t net, uint32_t peer, uint8_t n_lanes)
{
	return net < dp->config.max_networks && peer < dp->config.max_peers &&
	       rte_is_power_of_2(n_lanes) && n_lanes <= LM_DP_LANES_MAX &&
	       n_lanes >= lm_dp_lanes_min(dp);
}

static uint8_t worker_of_lane(const struct lm_dp *dp, uint8_t lane)
{
	return dp->worker_of_lane[lane & dp->lane_mask];
}

/* An SPI for a free slot that this slot did not have before. */
static uint32_t choose_spi(struct lm_sa_table *t)
{
	uint32_t slot, spi;

	do
		slot = t->next++ & t->mask;
	while (t->slots[slot]);
	do
		spi = ++t->versions[slot] << t->bits | slot;
	while (spi <= LM_SPI_RESERVED);
	return spi;
}

int lm_dp_sa_in_add(struct lm_dp *dp, uint32_t net, uint32_t peer, uint8_t lane, uint8_t n_lanes,
    const uint8_t keymat[36], uint32_t *spi)
{
	struct lm_sa_table *t = &dp->sas;

	if (!lanes_ok(dp, net, peer, n_lanes) || lane >= n_lanes)
		return -EINVAL;
	if (t->used == t->limit)
		return -ENOSPC;
	struct lm_sa_in *sa = lm_lines_alloc(sizeof *sa);
	if (!sa)
		return -ENOMEM;
	*sa = (struct lm_sa_in){
	    .net = net, .peer = peer, .lane = lane, .worker = worker_of_lane(dp, lane)};
	if (lm_gcm_key_create(&sa->key, dp->gcm, keymat) != 0) {
		free(sa);
		return -ENOMEM;
	}
	memcpy(&sa->salt, keymat + LM_GCM_KEY_LEN, sizeof sa->salt);
	sa->spi = choose_spi(t);
	t->used++;
	__atomic_store_n(&t->slots[sa->spi & t->mask], sa, __ATOMIC_RELEASE);
	*spi = sa->spi;
	return 0;
}

void lm_dp_sa_in_del(struct lm_dp *dp, uint32_t spi)
{
	struct lm_sa_table *t = &dp->sas;

	if (!lm_sa_find(t, spi))
		return;
	t->used--;
	lm_retire(&dp->reclaim, lm_publish(t->slots[spi & t->mask], NULL), lm_sa_in_free);
}

static uint16_t source_port(const struct lm_dp *dp, uint32_t net, uint32_t peer, uint8_t lane)
{
	if (lane == 0 || !dp->config.lane_source_ports)
		return dp->config.udp_port;
	uint64_t base = lm_mix((uint64_t)net << 32 | peer, LM_HASH_K0);
	return (uint16_t)(LANE_PORTS_FROM + (base + lane) % LANE_PORTS);
}

static int create_out(struct lm_sa_out **to, struct lm_dp *dp, uint32_t net, uint32_t peer,
    uint8_t n_lanes, const uint32_t *spis, const uint8_t (*keymat)[36])
{
	struct lm_sa_out *out = lm_lines_alloc(sizeof *out + n_lanes * sizeof out->lanes[0]);

	if (!out)
		return -ENOMEM;
	out->n_lanes = n_lanes;
	for (uint8_t i = 0; i < n_lanes; i++) {
		struct lm_lane_out *lane = &out->lanes[i];

		lane->next = 1;
		lane->peer = peer;
		lane->lane = i;
		lane->worker = worker_of_lane(dp, i);
		lane->spi_be = rte_cpu_to_be_32(spis[i]);
		lane->src_port = source_port(dp, net, peer, i);
		memcpy(&lane->salt, keymat[i] + LM_GCM_KEY_LEN, sizeof lane->salt);
		if (lm_gcm_key_create(&lane->key, dp->gcm, keymat[i]) != 0) {
			lm_sa_out_free(out);
			return -ENOMEM;
		}
	}
	*to = out;
	return 0;
}

int lm_dp_sa_out_set(struct lm_dp *dp, uint32_t net, uint32_t peer, uint8_t n_lanes,
    const uint32_t *spis, const uint8_t (*keymat)[36])
{
	struct lm_sa_out *out = NULL;

	if (net >= dp->config.max_networks || peer >= dp->config.max_peers)
		return -EINVAL;
	if (n_lanes != 0) {
		if (!lanes_ok(dp, net, peer, n_lanes))
			return -EINVAL;
		for (uint8_t i = 0; i < n_lanes; i++)
			if (spis[i] <= LM_SPI_RESERVED)
				return -EINVAL;
		int err = create_out(&out, dp, net, peer, n_lanes, spis, keymat);
		if (err != 0)
			return err;
	}
	struct lm_tunnel *t = lm_tunnel_hold(&dp->tunnels, net, peer);
	if (!t) {
		lm_sa_out_free(out);
		return -ENOMEM;
	}
	/* One holder stands for the lanes; the one above becomes it, or ends with this call. */
	struct lm_sa_out *old = lm_tunnel_set(t, out);
	lm_retire(&dp->reclaim, old, lm_sa_out_free);
	if (old)
		lm_tunnel_release(t);
	if (!out)
		lm_tunnel_release(t);
	return 0;
}

bool lm_dp_sa_in_used(const struct lm_dp *dp, uint32_t spi)
{
	const struct lm_sa_in *sa = lm_sa_find(&dp->sas, spi);

	return sa && __atomic_load_n(&sa->packets, __ATOMIC_RELAXED) != 0;
}

static struct lm_tunnel *find_tunnel(const struct lm_dp *dp, uint32_t net, uint32_t peer)
{
	uint64_t id = (uint64_t)net << 32 | peer;
	struct lm_tunnel *t;

	HASH_FIND(hh, dp->tunnels.by_id, &id, sizeof id, t);
	return t;
}

bool lm_dp_sa_out_used(const struct lm_dp *dp, uint32_t net, uint32_t peer)
{
	const struct lm_tunnel *t = find_tunnel(dp, net, peer);
	const struct lm_sa_out *out = t ? t->out : NULL;

	for (uint32_t i = 0; out && i < out->n_lanes; i++)
		if (__atomic_load_n(&out->lanes[i].packets, __ATOMIC_RELAXED) != 0)
			return true;
	return false;
}

/* ---- what one sees -------------------------------------------------------- */

/* Cursor: the inbound slots, then the tunnels in the registry's order, lane by lane. */
unsigned lm_dp_lanes(
    const struct lm_dp *dp, uint32_t *cursor, struct lm_dp_lane_info *out, unsigned max)
{
	const struct lm_sa_table *t = &dp->sas;
	uint32_t at = *cursor, tunnel_at = t->mask + 1;
	unsigned n = 0;

	for (; at <= t->mask && n < max; at++) {
		const struct lm_sa_in *sa = t->slots[at];

		if (sa)
			out[n++] = (struct lm_dp_lane_info){.spi = sa->spi,
			    .net = sa->net,
			    .peer = sa->peer,
			    .lane = sa->lane,
			    .worker = sa->worker,
			    .inbound = true,
			    .packets = sa->packets,
			    .bytes = sa->bytes,
			    .sequence = sa->window.top,
			    .replays = sa->replays,
			    .auth_failures = sa->auth_failures};
	}
	for (const struct lm_tunnel *tn = dp->tunnels.by_id; tn && n < max; tn = tn->hh.next) {
		uint32_t n_lanes = tn->out ? tn->out->n_lanes : 0;

		for (uint32_t i = 0; i < n_lanes && n < max; i++, tunnel_at++) {
			const struct lm_lane_out *lane = &tn->out->lanes[i];

			if (tunnel_at < at)
				continue;
			out[n++] = (struct lm_dp_lane_info){.spi = rte_be_to_cpu_32(lane->spi_be),
			    .net = tn->net,
			    .peer = tn->peer,
			    .lane = lane->lane,
			    .worker = lane->worker,
			    .packets = lane->packets,
			    .bytes = lane->bytes,
			    .sequence = lane->next - 1};
			at = tunnel_at + 1;
		}
	}
	*cursor = at;
	return n;
}

void lm_dp_lane_counts(const struct lm_dp *dp, uint32_t *in, uint32_t *out)
{
	*in = dp->sas.used;
	*out = 0;
	for (const struct lm_tunnel *t = dp->tunnels.by_id; t; t = t->hh.next)
		*out += t->out ? t->out->n_lanes : 0;
}

int lm_dp_set_sequence(struct lm_dp *dp, uint32_t net, uint32_t peer, uint8_t lane, uint64_t next)
{
	struct lm_tunnel *t = find_tunnel(dp, net, peer);

	if (!t || !t->out || lane >= t->out->n_lanes)
		return -ENOENT;
	t->out->lanes[lane].next = next;
	return 0;
}

void lm_dp_bench_loop(struct lm_dp *dp, uint32_t spi)
{
	struct lm_sa_in *sa = lm_sa_find(&dp->sas, spi);

	if (sa)
		sa->loops = true;
}
