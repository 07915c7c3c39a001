/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to control and down from it, by one ring each way and worker. Control is
 * woken by an eventfd, which it arms when it has read everything.
 */
#include <errno.h>
#include <unistd.h>
#include <rte_ring.h>
#include "dataplane/worker.h"

#define PUNT_BATCH 32u
/* Of the ring's 1,024 entries: what must be left free for sessions, and DNS leaves to all others.
 */
#define SESSIONS_RESERVE 256
#define OTHERS_RESERVE 256

/* ---- workers -------------------------------------------------------------- */

void lm_worker_punt(struct lm_worker *w, struct rte_mbuf *m, enum lm_punt reason, unsigned port,
    uint32_t attachment, uint16_t mtu)
{
	*lm_meta(m) = (struct lm_meta){
	    .port = (uint8_t)port, .reason = (uint8_t)reason, .mtu = mtu, .attachment = attachment};
	w->punted.m[w->punted.n++] = m;
	if (w->punted.n == RTE_DIM(w->punted.m))
		lm_worker_punt_flush(w);
}

static void ring_control(struct lm_dp *dp)
{
	const uint64_t one = 1;

	/* After the enqueue, before the look at the flag: see sleep.c, where the same is done. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&dp->punt_armed, __ATOMIC_RELAXED) == 0 ||
	    __atomic_exchange_n(&dp->punt_armed, 0, __ATOMIC_RELAXED) == 0)
		return;
	ssize_t n = write(dp->punt_fd, &one, sizeof one);
	(void)n; /* full means readable */
}

static unsigned reserve(enum lm_punt reason)
{
	switch (reason) {
	case LM_PUNT_SESSION:
		return 0;
	case LM_PUNT_DNS:
	case LM_PUNT_RESOLVER:
		return SESSIONS_RESERVE + OTHERS_RESERVE;
	default:
		return SESSIONS_RESERVE;
	}
}

void lm_worker_punt_flush(struct lm_worker *w)
{
	for (unsigned i = 0; i < w->punted.n; i++) {
		struct rte_mbuf *m = w->punted.m[i];
		uint8_t reason = lm_meta(m)->reason;

		if (rte_ring_free_count(w->up) <= reserve(reason) ||
		    rte_ring_sp_enqueue(w->up, m) != 0)
			lm_worker_drop(w, m, LM_DROP_PUNT_LIMIT);
		else
			w->c.punts[reason]++;
	}
	w->punted.n = 0;
	ring_control(w->dp);
}

/* ---- control -------------------------------------------------------------- */

int lm_dp_punt_fd(const struct lm_dp *dp)
{
	return dp->punt_fd;
}

static void hand_up(
    struct rte_mbuf *m, void (*cb)(void *ctx, const struct lm_dp_punt *punt), void *ctx)
{
	const struct lm_meta *meta = lm_meta(m);
	const struct lm_dp_punt punt = {.reason = meta->reason,
	    .port = meta->port,
	    .attachment = meta->attachment,
	    .mtu = meta->mtu,
	    .data = rte_pktmbuf_mtod(m, const uint8_t *),
	    .len = rte_pktmbuf_data_len(m)};

	cb(ctx, &punt);
	rte_pktmbuf_free(m);
}

/* Round by round over the workers, so that none starves the others. */
static unsigned drain(
    struct lm_dp *dp, unsigned max, void (*cb)(void *ctx, const struct lm_dp_punt *punt), void *ctx)
{
	struct rte_mbuf *m[PUNT_BATCH];
	unsigned done = 0, empty = 0;

	while (done < max && empty < dp->config.n_workers) {
		struct lm_worker *w = dp->workers[dp->punt_turn++ % dp->config.n_workers];
		unsigned n = rte_ring_sc_dequeue_burst(
		    w->up, (void **)m, RTE_MIN(max - done, PUNT_BATCH), NULL);

		empty = n > 0 ? 0 : empty + 1;
		done += n;
		for (unsigned i = 0; i < n; i++)
			hand_up(m[i], cb, ctx);
	}
	return done;
}

unsigned lm_dp_punts(
    struct lm_dp *dp, unsigned max, void (*cb)(void *ctx, const struct lm_dp_punt *punt), void *ctx)
{
	const uint64_t one = 1;
	uint64_t rung;
	ssize_t ignored = read(dp->punt_fd, &rung, sizeof rung);
	unsigned n = drain(dp, max, cb, ctx);

	if (n < max) {
		/* Armed first and drained again, so that nothing arrives unheard in between. */
		__atomic_store_n(&dp->punt_armed, 1, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		n += drain(dp, max - n, cb, ctx);
	}
	if (n == max)
		ignored = write(dp->punt_fd, &one, sizeof one); /* there may be more: call again */
	(void)ignored;
	lm_reclaim_poll(&dp->reclaim);
	return n;
}

int lm_dp_inject(struct lm_dp *dp, unsigned port, const uint8_t *frame, size_t len)
{
	if (port >= dp->n_ports || len == 0)
		return -EINVAL;
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pools[0]);
	if (!m)
		return -ENOBUFS;
	char *to = len <= UINT16_MAX ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;
	if (!to) {
		rte_pktmbuf_free(m);
		return -EMSGSIZE;
	}
	memcpy(to, frame, len);
	*lm_meta(m) = (struct lm_meta){.kind = LM_RING_TX, .port = (uint8_t)port};
	struct lm_worker *w = dp->workers[dp->ports[port].tx_worker[0]];
	if (rte_ring_sp_enqueue(w->down, m) != 0) {
		rte_pktmbuf_free(m);
		return -ENOBUFS;
	}
	lm_worker_wake(w);
	return 0;
}

unsigned lm_dp_inject_pending(const struct lm_dp *dp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < dp->config.n_workers; i++)
		n += rte_ring_count(dp->workers[i]->down);
	return n;
}
