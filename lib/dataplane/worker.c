/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include "dataplane/lines.h"
#include "dataplane/bench.h"
#include "dataplane/rest.h"

#define RING_SIZE 1024
#define TX_TRIES 4
#define IDLE_POLLS 64
/* The flow table is looked over once in this time, so that it does not hoard ... */
#define AGE_SECONDS 10
/* ... and at once no more of it than this, lest packets wait. */
#define AGE_SLOTS 512

/* ---- create and free ------------------------------------------------------ */

static struct rte_ring *create_ring(const struct lm_dp *dp, unsigned from, unsigned to)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof name, "lm_%s_%u_%u", dp->pools[0]->name + 3, from, to);
	return rte_ring_create(
	    name, RING_SIZE, (int)rte_socket_id(), RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* Rings with the workers that are there already; control counts as one more. */
static int create_rings(struct lm_worker *w)
{
	struct lm_dp *dp = w->dp;
	unsigned control = dp->config.n_workers;

	w->up = create_ring(dp, w->index, control);
	w->down = create_ring(dp, control, w->index);
	if (!w->up || !w->down)
		return -ENOMEM;
	for (unsigned i = 0; i < w->index; i++) {
		struct lm_worker *other = dp->workers[i];

		w->to[i] = other->from[w->index] = create_ring(dp, w->index, i);
		other->to[w->index] = w->from[i] = create_ring(dp, i, w->index);
		if (!w->to[i] || !w->from[i])
			return -ENOMEM;
	}
	return 0;
}

static void load_timeouts(struct lm_worker *w)
{
	struct lm_dp *dp = w->dp;

	for (unsigned i = 0; i < LM_FLOW_STATE_MAX; i++)
		w->flows.timeout[i] = __atomic_load_n(&dp->flow_timeout[i], __ATOMIC_RELAXED);
	w->tcp_pickup = __atomic_load_n(&dp->tcp_pickup, __ATOMIC_RELAXED);
	w->udp_pickup = __atomic_load_n(&dp->udp_pickup, __ATOMIC_RELAXED);
}

int lm_worker_create(struct lm_worker **out, struct lm_dp *dp, unsigned index)
{
	struct lm_worker *w = rte_zmalloc("lm_worker", sizeof *w, RTE_CACHE_LINE_SIZE);

	if (!w)
		return -ENOMEM;
	*out = w;
	w->dp = dp;
	w->index = index;
	w->lane_mask = dp->lane_mask;
	memcpy(w->worker_of_lane, dp->worker_of_lane, sizeof w->worker_of_lane);
	w->nets = dp->nets;
	w->briefs = dp->briefs;
	w->paths = dp->paths;
	w->until_measured = 1;
	w->now = w->aged = rte_rdtsc();
	w->tick = lm_tick(w->now);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->attached = lm_lines_alloc((size_t)dp->config.max_endpoints * sizeof *w->attached);
	w->peers = lm_lines_alloc((size_t)dp->config.max_peers * sizeof *w->peers);
	w->sources = calloc(LM_SOURCES, sizeof *w->sources);
	if (w->wake_fd < 0 || !w->attached || !w->peers || !w->sources)
		return -ENOMEM;
	int err = lm_gcm_engine_create(&w->gcm);
	const struct lm_flows_config flows = {.limit = dp->config.flows,
	    .net_limit = dp->config.network_flows,
	    .n_nets = dp->config.max_networks,
	    .seed = rte_rand(),
	    .socket = (int)rte_socket_id()};
	if (err == 0)
		err = lm_flows_init(&w->flows, &flows);
	if (err == 0)
		err = lm_frags_init(
		    &w->frags, lm_tick(LM_FRAG_SECONDS * dp->hz), rte_rand(), (int)rte_socket_id());
	if (err == 0)
		err = lm_overload_init(&w->overload, dp->config.max_networks, dp->hz);
	if (err == 0)
		err = create_rings(w);
	load_timeouts(w);
	return err;
}

static void free_ring(struct rte_ring *r)
{
	void *m;

	while (r && rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(r);
}

void lm_worker_free(struct lm_worker *w)
{
	if (!w)
		return;
	rte_pktmbuf_free_bulk(w->dead.m, w->dead.n);
	free_ring(w->up);
	free_ring(w->down);
	for (unsigned i = 0; i < w->dp->config.n_workers; i++)
		free_ring(w->from[i]);
	lm_flows_free(&w->flows);
	lm_frags_free(&w->frags);
	lm_gcm_engine_free(w->gcm);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	lm_overload_free(&w->overload);
	free(w->attached);
	free(w->peers);
	free(w->sources);
	rte_free(w);
}

/* ---- out ------------------------------------------------------------------ */

static void refused(struct lm_worker *w, unsigned port, const struct lm_batch *b, unsigned sent)
{
	uint64_t bytes = 0;

	for (unsigned i = sent; i < b->n; i++) {
		bytes += b->m[i]->pkt_len;
		lm_worker_drop(w, b->m[i], LM_DROP_TX_FULL);
	}
	lm_overload_refused(w, port, b->n - sent, bytes);
}

void lm_worker_send(struct lm_worker *w, unsigned index)
{
	const struct lm_port *port = &w->dp->ports[index];
	struct lm_batch *b = &w->tx[index];
	unsigned sent = 0;

	/* A full queue of a virtual device drains while we try: its transmit call does the work. */
	for (unsigned i = 0; i < TX_TRIES && sent < b->n; i++)
		sent += rte_eth_tx_burst(
		    port->ethdev, port->tx_queue[w->index], b->m + sent, (uint16_t)(b->n - sent));
	w->c.tx += sent;
	if (unlikely(sent < b->n))
		refused(w, index, b, sent);
	b->n = 0;
}

void lm_worker_tx_all(struct lm_worker *w, struct lm_pkt **p, unsigned n)
{
	for (unsigned i = 0; i < n;) {
		const unsigned port = p[i]->port;
		struct lm_batch *b = &w->tx[port];

		if (unlikely(w->tx_by[port] != w->index)) {
			lm_worker_hand_tx(w, port, p[i++]->m);
			continue;
		}
		unsigned end = RTE_MIN(n, i + (unsigned)RTE_DIM(b->m) - b->n), at = b->n;
		for (; i < end && p[i]->port == port; i++)
			b->m[at++] = p[i]->m;
		b->n = at;
		if (unlikely(at == RTE_DIM(b->m)))
			lm_worker_send(w, port);
	}
}

static void hand_batch(struct lm_worker *w, unsigned to)
{
	struct lm_batch *b = &w->hand[to];
	unsigned n = rte_ring_sp_enqueue_burst(w->to[to], (void **)b->m, b->n, NULL);

	w->c.handed_out += n;
	for (unsigned i = n; i < b->n; i++)
		lm_worker_drop(w, b->m[i], LM_DROP_HANDOVER_FULL);
	b->n = 0;
	lm_worker_wake(w->dp->workers[to]);
}

static void put(struct lm_worker *w, unsigned to, struct rte_mbuf *m)
{
	w->hand[to].m[w->hand[to].n++] = m;
	if (w->hand[to].n == RTE_DIM(w->hand[to].m))
		hand_batch(w, to);
}

void lm_worker_hand(struct lm_worker *w, unsigned to, unsigned port, struct rte_mbuf *m)
{
	*lm_meta(m) = (struct lm_meta){.kind = LM_RING_FRAME, .port = (uint8_t)port};
	put(w, to, m);
}

void lm_worker_hand_fragment(struct lm_worker *w, unsigned to, unsigned port, struct rte_mbuf *m,
    const struct lm_frag_ports *ports)
{
	*lm_meta(m) = (struct lm_meta){.kind = LM_RING_FRAGMENT,
	    .port = (uint8_t)port,
	    .proto = ports->proto,
	    .src_port = ports->src,
	    .dst_port = ports->dst};
	put(w, to, m);
}

void lm_worker_hand_tx(struct lm_worker *w, unsigned port, struct rte_mbuf *m)
{
	unsigned by = w->tx_by[port];

	*lm_meta(m) = (struct lm_meta){.kind = LM_RING_TX, .port = (uint8_t)port};
	put(w, by, m);
}

void lm_worker_flush(struct lm_worker *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->dp->n_ports; i++)
		if (w->tx[i].n > 0) {
			n += w->tx[i].n;
			lm_worker_send(w, i);
		}
	for (unsigned i = 0; i < w->dp->config.n_workers; i++)
		if (w->hand[i].n > 0)
			hand_batch(w, i);
	if (w->punted.n > 0)
		lm_worker_punt_flush(w);
	if (w->dead.n > 0) {
		rte_pktmbuf_free_bulk(w->dead.m, w->dead.n);
		w->dead.n = 0;
	}
	lm_stage_done(w, LM_STAGE_TX, n);
}

/* ---- in ------------------------------------------------------------------- */

static void process(
    struct lm_worker *w, unsigned port, struct rte_mbuf **m, unsigned n, enum lm_ring_kind kind)
{
	if (w->dp->ports[port].config.underlay)
		lm_underlay_burst(w, port, m, n);
	else
		lm_access_burst(w, port, m, n, kind == LM_RING_FRAGMENT);
	lm_worker_flush(w);
}

static unsigned poll_ports(struct lm_worker *w)
{
	struct rte_mbuf *m[LM_BURST];
	unsigned total = 0;

	for (unsigned i = 0; i < w->n_rxq; i++) {
		struct lm_rx_queue *q = &w->rxq[i];
		unsigned n = rte_eth_rx_burst(q->ethdev, q->queue, m, LM_BURST);

		if (n == 0)
			continue;
		q->full += n == LM_BURST;
		w->c.rx += n;
		total += n;
		for (unsigned k = 0; k < n; k++)
			rte_prefetch0(rte_pktmbuf_mtod(m[k], void *));
		lm_stage_done(w, LM_STAGE_RX, n);
		process(w, q->port, m, n, LM_RING_FRAME);
	}
	return total;
}

/* Frames of one port follow each other in the ring as they did on the wire: runs go as bursts. */
static void take_handed(struct lm_worker *w, struct rte_mbuf **m, unsigned n)
{
	for (unsigned i = 0, end; i < n; i = end) {
		const struct lm_meta first = *lm_meta(m[i]);

		for (end = i; end < n; end++) {
			const struct lm_meta *meta = lm_meta(m[end]);

			if (meta->kind != first.kind || meta->port != first.port)
				break;
			if (first.kind == LM_RING_TX)
				lm_worker_tx(w, first.port, m[end]);
		}
		if (first.kind != LM_RING_TX)
			process(w, first.port, m + i, end - i, first.kind);
	}
}

static unsigned poll_rings(struct lm_worker *w)
{
	struct rte_mbuf *m[LM_BURST];
	unsigned total = 0;

	for (unsigned i = 0; i < w->dp->config.n_workers; i++) {
		if (i == w->index)
			continue;
		unsigned n = rte_ring_sc_dequeue_burst(w->from[i], (void **)m, LM_BURST, NULL);
		w->c.handed_in += n;
		w->overload.ring_full[i] += n == LM_BURST;
		total += n;
		take_handed(w, m, n);
	}
	unsigned n = rte_ring_sc_dequeue_burst(w->down, (void **)m, LM_BURST, NULL);
	w->c.injected += n;
	for (unsigned i = 0; i < n; i++)
		lm_worker_tx(w, lm_meta(m[i])->port, m[i]);
	if (total + n > 0)
		lm_worker_flush(w);
	return total + n;
}

static void age_flows(struct lm_worker *w)
{
	uint64_t round = w->dp->hz * AGE_SECONDS, passed = w->now - w->aged;
	double slots = (double)w->flows.slot_mask + 1;

	load_timeouts(w);
	if (w->flows.count == 0) {
		w->aged = w->now;
		return;
	}
	/* Who slept for long need not look twice. */
	if (passed > round) {
		w->aged = w->now - round;
		passed = round;
	}
	uint64_t n =
	    RTE_MIN((uint64_t)((double)passed * slots / (double)round), (uint64_t)AGE_SLOTS);
	if (n == 0)
		return;
	lm_flows_age(&w->flows, w->tick, (uint32_t)n, lm_judge_keep, w);
	w->aged += (uint64_t)((double)n * (double)round / slots);
}

unsigned lm_worker_poll_at(struct lm_worker *w, uint64_t now)
{
	w->now = now;
	w->tick = lm_tick(w->now);
	unsigned n = poll_rings(w);
	n += poll_ports(w);
	lm_overload_round(w, n);
	return n;
}

unsigned lm_worker_poll(struct lm_worker *w)
{
	w->measured = --w->until_measured == 0;
	if (w->measured)
		w->until_measured = LM_STAGE_ROUNDS;
	w->mark = rte_rdtsc();
	return lm_worker_poll_at(w, w->mark + w->skew);
}

int lm_dp_worker_main(void *arg)
{
	const struct lm_dp_worker_arg *a = arg;
	struct lm_dp *dp = a->dp;
	struct lm_worker *w = dp->workers[a->index];
	struct rte_rcu_qsbr *qsbr = dp->reclaim.qsbr;
	struct lm_rest rest;

	lm_rest_init(&rest, (int)dp->config.realtime_priority, rte_rdtsc() + w->skew, dp->hz);
	rte_rcu_qsbr_thread_register(qsbr, w->index);
	rte_rcu_qsbr_thread_online(qsbr, w->index);
	for (unsigned round = 0; !__atomic_load_n(&dp->stopping, __ATOMIC_ACQUIRE); round++) {
		unsigned n = lm_worker_poll(w);

		rte_rcu_qsbr_quiescent(qsbr, w->index);
		w->idle = n > 0 ? 0 : w->idle + 1;
		if (w->idle >= IDLE_POLLS && !__atomic_load_n(&dp->busy_poll, __ATOMIC_RELAXED)) {
			rte_rcu_qsbr_thread_offline(qsbr, w->index);
			lm_rest_take(&rest, w);
			rte_rcu_qsbr_thread_online(qsbr, w->index);
			age_flows(w);
		} else if (round % 256 == 0) {
			age_flows(w);
		}
		if (lm_rest_due(&rest, w->now))
			lm_rest_turn(
			    &rest, w->now, __atomic_load_n(&dp->busy_poll, __ATOMIC_RELAXED) != 0);
	}
	rte_rcu_qsbr_thread_offline(qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(qsbr, w->index);
	return 0;
}

/* ---- by hand -------------------------------------------------------------- */

unsigned lm_dp_poll_once(struct lm_dp *dp, unsigned worker)
{
	unsigned n = lm_worker_poll(dp->workers[worker]);

	age_flows(dp->workers[worker]);
	return n;
}

void lm_dp_pass_time(struct lm_dp *dp, unsigned worker, unsigned seconds)
{
	lm_dp_pass_us(dp, worker, seconds * UINT64_C(1000000));
}

void lm_dp_pass_us(struct lm_dp *dp, unsigned worker, uint64_t us)
{
	dp->workers[worker]->skew += us / 1000000 * dp->hz + us % 1000000 * dp->hz / 1000000;
	dp->skew = RTE_MAX(dp->skew, dp->workers[worker]->skew);
}

unsigned lm_dp_mbufs_in_use(const struct lm_dp *dp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < dp->n_pools; i++)
		n += rte_mempool_in_use_count(dp->pools[i]);
	return n;
}

struct rte_mempool *lm_dp_pool(const struct lm_dp *dp, unsigned worker)
{
	return dp->pools[worker % dp->n_pools];
}
