/* SPDX-License-Identifier: Apache-2.0 */
#include "flood_play.h"

#include <pthread.h>
#include <sched.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include "bench.h"

#define BURST 32 /* of each source, at once */
#define WORKER_LCORE 1
#define BEHIND 256 /* packets: a generator that is later than that lets them be */
/* Whoever does nothing for so long has not got its processor. */
#define GAP_US 20
/* On a busy machine it takes longer, but not so many times as long. */
#define PATIENCE 100

void flood_source_set(struct flood_source *s, const struct rig *r, const struct rig_packet *p)
{
	*s = (struct flood_source){.from = p->src_port, .to = p->dst_port};
	s->len = (uint16_t)rig_build(r, s->frame, p);
	s->ports = (uint16_t)(rig_l2(p) + 20);
}

/* ---- the worker -------------------------------------------------------------- */

struct turning {
	struct lm_dp *dp;
	int cpu;
	uint32_t stop;
};

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	bench_check(-pthread_setaffinity_np(pthread_self(), sizeof(set), &set), "processor");
}

static int turn(void *arg)
{
	struct turning *t = arg;

	pin(t->cpu);
	while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED))
		lm_dp_poll_once(t->dp, 0);
	while (lm_dp_poll_once(t->dp, 0) > 0)
		;
	return 0;
}

/* ---- the generator ----------------------------------------------------------- */

struct playing {
	struct flood_bench *b;
	struct rte_mempool *pool;
	struct rte_ring *in, *out;
	struct flood_result *result;
	uint64_t time, skipped; /* cycles */
	uint64_t last, moved; /* when we looked, and when the worker took something */
	uint32_t taken; /* how far it had come then */
};

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void write_frame(struct flood_source *s, struct rte_mbuf *m)
{
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(m, s->len);
	uint32_t n = s->next++;

	memcpy(frame, s->frame, s->len);
	if (s->flows > 0) {
		s->next = s->next == s->flows ? 0 : s->next;
		put16(frame + s->ports, s->from + n);
		return;
	}
	put16(frame + s->ports, s->from + n % 50000);
	put16(frame + s->ports + 2, s->to + n / 50000 % 50000);
}

/* How many of each are due now. */
static unsigned due(struct playing *p, unsigned of, uint64_t step, double hz)
{
	struct flood_source *s = &p->b->sources[of];

	if (s->rate >= FLOOD_FLAT_OUT)
		return BURST;
	s->due = RTE_MIN(s->due + s->rate * (double)step / hz, (double)BEHIND);
	unsigned n = RTE_MIN((unsigned)s->due, (unsigned)BURST);
	s->due -= n;
	return n;
}

/* Evenly mixed, so that it is chance who finds no room. */
static void offer(struct playing *p, const unsigned n[FLOOD_SOURCES])
{
	struct rte_mbuf *m[FLOOD_SOURCES * BURST];
	uint8_t of[FLOOD_SOURCES * BURST];
	const unsigned all = n[FLOOD_KNOWN] + n[FLOOD_NEW];
	unsigned known = 0;

	if (all == 0)
		return;
	if (rte_pktmbuf_alloc_bulk(p->pool, m, all) != 0)
		bench_check(-ENOMEM, "packet buffers");
	for (unsigned i = 0; i < all; i++) {
		bool is_new = (i + 1) * n[FLOOD_KNOWN] / all == known;

		known += !is_new;
		of[i] = is_new ? FLOOD_NEW : FLOOD_KNOWN;
		write_frame(&p->b->sources[of[i]], m[i]);
		p->result->offered[of[i]]++;
	}
	unsigned queued = rte_ring_count(p->in);
	unsigned room = RTE_MIN(queued < FLOOD_QUEUE ? FLOOD_QUEUE - queued : 0, all);
	unsigned put = rte_ring_sp_enqueue_burst(p->in, (void **)m, room, NULL);
	for (unsigned i = put; i < all; i++)
		p->result->no_room[of[i]]++;
	p->b->rig->gw[0].sent += put;
	rte_pktmbuf_free_bulk(m + put, all - put);
}

static unsigned drain(struct playing *p)
{
	struct rte_mbuf *m[2 * BURST];
	unsigned n = rte_ring_sc_dequeue_burst(p->out, (void **)m, RTE_DIM(m), NULL);

	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(m[i]);
	for (unsigned i = 0; i < n; i++)
		p->result->out += m[i]->data_len == p->b->known_len;
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

/* Both are at work. */
static bool awake(struct playing *p, uint64_t now, uint64_t gap)
{
	uint32_t taken = __atomic_load_n(&p->in->cons.tail, __ATOMIC_RELAXED);

	if (taken != p->taken || rte_ring_empty(p->in))
		p->moved = now;
	p->taken = taken;
	return now - p->last < gap && now - p->moved < gap;
}

static void generate(struct playing *p, double seconds)
{
	const double hz = (double)rte_get_tsc_hz();
	const uint64_t until = (uint64_t)(seconds * hz), gap = (uint64_t)(hz / 1e6 * GAP_US);

	p->last = p->moved = rte_rdtsc();
	while (p->time < until && p->time + p->skipped < PATIENCE * until) {
		const uint64_t now = rte_rdtsc(), step = now - p->last;
		bool fine = awake(p, now, gap);

		p->last = now;
		if (fine) {
			unsigned n[FLOOD_SOURCES];

			p->time += step;
			for (unsigned i = 0; i < FLOOD_SOURCES; i++)
				n[i] = due(p, i, step, hz);
			offer(p, n);
		} else {
			p->skipped += step;
		}
		drain(p);
	}
	p->result->seconds = (double)p->time / hz;
	p->result->share = (double)p->time / (double)(p->time + p->skipped);
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
	struct turning worker = {.dp = gw->dp, .cpu = b->cpus[1]};
	struct playing p = {.b = b,
	    .pool = lm_dp_pool(gw->dp),
	    .in = gw->access.rx[0],
	    .out = gw->under.tx[0],
	    .result = out};
	struct lm_counters before;

	*out = (struct flood_result){0};
	lm_dp_counters(gw->dp, 0, &before);
	pin(b->cpus[0]);
	bench_check(rte_eal_remote_launch(turn, &worker, WORKER_LCORE), "worker");
	generate(&p, seconds);
	__atomic_store_n(&worker.stop, 1, __ATOMIC_RELAXED);
	while (rte_eal_get_lcore_state(WORKER_LCORE) == RUNNING)
		drain(&p);
	rte_eal_wait_lcore(WORKER_LCORE);
	while (drain(&p) > 0)
		;
	lm_dp_counters(gw->dp, 0, &out->c);
	subtract(&out->c, &before);
}
