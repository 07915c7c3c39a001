/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All threads prepare, meet, work off what is there, and meet again: nobody copies packets while
 * somebody works. Whoever has no worker waits meanwhile, on its processor.
 */
#include "workers.h"

#include <sched.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>
#include "bench.h"

enum {
	PHASES_MAX = 1024, /* that count, of a run */
	WARM = 4, /* phases that do not count: caches are another gateway's */
	PATIENCE = 8, /* times as many phases as are wanted */
	SPINS = 1 << 16, /* then others may have the processor */
};
/* Part of a phase that a worker may lose to others. */
#define LOST 0.03

/* A thread's, in lines that the other one only reads. */
struct side {
	struct player player;
	uint32_t met; /* how often it came to a meeting */
	uint64_t begin, end; /* of its work in this phase, by the TSC */
	uint64_t cpu; /* ns of CPU between them */
} __rte_cache_aligned;

struct play {
	const char *name;
	struct side sides[WORKERS_MAX];
	bool over; /* the first thread's to say, between two phases */
};

static void meet(struct play *p, unsigned me)
{
	const struct side *other = &p->sides[!me];
	uint32_t n = p->sides[me].met + 1;

	__atomic_store_n(&p->sides[me].met, n, __ATOMIC_RELEASE);
	for (unsigned i = 0; (int32_t)(__atomic_load_n(&other->met, __ATOMIC_ACQUIRE) - n) < 0;
	    i++) {
		rte_pause();
		if (i > SPINS)
			sched_yield();
	}
}

static void work(struct side *s)
{
	uint64_t cpu = bench_ns();

	s->begin = rte_rdtsc_precise();
	for (unsigned i = 0; i < PACKETS; i += BURST)
		lm_dp_poll_once(s->player.dp, s->player.worker);
	s->end = rte_rdtsc_precise();
	s->cpu = bench_ns() - cpu;
}

/* True: there was a phase. */
static bool phase(struct play *p, unsigned me)
{
	struct side *s = &p->sides[me];
	struct wire *wire = s->player.wire;

	if (wire)
		wire_load(wire, s->player.frames);
	meet(p, me);
	if (p->over)
		return false;
	if (wire)
		work(s);
	meet(p, me);
	const char *wrong = wire ? wire_check(wire) : NULL;
	if (wrong) {
		fprintf(stderr, "%s, worker %u: %s\n", p->name, s->player.worker, wrong);
		exit(EXIT_FAILURE);
	}
	return true;
}

static int second(void *arg)
{
	struct play *p = arg;

	while (phase(p, 1))
		;
	return 0;
}

/* ---- figures ------------------------------------------------------------------ */

/* Of a run, in nanoseconds and packets a microsecond. */
struct figures {
	unsigned n, phases, disturbed;
	uint64_t wall_ns[PHASES_MAX];
	uint64_t packet_ps[PHASES_MAX]; /* of CPU, between two packets of all workers */
	double wall, together;
};

static double ns(uint64_t cycles)
{
	return (double)cycles * 1e9 / (double)rte_get_tsc_hz();
}

static void look(struct figures *f, const struct play *p)
{
	uint64_t first = UINT64_MAX, last = 0, late = 0, early = UINT64_MAX;
	unsigned workers = 0;
	bool alone = true;
	double mpps = 0;

	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		const struct side *s = &p->sides[i];

		if (!s->player.wire)
			continue;
		workers++;
		first = RTE_MIN(first, s->begin);
		late = RTE_MAX(late, s->begin);
		early = RTE_MIN(early, s->end);
		last = RTE_MAX(last, s->end);
		mpps += PACKETS * 1e3 / (double)s->cpu;
		alone &= (double)s->cpu >= (1 - LOST) * ns(s->end - s->begin);
	}
	/* Who was not there when the other one began, did not have its processor either. */
	alone &= (double)(late - first) <= LOST * (double)(last - first);
	if (++f->phases <= WARM)
		return;
	f->disturbed += !alone;
	if (!alone)
		return;
	f->wall_ns[f->n] = (uint64_t)ns(last - first);
	f->packet_ps[f->n++] = (uint64_t)(1e6 / mpps);
	f->wall += ns(last - first);
	f->together += workers == WORKERS_MAX && early > late ? ns(early - late) : 0;
}

struct result phases_run(
    const char *name, const struct player players[WORKERS_MAX], unsigned undisturbed)
{
	static struct figures f;
	struct play p = {.name = name};
	unsigned packets = 0;

	undisturbed = RTE_MIN(undisturbed, (unsigned)PHASES_MAX);
	f = (struct figures){0};
	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		p.sides[i].player = players[i];
		packets += players[i].wire ? PACKETS : 0;
	}
	bench_check(rte_eal_remote_launch(second, &p, rte_get_next_lcore(-1u, 1, 0)), "thread");
	while (phase(&p, 0)) {
		look(&f, &p);
		p.over = f.n == undisturbed || f.phases == WARM + undisturbed * PATIENCE;
	}
	rte_eal_mp_wait_lcore();
	return (struct result){
	    .mpps = f.n ? packets * 1e3 / (double)percentile(f.wall_ns, f.n, 0.5) : 0,
	    .mpps_cpu = f.n ? 1e6 / (double)percentile(f.packet_ps, f.n, 0.5) : 0,
	    .together = f.n ? f.together / f.wall : 0,
	    .all = f.phases,
	    .phases = f.phases - WARM,
	    .disturbed = f.disturbed};
}
