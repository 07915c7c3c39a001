/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flood of new flows takes from those that are established, in real time: a gateway (of the
 * unit tests, on rings) that seals, its worker on one processor and who offers it packets on
 * another; the same with the flood and without, in turns.
 *
 *   leasemesh-flood SECONDS ROUNDS CPU CPU [LIMIT]
 *
 * prints a table, and ends with 1 if established flows keep less than LIMIT of their rate anywhere
 * but beside a flood as fast as it goes. perf/flood runs it.
 */
#include <netinet/in.h>
#include <rte_common.h>
#include "bench.h"
#include "crypto/gcm.h"
#include "dataplane/tcp.h"
#include "flood_play.h"

#define ROUNDS_MAX 99
#define KNOWN_FLOWS 512
#define KNOWN_PORT 53
#define FLOWS (1u << 20) /* the table's, so that a phase does not fill it */
#define SETTLE 100 /* tries */
#define FORGET 600 /* seconds: no flow of the flood's lives so long */

struct kind {
	const char *name;
	struct rig_packet packet;
};

/* What the flood is; the established flows are web's to db. */
static const struct kind kinds[] = {
    {.name = "another network, UDP",
	.packet = {.from = TWIN, .to = MIRROR, .protocol = IPPROTO_UDP, .payload = 32}},
    {.name = "another network, SYN",
	.packet = {.from = TWIN, .to = MIRROR, .protocol = IPPROTO_TCP, .tcp_flags = LM_TCP_SYN}},
    {.name = "its own network, UDP",
	.packet = {.from = WEB, .to = DB, .protocol = IPPROTO_UDP, .payload = 32}},
    {.name = "its own network, SYN",
	.packet = {.from = WEB, .to = DB, .protocol = IPPROTO_TCP, .tcp_flags = LM_TCP_SYN}},
    {.name = "its own, denied UDP",
	.packet = {.from = APP, .to = DB, .protocol = IPPROTO_UDP, .payload = 32}},
    {.name = "its own, denied SYN",
	.packet = {.from = APP, .to = DB, .protocol = IPPROTO_TCP, .tcp_flags = LM_TCP_SYN}},
};

static const char policy[] =
    "  - name: web\n"
    "    deployment: 1\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}]\n"
    "    egress:\n"
    "      - {to: [db, app], protocol: icmp}\n"
    "      - {to: db, protocol: tcp, ports: 1000-65535}\n"
    "      - {to: db, protocol: udp}\n"
    "  - name: app\n"
    "    deployment: 2\n"
    "    endpoints: [{provider: a, ipv4: 100.64.10.11, ipv6: \"fd5a:10::11\"}]\n"
    "  - name: db\n"
    "    deployment: 3\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}]\n"
    "    ingress:\n"
    "      - {from: web, protocol: tcp, ports: 1000-65535}\n"
    "      - {from: web, protocol: udp}\n"
    "      - {from: any, protocol: icmp}\n"
    "  - name: cache\n"
    "    deployment: 4\n"
    "    endpoints: [{provider: b, ipv4: 100.64.10.21, ipv6: \"fd5a:10::21\"}]\n";

/* ---- the gateway -------------------------------------------------------------- */

static const struct rig_packet known = {.from = WEB,
    .to = DB,
    .protocol = IPPROTO_UDP,
    .src_port = 10000,
    .dst_port = KNOWN_PORT,
    .payload = 68};

/* No flow but the established ones, which it knows. */
static void settle(struct flood_bench *b)
{
	struct lm_dp *dp = b->rig->gw[0].dp;
	struct flood_result ignored;

	lm_dp_pass_time(dp, 0, FORGET);
	while (lm_dp_flow_count(dp) > 0)
		lm_dp_poll_once(dp, 0);
	b->sources[FLOOD_KNOWN].rate = 1e6;
	b->sources[FLOOD_NEW].rate = 0;
	for (unsigned i = 0; i < SETTLE && lm_dp_flow_count(dp) < KNOWN_FLOWS; i++)
		flood_play(b, 4e-6 * KNOWN_FLOWS, &ignored);
	if (lm_dp_flow_count(dp) < KNOWN_FLOWS)
		bench_check(-EBUSY, "established flows: has each thread a processor?");
}

static bool note_length(void *ctx, unsigned from, uint8_t *frame, size_t *len)
{
	struct flood_bench *b = ctx;

	(void)from, (void)frame;
	b->known_len = (uint16_t)*len;
	return false;
}

static void open_bench(struct flood_bench *b, const int cpus[2])
{
	const struct rig_options options = {.workers = {1, 1}, .flows = FLOWS};
	uint8_t frame[RIG_FRAME_MAX];

	*b = (struct flood_bench){.cpus = {cpus[0], cpus[1]}};
	b->rig = rig_create(&options);
	for (uint32_t net = 0; net < 2; net++)
		rig_publish(b->rig, 0, net, policy);
	flood_source_set(&b->sources[FLOOD_KNOWN], b->rig, &known);
	b->sources[FLOOD_KNOWN].flows = KNOWN_FLOWS;
	b->rig->wire = note_length;
	b->rig->ctx = b;
	rig_send(b->rig, WEB, frame, rig_build(b->rig, frame, &known));
	rig_run(b->rig);
}

/* ---- the table ---------------------------------------------------------------- */

/* What the worker takes of established flows alone, a second. */
static double capacity(struct flood_bench *b, double seconds, unsigned rounds)
{
	uint64_t rates[ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		struct flood_result r;

		settle(b);
		b->sources[FLOOD_KNOWN].rate = FLOOD_FLAT_OUT;
		flood_play(b, seconds, &r);
		rates[i] = (uint64_t)((double)r.out / r.seconds);
	}
	return (double)percentile(rates, rounds, 0.5);
}

static double least_share = 1; /* of the time, both threads had their processors */

struct row {
	uint64_t kept[2][ROUNDS_MAX]; /* without and with, millionths of what was offered */
	uint64_t ratio[ROUNDS_MAX]; /* millionths */
	struct flood_result sum; /* of the flood's phases */
};

static void add(struct flood_result *sum, const struct flood_result *r)
{
	uint64_t *a = (uint64_t *)&sum->c;
	const uint64_t *c = (const uint64_t *)&r->c;

	for (size_t i = 0; i < sizeof(r->c) / sizeof(*a); i++)
		a[i] += c[i];
	for (unsigned i = 0; i < FLOOD_SOURCES; i++) {
		sum->offered[i] += r->offered[i];
		sum->no_room[i] += r->no_room[i];
	}
	sum->seconds += r->seconds;
	sum->share += r->share;
}

static void measure(
    struct row *row, struct flood_bench *b, double rate, double flood, double seconds, unsigned i)
{
	for (unsigned with = 0; with < 2; with++) {
		struct flood_result r;

		settle(b);
		b->sources[FLOOD_KNOWN].rate = rate;
		b->sources[FLOOD_NEW].rate = with ? flood : 0;
		flood_play(b, seconds, &r);
		least_share = RTE_MIN(least_share, r.share);
		row->kept[with][i] =
		    (uint64_t)((double)r.out * 1e6 / (double)RTE_MAX(r.offered[FLOOD_KNOWN], 1u));
		if (with)
			add(&row->sum, &r);
	}
	row->ratio[i] = row->kept[1][i] * 1000000 / RTE_MAX(row->kept[0][i], UINT64_C(1));
}

/* Reasons for which the worker refused what was offered: those that matter. */
static void print_reasons(const struct lm_counters *c, uint64_t offered)
{
	for (unsigned i = 0; i < LM_DROP_MAX; i++)
		if (c->drops[i] * 200 > offered)
			printf(" %s %.0f %%", lm_drop_names[i],
			    (double)c->drops[i] * 100 / (double)offered);
}

/* Established flows' share of their rate that is left, of it that they have without the flood. */
static double print_row(struct row *row, const char *name, double load, unsigned rounds)
{
	const struct flood_result *s = &row->sum;
	const double ratio = (double)percentile(row->ratio, rounds, 0.5) / 1e6;
	const uint64_t made = s->offered[FLOOD_NEW];
	const uint64_t missed = s->c.flow_misses; /* by what the flood sends, and nothing else */
	uint64_t refused = 0;

	for (unsigned i = 0; i < LM_DROP_MAX; i++)
		refused += i == LM_DROP_FAIR_SHARE ? 0 : s->c.drops[i];
	printf("%-21s %4.0f %% | %6.2f | %7.2f %7.2f %7.1f | %7.2f %7.2f |", name, load * 100,
	    (double)made / s->seconds / 1e6, (double)percentile(row->kept[0], rounds, 0.5) / 1e4,
	    (double)percentile(row->kept[1], rounds, 0.5) / 1e4, ratio * 100,
	    (double)(missed - RTE_MIN(missed, refused)) / s->seconds / 1e6,
	    (double)s->no_room[FLOOD_NEW] / s->seconds / 1e6);
	print_reasons(&s->c, made);
	printf("\n");
	fflush(stdout);
	return ratio;
}

static bool table(struct flood_bench *b, const struct kind *k, double all, double seconds,
    unsigned rounds, double limit)
{
	static const double loads[] = {1.0 / 3, 0.5};
	static const double floods[] = {1e6, 2e6, 5e6, 10e6, FLOOD_FLAT_OUT};
	static struct row row;
	struct rig_packet p = k->packet;
	bool fine = true;

	p.src_port = 1024;
	p.dst_port = 2000;
	flood_source_set(&b->sources[FLOOD_NEW], b->rig, &p);
	for (unsigned l = 0; l < RTE_DIM(loads); l++)
		for (unsigned f = 0; f < RTE_DIM(floods); f++) {
			row = (struct row){0};
			for (unsigned i = 0; i < rounds; i++)
				measure(&row, b, all * loads[l], floods[f], seconds, i);
			double ratio = print_row(&row, k->name, loads[l], rounds);
			fine &= floods[f] >= FLOOD_FLAT_OUT || ratio >= limit;
		}
	return fine;
}

int main(int argc, char **argv)
{
	if (argc < 5 || argc > 6) {
		fprintf(stderr, "usage: leasemesh-flood SECONDS ROUNDS CPU CPU [LIMIT]\n");
		return EXIT_FAILURE;
	}
	const double seconds = strtod(argv[1], NULL), limit = argc == 6 ? strtod(argv[5], NULL) : 0;
	const unsigned rounds = (unsigned)atoi(argv[2]);
	const int cpus[2] = {atoi(argv[3]), atoi(argv[4])};
	struct flood_bench b;
	bool fine = true;

	if (!(seconds > 0) || rounds == 0 || rounds > ROUNDS_MAX)
		bench_check(-EINVAL, "seconds, rounds");
	rig_start();
	open_bench(&b, cpus);
	double all = capacity(&b, seconds, rounds);
	printf("ipsec-mb %s; established flows alone: %.2f Mpps; median of %u rounds of %.2f s\n",
	    lm_gcm_library(NULL), all / 1e6, rounds, seconds);
	printf("%-21s %6s | %6s | %7s %7s %7s | %7s %7s |\n", "the flood", "load", "Mpps",
	    "alone %", "with %", "kept %", "let in", "no room");
	for (unsigned i = 0; i < RTE_DIM(kinds); i++)
		fine &= table(&b, &kinds[i], all, seconds, rounds, limit);
	if (least_share < 0.9)
		printf("(others used the processors too: some phases had both for %.0f %% of the "
		       "time, the rest is left out)\n",
		    least_share * 100);
	if (!rig_balanced(b.rig))
		bench_check(-EBADMSG, "packets that are not counted");
	rig_free(b.rig);
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
