/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a second worker adds, on one single tunnel: CPU time a packet of one worker, and of two at
 * once, each on a processor of its own, in turns.
 *
 *   leasemesh-workers PACKETS ROUNDS CPU CPU [LIMIT]
 *
 * prints a table, and ends with 1 if two workers are anywhere less than LIMIT times one. The
 * gateways are those of the unit tests, on rings; each thread plays the wire of its worker's
 * queues, whose cost is measured alone and taken off. perf/workers runs it.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include "bench.h"
#include "crypto/gcm.h"
#include "tests/unit/dp_rig.h"

enum {
	BURST = 32,
	FRAMES = 512, /* of each worker, and a flow each: less than a replay window for each lane */
	WORKERS_MAX = 2,
	ROUNDS_MAX = 99,
	FIRST_PORT = 5000,
};

/* A tunnel between gateways of so many workers, and which end is measured. */
struct way {
	const char *name;
	unsigned gw; /* 0 seals, 1 opens */
	unsigned workers[2];
};

#define N_WAYS 5 /* of each end; the first is what the others are compared with */

static const struct way ways[2 * N_WAYS] = {
    {.name = "seal, 1 worker, peer 1", .gw = 0, .workers = {1, 1}},
    {.name = "seal, 1 worker, peer 2", .gw = 0, .workers = {1, 2}},
    {.name = "seal, 2 workers, peer 2", .gw = 0, .workers = {2, 2}},
    {.name = "seal, 2 workers, peer 1", .gw = 0, .workers = {2, 1}},
    {.name = "seal, 2 workers, peer 4", .gw = 0, .workers = {2, 4}},
    {.name = "open, 1 worker, peer 1", .gw = 1, .workers = {1, 1}},
    {.name = "open, 1 worker, peer 2", .gw = 1, .workers = {2, 1}},
    {.name = "open, 2 workers, peer 2", .gw = 1, .workers = {2, 2}},
    {.name = "open, 2 workers, peer 1", .gw = 1, .workers = {1, 2}},
    {.name = "open, 2 workers, peer 4", .gw = 1, .workers = {4, 2}},
};

struct frame {
	uint8_t bytes[RIG_FRAME_MAX];
	uint16_t len;
};

struct bench {
	const struct way *way;
	struct rig *rig;
	struct frame *frames[WORKERS_MAX]; /* FRAMES that each worker owns, in the order sent */
	struct rte_ring *in[WORKERS_MAX], *out[WORKERS_MAX]; /* its queues */
};

/* ---- frames ----------------------------------------------------------------- */

static struct rig_port *port_in(struct bench *b)
{
	struct rig_gw *gw = &b->rig->gw[b->way->gw];

	return b->way->gw == 0 ? &gw->access : &gw->under;
}

static struct rig_port *port_out(struct bench *b)
{
	struct rig_gw *gw = &b->rig->gw[b->way->gw];

	return b->way->gw == 0 ? &gw->under : &gw->access;
}

static uint64_t judged(const struct bench *b, unsigned worker)
{
	struct lm_counters c;

	lm_dp_counters(b->rig->gw[b->way->gw].dp, (int)worker, &c);
	return c.flow_hits + c.flow_misses;
}

static bool keep(void *ctx, unsigned from, uint8_t *bytes, size_t *len)
{
	struct frame *f = ctx;

	(void)from;
	memcpy(f->bytes, bytes, *len);
	f->len = (uint16_t)*len;
	return false;
}

/* What comes in at the end that is measured, of this flow: sealed by the other, where it opens. */
static void make(struct bench *b, struct frame *f, unsigned flow, uint16_t size)
{
	const struct rig_packet p = {.from = WEB,
	    .to = DB,
	    .protocol = IPPROTO_UDP,
	    .src_port = (uint16_t)(FIRST_PORT + flow),
	    .dst_port = 53,
	    .payload = (uint16_t)(size - 28)};

	f->len = (uint16_t)rig_build(b->rig, f->bytes, &p);
	if (b->way->gw == 0)
		return;
	b->rig->wire = keep;
	b->rig->ctx = f;
	rig_send(b->rig, WEB, f->bytes, f->len);
	rig_run(b->rig);
	b->rig->wire = NULL;
}

/* Which worker's it is, one finds out by trying. */
static unsigned owner(struct bench *b, const struct frame *f)
{
	uint64_t before = judged(b, 0);

	rig_put(b->rig, b->way->gw, port_in(b), f->bytes, f->len, 0);
	rig_run(b->rig);
	rig_drain(b->rig, 1);
	return judged(b, 0) > before ? 0 : 1;
}

static unsigned take(struct rte_ring *ring)
{
	struct rte_mbuf *m[2 * BURST];
	unsigned n = rte_ring_sc_dequeue_burst(ring, (void **)m, RTE_DIM(m), NULL);

	rte_pktmbuf_free_bulk(m, n);
	return n;
}

/* Where a packet of its own is taken from and put by this worker alone: found out as well. */
static void find_queues(struct bench *b, unsigned w)
{
	struct rig_port *in = port_in(b), *out = port_out(b);
	const struct frame *f = &b->frames[w][0];

	for (unsigned q = 0; q < in->n_queues; q++) {
		rig_put(b->rig, b->way->gw, in, f->bytes, f->len, (int)q);
		if (lm_dp_poll_once(b->rig->gw[b->way->gw].dp, w) == 0) {
			take(in->rx[q]);
			b->rig->gw[b->way->gw].sent--;
			continue;
		}
		b->in[w] = in->rx[q];
		for (unsigned k = 0; k < out->n_queues; k++)
			if (take(out->tx[k]) > 0)
				b->out[w] = out->tx[k];
	}
	if (!b->in[w] || !b->out[w])
		bench_check(-ENOENT, "queues of a worker");
}

/* Until each worker has as many flows; the table knows them all then. */
static void prepare(struct bench *b, uint16_t size)
{
	unsigned n_workers = b->way->workers[b->way->gw], have[WORKERS_MAX] = {0}, full = 0;

	lm_dp_bench_endless(b->rig->gw[b->way->gw].dp);
	for (unsigned w = 0; w < n_workers; w++)
		b->frames[w] = bench_must(calloc(FRAMES, sizeof(struct frame)), "frames");
	if (b->way->gw == 1)
		for (unsigned lane = 0; lane < b->rig->n_lanes; lane++)
			lm_dp_bench_loop(b->rig->gw[1].dp, b->rig->gw[1].spi[0][lane]);
	for (unsigned flow = 0; full < n_workers; flow++) {
		struct frame f;

		make(b, &f, flow, size);
		unsigned w = owner(b, &f);
		if (have[w] == FRAMES)
			continue;
		b->frames[w][have[w]++] = f;
		full += have[w] == FRAMES;
	}
	for (unsigned w = 0; w < n_workers; w++)
		find_queues(b, w);
}

/* ---- one worker's thread ---------------------------------------------------- */

struct player {
	struct bench *b;
	unsigned worker, packets;
	int cpu;
	pthread_barrier_t *start;
	uint64_t ns; /* of CPU, for all packets */
	double share; /* of its processor that it had */
	unsigned out;
};

static void put_burst(struct player *p, unsigned first)
{
	struct bench *b = p->b;
	const struct frame *frames = &b->frames[p->worker][first % FRAMES];
	struct rte_mbuf *m[BURST];

	if (rte_pktmbuf_alloc_bulk(lm_dp_pool(b->rig->gw[b->way->gw].dp), m, BURST) != 0)
		bench_check(-ENOMEM, "packet buffers");
	for (unsigned i = 0; i < BURST; i++)
		memcpy(rte_pktmbuf_append(m[i], frames[i].len), frames[i].bytes, frames[i].len);
	rte_ring_sp_enqueue_bulk(b->in[p->worker], (void **)m, BURST, NULL);
}

static void rehearse(struct player *p)
{
	for (unsigned i = 0; i < p->packets; i += BURST) {
		put_burst(p, i);
		take(p->b->in[p->worker]);
	}
}

static void play(struct player *p)
{
	struct lm_dp *dp = p->b->rig->gw[p->b->way->gw].dp;
	struct rte_ring *out = p->b->out[p->worker];

	for (unsigned i = 0; i < p->packets; i += BURST) {
		put_burst(p, i);
		lm_dp_poll_once(dp, p->worker);
		p->out += take(out);
	}
}

static uint64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int thread(void *arg)
{
	struct player *p = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(p->cpu, &set);
	bench_check(-pthread_setaffinity_np(pthread_self(), sizeof(set), &set), "processor");
	pthread_barrier_wait(p->start);
	uint64_t wall = wall_ns(), begin = bench_ns();
	rehearse(p);
	uint64_t middle = bench_ns();
	play(p);
	uint64_t end = bench_ns();
	p->ns = end - middle - (middle - begin);
	p->share = (double)(end - begin) / (double)(wall_ns() - wall);
	return 0;
}

struct result {
	double mpps; /* of all workers together, had each its processor for itself */
	double share; /* of it that the least fortunate one had */
};

static struct result run(struct bench *b, unsigned packets, const int cpus[WORKERS_MAX])
{
	unsigned n = b->way->workers[b->way->gw], lcore = -1u;
	struct player players[WORKERS_MAX] = {0};
	struct result result = {.share = 1};
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, n);
	for (unsigned w = 0; w < n; w++) {
		lcore = rte_get_next_lcore(lcore, 1, 0);
		players[w] = (struct player){
		    .b = b, .worker = w, .packets = packets, .cpu = cpus[w], .start = &start};
		bench_check(rte_eal_remote_launch(thread, &players[w], lcore), "thread");
	}
	rte_eal_mp_wait_lcore();
	pthread_barrier_destroy(&start);
	for (unsigned w = 0; w < n; w++) {
		b->rig->gw[b->way->gw].sent += packets;
		if (players[w].out != packets) {
			fprintf(stderr, "%s: of %u packets of worker %u %u came out\n",
			    b->way->name, packets, w, players[w].out);
			exit(EXIT_FAILURE);
		}
		result.mpps += (double)packets * 1e3 / (double)players[w].ns;
		result.share = RTE_MIN(result.share, players[w].share);
	}
	return result;
}

/* ---- the table -------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const double *values, unsigned n)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, n * sizeof(*values));
	qsort(sorted, n, sizeof(*sorted), by_value);
	return sorted[n / 2];
}

/* Ratios of neighbours in time, for a machine changes slower than that. */
static bool table(const struct way *of, uint16_t size, unsigned packets, unsigned rounds,
    const int cpus[WORKERS_MAX], double limit)
{
	static double mpps[N_WAYS][ROUNDS_MAX], ratio[ROUNDS_MAX];
	struct bench benches[N_WAYS] = {0};
	double share = 1;
	bool fine = true;

	for (unsigned i = 0; i < N_WAYS; i++) {
		const struct rig_options options = {
		    .workers = {of[i].workers[0], of[i].workers[1]}};

		benches[i] = (struct bench){.way = &of[i], .rig = rig_create(&options)};
		prepare(&benches[i], size);
	}
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < N_WAYS; i++) {
			struct result r = run(&benches[i], packets, cpus);

			mpps[i][round] = r.mpps;
			share = RTE_MIN(share, r.share);
		}
	for (unsigned i = 0; i < N_WAYS; i++) {
		printf("%-24s %5u | %7.2f", of[i].name, size, median(mpps[i], rounds));
		for (unsigned round = 0; round < rounds; round++)
			ratio[round] = mpps[i][round] / mpps[0][round];
		printf(" | %5.2f\n", median(ratio, rounds));
		fine &= of[i].workers[of[i].gw] == 1 || median(ratio, rounds) >= limit;
	}
	for (unsigned i = 0; i < N_WAYS; i++) {
		for (unsigned w = 0; w < WORKERS_MAX; w++)
			free(benches[i].frames[w]);
		if (!rig_balanced(benches[i].rig))
			bench_check(-EBADMSG, "packets that are not counted");
		rig_free(benches[i].rig);
	}
	if (share < 0.97)
		printf(
		    "(others used the processors too: a worker had %.0f %% of its, so the two were "
		    "not always at work together)\n",
		    share * 100);
	return fine;
}

int main(int argc, char **argv)
{
	if (argc < 5 || argc > 6) {
		fprintf(stderr, "usage: leasemesh-workers PACKETS ROUNDS CPU CPU [LIMIT]\n");
		return EXIT_FAILURE;
	}
	unsigned packets = (unsigned)atoi(argv[1]) / FRAMES * FRAMES;
	unsigned rounds = (unsigned)atoi(argv[2]);
	const int cpus[WORKERS_MAX] = {atoi(argv[3]), atoi(argv[4])};
	double limit = argc == 6 ? strtod(argv[5], NULL) : 0;
	static const uint16_t sizes[] = {64, RIG_MTU};

	if (packets == 0 || rounds == 0 || rounds > ROUNDS_MAX)
		bench_check(-EINVAL, "packets, rounds");
	rig_start();
	printf("ipsec-mb %s; Mpps by CPU time, median of %u rounds of %u packets a worker\n",
	    lm_gcm_library(NULL), rounds, packets);
	printf("%-24s %5s | %7s | ratio\n", "", "bytes", "Mpps");
	bool fine = true;
	for (unsigned end = 0; end < 2; end++)
		for (unsigned i = 0; i < RTE_DIM(sizes); i++)
			fine &= table(&ways[end * N_WAYS], sizes[i], packets, rounds, cpus, limit);
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
