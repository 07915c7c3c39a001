/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a second worker adds, on one single tunnel: packets of one worker, and of two at work at
 * once, each on a processor of its own, in turns.
 *
 *   leasemesh-workers EAL-ARGUMENTS -- PHASES ROUNDS [LIMIT]
 *
 * prints a table, and ends with 1 if two workers are anywhere less than LIMIT times one. The
 * gateways are those of the unit tests. perf/workers runs it.
 */
#include "workers.h"

#include <math.h>
#include <netinet/in.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include "bench.h"
#include "crypto/gcm.h"
#include "dataplane/lines.h"

enum {
	ROUNDS_MAX = 99,
	FIRST_PORT = 5000,
};

/* A tunnel between gateways of so many workers, and which end is measured. */
struct way {
	const char *name;
	unsigned gw; /* 0 seals, 1 opens */
	unsigned workers[2];
	bool beside; /* measured beside the first way's gateway: they share nothing but the machine
		      */
};

#define N_WAYS 6 /* of each end; the first is what the others are compared with */

static const struct way ways[2 * N_WAYS] = {
    {.name = "seal, 1 worker, peer 1", .gw = 0, .workers = {1, 1}},
    {.name = "seal, 2 gateways of 1", .gw = 0, .workers = {1, 1}, .beside = true},
    {.name = "seal, 1 worker, peer 2", .gw = 0, .workers = {1, 2}},
    {.name = "seal, 2 workers, peer 2", .gw = 0, .workers = {2, 2}},
    {.name = "seal, 2 workers, peer 1", .gw = 0, .workers = {2, 1}},
    {.name = "seal, 2 workers, peer 4", .gw = 0, .workers = {2, 4}},
    {.name = "open, 1 worker, peer 1", .gw = 1, .workers = {1, 1}},
    {.name = "open, 2 gateways of 1", .gw = 1, .workers = {1, 1}, .beside = true},
    {.name = "open, 1 worker, peer 2", .gw = 1, .workers = {2, 1}},
    {.name = "open, 2 workers, peer 2", .gw = 1, .workers = {2, 2}},
    {.name = "open, 2 workers, peer 1", .gw = 1, .workers = {1, 2}},
    {.name = "open, 2 workers, peer 4", .gw = 1, .workers = {4, 2}},
};

struct bench {
	const struct way *way;
	struct rig *rig;
	struct frame *frames[WORKERS_MAX]; /* FRAMES that each worker owns, in the order sent */
	struct wires wires;
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

static struct lm_dp *gateway(const struct bench *b)
{
	return b->rig->gw[b->way->gw].dp;
}

static unsigned n_workers(const struct bench *b)
{
	return b->way->workers[b->way->gw];
}

static uint64_t judged(const struct bench *b, unsigned worker)
{
	struct lm_counters c;

	lm_dp_counters(gateway(b), (int)worker, &c);
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
	bool found[2] = {false, false};

	for (unsigned q = 0; q < in->n_queues; q++) {
		rig_put(b->rig, b->way->gw, in, f->bytes, f->len, (int)q);
		if (lm_dp_poll_once(gateway(b), w) == 0) {
			take(in->rx[q]);
			b->rig->gw[b->way->gw].sent--;
			continue;
		}
		b->wires.rx[q] = b->wires.of[w];
		found[0] = true;
		for (unsigned k = 0; k < out->n_queues; k++)
			if (take(out->tx[k]) > 0) {
				b->wires.tx[k] = b->wires.of[w];
				found[1] = true;
			}
	}
	if (!found[0] || !found[1])
		bench_check(-ENOENT, "queues of a worker");
}

static uint16_t dpdk_port(struct bench *b, const struct rig_port *port)
{
	struct lm_dp_port_info info;

	bench_check(lm_dp_port_info(gateway(b), port->index, &info), "port");
	return info.dpdk_port;
}

/* Until each worker has as many flows; the table knows them all then. */
static void prepare(struct bench *b, uint16_t size)
{
	unsigned n = n_workers(b), have[WORKERS_MAX] = {0}, full = 0;

	lm_dp_bench_endless(gateway(b));
	for (unsigned w = 0; w < n; w++) {
		b->frames[w] = bench_must(calloc(FRAMES, sizeof(struct frame)), "frames");
		b->wires.of[w] = bench_must(lm_lines_alloc(sizeof(struct wire)), "a wire");
		b->wires.of[w]->pool = lm_dp_pool(gateway(b), w);
	}
	if (b->way->gw == 1)
		for (unsigned lane = 0; lane < b->rig->n_lanes; lane++)
			lm_dp_bench_loop(gateway(b), b->rig->gw[1].spi[0][lane]);
	for (unsigned i = 0; full < n; i++) {
		struct frame f;

		make(b, &f, i / TRAIN, size);
		unsigned w = owner(b, &f);
		if (have[w] == FRAMES)
			continue;
		b->frames[w][have[w]++] = f;
		full += have[w] == FRAMES;
	}
	for (unsigned w = 0; w < n; w++)
		find_queues(b, w);
	wires_join(&b->wires, dpdk_port(b, port_in(b)), dpdk_port(b, port_out(b)));
}

static void finish(struct bench *b)
{
	for (unsigned w = 0; w < WORKERS_MAX; w++) {
		wire_free(b->wires.of[w]);
		free(b->frames[w]);
	}
	if (!rig_balanced(b->rig))
		bench_check(-EBADMSG, "packets that are not counted");
	rig_free(b->rig);
}

/* ---- the table -------------------------------------------------------------- */

/* A way's, by round; 0 where others had the processors all the time. */
struct row {
	double mpps[ROUNDS_MAX], mpps_cpu[ROUNDS_MAX], together[ROUNDS_MAX];
};

struct tally {
	uint64_t phases, disturbed;
};

static void seat(struct player *p, struct bench *b, unsigned worker)
{
	*p = (struct player){.dp = gateway(b),
	    .worker = worker,
	    .wire = b->wires.of[worker],
	    .frames = b->frames[worker]};
}

static struct result run_once(
    struct bench *b, struct player players[WORKERS_MAX], unsigned phases, struct tally *tally)
{
	struct result r = phases_run(b->way->name, players, phases);

	b->rig->gw[b->way->gw].sent += (uint64_t)r.all * n_workers(b) * PACKETS;
	tally->phases += r.phases;
	tally->disturbed += r.disturbed;
	return r;
}

/* Each processor's once. */
static struct result run_one(struct bench *b, unsigned phases, struct tally *tally)
{
	struct result r[WORKERS_MAX];

	for (unsigned i = 0; i < WORKERS_MAX; i++) {
		struct player players[WORKERS_MAX] = {0};

		seat(&players[i], b, 0);
		r[i] = run_once(b, players, phases, tally);
	}
	if (r[0].mpps == 0 || r[1].mpps == 0)
		return (struct result){0};
	r[0].mpps = (r[0].mpps + r[1].mpps) / 2;
	r[0].mpps_cpu = (r[0].mpps_cpu + r[1].mpps_cpu) / 2;
	return r[0];
}

static struct result run(struct bench *b, struct bench *first, unsigned phases, struct tally *tally)
{
	struct player players[WORKERS_MAX];

	if (n_workers(b) == 1 && !b->way->beside)
		return run_one(b, phases, tally);
	seat(&players[0], b, 0);
	if (!b->way->beside) {
		seat(&players[1], b, 1);
		return run_once(b, players, phases, tally);
	}
	seat(&players[1], first, 0);
	struct result r = run_once(b, players, phases, tally);
	first->rig->gw[first->way->gw].sent += (uint64_t)r.all * PACKETS;
	return r;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Of those that are: ratios of neighbours in time, for a machine changes slower than that. */
static double median(const double *values, const double *divisors, unsigned n)
{
	double sorted[ROUNDS_MAX];
	unsigned there = 0;

	for (unsigned i = 0; i < n; i++)
		if (values[i] > 0 && (!divisors || divisors[i] > 0))
			sorted[there++] = values[i] / (divisors ? divisors[i] : 1);
	qsort(sorted, there, sizeof(*sorted), by_value);
	return there > 0 ? sorted[there / 2] : NAN;
}

static bool print_row(const struct way *way, uint16_t size, const struct row *row,
    const struct row *one, unsigned rounds, double limit)
{
	double ratio = median(row->mpps, one->mpps, rounds);
	bool two = way->workers[way->gw] > 1;

	printf("%-24s %5u | %7.2f %6.2f | %7.2f %6.2f |", way->name, size,
	    median(row->mpps, NULL, rounds), ratio, median(row->mpps_cpu, NULL, rounds),
	    median(row->mpps_cpu, one->mpps_cpu, rounds));
	if (two || way->beside)
		printf(" %5.1f %%", 100 * median(row->together, NULL, rounds));
	printf("\n");
	return !two || limit == 0 || ratio >= limit;
}

static bool table(const struct way *of, uint16_t size, unsigned phases, unsigned rounds,
    double limit, struct tally *tally)
{
	static struct row rows[N_WAYS];
	struct bench benches[N_WAYS] = {0};
	bool fine = true;

	for (unsigned i = 0; i < N_WAYS; i++) {
		const struct rig_options options = {
		    .workers = {of[i].workers[0], of[i].workers[1]}};

		benches[i] = (struct bench){.way = &of[i], .rig = rig_create(&options)};
		prepare(&benches[i], size);
	}
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < N_WAYS; i++) {
			struct result r = run(&benches[i], &benches[0], phases, tally);

			rows[i].mpps[round] = r.mpps;
			rows[i].mpps_cpu[round] = r.mpps_cpu;
			rows[i].together[round] = r.together;
		}
	for (unsigned i = 0; i < N_WAYS; i++) {
		fine &= print_row(&of[i], size, &rows[i], &rows[0], rounds, limit);
		finish(&benches[i]);
	}
	return fine;
}

int main(int argc, char **argv)
{
	static const uint16_t sizes[] = {64, RIG_MTU};
	struct tally tally = {0};
	int used = rig_start_with(argc, argv);

	argc -= used, argv += used;
	if (argc < 3 || argc > 4)
		bench_check(
		    -EINVAL, "usage: leasemesh-workers EAL-ARGUMENTS -- PHASES ROUNDS [LIMIT]");
	unsigned phases = (unsigned)atoi(argv[1]), rounds = (unsigned)atoi(argv[2]);
	double limit = argc == 4 ? strtod(argv[3], NULL) : 0;

	if (phases == 0 || rounds == 0 || rounds > ROUNDS_MAX)
		bench_check(-EINVAL, "phases, rounds");
	printf("ipsec-mb %s; Mpps, median of %u rounds of %u phases of %u packets a worker\n",
	    lm_gcm_library(NULL), rounds, phases, PACKETS);
	printf("%-24s %5s | %7s %6s | %7s %6s | both at work\n", "", "bytes", "Mpps", "ratio",
	    "by CPU", "ratio");
	bool fine = true;
	for (unsigned end = 0; end < 2; end++)
		for (unsigned i = 0; i < RTE_DIM(sizes); i++)
			fine &= table(&ways[end * N_WAYS], sizes[i], phases, rounds, limit, &tally);
	printf("(of all phases %.1f %% do not count: others had a processor)\n",
	    100.0 * (double)tally.disturbed / (double)tally.phases);
	rte_eal_cleanup();
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
