/* SPDX-License-Identifier: Apache-2.0 */
#include "flood_play.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include "bench.h"
#include "dataplane/worker.h"

/* A round that took longer was interrupted: others had the processor. */
#define ROUND_US 20

void flood_source_set(struct flood_source *s, const struct rig *r, const struct rig_packet *p)
{
	*s = (struct flood_source){.from = p->src_port, .to = p->dst_port};
	s->len = (uint16_t)rig_build(r, s->frame, p);
	s->ports = (uint16_t)(rig_l2(p) + 20);
}

struct playing {
	struct flood_bench *b;
	struct rte_mempool *pool;
	struct rte_ring *in, *out;
	struct flood_result *result;
};

/* ---- the wire ---------------------------------------------------------------- */

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* The next packet, also if there is no room for it. */
static uint32_t number(struct flood_source *s)
{
	uint32_t n = s->next++;

	if (s->next == s->flows)
		s->next = 0;
	return n;
}

static void write_frame(const struct flood_source *s, struct rte_mbuf *m, uint32_t n)
{
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(m, s->len);

	memcpy(frame, s->frame, s->len);
	put16(frame + s->ports, s->from + n % 50000);
	put16(frame + s->ports + 2, s->to + n / 50000 % 50000);
}

static void arrive(struct playing *p, unsigned of)
{
	struct flood_source *s = &p->b->sources[of];
	const uint32_t n = number(s);

	p->result->offered[of]++;
	if (rte_ring_count(p->in) >= FLOOD_QUEUE) {
		p->result->no_room[of]++;
		return;
	}
	struct rte_mbuf *m = bench_must(rte_pktmbuf_alloc(p->pool), "packet buffers");
	write_frame(s, m, n);
	rte_ring_sp_enqueue(p->in, m);
	p->b->rig->gw[0].sent++;
}

/* Evenly mixed, so that it is chance who finds no room. */
static void arrivals(struct playing *p, double seconds)
{
	unsigned n[FLOOD_SOURCES], known = 0;

	for (unsigned i = 0; i < FLOOD_SOURCES; i++) {
		struct flood_source *s = &p->b->sources[i];

		s->due += s->rate * seconds;
		n[i] = (unsigned)s->due;
		s->due -= n[i];
	}
	const unsigned all = n[FLOOD_KNOWN] + n[FLOOD_NEW];
	for (unsigned i = 1; i <= all; i++) {
		bool is_known = (uint64_t)i * n[FLOOD_KNOWN] / all > known;

		known += is_known;
		arrive(p, is_known ? FLOOD_KNOWN : FLOOD_NEW);
	}
}

static void depart(struct playing *p)
{
	struct rte_mbuf *m[2 * LM_BURST];
	unsigned n;

	while ((n = rte_ring_sc_dequeue_burst(p->out, (void **)m, RTE_DIM(m), NULL)) > 0) {
		for (unsigned i = 0; i < n; i++)
			p->result->out += m[i]->data_len == p->b->known_len;
		rte_pktmbuf_free_bulk(m, n);
	}
}

/* ---- the worker -------------------------------------------------------------- */

/* Its clock: what its rounds take. */
static void turn(struct playing *p, struct lm_worker *w, double seconds)
{
	const double hz = (double)rte_get_tsc_hz();
	const uint64_t until = (uint64_t)(seconds * hz),
		       long_round = (uint64_t)(hz / 1e6 * ROUND_US);
	const uint64_t start = w->now;
	uint64_t time = 0, last = 0;

	while (time < until) {
		w->mark = rte_rdtsc();
		const uint64_t begin = w->mark;
		lm_worker_poll_at(w, start + time);
		const uint64_t took = rte_rdtsc() - begin;

		last = took < long_round ? took : last;
		time += last;
		depart(p);
		arrivals(p, (double)last / hz);
	}
	/* What waits still was offered as well. */
	while (lm_worker_poll_at(w, start + time) > 0)
		depart(p);
	depart(p);
	p->result->seconds = (double)time / hz;
}

static void subtract(struct lm_counters *from, const struct lm_counters *what)
{
	uint64_t *a = (uint64_t *)from;
	const uint64_t *b = (const uint64_t *)what;

	for (size_t i = 0; i < sizeof(*from) / sizeof(*a); i++)
		a[i] -= b[i];
}

void flood_play(struct flood_bench *b, double seconds, struct flood_result *out)
{
	struct rig_gw *gw = &b->rig->gw[0];
	struct playing p = {.b = b,
	    .pool = lm_dp_pool(gw->dp, 0),
	    .in = gw->access.rx[0],
	    .out = gw->under.tx[0],
	    .result = out};
	struct lm_counters before;

	*out = (struct flood_result){0};
	lm_dp_counters(gw->dp, 0, &before);
	turn(&p, gw->dp->workers[0], seconds);
	lm_dp_counters(gw->dp, 0, &out->c);
	subtract(&out->c, &before);
}
